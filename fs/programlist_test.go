package fs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lavfi makes a short film; -bitexact makes it the same one every time.
func lavfi(to string, args ...string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		all := []string{"-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1",
			"-f", "lavfi", "-i", "sine=sample_rate=48000:duration=1", "-threads", "1", "-fflags", "+bitexact", "-flags", "+bitexact"}
		run(t, dir, "ffmpeg", append(append(all, args...), to)...)
	}
}

// mediaTypes are what Frame.io shall be told of the names that the programs use.
var mediaTypes = map[string]string{
	".mov": "video/quicktime", ".mp4": "video/mp4", ".mxf": "application/mxf", ".png": "image/png",
	".txt": "text/plain", ".bin": "application/octet-stream",
}

// programs are all that TestPrograms knows.
func programs() []program {
	return slices.Concat(copiers(), rsyncs(), archivers(), films(), editors(), saves(), handles())
}

// notes is a text to be changed.
var notes = []byte("more light\nmore sound\n")

// shell runs a line of sh.
func shell(line string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) { run(t, dir, "sh", "-ec", line) }
}

// copiers bring one file, or a tree of files that are not archives.
func copiers() []program {
	return []program{
		{name: "cp", run: func(t *testing.T, dir string) { run(t, dir, "cp", plant(t)+"/A000.mov", "A000.mov") }},
		{name: "cp -a", core: true, run: func(t *testing.T, dir string) { run(t, dir, "cp", "-a", plant(t), "tree") }},
		{name: "cp -a twice", core: true, rewrite: true, run: func(t *testing.T, dir string) {
			src := plant(t)
			run(t, dir, "cp", "-a", src+"/.", "tree")
			run(t, dir, "cp", "-a", src+"/.", "tree")
		}},
		{name: "cp over", prepare: write("A000.mov", noise(77, 200_000)), saved: []string{"A000.mov"},
			run: func(t *testing.T, dir string) { run(t, dir, "cp", plant(t)+"/Day 1/Sound 1.wav", "A000.mov") }},
		{name: "install", run: func(t *testing.T, dir string) { run(t, dir, "install", "-m", "600", plant(t)+"/A000.mov", "A000.mov") }},
		{name: "mv into and within", core: true, most: calls{"rename": 1}, run: func(t *testing.T, dir string) {
			src := plant(t)
			run(t, dir, "mv", src, "came")
			run(t, dir, "mv", "came", "went")
		}},
		{name: "mv within, uploaded", prepare: write("one.bin", noise(5, 5000)), came: []string{"two.bin"}, calls: calls{"rename": 1},
			run: func(t *testing.T, dir string) { run(t, dir, "mv", "one.bin", "two.bin") }},
		{name: "mv within, then rm", core: true, prepare: write("one.bin", noise(5, 5000)), calls: calls{"rename": 1, "delete": 1},
			run: shell("mv one.bin two.bin; touch one.bin; rm two.bin one.bin")},
		{name: "mv out", prepare: write("one.bin", noise(5, 5000)), calls: calls{"delete": 1}, run: func(t *testing.T, dir string) {
			to := filepath.Join(t.TempDir(), "one.bin")
			run(t, dir, "mv", "one.bin", to)
			if b, err := os.ReadFile(to); err != nil || string(b) != string(noise(5, 5000)) {
				t.Errorf("out came %d bytes, %v", len(b), err)
			}
		}},
		{name: "python shutil", run: func(t *testing.T, dir string) {
			run(t, dir, "python3", "-c", "import shutil, sys; shutil.copy2(sys.argv[1], 'A000.mov'); shutil.copytree(sys.argv[2], 'tree')",
				plant(t)+"/A000.mov", plant(t)+"/Day 1")
		}},
		{name: "gio copy", run: func(t *testing.T, dir string) {
			run(t, dir, "gio", "copy", "-p", plant(t)+"/A000.mov", filepath.Join(dir, "A000.mov"))
		}},
		{name: "dd", core: true, run: func(t *testing.T, dir string) {
			from := filepath.Join(t.TempDir(), "from") // two parts
			check(t, "write", os.WriteFile(from, noise(9, 17<<20+1), 0o644))
			run(t, dir, "dd", "if="+from, "of=tape.dv", "bs=100000", "conv=fsync", "status=none")
		}},
		{name: "dd oflag=direct", run: func(t *testing.T, dir string) {
			from := filepath.Join(t.TempDir(), "from")
			check(t, "write", os.WriteFile(from, noise(9, 2<<20), 0o644))
			run(t, dir, "dd", "if="+from, "of=tape.dv", "bs=65536", "oflag=direct", "status=none")
		}},
		{name: "dd in the middle", core: true, prepare: write("reel.bin", noise(3, 300_000)), saved: []string{"reel.bin"},
			run: func(t *testing.T, dir string) {
				run(t, dir, "dd", "if=/dev/zero", "of=reel.bin", "bs=1000", "seek=123", "count=7", "conv=notrunc", "status=none")
			}},
		{name: "shell > and tee", run: shell("printf one > a.txt; printf two | tee b.txt >/dev/null; cat a.txt b.txt > c.txt")},
	}
}

