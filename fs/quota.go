package fs

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// Half of all programs do not look at what close(2) says, so what will not fit is refused at create and write.

// usageAge is how long an account's storage is believed.
const usageAge = 30 * time.Second

// quota knows how much room the accounts have.
type quota struct {
	fs *FS

	mu       sync.Mutex
	accounts map[remote.ID]*account

	asking sync.WaitGroup // for the refreshes behind
}

// account is one account's storage, as last told.
type account struct {
	one  sync.Mutex   // held by the one who asks Frame.io
	left atomic.Int64 // bytes, counting down as files grow
	told atomic.Pointer[told]
}

type told struct {
	usage remote.Usage
	at    time.Time
}

// get is what is known of an account's storage. Only the very first asker waits for Frame.io, two seconds at most; later it is
// asked behind.
func (q *quota) get(id remote.ID) (*account, remote.Usage) {
	q.mu.Lock()
	if q.accounts == nil {
		q.accounts = map[remote.ID]*account{}
	}
	a := q.accounts[id]
	if a == nil {
		a = &account{}
		q.accounts[id] = a
	}
	q.mu.Unlock()

	t := a.told.Load()
	if t == nil {
		a.one.Lock()
		if t = a.told.Load(); t == nil {
			t = q.ask(id, a, 2*time.Second)
		}
		a.one.Unlock()
		return a, t.usage
	}
	if time.Since(t.at) > usageAge && a.one.TryLock() {
		q.asking.Go(func() {
			defer a.one.Unlock()
			q.ask(id, a, 30*time.Second)
		})
	}
	return a, t.usage
}

// ask asks Frame.io. Not knowing is no reason to refuse anything: Frame.io will, so then what was last told stands.
func (q *quota) ask(id remote.ID, a *account, patience time.Duration) *told {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var usage remote.Usage
	err := remote.Contain(q.fs.log, "ask for an account's storage", func() (err error) {
		usage, err = q.fs.cfg.Usage(ctx, id)
		return err
	})
	if before := a.told.Load(); err != nil && before != nil {
		usage = before.usage
	}
	a.left.Store(usage.Limit - usage.Used - q.leaving(id))
	t := &told{usage: usage, at: time.Now()}
	a.told.Store(t)
	return t
}

// leaving is the bytes on their way to an account that its usage does not count yet.
func (q *quota) leaving(id remote.ID) (n int64) {
	for _, in := range q.fs.cfg.Spool.All() {
		if in.Parent.Account == id && in.Stage != spool.Confirming && in.Stage != spool.Verifying {
			n += in.Size
		}
	}
	return n
}

// room takes grows bytes of an account's storage, or fails with EDQUOT.
func (q *quota) room(id remote.ID, grows int64) error {
	if q.fs.cfg.Usage == nil || id == "" {
		return nil
	}
	a, usage := q.get(id)
	if usage.Limit <= 0 {
		return nil
	}
	if left := a.left.Add(-grows); left < 0 || (grows == 0 && left == 0) {
		a.left.Add(grows)
		return syscall.EDQUOT
	}
	return nil
}

// room takes grows bytes of the storage of the account the file is leaving for.
func (n *file) room(grows int64) error {
	it, e := n.get()
	id := it.Account
	if e != nil {
		id = e.Target().Parent.Account
	}
	return n.fs.quota.room(id, grows)
}

// noLimit is what an account that tells no limit seems to have, in bytes.
const noLimit = 1 << 50

// Statfs implements statfs(2).
func (d *dir) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	return d.fs.statfs(ctx, out)
}

// statfs tells the storage of the accounts that the mount shows. What can be written is that, or what the spool's disk has
// if that is less.
func (f *FS) statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	ctx, cancel := f.patient(ctx)
	defer cancel()
	ids := []remote.ID{f.cfg.Root.Account}
	if f.cfg.Root.Kind == remote.Root {
		ids = ids[:0]
		accounts, err := f.cfg.Tree.List(ctx, f.cfg.Root.Ref)
		if err != nil {
			return errno(err)
		}
		for _, a := range accounts {
			ids = append(ids, a.ID)
		}
	}
	var total, free int64
	for _, id := range ids {
		_, usage := f.quota.get(id)
		if usage.Limit <= 0 {
			usage.Limit = usage.Used + noLimit
		}
		total += usage.Limit
		free += max(0, usage.Limit-usage.Used-f.quota.leaving(id))
	}
	const unit = 4096
	out.Bsize, out.Frsize = unit, unit
	out.Blocks = uint64(total) / unit
	out.Bfree = uint64(free) / unit
	out.Bavail = uint64(max(0, min(free, f.cfg.Spool.Free()))) / unit
	out.NameLen = nameMax
	return 0
}
