package bench

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/frameiofs/frameiofs/sim"
)

var diskRounds = flag.Int("disk", 0, "how often TestDisk fills the disk below a mount up to another byte; 0: not at all. It needs root")

// diskSize is that of the disk that the state folder is on.
const diskSize = 192 << 20

// TestDisk has the disk of the state folder fill up under a program, stop at any byte, and fail for good. What the program was told is
// closed arrives all the same, and nothing else does.
func TestDisk(t *testing.T) {
	if *diskRounds == 0 {
		t.Log("takes minutes, and root: make disk")
		return
	}
	for _, api := range apis() {
		t.Run(api, func(t *testing.T) {
			d := newDisk(t, api)
			d.fill()
			d.stops()
			d.fails()
			t.Logf("%s: %d files closed, all arrived; %d could not be written whole, and %d of these not even removed before there was room", api, len(d.closed), d.refused, d.unremoved)
		})
	}
}

// disk is a mount whose state folder is on a disk of its own.
type disk struct {
	*mount
	t         *testing.T
	sim       *rig
	image     string
	at        string // where the disk is mounted
	next      uint64
	closed    map[string]string // checksums of what was closed, by name
	refused   int
	unremoved int
	left      []string // what could not even be removed
}

func newDisk(t *testing.T, api string) *disk {
	r := newRig(t, "empty", "--behaviour", "part_size=1048576")
	var state struct{ Control string }
	r.call(http.MethodGet, "/_sim/state", nil, &state)
	admin := *r
	admin.url = state.Control
	d := &disk{t: t, sim: &admin, image: filepath.Join(r.dir, "disk.img"), at: filepath.Join(r.dir, "disk"), closed: map[string]string{}}
	f, err := os.Create(d.image)
	if err == nil {
		err = errors.Join(f.Truncate(diskSize), f.Close(), os.Mkdir(d.at, 0o700))
	}
	if err != nil {
		t.Fatal(err)
	}
	d.tool("mkfs.ext4", "-q", "-F", "-m", "0", d.image)
	d.tool("mount", "-o", "loop", d.image, d.at)
	t.Cleanup(func() { exec.Command("umount", "-l", d.at).Run() })
	d.mount = r.mountAt(api, filepath.Join(d.at, "state"), "--settle", "100ms", "--keep-free", "0")
	if _, err := os.ReadDir(d.in(project)); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *disk) tool(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s %v: %v\n%s (sudo apt-get install -y e2fsprogs mount)", name, args, err, out)
	}
}

func (d *disk) line(state string) {
	d.sim.call(http.MethodPut, "/_sim/link", map[string]any{"rtt": "0s", "state": state}, nil)
}

// save writes one file as programs do, and removes it if it cannot be closed.
func (d *disk) save(size int) error {
	d.next++
	name := fmt.Sprintf("f%04d.mov", d.next)
	path := d.in(project + "/" + name)
	b := noise(d.next, size)
	err := os.WriteFile(path, b, 0o644)
	if err == nil {
		d.closed[name] = fmt.Sprintf("%016x", xxhash.Sum64(b))
		return nil
	}
	d.refused++
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EROFS) && !errors.Is(err, syscall.EIO) {
		d.t.Errorf("%s: %v", name, err)
	}
	if rerr := os.Remove(path); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
		d.left = append(d.left, path) // a removal is noted on the disk, too
	}
	return err
}

// fill writes with the line down until there is no room, and wants all to go on when there is again.
func (d *disk) fill() {
	d.line("cut")
	for d.save(4<<20) == nil {
		if len(d.closed) > diskSize>>22 {
			d.t.Fatal("more was closed than the disk has room for")
		}
	}
	d.readable()
	d.line("")
	d.arrived("after the disk was full")
	if err := d.save(4 << 20); err != nil {
		d.t.Errorf("with room again: %v", err)
	}
}

