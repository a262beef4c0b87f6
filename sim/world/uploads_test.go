package world

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
)

func TestUploadParts(t *testing.T) {
	const content = "abcdefghijklmnopqrstuvwxyz" // 26 bytes in parts of 7, 7, 7, 5
	at := func(p Part) string { return content[p.Off : p.Off+p.Size] }
	tests := []struct {
		name string
		put  func(s *scene, id ID, parts []Part)
	}{
		{"backwards", func(s *scene, id ID, parts []Part) {
			for _, p := range slices.Backward(parts) {
				must(0, s.PutPart(id, p.Number, p.Size, strings.NewReader(at(p))))(s.t)
			}
		}},
		{"at once", func(s *scene, id ID, parts []Part) {
			var wg sync.WaitGroup
			for _, p := range parts {
				wg.Go(func() {
					if err := s.PutPart(id, p.Number, p.Size, strings.NewReader(at(p))); err != nil {
						s.t.Error(err)
					}
				})
			}
			wg.Wait()
		}},
		{"wrong bytes first, then again", func(s *scene, id ID, parts []Part) {
			must(0, s.PutPart(id, 1, 7, strings.NewReader("XXXXXXX")))(s.t)
			for _, p := range parts {
				must(0, s.PutPart(id, p.Number, p.Size, strings.NewReader(at(p))))(s.t)
			}
		}},
		{"cut off, then again", func(s *scene, id ID, parts []Part) {
			if err := s.PutPart(id, 2, 7, strings.NewReader("YYY")); !errors.Is(err, io.ErrUnexpectedEOF) {
				s.t.Errorf("cut body: %v", err)
			}
			for _, p := range parts {
				must(0, s.PutPart(id, p.Number, p.Size, strings.NewReader(at(p))))(s.t)
			}
		}},
		{"other boundaries", func(s *scene, id ID, parts []Part) {
			for i, piece := range []string{"abcdef", "ghijkl", "mnopqr", "stuvwxyz"} {
				must(0, s.PutPart(id, i+1, int64(len(piece)), strings.NewReader(piece)))(s.t)
			}
		}},
		{"late repetition", func(s *scene, id ID, parts []Part) {
			for _, p := range parts {
				must(0, s.PutPart(id, p.Number, p.Size, strings.NewReader(at(p))))(s.t)
			}
			must(0, s.PutPart(id, 1, 7, strings.NewReader("ZZZZZZZ")))(s.t)
		}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t, Behaviour{PartSize: 7})
			a, u, err := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "abc.txt", Size: 26})
			if err != nil || len(u.Parts) != 4 {
				t.Fatalf("create: %d parts, %v", len(u.Parts), err)
			}
			tc.put(s, a.ID, u.Parts)
			s.eventually("status uploaded", func() bool { return must(s.Asset(s.ann, a.ID))(t).Status == Uploaded })
			if got := s.body(a.ID); got != content {
				t.Errorf("body: got %q, want %q", got, content)
			}
			want := fmt.Sprintf("%016x", xxhash.Sum64String(content))
			s.eventually("checksum "+want, func() bool { return must(s.Asset(s.ann, a.ID))(t).Checksum == want })
			left := must(filepath.Glob(filepath.Join(s.cfg.Dir, "bodies", "*", "*")))(t)
			if len(left) != 1 {
				t.Errorf("left on disk: %q", left)
			}
		})
	}
}

// A slow PUT and a quick one of the same part: whoever finishes counts, and the slow one cannot spoil the original.
func TestUploadRacingParts(t *testing.T) {
	s := newScene(t, Behaviour{})
	a, _, err := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "a.txt", Size: 6})
	if err != nil {
		t.Fatal(err)
	}
	r, slow := io.Pipe()
	done := make(chan error)
	go func() { done <- s.PutPart(a.ID, 1, 6, r) }()
	slow.Write([]byte("sl"))
	if err := s.PutPart(a.ID, 1, 6, strings.NewReader("quick!")); err != nil {
		t.Fatal(err)
	}
	s.eventually("assembled", func() bool { return must(s.Asset(s.ann, a.ID))(t).Complete() })
	slow.Write([]byte("ow!!"))
	if err := <-done; err != nil {
		t.Errorf("slow PUT: %v", err)
	}
	if got := s.body(a.ID); got != "quick!" {
		t.Errorf("body: got %q", got)
	}
}

