package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// statAll looks at every name in the folders, as find does: by the name in a folder that is open.
func statAll(folders []string, names [][]string, threads int) (time.Duration, error) {
	began := time.Now()
	var g errgroup.Group
	g.SetLimit(threads)
	for i, dir := range folders {
		g.Go(func() error {
			f, err := os.Open(dir)
			if err != nil {
				return err
			}
			defer f.Close()
			fd := int(f.Fd())
			var st unix.Stat_t
			for _, name := range names[i] {
				if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
					return fmt.Errorf("stat %s/%s: %w", dir, name, err)
				}
			}
			return nil
		})
	}
	err := g.Wait()
	return time.Since(began), err
}

// stats looks at 100,000 names that are known, beside as many on the bare disk.
func (s *reading) stats() {
	m := s.indexed()
	var mounted, bare []string
	var names [][]string
	for i := range bulkFolders {
		day := fmt.Sprintf("day_%03d", i+1)
		mounted, bare = append(mounted, m.in(bulkPath+"/"+day)), append(bare, filepath.Join(s.dir, "bare", day))
		var list []string
		for j := range bulkFiles {
			list = append(list, fmt.Sprintf("take_%06d.txt", j+1))
		}
		names = append(names, list)
		s.emptyFiles(bare[i], list)
	}
	stat := func(folders []string, threads int) time.Duration {
		t, err := statAll(folders, names, threads)
		if err != nil {
			s.t.Fatal(err)
		}
		return t
	}
	slow := stat(mounted, 1) > 10*time.Second // now they are known to the kernel; if that counts
	stat(bare, 1)
	before := s.traffic("api")
	n := *rounds
	if slow {
		n = 1
	}
	t := repeat(n, func() []time.Duration {
		return []time.Duration{stat(mounted, 1), stat(bare, 1), stat(mounted, 4), stat(bare, 4)}
	})
	asked, _ := s.calls(before)
	rate := func(d time.Duration) float64 { return bulkFolders * bulkFiles / d.Seconds() }
	for i, threads := range []string{"one thread", "4 threads"} {
		got, disk := rate(t[2*i]), rate(t[2*i+1])
		s.row("100,000 warm stats, "+threads, fmt.Sprintf("%.0f k/s", got/1e3),
			fmt.Sprintf("bare disk: %.0f k/s, %.2f ×; %d calls", disk/1e3, got/disk, asked), "≥ 600 k/s", got >= 600e3)
	}
}

func (s *reading) emptyFiles(dir string, names []string) {
	s.t.Helper()
	if _, err := os.Stat(dir); err == nil {
		return // from the other generation of the API
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}
