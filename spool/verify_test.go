package spool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/frameiofs/frameiofs/remote"
)

// openRange is what is read back.
func (f *fake) openRange(ctx context.Context, file remote.Ref, off, n int64) (back io.ReadCloser, err error) {
	err = f.call(ctx, "read", string(file.ID), func() error {
		a, err := f.get(file.ID)
		if err == nil {
			back = io.NopCloser(strings.NewReader(a.bytes()[off : off+n]))
		}
		return err
	})
	return back, err
}

// spoilOnce spoils the first part of that number.
func spoilOnce(number string) func(string) bool {
	var done atomic.Bool
	return func(url string) bool { return strings.HasSuffix(url, "/"+number) && done.CompareAndSwap(false, true) }
}

func always(number string) func(string) bool {
	return func(url string) bool { return strings.HasSuffix(url, "/"+number) }
}

// at a level, as cmd/frameiofs does.
func proving(level Verify, f *fake) func(*Config) {
	return func(c *Config) { c.Verify, c.Sums, c.Read = level, f.sums, f.openRange }
}

func sumOf(s string) string { return fmt.Sprintf("%016x", xxhash.Sum64String(s)) }

// one is the only receipt of a name, by the newest line.
func (r *rig) receipt(name string) (got Receipt) {
	r.t.Helper()
	all, _, more, err := r.Receipts(Mark{}, 1000, func(x *Receipt) bool { return x.Name == name })
	r.must(err)
	if len(all) == 0 || more {
		r.t.Fatalf("%d receipts of %s, more %v", len(all), name, more)
	}
	return all[0]
}

// The hash that goes with an upload is that of the bytes, whatever the sizes and the order in which parts get on, and also if some of them
// went in an earlier run.
func TestHashWhileSending(t *testing.T) {
	for _, size := range []int{1, 999, 1000, 1001, 9500, 40_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f, func(c *Config) { c.Parts = 5 }).start()
				content := strings.Repeat("0123456789abcdefghijklmnopqrstuvw", size/33+1)[:size]
				r.file("a", content)
				r.finish()
				if got := r.receipt("a"); got.Checksum != sumOf(content) || got.Size != int64(size) || got.Parts != (size+999)/1000 {
					t.Errorf("%+v, want %s", got, sumOf(content))
				}
			})
		})
	}
	t.Run("in two runs", func(t *testing.T) {
		t.Parallel()
		bubble(t, func(t *testing.T) {
			f := newFake()
			r := newRig(t, f, func(c *Config) { c.Parts = 2 }).start()
			content := strings.Repeat("0123456789", 4000)
			r.file("a", content)
			for f.count("put") < 7 {
				time.Sleep(10 * time.Millisecond)
			}
			s := r.killed().start()
			s.finish()
			if got := s.receipt("a"); got.Checksum != sumOf(content) || got.Attempts == 0 {
				t.Errorf("%+v, want %s", got, sumOf(content))
			}
		})
	})
}

// Bytes that Frame.io keeps wrong are found at each level that promises it, sent again, and in the end a person is asked; the bytes
// stay, and retry heals it.
func TestWrongBytesAreFound(t *testing.T) {
	content := strings.Repeat("0123456789", 950)
	for _, c := range []struct {
		name  string
		level Verify
		sums  bool
		want  Proof
	}{
		{"checksum told at once", VerifyChecksum, true, ProvenChecksum},
		{"checksum told at once, though none is asked for", VerifySize, true, ProvenChecksum},
		{"sample", VerifySample, false, ProvenFull}, // all of so small a file
		{"full", VerifyFull, false, ProvenFull},
	} {
		for _, heals := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, by itself %v", c.name, heals), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					f := newFake()
					f.sums, f.spoil = c.sums, spoilOnce("4")
					if !heals {
						f.spoil = always("4")
					}
					r := newRig(t, f, proving(c.level, f)).start()
					e := r.file("a", content)
					if !heals {
						r.reach(e, Parked)
						if err := r.Wait(t.Context(), nil); !errors.Is(err, ErrParked) {
							t.Errorf("Wait: %v", err)
						}
						if why := e.Info().Reason; !strings.Contains(why, "checksum is") && !strings.Contains(why, "from byte") {
							t.Errorf("parked because: %s", why)
						}
						h := r.opened(e, false)
						if got := r.read(h); got != content {
							t.Error("the bytes are not here any more")
						}
						h.Release()
						r.expectTold()
						f.mu.Lock()
						f.spoil = nil
						f.mu.Unlock()
						r.Retry(e.Key())
					}
					r.finish()
					r.expect("folder-a/a = " + seen(content))
					if got := r.receipt("a"); got.Proof != c.want || got.Verified.IsZero() || got.Damaged != "" {
						t.Errorf("receipt: %+v", got)
					}
					r.expectEmpty()
				})
			})
		}
	}
}

