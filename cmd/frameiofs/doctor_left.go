package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/spool"
)

// pointFinding tells whether dir can be mounted upon.
func pointFinding(dir string) finding {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return wrongBy("mount point", err)
	}
	mounts, err := mountTable()
	if err != nil {
		return wrongBy("mount point", err)
	}
	m, below, ok := findMount(mounts, dir)
	switch {
	case ok && below == "" && m.Type == fuseType && deadMount(m.Point):
		return wrong("mount point", "frameiofs unmount "+m.Point, "%s: the process of the mount there is gone", m.Point)
	case ok && m.Type == fuseType:
		return fine("mount point", "%s is mounted", m.Point)
	case ok && below == "" && m.holds():
		return wrong("mount point", "choose an empty folder, or unmount it first", "%s: something else (%s) is mounted there", dir, m.Type)
	}
	if _, err := checkFolder(dir); err != nil {
		return wrongBy("mount point", err)
	}
	return fine("mount point", "%s is an empty folder of yours", dir)
}

// leftFindings look at the mounts there are, and at what those that were have left.
func leftFindings(stateDir string) []finding {
	mounts, err := mountTable()
	if err != nil {
		return []finding{wrongBy("mounts", err)}
	}
	registered, err := control.Registered(registryDir())
	if err != nil {
		return []finding{wrongBy("mounts", err)}
	}
	all := mountFindings(mounts, registered, deadMount, func(r control.Registration) (control.Status, error) {
		return askStatus(context.Background(), r, control.Query{Limit: 1})
	})
	dirs, _ := filepath.Glob(filepath.Join(stateHome(), "*", "identity.json"))
	if exists(filepath.Join(stateDir, "identity.json")) {
		dirs = append(dirs, filepath.Join(stateDir, "identity.json"))
	}
	return append(all, spoolFindings(dirs)...)
}

// mountFindings judge each mount of ours in the kernel's list.
func mountFindings(mounts []mounted, registered []control.Registration, dead func(string) bool,
	ask func(control.Registration) (control.Status, error)) (all []finding) {
	byPoint := map[string]control.Registration{}
	for _, r := range registered {
		byPoint[r.MountPoint] = r
	}
	for _, m := range mounts {
		if m.Type != fuseType {
			continue
		}
		r, ours := byPoint[m.Point]
		switch {
		case dead(m.Point) && !ours:
			all = append(all, doubtful("mount", "sudo umount -l "+m.Point, "%s: its process is gone; it was none of yours", m.Point))
		case dead(m.Point):
			all = append(all, wrong("mount", "frameiofs unmount "+m.Point+"; mounting again goes on where it was",
				"%s: its process is gone; what was written is kept", m.Point))
		case !ours:
			all = append(all, skipped("mount", "%s is another user's", m.Point))
		default:
			st, err := ask(r)
			all = append(all, stateFinding(m.Point, st, err))
		}
	}
	if len(all) == 0 {
		all = append(all, fine("mount", "nothing is mounted"))
	}
	return all
}

// stateFinding judges what a mount says of itself.
func stateFinding(point string, st control.Status, err error) finding {
	const check = "mount"
	t := st.Totals
	switch {
	case err != nil:
		return wrong(check, "frameiofs unmount --now "+point+"; what was written is kept", "%s does not answer: %s", point, errorText(err))
	case st.Trouble != "":
		return wrong(check, "frameiofs status "+point, "%s: %s", point, st.Trouble)
	case t.Parked+t.NamesParked > 0:
		return doubtful(check, "frameiofs status "+point+" tells why; frameiofs uploads retry "+point, "%s: %s parked", point, count(t.Parked+t.NamesParked, "thing"))
	case st.Link.State == "down":
		return doubtful(check, "what is written waits, and goes on by itself", "%s has no link since %s: %s", point, span(time.Since(*st.Link.Since)), st.Link.Error)
	}
	return fine(check, "%s: %s on the way, %s", point, count(t.Files, "file"), size(t.Bytes-t.Sent))
}

// spoolFindings tell what earlier mounts have left that is not on Frame.io. identities are the identity.json of state folders.
func spoolFindings(identities []string) (all []finding) {
	for _, path := range identities {
		dir := filepath.Dir(path)
		if inUse(dir) {
			continue
		}
		files, bytes, err := spool.Left(filepath.Join(dir, "spool"))
		var id identity
		readJSON(path, &id)
		switch {
		case err != nil:
			all = append(all, wrong("left behind", "", "%s cannot be looked into: %s", dir, errorText(err)))
		case files > 0:
			all = append(all, doubtful("left behind", "mount it again, as the same user with the same --root; status tells then what they are",
				"%s (%s) of a mount that is not mounted now are not on Frame.io; kept in %s (%s, %s, root %s)",
				count(files, "file"), size(bytes), dir, strings.ToUpper(id.API), id.URL, id.Root))
		}
	}
	if len(all) == 0 {
		all = append(all, fine("left behind", "no earlier mount has left anything"))
	}
	return all
}

// inUse reports whether a process has the state folder.
func inUse(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "LOCK"))
	if err != nil {
		return false
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	return errors.Is(err, unix.EWOULDBLOCK)
}
