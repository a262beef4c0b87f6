package main

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// diskFindings look at the disk that the state folder is on, or will be.
func diskFindings(dir string, keepFree int64) []finding {
	at, err := nearest(dir)
	if err != nil {
		return []finding{wrong("state disk", "choose another with --state-dir", "%s", errorText(err))}
	}
	kind, err := diskKind(at)
	if err != nil {
		return []finding{wrong("state disk", "choose another with --state-dir", "%s: %s", at, errorText(err))}
	}
	var st unix.Statfs_t
	unix.Statfs(at, &st)
	all := []finding{kindFinding(at, kind), roomFinding(int64(st.Bavail)*int64(st.Bsize), keepFree)}
	sp, err := measure(at)
	if err != nil {
		return append(all, wrong("disk speed", "choose another with --state-dir", "%s cannot be written: %s", at, errorText(err)))
	}
	return append(all, speedFinding(sp))
}

// nearest is dir, or the folder above it that exists.
func nearest(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for p := dir; ; p = filepath.Dir(p) {
		fi, err := os.Stat(p)
		switch {
		case err == nil && !fi.IsDir():
			return "", &fs.PathError{Op: "use", Path: p, Err: errors.New(p + " is not a folder")}
		case err == nil:
			return p, nil
		case !errors.Is(err, fs.ErrNotExist) || p == filepath.Dir(p):
			return "", err
		}
	}
}

// kindFinding judges the kind of file system. What is written waits there, and is the only copy.
func kindFinding(dir, kind string) finding {
	const check, local = "state disk", "choose a disk of this machine with --state-dir"
	switch kind {
	case "tmpfs", "ramfs":
		return doubtful(check, local, "%s is in memory (%s): what waits there is gone after a restart", dir, kind)
	case "nfs", "cifs", "smb", "smb2", "smbfs", "9p", "ceph", "afpfs", "webdav":
		return doubtful(check, local, "%s is on the network (%s): what close(2) promises hangs on that", dir, kind)
	case "fuse", "macfuse", "osxfuse":
		return doubtful(check, local, "%s is on another FUSE mount: what close(2) promises hangs on that", dir)
	case "overlayfs":
		return doubtful(check, "mount a volume there, or choose one with --state-dir", "%s is in a container's own layer: what waits there is gone with the container", dir)
	case "vfat", "exfat":
		return doubtful(check, local, "%s is on %s, which cannot keep files private", dir, kind)
	case "":
		return fine(check, "%s", dir)
	}
	return fine(check, "%s (%s)", dir, kind)
}

// roomFinding judges the free bytes.
func roomFinding(free, keepFree int64) finding {
	const check = "free space"
	switch {
	case free < keepFree:
		return wrong(check, "make room, or let less be kept free (--keep-free)", "%s are free and %s are to be left to others: writing fails", size(free), size(keepFree))
	case free < keepFree+10<<30:
		return doubtful(check, "make room, or choose another disk with --state-dir", "%s can be written before it is full", size(free-keepFree))
	}
	return fine(check, "%s, of which %s are left to others", size(free), size(keepFree))
}

// speed is what a disk did.
type speed struct {
	perSecond float64       // bytes, to the platter
	sync      time.Duration // of a small write, the median
}

// How a disk is measured, and for how long at most.
const (
	measureBytes = 32 << 20
	measureSyncs = 9
	measureTime  = 2 * time.Second
)

// measure writes to a file that has no name any more: as much as measureTime allows, and then small pieces, each brought to the
// platter. The bytes are random, so that no disk can save itself the work.
func measure(dir string) (s speed, err error) {
	f, err := os.CreateTemp(dir, ".frameiofs-doctor-*")
	if err != nil {
		return s, err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return s, err
	}
	piece := make([]byte, 1<<20)
	rand.Read(piece)
	begun, n := time.Now(), 0
	for n < measureBytes && time.Since(begun) < measureTime {
		k, err := f.Write(piece)
		if err != nil {
			return s, err
		}
		n += k
	}
	if err := f.Sync(); err != nil {
		return s, err
	}
	s.perSecond = float64(n) / time.Since(begun).Seconds()
	var took []time.Duration
	for begun := time.Now(); len(took) < measureSyncs && (len(took) == 0 || time.Since(begun) < measureTime); {
		at := time.Now()
		if _, err := f.WriteAt(piece[:4096], int64(len(took))*4096); err != nil {
			return s, err
		}
		if err := f.Sync(); err != nil {
			return s, err
		}
		took = append(took, time.Since(at))
	}
	slices.Sort(took)
	s.sync = took[len(took)/2]
	return s, nil
}

// speedFinding judges it: a camera's card or an export writes some hundred megabytes a second, and each fsync of a program waits for one.
func speedFinding(s speed) finding {
	const check = "disk speed"
	text := size(int64(s.perSecond)) + "/s; fsync takes " + s.sync.Round(10*time.Microsecond).String()
	switch {
	case s.perSecond < 50<<20:
		return doubtful(check, "a faster disk with --state-dir", "%s: copies into the mount will be slow", text)
	case s.sync > 50*time.Millisecond:
		return doubtful(check, "a faster disk with --state-dir", "%s: programs that save safely will be slow", text)
	}
	return fine(check, "%s", text)
}
