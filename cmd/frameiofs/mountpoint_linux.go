package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// mountTable reads the kernel's list of mounts, which touches none of them.
func mountTable() ([]mounted, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []mounted
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if m, ok := parseMount(lines.Text()); ok {
			all = append(all, m)
		}
	}
	return all, lines.Err()
}

// parseMount reads a line such as
//
//	36 35 98:0 /mnt1 /mnt/parent\040dir rw,noatime master:1 - ext3 /dev/root rw,errors=continue
func parseMount(line string) (mounted, bool) {
	left, right, ok := strings.Cut(line, " - ")
	l, r := strings.Fields(left), strings.Fields(right)
	if !ok || len(l) < 6 || len(r) < 1 {
		return mounted{}, false
	}
	return mounted{Point: unescape(l[4]), Type: r[0], Dev: l[2], Root: unescape(l[3])}, true
}

// unescape turns \040 and the like back.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// disconnected reports whether the kernel has lost the process behind the FUSE mount.
func disconnected(point string) bool {
	var st unix.Statfs_t
	return errors.Is(unix.Statfs(point, &st), unix.ENOTCONN)
}

// lazyUnmount takes a mount out of the tree even if it is in use.
func lazyUnmount(point string) error {
	if os.Geteuid() == 0 {
		return unix.Unmount(point, unix.MNT_DETACH)
	}
	return fusermount("-uz", point)
}

// plainUnmount takes a mount down that another process serves.
func plainUnmount(point string) error {
	if os.Geteuid() == 0 {
		return unix.Unmount(point, 0)
	}
	return fusermount("-u", point)
}

func fusermount(flag, point string) error {
	tool, err := exec.LookPath("fusermount3")
	if err != nil {
		if tool, err = exec.LookPath("fusermount"); err != nil {
			return errors.New("fusermount3 is not installed; run: sudo apt-get install -y fuse3")
		}
	}
	cmd := exec.Command(tool, flag, "--", point)
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s", oneLine(string(out)))
	}
	return nil
}

// mayMount reports whether this user can mount upon dir: fusermount3 wants it writable.
func mayMount(dir string) bool { return unix.Access(dir, unix.W_OK) == nil }

// checkFuse makes sure that this machine can mount at all.
func checkFuse() error {
	const install = "sudo apt-get install -y fuse3"
	if _, err := os.Stat("/dev/fuse"); err != nil {
		return fail(install+"   (in a container: run it with --device /dev/fuse --cap-add SYS_ADMIN)", "this machine cannot mount: %w", err)
	}
	if os.Geteuid() == 0 {
		return nil
	}
	_, err3 := exec.LookPath("fusermount3")
	_, err2 := exec.LookPath("fusermount")
	if err3 != nil && err2 != nil {
		return fail(install, "this machine cannot mount: fusermount3 is not installed")
	}
	if unix.Access("/dev/fuse", unix.R_OK|unix.W_OK) != nil {
		return fail("sudo chmod a+rw /dev/fuse", "you are not permitted to mount: /dev/fuse is not open to you")
	}
	return nil
}

// checkAllowOther refuses in our words what fusermount3 would refuse in its own.
func checkAllowOther() error {
	if os.Geteuid() == 0 {
		return nil
	}
	text, _ := os.ReadFile("/etc/fuse.conf")
	for _, line := range strings.Split(string(text), "\n") {
		if strings.TrimSpace(line) == "user_allow_other" {
			return nil
		}
	}
	return fail("echo user_allow_other | sudo tee -a /etc/fuse.conf", "--allow-other is not permitted by /etc/fuse.conf")
}

// usersPatience is how long usersOf looks.
const usersPatience = 2 * time.Second

// usersOf names the processes that have something of the mount open, as far as they are found in time. It only reads links under /proc, which
// touches no mount; but the links of a process that is stuck in execve, be it for a mount of somebody else's, cannot be read before it goes on.
func usersOf(point string) []string {
	found := make(chan string, 256)
	go func() { // stays behind if a process is stuck; it is gone with us
		defer close(found)
		findUsers(point, func(user string) {
			select {
			case found <- user:
			default: // so many nobody wants to read
			}
		})
	}()
	var users []string
	late := time.After(usersPatience)
	for {
		select {
		case user, more := <-found:
			if !more {
				return users
			}
			users = append(users, user)
		case <-late:
			return users
		}
	}
}

// findUsers looks at several processes at once, so that one that is stuck does not hide the others.
func findUsers(point string, tell func(user string)) {
	procs, _ := filepath.Glob("/proc/[0-9]*")
	var looking errgroup.Group
	looking.SetLimit(16)
	for _, proc := range procs {
		looking.Go(func() error {
			links, _ := filepath.Glob(proc + "/fd/*")
			for _, link := range append(links, proc+"/cwd", proc+"/root") {
				to, err := os.Readlink(link)
				if err != nil || to != point && !strings.HasPrefix(to, point+"/") {
					continue
				}
				comm, _ := os.ReadFile(proc + "/comm")
				tell(fmt.Sprintf("%s (%s: %s)", shown(strings.TrimSpace(string(comm))), filepath.Base(proc), shown(to)))
				break
			}
			return nil
		})
	}
	_ = looking.Wait() // none fails
}

// deviceOf is the device number of our mount at point, "" if it is not in the list.
func deviceOf(point string) string {
	mounts, err := mountTable()
	if err != nil {
		return ""
	}
	dev := ""
	for _, m := range mounts {
		if m.Point == point && m.Type == fuseType {
			dev = m.Dev
		}
	}
	return dev
}

// readAhead lets the kernel read further ahead than the 128 KiB it grants a FUSE mount. Of a read that is larger than its limit,
// be it by one page, the kernel makes sequential reading, three times as much as was asked for: so the limit is well above 1 MiB. Only
// root may; without it reads are slower, not wrong.
func readAhead(dev string) {
	if os.Geteuid() == 0 && dev != "" {
		os.WriteFile("/sys/class/bdi/"+dev+"/read_ahead_kb", []byte("2048"), 0)
	}
}

// abortFuse has the kernel end the connection of a mount, whoever uses it.
func abortFuse(dev string) error {
	_, minor, ok := strings.Cut(dev, ":")
	if !ok {
		return errors.New("the mount's device is not known")
	}
	return os.WriteFile("/sys/fs/fuse/connections/"+minor+"/abort", []byte("1"), 0)
}

// endKilled sees to a mount whose process was killed and does not come to its end: a thread of it waits in the kernel for a folder that a
// program has locked, which waits for the mount's answer, and so for the process (spec: fuse.md §4). The connection is ended, and with it
// all waits. It reports whether that was so.
func endKilled(m mounted, pid int) bool {
	if !killed(pid) {
		return false
	}
	if err := abortFuse(m.Dev); err != nil && os.Geteuid() == 0 {
		_ = unix.Unmount(m.Point, unix.MNT_FORCE) // ends the connection, also where the mount stays because it is in use
	}
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)); err != nil || len(threads) <= 1 {
			break // nothing of it holds the state folder any more
		}
	}
	return true
}

// killed reports whether a process is dead, be it that it still is in the list.
func killed(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	i := strings.LastIndex(string(text), ") ") // the name before may hold anything
	return i >= 0 && len(text) > i+2 && (text[i+2] == 'Z' || text[i+2] == 'X')
}
