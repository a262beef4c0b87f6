package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Store is where secrets are kept.
type Store string

// The stores.
const (
	Keyring Store = "keyring" // the system's: Secret Service, macOS Keychain
	File    Store = "file"    // the profile's file, which only the user may read
)

// DefaultProfile is the one that is meant when none is named.
const DefaultProfile = "default"

var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName refuses names that cannot be those of files everywhere.
func CheckName(name string) error {
	if !goodName.MatchString(name) {
		return fmt.Errorf("%q is not a name of up to 64 letters, digits, dots, dashes and underscores", name)
	}
	return nil
}

// Profiles keeps grants under names, in a folder.
//
//	<dir>/NAME.json  what is not secret, and the secrets if there is no keyring
//	<dir>/NAME.next  the answer of a renewal, until it takes the place of NAME.json
//	<dir>/NAME.lock  locked by whoever renews
//
// Other processes may use the same folder at the same time.
type Profiles struct{ Dir string }

// record is a profile's file.
type record struct {
	Grant
	Secrets *Secrets `json:"secrets,omitempty"` // without a keyring
	Ring    string   `json:"ring,omitempty"`    // begins the names of its items in the keyring
	Items   int      `json:"items,omitempty"`
}

func (p Profiles) path(name, end string) string { return filepath.Join(p.Dir, name+end) }

// Load reads a profile with its secrets. fs.ErrNotExist if there is none.
func (p Profiles) Load(name string) (Grant, error) {
	r, err := p.read(name, ".json")
	if err != nil {
		return Grant{}, err
	}
	return r.open()
}

// Peek reads a profile without its secrets: the keyring is not asked.
func (p Profiles) Peek(name string) (Grant, error) {
	r, err := p.read(name, ".json")
	return r.Grant, err
}

// open completes a record by what is in the keyring.
func (r record) open() (Grant, error) {
	g := r.Grant
	if r.Secrets != nil {
		g.Secrets = *r.Secrets
		return g, nil
	}
	s, err := ringLoad(ringName(r.Ring, r.Serial), r.Items)
	if err != nil {
		return g, fmt.Errorf("the keyring does not give the secrets of profile %s: %w", g.Profile, err)
	}
	g.Secrets = s
	return g, nil
}