func TestUploadMismatch(t *testing.T) {
	s := newScene(t, Behaviour{SizeMismatch: MismatchFail})
	a, _, _ := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "a.txt", Size: 6})
	must(0, s.PutPart(a.ID, 1, 3, strings.NewReader("abc")))(t)
	if a = must(s.Asset(s.ann, a.ID))(t); a.UploadFailed.IsZero() || a.Complete() {
		t.Errorf("short upload: %+v", a)
	}
	s.SetBehaviour(func(b *Behaviour) { b.SizeMismatch = MismatchComplete })
	b, _, _ := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "b.txt", Size: 6})
	must(0, s.PutPart(b.ID, 1, 3, strings.NewReader("abc")))(t)
	s.eventually("completed with the real size", func() bool {
		b = must(s.Asset(s.ann, b.ID))(t)
		return b.Complete() && b.Size == 3
	})
	c, _, _ := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "c.txt", Size: 6, ExactParts: true})
	if err := s.PutPart(c.ID, 1, 3, strings.NewReader("abc")); !errors.Is(err, ErrRange) {
		t.Errorf("short part where sizes are exact: %v", err)
	}
}

func TestZeroByte(t *testing.T) {
	for _, tc := range []struct {
		mode     ZeroByte
		refused  bool
		complete bool
	}{{ZeroOK, false, true}, {ZeroRefuse, true, false}, {ZeroHang, false, false}} {
		s := newScene(t, Behaviour{ZeroByte: tc.mode})
		a, u, err := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "empty"})
		if errors.Is(err, ErrInvalid) != tc.refused {
			t.Errorf("%q: create: %v", tc.mode, err)
		}
		if tc.refused {
			continue
		}
		if len(u.Parts) != 1 {
			t.Errorf("%q: %d parts, want 1", tc.mode, len(u.Parts))
		}
		must(0, s.PutPart(a.ID, 1, 0, bytes.NewReader(nil)))(t)
		if a = must(s.Asset(s.ann, a.ID))(t); a.Complete() != tc.complete {
			t.Errorf("%q: complete is %v", tc.mode, a.Complete())
		}
	}
}

func TestStatusComesWithTime(t *testing.T) {
	clock := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := newScene(t, Behaviour{UploadedAfter: Duration(time.Second), TranscodedAfter: Duration(time.Minute)})
	s.Close()
	s.cfg.Now = func() time.Time { return clock }
	s.World = must(Open(s.cfg))(t)
	mov, txt := s.file(s.project.RootID, "a.mov", "a"), s.file(s.project.RootID, "a.zip", "a")
	for _, step := range []struct {
		after    time.Duration
		mov, txt Status
	}{{0, Created, Created}, {time.Second, Uploaded, Uploaded}, {61 * time.Second, Transcoded, Uploaded}} {
		clock = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Add(step.after)
		m, x := must(s.Asset(s.ann, mov.ID))(t), must(s.Asset(s.ann, txt.ID))(t)
		if m.Status != step.mov || x.Status != step.txt {
			t.Errorf("after %v: mov %s, zip %s; want %s, %s", step.after, m.Status, x.Status, step.mov, step.txt)
		}
		if m.UploadCompleted.IsZero() != (step.mov == Created) {
			t.Errorf("after %v: upload completed at %v", step.after, m.UploadCompleted)
		}
	}
	if _, _, err := s.OpenBody(mov.ID); err != nil {
		t.Errorf("open of an uploaded body: %v", err)
	}
}

func TestNoChecksum(t *testing.T) {
	s := newScene(t, Behaviour{NoChecksum: true})
	a := s.file(s.project.RootID, "a.txt", "abc")
	s.SetBehaviour(func(b *Behaviour) { b.NoChecksum, b.ChecksumAfter = false, Duration(time.Hour) })
	s.eventually("hashed after all", func() bool { return s.hasSum(a.ID) })
	if got := must(s.Asset(s.ann, a.ID))(t).Checksum; got != "" {
		t.Errorf("shown an hour early: %q", got)
	}
	s.SetBehaviour(func(b *Behaviour) { b.ChecksumAfter = 0 })
	if got := must(s.Asset(s.ann, a.ID))(t).Checksum; got != fmt.Sprintf("%016x", xxhash.Sum64String("abc")) {
		t.Errorf("when due: %q", got)
	}
}