// What cannot be read back is not held up by that, and its receipt does not claim it.
func TestNoRightToReadBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.hook(fails("read", fs.ErrPermission), nil)
		r := newRig(t, f, proving(VerifyFull, f)).start()
		r.file("a", "content")
		r.finish()
		if got := r.receipt("a"); got.Proof != ProvenSize {
			t.Errorf("receipt: %+v", got)
		}
		r.expectEmpty()
	})
}

// Reading back goes on through what passes.
func TestReadBackIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		var n atomic.Int32
		f.hook(func(op, _ string) error {
			if op == "read" && n.Add(1) <= 5 {
				return remote.ErrOffline
			}
			return nil
		}, nil)
		r := newRig(t, f, proving(VerifyFull, f)).start()
		r.file("a", "content")
		r.finish()
		if got := r.receipt("a"); got.Proof != ProvenFull || n.Load() < 6 {
			t.Errorf("after %d tries: %+v", n.Load(), got)
		}
	})
}

// A sample has the ends and something of every part, within the file, and not much of it.
func TestSample(t *testing.T) {
	for _, size := range []int64{1, sampleAll, sampleAll + 1, 50 << 20, 5 << 40} {
		var parts []remote.Part
		for off := int64(0); off < size; off += 20 << 20 {
			parts = append(parts, remote.Part{Off: off, Size: min(20<<20, size-off)})
		}
		if len(parts) > 10_000 {
			parts = parts[:10_000]
		}
		spans, how := backSpans(size, parts, VerifySample)
		read, hit := int64(0), map[int64]bool{}
		for _, s := range spans {
			if s.off < 0 || s.end > size || s.off >= s.end {
				t.Errorf("%d bytes: reads [%d, %d)", size, s.off, s.end)
			}
			read += s.end - s.off
			hit[s.off/(20<<20)] = true
		}
		if spans[0].off != 0 || read > sampleAll || len(hit) < min(len(parts), sampleMost) || (how == ProvenFull) != (size <= sampleAll) {
			t.Errorf("%d bytes, %d parts: %d bytes of %d parts read, %s", size, len(parts), read, len(hit), how)
		}
	}
	if spans, how := backSpans(9, nil, VerifyFull); len(spans) != 1 || spans[0] != (span{0, 9}) || how != ProvenFull {
		t.Errorf("full reads %v, %s", spans, how)
	}
}

// A checksum that comes late finds the file gone from the spool, and its bytes still here; then these go.
func TestLateChecksum(t *testing.T) {
	for _, young := range []bool{true, false} {
		t.Run(fmt.Sprint("young=", young), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				f.sums, f.late = true, 5*time.Minute
				r := newRig(t, f, proving(VerifyChecksum, f), func(c *Config) { c.testOnlyFolders = !young }).start()
				content := strings.Repeat("0123456789", 30)
				e := r.file("a", content)
				r.must(r.Wait(t.Context(), nil))
				r.reach(e, Gone)
				r.expectTold("a = 300 bytes")
				if got := r.receipt("a"); !got.Awaited || !got.Verified.IsZero() || got.Proof != ProvenSize {
					t.Errorf("receipt: %+v", got)
				}
				kept := filepath.Join(r.cfg.Dir, verifying, string(r.Awaited()[0].ID))
				if b, err := os.ReadFile(kept); err != nil || string(b) != content {
					t.Errorf("kept %q, %v", b, err)
				}
				s := r.killed(proving(VerifyChecksum, f)).start() // it goes on after a crash
				for _, x := range []*rig{r, s} {
					ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
					x.must(x.WaitVerified(ctx, nil))
					cancel()
					if got := x.receipt("a"); got.Awaited || got.Proof != ProvenChecksum || got.Verified.Sub(got.Uploaded) < 4*time.Minute {
						t.Errorf("receipt: %+v", got)
					}
					if list, err := os.ReadDir(filepath.Join(x.cfg.Dir, verifying)); err != nil || len(list) != 0 {
						t.Errorf("left: %v, %v", list, err)
					}
				}
				if n := f.count("stat"); n > 40 {
					t.Errorf("asked %d times", n)
				}
			})
		})
	}
}