// stops fills the disk from elsewhere up to another byte each time, and has a program work on what is left.
func (d *disk) stops() {
	filler := filepath.Join(d.at, "filler")
	for round := range *diskRounds {
		d.arrived("before the disk is filled")
		f, err := os.Create(filler)
		if err != nil {
			d.t.Fatal(err)
		}
		block := make([]byte, 64<<10)
		for err == nil {
			_, err = f.Write(block)
		}
		for _, small := range []int{4096, 512, 1} {
			for err = nil; err == nil; {
				_, err = f.Write(block[:small])
			}
		}
		end, _ := f.Seek(0, 2)
		if err := errors.Join(f.Truncate(max(0, end-int64(round)*3*1024)), f.Close()); err != nil {
			d.t.Fatal(err)
		}
		for range 4 {
			d.save(1 + round*700%(64<<10))
		}
		dir := d.in(fmt.Sprintf("%s/d%d", project, round))
		if os.Mkdir(dir, 0o755) == nil {
			os.Remove(dir)
		}
		d.readable()
		if err := os.Remove(filler); err != nil {
			d.t.Fatal(err)
		}
		d.clear()
	}
	d.arrived("after the disk was full again and again")
}

// clear removes, with room again, what could not be removed without.
func (d *disk) clear() {
	for _, path := range d.left {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			d.t.Errorf("with room again: %v", err)
		}
	}
	d.unremoved += len(d.left)
	d.left = nil
}

// fails has the disk refuse all writes, as a kernel does after an error; then the process is killed, the disk is mended, and it goes on.
func (d *disk) fails() {
	d.line("cut")
	for range 5 {
		d.save(1 << 20)
	}
	exec.Command("sync", "-f", d.at).Run()
	d.tool("mount", "-o", "remount,abort", d.at)
	for range 3 {
		if d.save(1<<20) == nil {
			d.t.Error("a file was closed on a disk that takes nothing")
		}
	}
	text := ""
	for end := time.Now().Add(10 * time.Second); !strings.Contains(text, "read-only"); time.Sleep(100 * time.Millisecond) {
		if text = d.r.run("status", d.point); time.Now().After(end) {
			d.t.Errorf("status does not tell of the disk:\n%s", text)
			break
		}
	}
	if err := syscall.Kill(d.pid, syscall.SIGKILL); err != nil {
		d.t.Fatal(err)
	}
	d.gone()
	exec.Command("umount", "-l", d.point).Run()
	time.Sleep(200 * time.Millisecond)
	d.tool("umount", d.at)
	if out, err := exec.Command("e2fsck", "-fy", d.image).CombinedOutput(); err != nil {
		d.t.Logf("e2fsck: %v\n%s", err, out)
	}
	d.tool("mount", "-o", "loop", d.image, d.at)
	d.line("")
	d.start()
	d.clear()
	d.arrived("after the disk was mended")
}

// readable wants what was closed to be read back through the mount.
func (d *disk) readable() {
	for name, sum := range d.closed {
		b, err := os.ReadFile(d.in(project + "/" + name))
		if got := fmt.Sprintf("%016x", xxhash.Sum64(b)); err != nil || got != sum {
			d.t.Errorf("%s was closed and is %d bytes of checksum %s, not %s: %v", name, len(b), got, sum, err)
		}
	}
}

// arrived waits until Frame.io has all that was closed, and nothing else.
func (d *disk) arrived(when string) {
	d.t.Helper()
	if text, err := d.r.try("sync", "--timeout", "3m", d.point); err != nil {
		d.t.Fatalf("%s: sync: %v\n%s\n%s", when, err, text, d.r.run("status", d.point))
	}
	var got map[string]string
	for end := time.Now().Add(sweepTime); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var items []sim.Item
		d.sim.call(http.MethodGet, "/_sim/tree", nil, &items)
		got = map[string]string{}
		for _, it := range items {
			if it.Type == "file" || it.Type == "version_stack" {
				got[it.Name] = it.Checksum
			}
		}
		if maps.Equal(got, d.closed) {
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.closed)) {
		if got[name] != d.closed[name] {
			d.t.Errorf("%s: %s was closed and is %q on Frame.io", when, name, got[name])
		}
	}
	d.t.Fatalf("%s: Frame.io has %d files, and %d were closed", when, len(got), len(d.closed))
}
