package bench

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/frameiofs/frameiofs/sim"
)

var (
	resumeMiB  = flag.Int64("resumemib", 0, "size, in MiB, of the file in whose upload TestResume kills the mount; 0: not at all")
	resumeAt   = flag.Int64("resumeat", 90, "how many percent of it have been sent then")
	resumeRate = flag.Int64("resumerate", 100, "width of the line, in MiB per second")
)

// resumePart is the size of a part, as Frame.io cuts files (spec: frameio-v2.md §5.2), and resumePuts how many are sent at once.
const (
	resumePart = 20 << 20
	resumePuts = 16
)

// TestResume kills a mount's process when most of a large file has been sent, mounts again, and wants no more to be sent than what was
// missing, and the parts that were under way; and the file whole, once.
func TestResume(t *testing.T) {
	if *resumeMiB == 0 {
		t.Log("takes minutes, and twice the file's size of disk: make resume")
		return
	}
	for _, api := range apis() {
		t.Run(api, func(t *testing.T) {
			r := newRig(t, "empty")
			r.call(http.MethodPut, "/_sim/link", map[string]any{"rtt": "20ms", "up": *resumeRate << 20}, nil)
			m := r.mount(api, "--settle", "200ms")
			m.stat(project)
			size := *resumeMiB << 20
			sum := stream(t, m.in(project+"/film.mov"), size)
			for r.soFar()["upload"].In < size**resumeAt/100 {
				time.Sleep(10 * time.Millisecond)
			}
			if err := syscall.Kill(m.pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			m.gone()
			before := r.traffic("upload").In
			began := time.Now()
			m.start()
			started := time.Since(began)
			m.synced()
			took := time.Since(began)
			again := r.traffic("upload").In - before
			t.Logf("%s: killed when %s of %s had been sent; usable after %v; sent %s more (%.1f %%) in %v", api, mib(before), mib(size),
				started.Round(10*time.Millisecond), mib(again), 100*float64(again)/float64(size), took.Round(100*time.Millisecond))
			if most := size*(100-*resumeAt)/100 + resumePuts*resumePart; again > most {
				t.Errorf("%s were sent again; %s were missing or under way", mib(again), mib(most))
			}
			r.onlyFile(t, "film.mov", size, sum)
		})
	}
}

// stream writes a file that nothing can compress, and answers its xxHash64.
func stream(t *testing.T, path string, size int64) uint64 {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := xxhash.New()
	if _, err := io.CopyBuffer(io.MultiWriter(onlyWriter{f}, sum), io.LimitReader(rand.NewChaCha8([32]byte{5}), size), make([]byte, chunk)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return sum.Sum64()
}

// onlyFile wants one file on Frame.io, whole, with this checksum, and nothing else.
func (r *rig) onlyFile(t *testing.T, name string, size int64, sum uint64) {
	t.Helper()
	var text string
	for end := time.Now().Add(sweepTime); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		var items []sim.Item
		r.call(http.MethodGet, "/_sim/tree", nil, &items)
		if text = fmt.Sprintf("%+v", items); len(items) != 1 {
			continue
		}
		it := items[0]
		if it.Name == name && it.Complete && it.Size == size && it.Checksum == fmt.Sprintf("%016x", sum) && len(it.Versions) == 0 {
			return
		}
	}
	t.Errorf("Frame.io has not one whole %s of checksum %016x but %s", name, sum, text)
}