// A late checksum that is another one makes the bytes an entry again, which is parked and hides what is there; retry makes a version above
// it. So it is after a crash at the worst moment, and never is there more than one.
func TestLateMismatch(t *testing.T) {
	for _, when := range []string{"a file", "a large file", "a version", "with a version above", "deleted", "moved", "a file, killed", "overwritten meanwhile"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				f.sums, f.late, f.spoil = true, time.Minute, spoilOnce("1")
				r := newRig(t, f, proving(VerifyChecksum, f)).start()
				content := strings.Repeat("0123456789", 30)
				if when == "a large file" { // one that would be copied on Frame.io if the damaged one were taken for it
					content, f.partSize = strings.Repeat("0123456789", 1<<20), 4<<20
				}
				old := remote.Ref{}
				if when == "a version" {
					old = f.put(folderA, "a", "old")
				}
				e, err := r.Create(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{Mode: 0o640})
				r.must(err)
				h := r.opened(e, true)
				r.put(h, 0, content)
				r.shut(h)
				r.must(r.Wait(t.Context(), nil))
				file := remote.Ref{Kind: remote.File, ID: r.Awaited()[0].ID, Account: "acc"}
				f.mu.Lock()
				bad := seen(f.assets[file.ID].bytes())
				f.mu.Unlock()
				want := "folder-a/a = " + seen(content) + " | " + bad
				switch when {
				case "a version":
					want += " | old"
				case "with a version above":
					_, err := f.AddVersion(t.Context(), file, f.put(folderA, "a", "newer"))
					r.must(err)
				case "deleted":
					r.must(f.Delete(t.Context(), file))
				case "moved":
					_, err := f.Move(t.Context(), file, folderB)
					r.must(err)
					want = "folder-b/a = " + seen(content) + " | " + bad
				case "overwritten meanwhile":
					n, err := r.Create(Target{Parent: folderA, Name: "a", Replaces: file}, Attr{})
					r.must(err)
					h := r.opened(n, true)
					r.put(h, 0, "open")
					defer h.Release()
				}
				r.must(r.WaitVerified(t.Context(), nil))
				got := r.receipt("a")
				if when == "deleted" {
					if got.Damaged != "" || got.Note == "" || len(r.All()) != 0 {
						t.Errorf("%+v", got)
					}
					return
				}
				if !strings.Contains(got.Damaged, "checksum is") || got.Proof != "" || !got.Verified.IsZero() {
					t.Errorf("receipt: %+v", got)
				}
				if when == "a file, killed" {
					r = r.killed(proving(VerifyChecksum, f)).start()
				}
				var is *Entry
				for _, e := range r.entries() {
					if e.Info().Stage == Parked {
						is = e
					}
				}
				if is == nil || is.Attr().Mode != 0o640 {
					t.Fatalf("nothing is parked: %+v", r.All())
				}
				if err := r.Wait(t.Context(), nil); !errors.Is(err, ErrParked) {
					t.Errorf("Wait: %v", err)
				}
				rd := r.opened(is, false)
				if r.read(rd) != content {
					t.Error("its bytes are others")
				}
				rd.Release()
				in := is.Info()
				switch when {
				case "with a version above", "overwritten meanwhile":
					if !in.Replaces.IsZero() || !strings.Contains(in.Name, "undamaged") {
						t.Errorf("parked as %q over %v", in.Name, in.Replaces)
					}
					return
				}
				if !r.Hides(file.ID) && in.Replaces.ID == file.ID {
					t.Error("the damaged file is shown beside it")
				}
				r.Retry()
				r.finish()
				r.must(r.WaitVerified(t.Context(), nil))
				r.expect(want)
				r.expectEmpty()
			})
		})
	}
}

// A checksum that never comes is not waited for for ever: some of the bytes are read back instead. The same if the disk is needed; but if
// that fails they stay.
func TestLateChecksumThatDoesNotCome(t *testing.T) {
	for _, c := range []struct {
		name     string
		room     int64
		read     error
		wrong    bool
		sooner   bool
		want     Proof
		parked   bool
		released bool
	}{
		{"never", 1 << 40, nil, false, false, ProvenFull, false, true},
		{"never, and wrong", 1 << 40, nil, true, false, "", true, true},
		{"never, and no right to read", 1 << 40, fs.ErrPermission, false, false, ProvenSize, false, true},
		{"disk full", 0, nil, false, true, ProvenFull, false, true},
		{"disk full, no link", 0, remote.ErrOffline, false, true, ProvenSize, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				f.sums, f.late = true, 1000*time.Hour
				if c.wrong {
					f.spoil = spoilOnce("1")
				}
				var room atomic.Int64
				room.Store(1 << 40)
				r := newRig(t, f, proving(VerifyChecksum, f), func(cfg *Config) { cfg.testOnlyRoom = room.Load }).start()
				r.file("a", strings.Repeat("x", 500))
				r.must(r.Wait(t.Context(), nil))
				if c.read != nil {
					f.hook(fails("read", c.read), nil)
				}
				room.Store(c.room)
				wait := time.Hour
				if c.sooner {
					wait = 10 * time.Second
				}
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				err := r.WaitVerified(ctx, nil)
				cancel()
				if (err == nil) != c.released {
					t.Fatalf("WaitVerified: %v", err)
				}
				got := r.receipt("a")
				if got.Proof != c.want || (got.Damaged != "") != c.parked || c.released && !c.parked && got.Note == "" {
					t.Errorf("receipt: %+v", got)
				}
				if n := len(r.All()); (n == 1) != c.parked {
					t.Errorf("%d entries", n)
				}
			})
		})
	}
}