// rsyncs are its ways to write. What it does when it is run again is TestRsync.
func rsyncs() []program {
	bring := func(args ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { run(t, dir, "rsync", append(args, plant(t)+"/", "tree/")...) }
	}
	longer := func(t *testing.T, dir string) { // the tree, but one file ends early
		src := plant(t)
		check(t, "truncate", os.Truncate(filepath.Join(src, "Day 1/Sound 1.wav"), 1))
		run(t, dir, "rsync", "-a", src+"/", "tree/")
	}
	sound := []string{"tree/Day 1/Sound 1.wav"}
	return []program{
		{name: "rsync -a", run: bring("-a")},
		{name: "rsync --inplace", prepare: longer, saved: sound, run: bring("-a", "--inplace", "--ignore-times", "--include=*/", "--include=Sound 1.wav", "--exclude=*")},
		{name: "rsync --append", prepare: longer, saved: sound, run: bring("-a", "--append", "--include=*/", "--include=Sound 1.wav", "--exclude=*")},
		{name: "rsync over", prepare: longer, saved: sound, run: bring("-a", "--include=*/", "--include=Sound 1.wav", "--exclude=*")},
		{name: "rsync --delay-updates", core: true, run: bring("-a", "--delay-updates")},
		{name: "rsync --partial", run: bring("-a", "--partial", "--partial-dir=.rsync-partial")},
		{name: "rsync --delete", prepare: func(t *testing.T, dir string) {
			run(t, dir, "rsync", "-a", plant(t)+"/", "tree/")
			check(t, "write", os.WriteFile(filepath.Join(dir, "tree/Day 1/stray.bin"), []byte("stray"), 0o644))
		}, calls: calls{"delete": 1}, run: bring("-a", "--delete")},
	}
}

// archivers pack and unpack.
func archivers() []program {
	packed := func(t *testing.T, name string, args ...string) string {
		to := filepath.Join(t.TempDir(), name)
		run(t, plant(t), args[0], append(args[1:], to, ".")...)
		return to
	}
	return []program{
		{name: "tar x", core: true, run: func(t *testing.T, dir string) { run(t, dir, "tar", "xf", packed(t, "tree.tar", "tar", "cf")) }},
		{name: "tar c", unlike: true, run: func(t *testing.T, dir string) { run(t, dir, "tar", "cf", "tree.tar", "-C", plant(t), ".") }},
		{name: "unzip", run: func(t *testing.T, dir string) { run(t, dir, "unzip", "-q", packed(t, "tree.zip", "zip", "-qr")) }},
		{name: "zip", unlike: true, run: func(t *testing.T, dir string) {
			archive := filepath.Join(dir, "tree.zip")
			run(t, plant(t), "zip", "-qr", archive, ".")
		}},
		{name: "zip again", unlike: true, saved: []string{"tree.zip"}, prepare: func(t *testing.T, dir string) {
			run(t, plant(t), "zip", "-qr", filepath.Join(dir, "tree.zip"), "Day 1")
		}, run: func(t *testing.T, dir string) { run(t, plant(t), "zip", "-qr", filepath.Join(dir, "tree.zip"), ".") }},
	}
}

