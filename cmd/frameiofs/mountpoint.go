package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

// fuseType is the file system type that the kernel shows for our mounts.
const fuseType = "fuse.frameiofs"

// mounted is one line of the kernel's list of mounts.
type mounted struct {
	Point, Type string
	Dev         string // major:minor
	Root        string // what of its file system is seen there: / is all of it
}

// holds reports whether something of its own is mounted there. An empty folder of a disk that was bound there can be mounted upon: so a
// container is given the place where its machine is to see the mount.
func (m mounted) holds() bool { return m.Type != fuseType && m.Root == "/" }

// checkMountPoint makes sure that dir can be mounted upon, and gives its name without symbolic links. The kernel's list of
// mounts is asked before dir itself is touched, because touching a dead mount fails and touching a stuck one hangs. A dead
// mount of ours is cleaned away; say tells the person about it.
func checkMountPoint(dir, registry string, say func(string)) (string, error) {
	mounts, err := mountTable()
	if err != nil {
		return "", fail("", "read the list of mounts: %w", err)
	}
	if m, below, ok := findMount(mounts, dir); ok {
		switch {
		case m.Type == fuseType && below != "":
			return "", fail("choose a folder outside of it", "%s lies inside the Frame.io mounted at %s", dir, m.Point)
		case below != "":
			// A folder of another file system.
		case m.holds():
			return "", fail("choose an empty folder, or unmount it first", "%s: something else (%s) is mounted there", dir, m.Type)
		case m.Type != fuseType:
			// A folder that was bound there.
		default:
			if err := refuseLive(m, registry); err != nil {
				return "", err
			}
			if err := lazyUnmount(m.Point); err != nil && !errors.Is(err, syscall.EINVAL) { // EINVAL: it has gone by itself
				return "", fail("try: sudo umount -l "+m.Point, "%s: a dead mount is in the way and cannot be taken down: %w", dir, err)
			}
			say("took down the mount that a killed frameiofs left at " + m.Point)
		}
	}
	return checkFolder(dir)
}

// refuseLive answers nil only if nobody serves m any more. The mount itself is asked, not its process: a killed process may
// linger in the table for as long as its parent does not look.
func refuseLive(m mounted, registry string) error {
	if deadMount(m.Point) {
		return nil
	}
	by := ""
	all, _ := control.Registered(registry)
	if r, _, ok := control.Find(all, m.Point); ok && r.MountPoint == m.Point {
		if endKilled(m, r.PID) {
			return nil
		}
		by = fmt.Sprintf(", by process %d", r.PID)
	}
	return fail("frameiofs unmount "+m.Point, "%s is already mounted%s", m.Point, by)
}

func checkFolder(dir string) (string, error) {
	fi, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fail("mkdir -p "+dir, "mount point %s does not exist", dir)
	case errors.Is(err, fs.ErrPermission):
		return "", fail("", "mount point %s: you are not permitted to look there", dir)
	case err != nil:
		return "", fail("", "mount point: %w", err)
	case !fi.IsDir():
		return "", fail("", "mount point %s is not a folder", dir)
	case !mayMount(dir):
		return "", fail("choose a folder of your own, for example ~/frameio", "mount point %s: you are not permitted to mount there", dir)
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", fail("", "mount point: %w", err)
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); err == nil {
		return "", fail("what is in it would be hidden; choose an empty folder", "mount point %s is not empty", dir)
	} else if err != io.EOF {
		return "", fail("", "mount point: %w", err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return "", fail("", "mount point: %w", err)
	}
	return real, nil
}

// findMount tells which FUSE mount has path. Only those can hang, so only those must not be touched.
func findMount(mounts []mounted, path string) (m mounted, below string, ok bool) {
	byPoint := map[string]mounted{}
	var points []control.Registration
	for _, m := range mounts {
		byPoint[m.Point] = m // the last one is on top
		if m.Point != "/" {
			points = append(points, control.Registration{MountPoint: m.Point})
		}
	}
	r, below, ok := control.Find(points, path)
	return byPoint[r.MountPoint], below, ok
}

// findMountAt is findMount in the kernel's list of now, of ours alone.
func findMountAt(path string) (m mounted, below string, ok bool) {
	mounts, err := mountTable()
	if err != nil {
		return mounted{}, "", false
	}
	m, below, ok = findMount(mounts, path)
	return m, below, ok && m.Type == fuseType
}

// inside reports whether path is dir or below it; both are absolute. What does not exist yet is judged by its nearest parent.
func inside(path, dir string) bool {
	real := realPath(path)
	rel, err := filepath.Rel(dir, real)
	if err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
		return true
	}
	// A bind mount shows dir under another name.
	is, err := os.Stat(dir)
	if err != nil {
		return false
	}
	for p := real; ; p = filepath.Dir(p) {
		if fi, err := os.Stat(p); err == nil && os.SameFile(fi, is) {
			return true
		}
		if p == filepath.Dir(p) {
			return false
		}
	}
}

// onFrameio tells the mount of ours that path, which is absolute, lies in.
func onFrameio(path string) (mounted, bool) {
	mounts, err := mountTable()
	if err != nil {
		return mounted{}, false
	}
	m, _, ok := findMount(mounts, realPath(path))
	return m, ok && m.Type == fuseType
}

// realPath is path without symbolic links, as far as it exists.
func realPath(path string) string {
	path = filepath.Clean(path)
	for p := path; ; p = filepath.Dir(p) {
		if r, err := filepath.EvalSymlinks(p); err == nil {
			return filepath.Join(r, strings.TrimPrefix(path, p))
		}
		if p == filepath.Dir(p) {
			return path
		}
	}
}

// deadMount reports whether the mount's process is gone. A mount that does not answer at all is not dead but stuck.
func deadMount(point string) bool {
	answer := make(chan bool, 1)
	go func() { answer <- disconnected(point) }() // may hang for ever with a stuck mount; this process ends soon
	select {
	case dead := <-answer:
		return dead
	case <-time.After(2 * time.Second):
		return false
	}
}

// busyHint names who keeps a mount from being unmounted.
func busyHint(point string) string {
	users := usersOf(point)
	if len(users) == 0 {
		return "close what is open there, then try again"
	}
	const most = 5
	more := ""
	if len(users) > most {
		users, more = users[:most], fmt.Sprintf(" and %d more", len(users)-most)
	}
	return "in use by " + strings.Join(users, ", ") + more
}
