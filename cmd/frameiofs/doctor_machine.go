package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	framefs "github.com/frameiofs/frameiofs/fs"
)

// machine is where the checks of a machine look; tests have others.
type machine struct {
	root    string // before /dev, /etc and /proc
	user    int
	look    func(program string) (string, error)
	release string                                   // of the kernel
	probe   func(dir string) (framefs.Kernel, error) // mounts for a moment
}

func (m machine) path(p string) string { return filepath.Join(m.root, p) }

// capSysAdmin is the bit of CAP_SYS_ADMIN, which mount(2) wants (Linux include/uapi/linux/capability.h).
const capSysAdmin = 1 << 21

const (
	installFuse   = "sudo apt-get install -y fuse3   (Fedora: sudo dnf install -y fuse3)"
	containerFuse = "run the container with --device /dev/fuse --cap-add SYS_ADMIN --security-opt apparmor=unconfined"
)

// machineFindings tells whether this machine can mount.
func machineFindings(m machine, others bool) []finding {
	if runtime.GOOS != "linux" {
		return []finding{m.fuseT()}
	}
	all := []finding{m.device(), m.helper(), m.allowOther(others)}
	blocked := slices.ContainsFunc(all, func(f finding) bool { return f.State == stateFail && f.Check != "allow-other" })
	if blocked {
		return append(all, skipped("mounting", "that cannot work before the above is mended"))
	}
	return append(all, m.mounting()...)
}

// fuseT tells whether macFUSE is there.
func (m machine) fuseT() finding {
	if exists(m.path("/Library/Filesystems/macfuse.fs")) {
		return fine("fuse", "macFUSE is installed")
	}
	return wrong("fuse", "install macFUSE from https://macfuse.io and allow it in System Settings", "macFUSE is not installed")
}

// device is the way to the kernel.
func (m machine) device() finding {
	f, err := os.OpenFile(m.path("/dev/fuse"), os.O_RDWR, 0)
	switch {
	case err == nil:
		f.Close()
	case os.IsNotExist(err):
		return wrong("fuse", "sudo modprobe fuse; in a container: "+containerFuse, "there is no /dev/fuse")
	case os.IsPermission(err) && m.user == 0:
		return wrong("fuse", containerFuse, "/dev/fuse is not permitted here, even to root")
	case os.IsPermission(err):
		return wrong("fuse", "sudo chmod a+rw /dev/fuse", "/dev/fuse is not open to you")
	default:
		return wrong("fuse", "sudo modprobe fuse", "/dev/fuse cannot be opened: %s", errorText(err))
	}
	if m.user == 0 && !m.mayMount() {
		return wrong("fuse", containerFuse, "root has no right to mount here (CAP_SYS_ADMIN)")
	}
	return fine("fuse", "/dev/fuse can be used")
}

// mayMount reports whether root has the right to mount, which it has not in most containers.
func (m machine) mayMount() bool {
	status, err := os.ReadFile(m.path("/proc/self/status"))
	if err != nil {
		return true // the attempt will tell
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, err := strconv.ParseUint(strings.TrimSpace(v), 16, 64)
			return err != nil || caps&capSysAdmin != 0
		}
	}
	return true
}

// helper is the program by which who is not root mounts.
func (m machine) helper() finding {
	path, err := m.look("fusermount3")
	if err != nil {
		path, err = m.look("fusermount")
	}
	switch {
	case m.user == 0 && err != nil:
		return fine("fusermount3", "not installed; root needs it not")
	case err != nil:
		return wrong("fusermount3", installFuse, "fusermount3 is not installed")
	}
	fi, err := os.Stat(path)
	if m.user != 0 && (err != nil || fi.Mode()&fs.ModeSetuid == 0) {
		return wrong("fusermount3", "sudo chmod u+s "+path, "%s has no right to mount for you (it is not setuid root)", path)
	}
	return fine("fusermount3", "%s", path)
}

