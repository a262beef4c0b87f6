package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// settle is mount's default; it is taken off the time of the upload.
const settle = 2 * time.Second

// BenchmarkWriting measures writing and uploading once for each generation of the API. It is to be run with -benchtime 1x.
func BenchmarkWriting(b *testing.B) {
	once(b)
	began := time.Now()
	s := &writing{rig: newRig(b, "many:1"), size: *mebibytes << 20}
	s.source, s.bare = filepath.Join(s.dir, "source.mov"), filepath.Join(s.dir, "bare.mov")
	film(b, s.source, s.size)
	for _, api := range apis() {
		s.api = api
		s.copy()
		s.remove()
	}
	fmt.Printf("\nfilm %s; %s; took %v\n", megabytes(s.size), conditions(), time.Since(began).Round(time.Second))
	fmt.Print("medians of 3 of what takes up to 10 s, else once; ratio = measured ÷ against\n\n")
	s.print(os.Stdout, apis())
}

// writing is one run of its measurements.
type writing struct {
	*rig
	table
	api          string
	size         int64
	source, bare string
}

// copy copies the film into the mount, and waits until Frame.io has it.
func (s *writing) copy() {
	m := s.mount(s.api, "--settle", settle.String())
	defer m.unmount()
	m.stat("Big/Many")
	target := m.in("Big/film.mov")
	var closed time.Time
	t := thrice(func() []time.Duration {
		for _, path := range []string{target, s.bare} {
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) { // within the quiet time: nothing has left yet
				s.t.Fatal(err)
			}
		}
		bare := cp(s.t, s.source, s.bare)
		took := cp(s.t, s.source, target)
		closed = time.Now()
		return []time.Duration{took, bare}
	})
	s.seconds(s.api, "write "+megabytes(s.size)+" (cp)", t[0], "cp on the bare disk", t[1])
	s.run("sync", "--timeout", patience.String(), m.point)
	s.seconds(s.api, "upload it, after the quiet time", time.Since(closed)-settle, "bytes ÷ line", wire(s.size))
	if sent := s.traffic("upload").In; sent < s.size {
		s.t.Fatalf("%d bytes were uploaded, not %d", sent, s.size)
	}
	s.put(s.api, "peak memory, writing and uploading", "MiB", float64(m.peak())/(1<<20), "", 0)
}

// remove deletes the film, for the next generation to write its own.
func (s *writing) remove() {
	m := s.mount(s.api, "--settle", settle.String())
	defer m.unmount()
	if err := os.Remove(m.in("Big/film.mov")); err != nil {
		s.t.Fatal(err)
	}
}
