package spool

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestPunchAndZero(t *testing.T) {
	const content = "abcdefghij"
	for _, c := range []struct {
		name string
		do   func(t *testing.T, h *Handle) error
		want string
	}{
		{"a hole within", func(t *testing.T, h *Handle) error { return h.Punch(t.Context(), 2, 3) }, "ab\x00\x00\x00fghij"},
		{"a hole over the end", func(t *testing.T, h *Handle) error { return h.Punch(t.Context(), 8, 100) }, "abcdefgh\x00\x00"},
		{"a hole beyond the end", func(t *testing.T, h *Handle) error { return h.Punch(t.Context(), 100, 100) }, content},
		{"zeros within", func(t *testing.T, h *Handle) error { return h.Zero(t.Context(), 0, 2, false) }, "\x00\x00cdefghij"},
		{"zeros that grow it", func(t *testing.T, h *Handle) error { return h.Zero(t.Context(), 9, 3, false) }, "abcdefghi\x00\x00\x00"},
		{"zeros that do not", func(t *testing.T, h *Handle) error { return h.Zero(t.Context(), 9, 3, true) }, "abcdefghi\x00"},
	} {
		// Of what is being written, and of what is changed: the second copies first.
		for _, of := range []string{"a new file", "an asset"} {
			t.Run(c.name+" of "+of, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					r := newRig(t, newFake()).start()
					e := r.file("a", content)
					if of == "an asset" {
						r.finish()
						var err error
						e, err = r.Change(Target{Parent: folderA, Name: "a", Replaces: r.f.assets["file-1"].Ref}, Attr{}, e.Key(), r.was(r.f.assets["file-1"].Ref, nil), false)
						r.must(err)
					}
					h := r.opened(e, true)
					r.must(c.do(t, h))
					if got := r.read(h); got != c.want {
						t.Errorf("reads as %q, want %q", got, c.want)
					}
					r.shut(h)
					r.finish()
					now := "folder-a/a = " + c.want
					if of == "an asset" && c.want != content {
						now += " | " + content
					}
					r.expect(now)
				})
			})
		}
	}
}

func TestPunchIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		e := r.create("a")
		h, rd := r.opened(e, true), r.opened(e, false)
		r.put(h, 0, "abc")
		for what, c := range map[string]struct {
			h      *Handle
			off, n int64
			want   error
		}{
			"a reader":       {rd, 0, 1, syscall.EBADF},
			"nothing":        {h, 0, 0, syscall.EINVAL},
			"before it":      {h, -1, 2, syscall.EINVAL},
			"beyond numbers": {h, 1<<63 - 1, 2, syscall.EFBIG},
		} {
			if err := c.h.Punch(t.Context(), c.off, c.n); !errors.Is(err, c.want) {
				t.Errorf("punch %s: %v, want %v", what, err, c.want)
			}
		}
		rd.Release()
		h.Release()
		if err := h.Punch(t.Context(), 0, 1); !errors.Is(err, ErrClosed) {
			t.Errorf("punch after release: %v", err)
		}
	})
}

// What the disk cannot punch is written.
func TestZerosAreWritten(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(strings.Repeat("x", 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := writeZeros(f, 10, 70_000); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 100_000)
	if _, err := f.ReadAt(got, 0); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("x", 10) + strings.Repeat("\x00", 70_000) + strings.Repeat("x", 29_990); string(got) != want {
		t.Error("not exactly the bytes asked for are zero")
	}
}

func TestHolesAreSeen(t *testing.T) {
	const far = 16 << 20
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		h := r.opened(r.create("a"), true)
		r.put(h, far, "end")
		r.put(h, 0, "begin")
		data, err := h.SeekData(1 << 20)
		r.must(err)
		hole, err := h.SeekHole(0)
		r.must(err)
		if data != far || hole < 5 || hole > 1<<20 {
			t.Errorf("data at %d and a hole at %d", data, hole)
		}
		r.must(h.Punch(t.Context(), far, 3))
		if at, err := h.SeekData(1 << 20); !errors.Is(err, syscall.ENXIO) && at != far { // a small hole need not be one on disk
			t.Errorf("after the last data there are data at %d, %v", at, err)
		}
		for _, off := range []int64{-1, far + 3, far + 4} {
			_, noData := h.SeekData(off)
			_, noHole := h.SeekHole(off)
			if !errors.Is(noData, syscall.ENXIO) || !errors.Is(noHole, syscall.ENXIO) {
				t.Errorf("at %d: %v and %v", off, noData, noHole)
			}
		}
		r.shut(h)

		asset := r.f.put(folderA, "b", "asset")
		whole, err := r.Change(Target{Parent: folderA, Name: "b", Replaces: asset}, Attr{}, "", r.was(asset, nil), false)
		r.must(err)
		h = r.opened(whole, true)
		defer h.Release()
		data, err = h.SeekData(2)
		r.must(err)
		hole, err = h.SeekHole(2)
		r.must(err)
		if !slices.Equal([]int64{data, hole}, []int64{2, 5}) {
			t.Errorf("an asset has data at %d and a hole at %d", data, hole)
		}
	})
}