// allowOther is whether other users can be let in.
func (m machine) allowOther(wanted bool) finding {
	const check = "allow-other"
	if m.user == 0 {
		return fine(check, "root may let others in")
	}
	text, _ := os.ReadFile(m.path("/etc/fuse.conf"))
	for line := range strings.Lines(string(text)) {
		if strings.TrimSpace(line) == "user_allow_other" {
			return fine(check, "/etc/fuse.conf has user_allow_other")
		}
	}
	const remedy = "echo user_allow_other | sudo tee -a /etc/fuse.conf"
	if wanted {
		return wrong(check, remedy, "--allow-other is not permitted: /etc/fuse.conf has no user_allow_other")
	}
	return skipped(check, "not asked for; it would need: %s", remedy)
}

// mounting mounts for a moment.
func (m machine) mounting() []finding {
	dir, err := os.MkdirTemp("", "frameiofs-doctor-*")
	if err != nil {
		return []finding{skipped("mounting", "there is no folder to try it in: %s", errorText(err))}
	}
	defer os.Remove(dir)
	k, err := m.probe(dir)
	if err != nil {
		remedy := mountHint(err)
		if remedy == "" {
			remedy = "the kernel's log may tell more: sudo dmesg | tail"
		}
		return []finding{wrong("mounting", remedy, "%s", errorText(err))}
	}
	return []finding{fine("mounting", "an empty folder could be mounted (kernel %s, FUSE %d.%d)", m.release, k.Major, k.Minor), m.passing(k)}
}

// passing is whether the kernel reads and writes files past us. It is an accelerator; without it all works.
func (m machine) passing(k framefs.Kernel) finding {
	const check = "passthrough"
	switch {
	case k.Passes:
		return fine(check, "the kernel reads and writes files of the disk by itself: full speed")
	case m.user != 0:
		return fine(check, "not used: the kernel lets only root's mounts read and write past the program (from Linux 6.9 on)")
	}
	return doubtful(check, "a kernel from 6.9 on with CONFIG_FUSE_PASSTHROUGH is faster for large files",
		"kernel %s does not offer it; files go through the program", m.release)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// errorText is an error without what a person knows already.
func errorText(err error) string {
	if u, ok := err.(*os.PathError); ok {
		err = u.Err
	}
	return withoutSecret(err.Error())
}

// limitFindings are what the system allows this process.
func limitFindings() []finding {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return []finding{skipped("open files", "the limit cannot be read: %s", err)}
	}
	return append([]finding{filesFinding(uint64(files.Max))}, memoryFinding(memoryFacts("/")))
}

// filesFinding judges how many files may be open at once, by a hard limit. Go raises the soft one to it.
func filesFinding(hard uint64) finding {
	const want = 4096 // each file that is being read or written takes one or two, and each connection one
	if hard < want {
		return doubtful("open files", fmt.Sprintf("ulimit -Hn %d, or LimitNOFILE=%d in the unit", want, want), "only %d can be open at once", hard)
	}
	return fine("open files", "%d can be open at once", min(hard, 1<<30))
}

// memory is what there is, in bytes; 0 if not known.
type memory struct{ available, group int64 }

func memoryFacts(root string) (m memory) {
	text, _ := os.ReadFile(filepath.Join(root, "proc/meminfo"))
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemAvailable:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			m.available = kib << 10
		}
	}
	text, _ = os.ReadFile(filepath.Join(root, "sys/fs/cgroup/memory.max"))
	m.group, _ = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is no number
	return m
}

// memoryFinding judges the memory. A mount is made to live in 150 MiB, and needs more for a moment when much is listed.
func memoryFinding(m memory) finding {
	const want = 400 << 20
	switch {
	case m.group > 0 && m.group < want:
		return doubtful("memory", "give the container or unit 512 MiB (--memory 512m, MemoryMax=512M)", "the group of processes is limited to %s", size(m.group))
	case m.available > 0 && m.available < want:
		return doubtful("memory", "close something", "only %s are free", size(m.available))
	case m.available == 0:
		return skipped("memory", "this system does not tell it")
	}
	return fine("memory", "%s available", size(m.available))
}