// Of many files in one folder the checksums are not asked for one by one.
func TestLateChecksumsOfMany(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.sums, f.late = true, time.Minute
		lists := 0
		r := newRig(t, f, proving(VerifyChecksum, f), func(c *Config) {
			c.List = func(_ context.Context, folder remote.Ref) iter.Seq2[remote.Item, error] {
				return func(yield func(remote.Item, error) bool) {
					f.mu.Lock()
					lists++
					var all []remote.Item
					for _, a := range f.assets {
						if a.Parent == folder.ID {
							all = append(all, f.item(a))
						}
					}
					f.mu.Unlock()
					for _, it := range all {
						if !yield(it, nil) {
							return
						}
					}
				}
			}
		}).start()
		const n = 80
		for i := range n {
			r.file(fmt.Sprint("f", i), "content "+fmt.Sprint(i))
		}
		r.must(r.Wait(t.Context(), nil))
		before := f.count("stat")
		r.must(r.WaitVerified(t.Context(), nil))
		if asked := f.count("stat") - before; asked > 2*n || lists == 0 || lists > 40 {
			t.Errorf("%d questions and %d listings for %d files", asked, lists, n)
		}
		for i := range n {
			if got := r.receipt(fmt.Sprint("f", i)); got.Proof != ProvenChecksum {
				t.Fatalf("%+v", got)
			}
		}
	})
}

// Receipts are found again newest first, page by page, by id, over files that follow one another, and beside what was torn.
func TestReceipts(t *testing.T) {
	dir := filepath.Join(memDir(t), "receipts")
	l, err := openReceipts(dir)
	if err != nil {
		t.Fatal(err)
	}
	l.most = 64 << 10
	s := &Spool{receipts: l}
	note := strings.Repeat("n", 150)
	const n = 1500            // some five files
	many := func(r Receipt) { // without waiting for the disk
		t.Helper()
		line, err := json.Marshal(r)
		if err == nil {
			_, err = l.write(append(line, '\n'))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		many(Receipt{ID: remote.ID(fmt.Sprint("id-", i)), Name: fmt.Sprint(i), Note: note})
		if i == n/2 { // killed in the middle of a line, and opened again
			l.f.Write([]byte(`{"id":"torn","na`))
			if l, err = openReceipts(dir); err != nil {
				t.Fatal(err)
			}
			s.receipts, l.most = l, 64<<10
		}
	}
	at, got := Mark{}, 0
	for more := true; more; {
		var page []Receipt
		page, at, more, err = s.Receipts(at, 400, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			if want := fmt.Sprint(n - 1 - got); r.Name != want {
				t.Fatalf("got %s, want %s", r.Name, want)
			}
			got++
		}
		back, err := ParseMark(at.String())
		if err != nil || back != at {
			t.Errorf("the mark %v comes back as %v, %v", at, back, err)
		}
	}
	if got != n {
		t.Errorf("%d receipts", got)
	}
	if err := l.add(Receipt{ID: "id-7", Name: "again"}); err != nil {
		t.Fatal(err)
	}
	found, err := s.ReceiptsOf("id-7", "id-1499", "torn", "none")
	if err != nil || len(found) != 2 || found["id-7"].Name != "again" || found["id-1499"].Name != "1499" {
		t.Errorf("%d found, %v", len(found), err)
	}
	for range 2000 {
		many(Receipt{ID: "more", Note: note})
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > receiptsKeep {
		t.Errorf("%d files, %v", len(list), err)
	}
	if b, err := os.ReadFile(l.path(l.number)); err != nil || !bytes.HasSuffix(b, []byte("\n")) {
		t.Errorf("the newest does not end with a line: %v", err)
	}
}

// A part that came other than it was sent begins the upload anew, as another asset; if that happens again and again a person is asked.
func TestGarbledPart(t *testing.T) {
	for _, times := range []int32{1, 100} {
		t.Run(fmt.Sprint(times), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				var n atomic.Int32
				f.hook(nil, func(op, url string) error {
					if op == "put" && strings.HasSuffix(url, "/3") && n.Add(1) <= times {
						return remote.ErrGarbled
					}
					return nil
				})
				r := newRig(t, f).start()
				content := strings.Repeat("0123456789", 950)
				e := r.file("a", content)
				if times > 3 {
					r.reach(e, Parked)
					if why := e.Info().Reason; !strings.Contains(why, "other bytes than were sent") {
						t.Errorf("parked because: %s", why)
					}
					n.Store(times)
					r.Retry()
				}
				r.finish()
				r.expect("folder-a/a = " + seen(content))
				r.expectEmpty()
			})
		})
	}
}
