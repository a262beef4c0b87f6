package spool

import (
	"errors"
	"fmt"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// minCopy is the size in bytes from which on Frame.io is asked for a copy of known content instead of being sent it: fewer bytes are
// sent sooner than it is asked, because its limits for copies are narrow (spec: frameio-v4.md §7).
const minCopy = 8 << 20

// origin is a file on Frame.io that has the very bytes of an entry.
type origin struct {
	File     remote.Ref `json:"file"`
	Name     string     `json:"name"`
	Checksum string     `json:"checksum,omitempty"` // "" if it is not known
}

// newCopy is the call that an intent with an origin announces, see newFile.
func (in *intent) newCopy(again bool) remote.Copy {
	c := remote.Copy{File: in.Origin.File, Name: in.Origin.Name, Size: in.Size, To: in.Parent, Mtime: in.Mtime}
	if again {
		c.Since = in.Began.Add(-time.Minute)
	}
	return c
}

// copied has Frame.io copy the file that has these very bytes, if there is one, and waits until it has confirmed them. If there is none,
// or Frame.io does not want to, nothing has happened.
func (a *attempt) copied() error {
	e := a.e
	var in *intent
	var begun, done, clone bool
	err := a.step(func() error {
		rec, _, _ := e.get()
		e.mu.Lock()
		begun, done = e.asset.ID != "", e.placed != nil
		e.mu.Unlock()
		if in, clone = e.intent, e.cloned(); done {
			return nil
		}
		return a.sealed(rec)
	})
	if err != nil || done || a.uncopied || in == nil && begun || in != nil && in.Origin == nil {
		return err
	}
	from := (*origin)(nil)
	switch {
	case in != nil:
		from = in.Origin
	case clone:
		rec, _, _ := e.get()
		from = originOf(rec.Base)
	default:
		if from, err = a.known(); err != nil || from == nil {
			return err
		}
	}
	a.from = from
	it, err := a.copy(from, begun)
	if err == nil {
		it, err = a.confirm()
	}
	if err == nil {
		it, err = a.named(it)
	}
	var f *failure
	switch {
	case errors.As(err, &f):
		a.uncopied = true // and startOver deletes what came of it
		e.s.known.forget(from.File)
		return err
	case err == errNoCopy:
		a.uncopied, a.from = true, nil
		return nil
	case err != nil:
		return err
	}
	e.s.log.Info("Frame.io has copied the file: nothing was sent", "key", e.key, "name", e.Info().Name, "from", from.Name, "size", e.Size())
	return a.place(it)
}

// named gives a copy that is to be a version its name while it is a file: a stack may get it from that, and V4 cannot rename stacks.
func (a *attempt) named(it remote.Item) (remote.Item, error) {
	rec, _, _ := a.e.get()
	if rec.replaces().IsZero() || it.Name == rec.Target.Name {
		return it, nil
	}
	err := a.persist(func() error {
		as, err := a.e.s.cfg.Remote.Rename(a.ctx, it.Ref, rec.Target.Name)
		if err == nil {
			it = as
		}
		return err
	})
	if err != nil && judge(err) != remote.Final {
		return it, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.up.File.Name = it.Name
	return it, nil // refused: its place will tell
}

// originOf is what has the bytes that was had.
func originOf(was *remote.Item) *origin {
	return &origin{File: remote.Ref{Kind: remote.File, ID: was.Content, Account: was.Account}, Name: was.Name, Checksum: was.Checksum}
}

// errNoCopy: Frame.io refuses to copy.
var errNoCopy = errors.New("spool: Frame.io does not copy the file")

// copy makes the copy, or takes up the one that was made. As with create, the intent is on the disk before the call, and its answer
// before anything else.
func (a *attempt) copy(from *origin, begun bool) (remote.Item, error) {
	e := a.e
	if begun {
		var up remote.Upload
		err := a.step(func() error { return e.read(uploadName, &up) })
		a.begin(up)
		return up.File, err
	}
	in, again, err := a.intend(from)
	if err != nil {
		return remote.Item{}, err
	}
	// Not a.ctx: see create.
	it, err := e.s.cfg.Remote.CopyFile(a.run, in.newCopy(again))
	up := remote.Upload{File: it}
	e.step.Lock()
	defer e.step.Unlock()
	a.creating = false
	switch {
	case e.attempt != a:
		a.givenUp(up, err)
		return it, errRevoked
	case err != nil && judge(err) == remote.Final:
		e.s.log.Info("Frame.io does not copy the file: it is sent", "key", e.key, "name", in.Name, "from", from.Name, "err", err)
		e.s.known.forget(from.File)
		if err := e.forgo(in, again); err != nil {
			return it, err
		}
		if err := e.drop(creatingName); err != nil {
			return it, err
		}
		return it, errNoCopy
	case err != nil:
		return it, fmt.Errorf("copy %s: %w", in.Name, err)
	case it.ID == "":
		return it, fmt.Errorf("copy %s: the answer has no id", in.Name)
	}
	up.File.Parent = in.Parent.ID
	if err := e.put(uploadName, up); err != nil {
		return it, errors.Join(err, e.s.orphan(orphan{Key: e.key, Ref: it.Ref}, nil))
	}
	e.s.did("upload")
	e.mu.Lock()
	e.asset = it.Ref
	e.mu.Unlock()
	e.untroubled()
	e.s.reindex(e)
	a.begin(up)
	return it, nil
}

// begin makes up what is confirmed next.
func (a *attempt) begin(up remote.Upload) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.up = up
}

// known looks whether a file that was sent from here has these very bytes, and has them still. The bytes are read only if one has as
// many.
func (a *attempt) known() (*origin, error) {
	e := a.e
	size := e.Size()
	if size < minCopy {
		return nil, nil
	}
	rec, _, _ := e.get()
	all := e.s.known.of(rec.Target.Parent.Account, size)
	if len(all) == 0 {
		return nil, nil
	}
	sum, err := a.sum(size)
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.Checksum != "" && k.Checksum != sum {
			continue
		}
		var it remote.Item
		err := a.persist(func() (err error) { it, err = e.s.cfg.Remote.Stat(a.ctx, k.File); return err })
		if err != nil && judge(err) != remote.Final {
			return nil, err
		}
		told := it.Checksum // V2 often finds it out only after the file was confirmed
		if told == "" {
			told = k.Checksum
		}
		switch {
		case err != nil || it.Kind != remote.File || !it.Complete() || it.Size != size || told == "":
			e.s.known.forget(k.File)
		case told == sum:
			k.Checksum = sum
			return &k.origin, nil
		default:
			k.Checksum = told
			e.s.known.add(k)
		}
	}
	return nil, nil
}
