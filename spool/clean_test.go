package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// change opens an asset for writing.
func (r *rig) change(name string, b *memBase) (*Entry, *Handle) {
	r.t.Helper()
	old := r.f.put(folderA, name, b.s)
	e, err := r.Change(Target{Parent: folderA, Name: name, Replaces: old}, Attr{Mode: 0o640}, "", r.was(old, b), false)
	r.must(err)
	return e, r.opened(e, true)
}

// A modification fetches the bytes around it; only it waits for them, and it can be interrupted.
func TestFetchBeforeChange(t *testing.T) {
	bubble(t, func(t *testing.T) {
		closed := 0
		r := newRig(t, newFake()).start()
		e, h := r.change("a", &memBase{s: long, delay: time.Second, closed: &closed})
		r.put(h, 9000, "!") // the first needs nothing
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := h.WriteAt(ctx, []byte("NEW"), 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an interrupted write: %v", err)
		}
		if got := e.Size(); got != int64(len(long)) || e.Info().Missing != got-1 {
			t.Errorf("of %d bytes %d are missing", got, e.Info().Missing)
		}
		begin := time.Now()
		go func() {
			time.Sleep(500 * time.Millisecond)
			r.must(e.Retarget(Target{Parent: folderB, Name: "b", Replaces: e.Target().Replaces}))
			if took := time.Since(begin); took > 500*time.Millisecond {
				t.Errorf("a rename waited %v for the bytes", took)
			}
		}()
		var wg sync.WaitGroup
		for i := range 3 { // one fetches, the others wait
			wg.Go(func() { r.put(h, int64(i), "NEW"[i:i+1]) })
		}
		wg.Wait()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("the writes took %v", took)
		}
		r.shut(h)
		r.finish()
		r.expect("folder-b/b = " + seen("NEW"+long[3:9000]+"!"+long[9001:]) + " | " + seen(long))
		if closed != r.opens {
			t.Errorf("base was opened %d times and closed %d times", r.opens, closed)
		}
	})
}

// A base that is shorter than it says must not become a shorter file.
func TestFetchShort(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e, h := r.change("a", &memBase{s: "0123456789"})
		h.e.base = shortBase{h.e.base} // clean, so that nobody else has it
		r.put(h, 0, "x")
		if _, err := h.WriteAt(t.Context(), []byte("x"), 2); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("write: %v", err)
		}
		if err := e.Fetch(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("fetch: %v", err)
		}
		h.Release()
		time.Sleep(time.Hour)
		r.expect("folder-a/a = 0123456789")
	})
}

type shortBase struct{ Base }

func (b shortBase) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	n, _ := b.Base.ReadAt(ctx, p, off)
	return n / 2, io.EOF
}
func (b shortBase) ReadOnce(ctx context.Context, p []byte, off int64) (int, error) {
	return b.ReadAt(ctx, p, off)
}

func TestUnlinkWhileFetching(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e, h := r.change("a", &memBase{s: "old bytes", delay: time.Second})
		go func() {
			time.Sleep(500 * time.Millisecond)
			r.must(e.Discard())
		}()
		r.put(h, 0, "new")
		if got := r.read(h); got != "new bytes" {
			t.Errorf("reads %q", got)
		}
		r.shut(h)
		r.finish()
		r.expect("folder-a/a = old bytes") // deleting that is the tree's affair
		r.expectEmpty()
	})
}

// Setting the size that it has makes no version; a clean file's attributes are kept once it is modified.
func TestNoChangeNoVersion(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e, h := r.change("a", &memBase{s: "old"})
		r.must(h.Truncate(t.Context(), 3))
		r.must(e.SetAttr(Attr{Mode: 0o600}))
		if e.Info().Stage != Clean || len(r.All()) != 0 {
			t.Error("it counts as modified")
		}
		r.put(h, 3, "er")
		if a := e.Attr(); a.Mode != 0o600 {
			t.Errorf("mode %o", a.Mode)
		}
		r.shut(h)
		r.finish()
		r.expect("folder-a/a = older | old")
	})
}

// A write ends a time that was set before; one that is set after the last write stays.
func TestModificationTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		e := r.create("a")
		h := r.opened(e, true)
		then := time.Unix(1e9, 7)
		r.must(e.SetAttr(Attr{Mtime: then}))
		time.Sleep(time.Second)
		r.put(h, 0, "x")
		if got := e.Attr().Mtime; !got.Equal(time.Now()) {
			t.Errorf("after a write: %v", got)
		}
		r.must(e.SetAttr(Attr{Mtime: then}))
		r.shut(h)
		r.end()
		r.open()
		if got := r.Find("folder-a", "a").Info().Mtime; !got.Equal(then) {
			t.Errorf("after a restart: %v", got)
		}
	})
}