func (p Profiles) read(name, end string) (record, error) {
	if err := CheckName(name); err != nil {
		return record{}, err
	}
	f, err := os.Open(p.path(name, end))
	if err != nil {
		return record{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return record{}, err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return record{}, fmt.Errorf("others can read the sign-in (mode %04o); run: chmod 600 %s", perm, f.Name())
	}
	var r record
	if err := json.NewDecoder(f).Decode(&r); err != nil {
		return record{}, fmt.Errorf("%s is damaged; sign in again: %s", f.Name(), again(name))
	}
	if r.Profile != name { // on a disk where names differ by more than case
		return record{}, fmt.Errorf("%s holds profile %q: %w", f.Name(), r.Profile, fs.ErrNotExist)
	}
	return r, nil
}

// List reads all profiles, without secrets, by name. What cannot be read is left out, and its error is part of err.
func (p Profiles) List() (all []Grant, err error) {
	entries, err := os.ReadDir(p.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var errs []error
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		g, err := p.Peek(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, g)
	}
	return all, errors.Join(errs...)
}

// Save keeps a grant, durably, instead of what its profile was before.
func (p Profiles) Save(ctx context.Context, g Grant) (Grant, error) {
	unlock, err := p.lock(ctx, g.Profile)
	if err != nil {
		return g, err
	}
	defer unlock()
	if was, err := p.read(g.Profile, ".json"); err == nil && g.Serial <= was.Serial {
		g.Serial = was.Serial + 1
	}
	d, err := p.reserve(g)
	if err != nil {
		return g, err
	}
	return d.commit(g)
}

// Delete forgets a profile.
func (p Profiles) Delete(ctx context.Context, name string) error {
	unlock, err := p.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	r, readErr := p.read(name, ".json")
	if err := os.Remove(p.path(name, ".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	os.Remove(p.path(name, ".next"))
	if readErr == nil && r.Ring != "" {
		ringDelete(ringName(r.Ring, r.Serial+1), 1)
		if err := ringDelete(ringName(r.Ring, r.Serial), r.Items); err != nil {
			return fmt.Errorf("the keyring does not let go of the secrets: %w", err)
		}
	}
	return syncDir(p.Dir)
}

// lock waits until nobody else changes a profile.
func (p Profiles) lock(ctx context.Context, name string) (unlock func(), err error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p.path(name, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock profile %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another process has been renewing profile %s for too long: %w", name, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// draft is room for a grant that is about to come.
type draft struct {
	p    Profiles
	file *os.File
	was  record // what it takes the place of
	ring string // "" if it does not go to the keyring
}

// roomFor is how much a record may need: two tokens and a secret.
const roomFor = 32 << 10

// reserve makes sure that what comes can be kept. The caller has the lock.
func (p Profiles) reserve(g Grant) (_ *draft, err error) {
	d := &draft{p: p}
	if d.was, err = p.read(g.Profile, ".json"); err != nil {
		d.was = record{}
	}
	if d.file, err = os.OpenFile(p.path(g.Profile, ".next"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return nil, fmt.Errorf("keep the sign-in: %w", err)
	}
	_, err = d.file.Write(make([]byte, roomFor))
	if err = errors.Join(err, d.file.Chmod(0o600), d.file.Sync()); err != nil {
		d.drop()
		return nil, fmt.Errorf("there is no room to keep the sign-in: %w", err)
	}
	if g.Store != Keyring {
		return d, nil
	}
	if d.ring = d.was.Ring; d.ring == "" {
		d.ring = newRing(g.Profile)
	}
	if err := ringProbe(ringName(d.ring, d.was.Serial+1)); err != nil {
		if g.Forced {
			d.drop()
			return nil, fmt.Errorf("the keyring cannot be used: %w", err)
		}
		d.ring = ""
	}
	return d, nil
}

func (d *draft) drop() {
	d.file.Close()
	os.Remove(d.file.Name())
}

// commit keeps g, and answers how. If the keyring has failed since reserve, the file takes the secrets: they cannot be had again.
func (d *draft) commit(g Grant) (Grant, error) {
	secrets := g.Secrets
	r := record{Grant: g, Ring: d.ring}
	var err error
	if r.Ring != "" {
		// The file comes first: without it nobody would look for the items.
		r.Store, r.Items = Keyring, ringItems(secrets)
		err = errors.Join(d.write(r), ringSave(ringName(r.Ring, g.Serial), secrets))
	}
	if r.Ring == "" || err != nil {
		r.Store, r.Ring, r.Items, r.Secrets = File, "", 0, &secrets
		err = d.write(r)
	}
	if err == nil {
		err = os.Rename(d.file.Name(), d.p.path(g.Profile, ".json"))
	}
	if err = errors.Join(err, d.file.Close(), syncDir(d.p.Dir)); err != nil {
		return g, fmt.Errorf("keep the sign-in: %w", err)
	}
	if d.was.Ring != "" && (d.was.Ring != r.Ring || d.was.Serial != r.Serial) {
		ringDelete(ringName(d.was.Ring, d.was.Serial), d.was.Items)
	}
	g.Store = r.Store
	return g, nil
}

// write puts r into the room, durably.
func (d *draft) write(r record) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return fmt.Errorf("encode the sign-in: %w", err)
	}
	text = append(text, '\n')
	_, err = d.file.WriteAt(text, 0)
	return errors.Join(err, d.file.Truncate(int64(len(text))), d.file.Sync())
}

// recover finishes a renewal whose process died after it had kept the answer. The caller has the lock.
func (p Profiles) recover(name string) (Grant, error) {
	r, err := p.read(name, ".json")
	if err != nil {
		return Grant{}, err
	}
	next, err := p.read(name, ".next")
	if err != nil || next.Serial != r.Serial+1 || !next.SignedIn.Equal(r.SignedIn) {
		return r.open()
	}
	g, err := next.open()
	if err != nil || g.Access == "" {
		return r.open()
	}
	if err := errors.Join(os.Rename(p.path(name, ".next"), p.path(name, ".json")), syncDir(p.Dir)); err != nil {
		return Grant{}, fmt.Errorf("keep the sign-in: %w", err)
	}
	if r.Ring != "" {
		ringDelete(ringName(r.Ring, r.Serial), r.Items)
	}
	return g, nil
}

// stamp tells versions of a profile's file apart.
type stamp struct {
	ino   uint64
	size  int64
	mtime time.Time
}

func (p Profiles) stamp(name string) (stamp, error) {
	info, err := os.Stat(p.path(name, ".json"))
	if err != nil {
		return stamp{}, err
	}
	s := stamp{size: info.Size(), mtime: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.ino = sys.Ino
	}
	return s, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
