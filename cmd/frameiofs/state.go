package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/adrg/xdg"
	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/remote"
)

// stateDir is the folders of one mount's state, and the right to use them.
//
//	<state>/identity.json  what of Frame.io this state belongs to
//	<state>/LOCK           locked while a process uses the state; tells which
//	<state>/spool/         what is leaving: the only copy of what was written and not yet uploaded
//	<state>/receipts/      what was uploaded, a line of JSON each
//	<state>/names/         what is still to happen to names on Frame.io
//	<state>/index.db       listings, attributes, inode numbers
//	<state>/pins.json      what is pinned in the cache
//	<state>/folders.json   names of the folders of what is leaving, for status
//	<state>/frameiofs.log  log of a mount in the background
//	<state>/control-*.sock where the mount is asked
//	<cache>/               blocks of files that were read; may be deleted when not mounted
type stateDir struct {
	Dir, Cache string
	lock       *os.File
}

// identity is what a state belongs to. Bytes that wait in it must never go to another place than they were written for.
type identity struct {
	URL  string    `json:"url"`
	API  string    `json:"api"`
	User remote.ID `json:"user"`
	Root string    `json:"root"` // kind and id
}

func identityOf(conn *connection, root remote.Item) identity {
	return identity{URL: conn.URL, API: conn.API, User: conn.User.ID, Root: root.Kind.String() + " " + string(root.ID)}
}

// folders are where the state lives: both below dir if given, else in the user's state and cache folders.
func (id identity) folders(dir string) (state, cache string, err error) {
	if dir != "" {
		if state, err = filepath.Abs(dir); err != nil {
			return "", "", fail("", "--state-dir: %w", err)
		}
		return state, filepath.Join(state, "cache"), nil
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{id.URL, id.API, string(id.User), id.Root}, "\n")))
	name := hex.EncodeToString(sum[:8])
	return filepath.Join(stateHome(), name), filepath.Join(xdg.CacheHome, "frameiofs", name), nil
}

// stateHome is where all mounts of this user have their state.
func stateHome() string { return filepath.Join(xdg.StateHome, "frameiofs") }

// registryDir is where all mounts of this user are registered. It depends on nothing but the user's state folder, so that every
// shell finds them.
func registryDir() string { return filepath.Join(stateHome(), "mounts") }

// user is what LOCK tells about who holds it.
type user struct {
	PID        int       `json:"pid"`
	MountPoint string    `json:"mountpoint"`
	Since      time.Time `json:"since"`
}

// openState makes the folders, takes the lock, and refuses a state that belongs to something else.
func openState(id identity, dir, mountPoint string, say func(string)) (*stateDir, error) {
	state, cache, err := id.folders(dir)
	if err != nil {
		return nil, err
	}
	for _, d := range []string{state, cache} {
		if inside(d, mountPoint) {
			return nil, misuse("it would be hidden by the mount; choose another --state-dir", "the state folder %s lies inside the mount point", d)
		}
		// What leaves by one mount would first have to leave by the other, and two could wait for each other for ever.
		if m, ok := onFrameio(d); ok {
			return nil, misuse("choose a --state-dir on this machine's disk", "the state folder %s lies inside the Frame.io mounted at %s", d, m.Point)
		}
		if err := makePrivate(d, say); err != nil {
			return nil, err
		}
	}
	s := &stateDir{Dir: state, Cache: cache}
	if err := s.take(mountPoint); err != nil {
		return nil, err
	}
	if err := s.check(id); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// makePrivate makes dir so that only this user can look into it, and tries whether it can be written. One that is there and open
// to others is closed, which say tells, if there is nothing in it but a mount's state; else it is somebody's folder for something else.
func makePrivate(dir string, say func(string)) error {
	const hint = "choose another with --state-dir"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fail(hint, "state folder: %w", err)
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return fail(hint, "state folder: %w", err)
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fail(hint, "state folder %s belongs to another user: whoever owns it could take or change what waits in it", dir)
	}
	if perm := fi.Mode().Perm(); perm != 0o700 {
		if perm&0o077 != 0 && !onlyState(dir) {
			return fail("chmod 700 "+dir+", or "+hint, "state folder %s is open to others (mode %04o), and other things are in it", dir, perm)
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			return fail(hint, "state folder %s must be yours: %w", dir, err)
		}
		if perm&0o077 != 0 {
			say(fmt.Sprintf("closed the state folder %s to others (it had mode %04o)", dir, perm))
		}
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fail(hint, "state folder %s cannot be written: %w", dir, errors.Unwrap(err))
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// onlyState reports whether a folder is empty or a mount's state or cache.
func onlyState(dir string) bool {
	names, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, n := range names {
		if n.Name() == "identity.json" || n.Name() == "blocks" {
			return true
		}
	}
	return len(names) == 0
}

func (s *stateDir) take(mountPoint string) error {
	path := filepath.Join(s.Dir, "LOCK")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fail("choose another with --state-dir", "state folder: %w", err)
	}
	if by, err := lockState(f); err != nil {
		defer f.Close()
		if by == (user{}) {
			return fail("", "the state folder %s is in use by another frameiofs", s.Dir)
		}
		return fail("unmount that one first, or choose another --state-dir: frameiofs unmount "+by.MountPoint,
			"the state folder %s is in use by process %d, which mounts %s", s.Dir, by.PID, by.MountPoint)
	}
	b, err := json.Marshal(user{os.Getpid(), mountPoint, time.Now()})
	if err == nil {
		err = errors.Join(f.Truncate(0), func() error { _, err := f.WriteAt(b, 0); return err }())
	}
	if err != nil {
		f.Close()
		return fail("", "state folder %s cannot be written: %w", s.Dir, err)
	}
	s.lock = f
	return nil
}

// endingPatience is how long a process is waited for that is not mounted any more and puts its things down.
const endingPatience = 2 * time.Second

// lockState locks f, or answers who has it.
func lockState(f *os.File) (by user, err error) {
	for end := time.Now().Add(endingPatience); ; time.Sleep(10 * time.Millisecond) {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			return user{}, nil
		}
		by = user{}
		json.NewDecoder(io.NewSectionReader(f, 0, 64<<10)).Decode(&by)
		if time.Now().After(end) || by.MountPoint != "" && stillMounted(by.MountPoint) {
			return by, err
		}
	}
}

// errForeign is a state that belongs to something else.
var errForeign = errors.New("belongs to another mount")

// check compares identity.json with id, or writes it.
func (s *stateDir) check(id identity) error {
	path := filepath.Join(s.Dir, "identity.json")
	var had identity
	switch err := readJSON(path, &had); {
	case errors.Is(err, fs.ErrNotExist):
		return writeJSON(path, id)
	case err != nil:
		return fail("", "state folder: %w", err)
	case had != id:
		return misuse("what waits in it must not go elsewhere; give each its own --state-dir",
			"the state folder %s %w (%s, API %s, user %s, %s)", s.Dir, errForeign, had.URL, had.API, had.User, had.Root)
	}
	return nil
}

// Close lets other processes use the state.
func (s *stateDir) Close() {
	s.lock.Truncate(0)
	s.lock.Close()
}

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// writeJSON replaces the file as one step, even for a loss of power.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