// films are what ffmpeg writes.
func films() []program {
	frames := 500
	return []program{
		{name: "ffmpeg mp4 faststart", core: true, run: lavfi("cut.mp4", "-c:v", "mpeg4", "-c:a", "aac", "-movflags", "+faststart")},
		{name: "ffmpeg mp4 fragmented", run: lavfi("cut.mp4", "-c:v", "mpeg4", "-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov")},
		{name: "ffmpeg mov", core: true, run: lavfi("cut.mov", "-c:v", "mjpeg", "-c:a", "pcm_s16le")},
		{name: "ffmpeg mkv", run: lavfi("cut.mkv", "-c:v", "mpeg4", "-c:a", "aac")},
		{name: "ffmpeg mxf", core: true, run: lavfi("cut.mxf", "-c:v", "mpeg2video", "-c:a", "pcm_s16le")},
		{name: "ffmpeg over", core: true, run: lavfi("cut.mov", "-c:v", "mpeg4", "-an"), prepare: lavfi("cut.mov", "-c:v", "mjpeg", "-an"),
			saved: []string{"cut.mov"}},
		{name: fmt.Sprintf("ffmpeg %d images", frames), run: func(t *testing.T, dir string) {
			run(t, dir, "ffmpeg", "-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=64x36:rate=25:duration=%d", frames/25),
				"-fflags", "+bitexact", "-flags", "+bitexact", "shot_%04d.png")
		}},
	}
}

// editors are real ones, and what works on text as they do.
func editors() []program {
	edit := []string{"notes.txt"}
	vim := func(settings string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			run(t, dir, "vim", "-u", "NONE", "-i", "NONE", "-N", "-es", "-c", "set "+settings, "-c", "%s/more/less/", "-c", "wq", "notes.txt")
		}
	}
	return []program{
		{name: "sed -i", core: true, prepare: write("notes.txt", notes), saved: edit,
			run: func(t *testing.T, dir string) { run(t, dir, "sed", "-i", "s/more/less/", "notes.txt") }},
		{name: "vim", core: true, prepare: write("notes.txt", notes), saved: edit, run: vim("swapfile writebackup")},
		{name: "vim, backup copied", prepare: write("notes.txt", notes), saved: edit, run: vim("swapfile backup backupcopy=yes")},
		{name: "git", core: true, unlike: true, rewrite: true, run: func(t *testing.T, dir string) {
			check(t, "write", os.WriteFile(filepath.Join(dir, "script.txt"), []byte("INT. KITCHEN - NIGHT\n"), 0o644))
			t.Setenv("GIT_AUTHOR_DATE", "2026-09-01T08:00:00Z")
			t.Setenv("GIT_COMMITTER_DATE", "2026-09-01T08:00:00Z")
			id := []string{"-c", "user.name=Maya", "-c", "user.email=maya@northlight.example", "-c", "gc.auto=0", "-c", "init.defaultBranch=main"}
			for _, args := range [][]string{{"init", "-q", "--template="}, {"add", "."}, {"commit", "-q", "-m", "draft"}} {
				run(t, dir, "git", append(append([]string{"-c", "safe.directory=*"}, id...), args...)...)
			}
			run(t, dir, "git", "-c", "safe.directory=*", "fsck", "--strict")
		}},
		{name: "sqlite", run: func(t *testing.T, dir string) {
			sql := []string{"create table shots (n integer primary key, name text);"}
			for i := range 20 {
				sql = append(sql, fmt.Sprintf("begin; insert into shots (name) values ('shot %d'); commit;", i))
			}
			run(t, dir, "sqlite3", "shots.db", strings.Join(sql, "\n"))
		}},
	}
}
