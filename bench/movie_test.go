package bench

import (
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// movieSize is what a long movie comes to.
const movieSize = 10 << 30

// longMovie makes an mp4 that plays, of movieSize, with its index (moov) of some megabytes behind the media (mdat), as cameras write
// it. Most of the media is a hole that no sample lies in, so that it costs little disk.
func longMovie(t testing.TB, dir string) string {
	t.Helper()
	short, long := filepath.Join(dir, "short.mp4"), filepath.Join(dir, "long.mp4")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// Many frames make a large index, tiny ones a small file.
	program(ctx, t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=gray:s=32x32:r=60:d=4000", "-c:v", "libx264", "-preset", "ultrafast",
		"-bf", "1", "-g", "12", "-qp", "51", "-movflags", "-faststart", "-y", short)
	data, err := os.ReadFile(short)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(short)
	at, mdat, moov := boxes(t, data)
	// ffmpeg leaves an empty box before mdat, exactly so that its size can become one of 64 bits without moving a sample.
	out := append([]byte(nil), data[:at]...)
	out = binary.BigEndian.AppendUint32(out, 1)
	out = append(out, "mdat"...)
	out = binary.BigEndian.AppendUint64(out, uint64(movieSize-int64(len(moov))-int64(at)))
	f, err := os.Create(long)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, piece := range []struct {
		data []byte
		off  int64
	}{{out, 0}, {mdat, int64(len(out))}, {moov, movieSize - int64(len(moov))}} {
		if _, err := f.WriteAt(piece.data, piece.off); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	return long
}

// boxes finds where the empty box before mdat begins, what mdat holds, and all of moov.
func boxes(t testing.TB, data []byte) (at int, mdat, moov []byte) {
	t.Helper()
	for off := 0; off+8 <= len(data); {
		size, name := int(binary.BigEndian.Uint32(data[off:])), string(data[off+4:off+8])
		switch {
		case size < 8 || off+size > len(data):
			t.Fatalf("box %q at %d has %d bytes", name, off, size)
		case name == "free" && mdat == nil && size == 8:
			at = off
		case name == "mdat":
			mdat = data[off+8 : off+size]
		case name == "moov":
			moov = data[off : off+size]
		}
		off += size
	}
	if at == 0 || mdat == nil || len(moov) < 2<<20 || len(moov) > 5<<20 {
		t.Fatalf("ffmpeg wrote no mp4 as wanted: free at %d, mdat of %d, moov of %d bytes", at, len(mdat), len(moov))
	}
	return at, mdat, moov
}

// program runs a program of the ffmpeg package.
func program(ctx context.Context, t testing.TB, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: sudo apt-get install -y ffmpeg", name)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
