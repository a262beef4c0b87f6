package cache

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Whatever happens to the files between two runs: right bytes, fetched again if need be.
func TestDamage(t *testing.T) {
	const size = 2*mib + 1000
	edit := func(f func(b []byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]struct {
		ext    string
		damage func(t *testing.T, path string)
	}{
		"map gone":       {mapExt, remove},
		"map empty":      {mapExt, edit(func([]byte) []byte { return nil })},
		"map cut":        {mapExt, edit(func(b []byte) []byte { return b[:len(b)-1] })},
		"map longer":     {mapExt, edit(func(b []byte) []byte { return append(b, 0) })},
		"data gone":      {dataExt, remove},
		"data cut":       {dataExt, edit(func(b []byte) []byte { return b[:len(b)/2] })},
		"data longer":    {dataExt, edit(func(b []byte) []byte { return append(b, 1) })},
		"data a folder":  {dataExt, func(t *testing.T, p string) { remove(t, p); _ = os.Mkdir(p, 0o700) }},
		"sums gone":      {sumsExt, remove},
		"sums empty":     {sumsExt, edit(func([]byte) []byte { return nil })},
		"sums cut":       {sumsExt, edit(func(b []byte) []byte { return b[:len(b)-3] })},
		"sums longer":    {sumsExt, edit(func(b []byte) []byte { return append(b, 1) })},
		"sums flipped":   {sumsExt, edit(func(b []byte) []byte { b[9] ^= 1; return b })},
		"data flipped":   {dataExt, edit(func(b []byte) []byte { b[blockSize/2] ^= 1; return b })},
		"temp left over": {mapExt, func(t *testing.T, p string) { _ = os.WriteFile(p+tempExt, []byte("x"), 0o600) }},
	}
	for _, i := range []int{mapHeader - 1, mapHeader, mapHeader + 3} {
		cases[fmt.Sprintf("map byte %d", i)] = struct {
			ext    string
			damage func(t *testing.T, path string)
		}{mapExt, edit(func(b []byte) []byte { b[i] ^= 0xff; return b })}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir, src := t.TempDir(), &films{}
			b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
			readSome(t, b, "f", size, 0, 200_000)
			closeBlocks(t, b)
			for _, path := range filesIn(t, dir, c.ext) {
				c.damage(t, path)
			}
			if c.ext == mapExt { // what a map does not tell is not there
				for _, path := range filesIn(t, dir, dataExt) {
					if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if strings.HasPrefix(name, "temp") {
					return // the map is good, and so should the data be
				}
			}
			b = openBlocks(t, BlocksConfig{Dir: dir, Source: src})
			r := b.Open(film("f", size))
			mustReadAll(t, r, "f", 100_000)
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if used, _ := b.Usage(); used != size {
				t.Errorf("used %d, want %d", used, size)
			}
			closeBlocks(t, b)
			for _, ext := range exts {
				if files := filesIn(t, dir, ext); len(files) != 1 || len(filesIn(t, dir, tempExt)) > 0 {
					t.Errorf("files left: %q", files)
				}
			}
		})
	}
}

// A file that someone cuts while it is being read is mended.
func TestDamageWhileOpen(t *testing.T) {
	dir := t.TempDir()
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: &films{}})
	r := b.Open(film("f", 3*mib))
	mustReadAll(t, r, "f", mib)
	for _, path := range filesIn(t, dir, dataExt) {
		if err := os.Truncate(path, mib+1); err != nil {
			t.Fatal(err)
		}
	}
	mustRead(t, r, "f", mib, mib)
	mustRead(t, r, "f", 0, mib)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestMapRoundTrip(t *testing.T) {
	for _, size := range []int64{0, 1, blockSize, 100*blockSize + 1} {
		m := newBitmap(size)
		for i := range blocksOf(size) {
			if i%3 == 0 {
				m.set(i)
			}
		}
		got, _, err := decodeMap(encodeMap(size, m), size)
		if err != nil || !bytes.Equal(got, m) {
			t.Errorf("size %d: %v", size, err)
		}
		if _, _, err := decodeMap(encodeMap(size, m), size+blockSize); err == nil {
			t.Errorf("size %d: taken for the map of another size", size)
		}
		for i := range encodeMap(size, m) {
			b := encodeMap(size, m)
			b[i] ^= 0x10
			if _, _, err := decodeMap(b, size); err == nil {
				t.Errorf("size %d: a map with byte %d wrong was taken", size, i)
			}
		}
	}
}
