package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// What happens to files that are still here: no call, so no line.

// exportSize is what the exported film comes to, about.
const exportSize = 194 << 20

// export lets ffmpeg write an mp4 that it turns over at the end (faststart).
func (s *writing) export() {
	source := filepath.Join(s.dir, "export.mov")
	if _, err := os.Stat(source); err != nil { // every frame is noise, so that it is large soon
		s.command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=gray:s=1920x1080:r=25:d=20,noise=alls=100:allf=t", "-c:v", "mpeg4", "-q:v", "2",
			"-fs", fmt.Sprint(exportSize), "-y", source)
		s.command("sync", "-f", source)
	}
	folder := s.folder("export")
	m := s.mount(s.api, "--settle", "10m")
	defer m.unmount()
	m.stat(folder)
	run := func(to string) time.Duration {
		return s.command("ffmpeg", "-v", "error", "-i", source, "-c", "copy", "-movflags", "+faststart", "-y", to)
	}
	i := 0
	before := s.traffic("upload")
	t := repeat(*rounds, func() []time.Duration {
		i++
		bare := filepath.Join(s.dir, "bare.mp4")
		plain := run(bare)
		s.remove(bare)
		s.command("sync", "-f", s.dir)
		took := run(m.in(fmt.Sprintf("%s/cut %d.mp4", folder, i)))
		s.command("sync", "-f", s.dir)
		return []time.Duration{took, plain}
	})
	s.row("ffmpeg export, 194 MiB mp4 faststart", sec(t[0]), fmt.Sprintf("bare disk: %s, %.2f ×", sec(t[1]), times(t[0], t[1])), "≤ 1.1 ×", times(t[0], t[1]) <= 1.1)
	var size int64
	for n := range i {
		st, err := os.Stat(m.in(fmt.Sprintf("%s/cut %d.mp4", folder, n+1)))
		if err != nil {
			s.t.Fatal(err)
		}
		size += st.Size()
	}
	m.synced()
	sent := s.traffic("upload").In - before.In
	ratio := float64(sent) / float64(size)
	s.row("  bytes uploaded", fmt.Sprintf("%.3f ×", ratio), fmt.Sprintf("%d files of %s", i, mib(size/int64(i))), "1.00 ×", sent == size)
}

// namesCount is how many files are made, renamed and removed.
const namesCount = 2000

// names makes files of a few bytes, renames and removes them, before they leave.
func (s *writing) names() {
	folder := s.folder("names")
	m := s.mount(s.api, "--settle", "1h")
	defer m.unmount()
	m.stat(folder)
	bare := filepath.Join(s.dir, "names")
	if err := os.MkdirAll(bare, 0o755); err != nil {
		s.t.Fatal(err)
	}
	before := s.traffic("api")
	t := repeat(*rounds, func() []time.Duration {
		s.command("sync", "-f", s.dir)
		time.Sleep(stocked)
		return append(s.makeRenameRemove(m.in(folder)), s.makeRenameRemove(bare)...)
	})
	asked, _ := s.calls(before)
	rate := func(d time.Duration) float64 { return namesCount / d.Seconds() }
	for i, what := range []string{"creates", "renames", "unlinks"} {
		least := []float64{2500, 4000, 6000}[i]
		got, disk := rate(t[i]), rate(t[i+3])
		s.row(what+" of files not yet uploaded", fmt.Sprintf("%.0f /s", got), fmt.Sprintf("bare disk: %.0f /s, %.2f ×; %d calls in all", disk, got/disk, asked),
			fmt.Sprintf("≥ %.0f /s", least), got >= least)
	}
}

func (s *writing) makeRenameRemove(dir string) []time.Duration {
	s.t.Helper()
	name := func(kind string, i int) string { return filepath.Join(dir, fmt.Sprintf("%s_%04d.dpx", kind, i)) }
	each := func(do func(i int) error) time.Duration {
		began := time.Now()
		for i := range namesCount {
			if err := do(i); err != nil {
				s.t.Fatal(err)
			}
		}
		return time.Since(began)
	}
	content := make([]byte, 16)
	made := each(func(i int) error {
		fd, err := unix.Open(name("take", i), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		if _, err := unix.Write(fd, content); err != nil {
			return err
		}
		return unix.Close(fd)
	})
	renamed := each(func(i int) error { return unix.Rename(name("take", i), name("shot", i)) })
	removed := each(func(i int) error { return unix.Unlink(name("shot", i)) })
	return []time.Duration{made, renamed, removed}
}

// random writes 4 KiB at random places of a file that is open, as a database does. Beside the bare disk stands a mount that does nothing but
// let the kernel write into that disk by itself: no mount can be faster.
func (s *writing) random() {
	folder := s.folder("random")
	m := s.mount(s.api, "--settle", "1h")
	defer m.unmount()
	m.stat(folder)
	bare, least := filepath.Join(s.dir, "random.bin"), s.passthrough()
	var mounted, disk, kernel []float64
	for range *rounds {
		disk = append(disk, s.fio(bare))
		mounted = append(mounted, s.fio(m.in(folder+"/random.bin")))
		kernel = append(kernel, s.fio(filepath.Join(least, "random.bin")))
	}
	got, plain, most := median(mounted), median(disk), median(kernel)
	s.row("4k random write into an open draft", fmt.Sprintf("%.0f k/s", got/1e3), fmt.Sprintf("bare disk: %.0f k/s, %.0f %%", plain/1e3, 100*got/plain),
		"≥ 90 %", got >= 0.9*plain)
	s.note("  bare passthrough mount", fmt.Sprintf("%.0f k/s", most/1e3), fmt.Sprintf("%.0f %% of the bare disk; the draft has %.0f %% of it", 100*most/plain, 100*got/most))
	s.remove(bare)
	s.remove(filepath.Join(least, "random.bin"))
	if err := os.Remove(m.in(folder + "/random.bin")); err != nil {
		s.t.Fatal(err)
	}
}

// fio answers how many writes a second it could make. It fills the file first, and the page cache takes all of it.
func (s *writing) fio(path string) float64 {
	s.t.Helper()
	s.remove(path)
	out := s.output("fio", "--name=draft", "--filename="+path, "--ioengine=psync", "--rw=randwrite", "--bs=4k", "--size=128m", "--fallocate=none",
		"--overwrite=1", "--norandommap", "--time_based", "--runtime=3", "--output-format=json")
	var said struct {
		Jobs []struct {
			Write struct{ IOPS float64 }
		}
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || len(said.Jobs) != 1 {
		s.t.Fatalf("fio: %v\n%s", err, out)
	}
	s.command("sync", "-f", s.dir)
	return said.Jobs[0].Write.IOPS
}

// output runs a program and answers what it printed.
func (s *writing) output(name string, args ...string) string {
	s.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		s.t.Fatalf("%s is missing: sudo apt-get install -y %s", name, name)
	}
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		s.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}