// Setting attributes again and again prolongs the quiet time by ten seconds at most.
func TestRestless(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e := r.file("a", "abc")
		begin := time.Now()
		for e.Info().Stage == Settling {
			time.Sleep(time.Second)
			if err := e.SetAttr(Attr{Mode: 0o600}); err != nil && !errors.Is(err, ErrGone) {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took < 10*time.Second || took > 13*time.Second {
			t.Errorf("it was sealed after %v", took)
		}
	})
}

// A file that one of two writers has closed is not closed: a kill -9 at that moment leaves an unfinished file.
func TestClosedByOneOfTwo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e := r.create("a")
		h1, h2 := r.opened(e, true), r.opened(e, true)
		r.put(h1, 0, "abc")
		r.shut(h1)
		p := r.killed()
		if i := p.Find("folder-a", "a").Info(); i.Stage != Held || !strings.Contains(i.Reason, "interrupted") || i.Quiet {
			t.Errorf("with one writer left it is %s because %q", i.Stage, i.Reason)
		}
		r.must(h2.Flush(t.Context(), Closing{}))
		p = r.killed()
		if i := p.Find("folder-a", "a").Info(); i.Stage != Settling {
			t.Errorf("after both have closed it is %s because %q", i.Stage, i.Reason)
		}
		h2.Release()
	})
}

// Unmount and sync do not wait for the quiet time.
func TestHurry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake(), func(c *Config) { c.Settle = time.Hour }).start()
		r.file("a", "abc")
		open := r.opened(r.create("b"), true)
		r.put(open, 0, "b")
		begin := time.Now()
		r.Hurry()
		r.must(r.Wait(t.Context(), nil))
		r.expect("folder-a/a = abc")
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("took %v", took)
		}
		open.Release()
	})
}

// Many at once, on few files: whatever they do, each name ends as one asset with bytes that one of them wrote.
func TestManyHands(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.faults = 0.02
		r := newRig(t, f, func(c *Config) { c.Settle = 50 * time.Millisecond }).start()
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(g), 9))
				for range 80 {
					name := fmt.Sprintf("f%d", rng.IntN(4))
					e := r.Find("folder-a", name)
					if e == nil {
						e, _ = r.Create(Target{Parent: folderA, Name: name}, Attr{})
					}
					if e == nil {
						continue
					}
					switch rng.IntN(8) {
					case 0:
						e.Discard()
					case 1:
						e.Retarget(Target{Parent: folderA, Name: fmt.Sprintf("f%d", rng.IntN(4)), Replaces: e.Target().Replaces})
					case 2:
						e.Sync(t.Context())
					case 3:
						e.SetAttr(Attr{Mode: 0o600})
					default:
						h, err := e.Open(true)
						if err != nil {
							continue
						}
						b := []byte(strings.Repeat(string(rune('a'+g)), 3000))
						h.WriteAt(t.Context(), b, 0)
						h.ReadAt(t.Context(), b, 0)
						e.Info()
						h.Flush(t.Context(), Closing{})
						h.Release()
					}
					time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
				}
			})
		}
		wg.Wait()
		r.finish()
		for _, b := range f.whole {
			if len(b) != 3000 || strings.Trim(b, b[:1]) != "" {
				t.Errorf("a mixture arrived: %s", clip(b))
			}
		}
		for _, line := range f.tree() {
			if strings.Contains(line, "placeholder") {
				t.Error(line)
			}
		}
		for _, i := range r.All() {
			if never := i.Stage == Writing && i.Size == 0; !never && (i.Stage != Held || !i.Quiet) { // created, but never opened
				t.Errorf("left: %+v", i)
			}
		}
	})
}

// Two may fetch the rest of a file at once, for its upload and for a rename: who comes second finds the marks closed, and all is well.
func TestFetchedTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		old := r.f.put(folderA, "a", strings.Repeat("old", 100_000))
		e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, &memBase{s: strings.Repeat("old", 100_000)}), false)
		r.must(err)
		h := r.opened(e, true)
		defer h.Release()
		r.put(h, 0, "new")
		b := e.blocks
		r.must(e.fetchAll(t.Context(), b, b.gaps(span{0, 300_000})))
		b.close() // as whole does, right after the other has looked
		r.must(e.keepFetched(b, span{0, int64(len(b.state)) * blockSize}))
	})
}

// Who comes when a file has settled, while somebody is at the last step of it without its bytes (after a restart, when the cache has them),
// is told that it is gone.
func TestOpenOfWhatHasNoBytes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e := r.file("a", "bytes")
		r.finish()
		e.mu.Lock()
		e.uses++
		e.mu.Unlock()
		if h, err := e.Open(false); !errors.Is(err, ErrGone) {
			t.Errorf("opened %v, %v", h, err)
		}
		e.release()
	})
}
