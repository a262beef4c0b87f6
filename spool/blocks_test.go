package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// film is n bytes that do not repeat from block to block.
func film(n int) string {
	rng := rand.NewChaCha8([32]byte{byte(n)})
	b := make([]byte, n)
	rng.Read(b)
	return string(b)
}

// bigRig is a rig for files of many blocks.
func bigRig(t *testing.T, tune ...func(*Config)) *rig {
	f := newFake()
	f.partSize = 512 << 10
	return newRig(t, f, tune...)
}

// A change fetches the blocks in which it leaves more than one run of bytes, and nothing else; settling fetches what is left, once.
func TestOnlyWhatIsNeededIsFetched(t *testing.T) {
	const size = 9*blockSize + 1000
	old := film(size)
	for _, c := range []struct {
		name   string
		do     func(r *rig, h *Handle)
		blocks int64 // fetched at the change
		left   int64 // bytes fetched when it settles
		want   string
	}{
		{"a byte within", func(r *rig, h *Handle) { r.put(h, 5, "X") }, 0, size, old[:5] + "X" + old[6:]},
		{"bytes that touch", func(r *rig, h *Handle) { r.put(h, 5, "X"); r.put(h, 6, "Y"); r.put(h, 3, "VW") }, 0, size, old[:3] + "VWXY" + old[7:]},
		{"bytes apart", func(r *rig, h *Handle) { r.put(h, 5, "X"); r.put(h, 7, "Y") }, 1, size - blockSize, old[:5] + "X" + old[6:7] + "Y" + old[8:]},
		{"small writes through a block", func(r *rig, h *Handle) {
			for off := 0; off < blockSize; off += 4096 {
				r.put(h, int64(off), film(blockSize)[off:off+4096])
			}
		}, 0, size - blockSize, film(blockSize) + old[blockSize:]},
		{"a whole block", func(r *rig, h *Handle) { r.put(h, blockSize, film(blockSize)) }, 0, size - blockSize,
			old[:blockSize] + film(blockSize) + old[2*blockSize:]},
		{"over an edge", func(r *rig, h *Handle) { r.put(h, blockSize-1, "XY") }, 0, size, old[:blockSize-1] + "XY" + old[blockSize+1:]},
		{"append", func(r *rig, h *Handle) { r.put(h, size, "more") }, 0, size, old + "more"},
		{"cut", func(r *rig, h *Handle) { r.must(h.Truncate(r.t.Context(), 2*blockSize+7)) }, 0, 2*blockSize + 7, old[:2*blockSize+7]},
		{"cut and grown", func(r *rig, h *Handle) {
			r.must(h.Truncate(r.t.Context(), 7))
			r.must(h.Truncate(r.t.Context(), blockSize+3))
			r.put(h, blockSize, "abc")
		}, 0, 7, old[:7] + strings.Repeat("\x00", blockSize-7) + "abc"},
		{"cut and written to the size it had", func(r *rig, h *Handle) {
			r.must(h.Truncate(r.t.Context(), size-7))
			r.put(h, size-7, "changed")
		}, 0, size - 7, old[:size-7] + "changed"},
		{"emptied and written", func(r *rig, h *Handle) {
			r.must(h.Truncate(r.t.Context(), 0))
			r.put(h, 0, "new")
		}, 0, 0, "new"},
		{"zeros over an edge", func(r *rig, h *Handle) { r.must(h.Punch(r.t.Context(), 10, 2*blockSize-10)) }, 0, size - blockSize,
			old[:10] + strings.Repeat("\x00", 2*blockSize-10) + old[2*blockSize:]},
		{"room", func(r *rig, h *Handle) { r.must(h.Allocate(r.t.Context(), 0, size+5, false)) }, 0, size, old + "\x00\x00\x00\x00\x00"},
		{"all of it anew", func(r *rig, h *Handle) { r.put(h, 0, film(size + 1)[:size]) }, 0, 0, film(size + 1)[:size]},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := bigRig(t).start()
				b := &memBase{s: old}
				e, h := r.change("a", b)
				c.do(r, h)
				at := b.asked.Load()
				if most := c.blocks * blockSize; at > most {
					t.Errorf("the change fetched %d bytes, more than %d", at, most)
				}
				if got := r.read(h); got != c.want {
					t.Fatalf("reads as %s", seen(got))
				}
				b.asked.Store(0)
				r.shut(h)
				r.reach(e, Uploading)
				// What was written is compared as far as it is the same: the first block at most.
				if got := b.asked.Load(); got < c.left-1000 || got > c.left+blockSize {
					t.Errorf("settling fetched %d bytes, want %d", got, c.left)
				}
				r.finish()
				r.expect("folder-a/a = " + seen(c.want) + " | " + seen(old))
				r.expectTold("a = " + clip(c.want))
				r.expectEmpty()
			})
		})
	}
}

// Who writes again does not wait for the fetching, and what has come of it is not fetched again, also after a restart.
func TestHydrationGivesWayAndGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const size = 36 * hydrateStep
		old := film(size)
		r := bigRig(t).start()
		b := &memBase{s: old, delay: time.Second}
		e, h := r.change("a", b)
		r.put(h, 0, "X")
		r.shut(h)
		time.Sleep(DefaultSettle + 1500*time.Millisecond)
		if i := e.Info(); i.Stage != Settling || i.Missing != size-maxFetching*hydrateStep {
			t.Errorf("it is %s, and %d bytes are missing", i.Stage, i.Missing)
		}
		begin := time.Now()
		h = r.opened(e, true)
		r.put(h, 1, "Y")
		if took := time.Since(begin); took > 0 {
			t.Errorf("the writer waited %v", took)
		}
		time.Sleep(10 * time.Second)
		missing := e.Info().Missing
		time.Sleep(time.Minute)
		if now := e.Info().Missing; now != missing {
			t.Errorf("fetched while it is written: %d bytes missing, then %d", missing, now)
		}
		r.shut(h)
		time.Sleep(DefaultSettle + 1500*time.Millisecond)
		r.stop() // an orderly end
		r.stop = nil
		missing = e.Info().Missing
		p := r.killed()
		p.bases[e.rec.Base.Content] = b
		i := p.Find("folder-a", "a").Info()
		if i.Missing != missing || missing != 4*hydrateStep {
			t.Errorf("%d bytes are missing after a restart, %d before", i.Missing, missing)
		}
		if !i.Mtime.Equal(e.Info().Mtime) {
			t.Errorf("after a restart it is of %v, before of %v", i.Mtime, e.Info().Mtime)
		}
		b.asked.Store(0)
		p.start().finish()
		if got := b.asked.Load(); got > missing+blockSize {
			t.Errorf("fetched %d bytes of %d", got, missing)
		}
		p.expect("folder-a/a = " + seen("XY"+old[2:]) + " | " + seen(old))
	})
}

// What cannot be completed is held, with what was written; once it can be it goes.
func TestBaseIsNotToBeHad(t *testing.T) {
	for _, why := range []error{fs.ErrNotExist, fs.ErrPermission} {
		bubble(t, func(t *testing.T) {
			r := bigRig(t).start()
			old := film(3 * blockSize)
			b := &memBase{s: old}
			e, h := r.change("a", b)
			r.put(h, 0, film(blockSize + 1)[:blockSize])
			b.fail(why)
			r.put(h, blockSize+1, "x")
			if _, err := h.WriteAt(t.Context(), []byte("x"), blockSize+3); !errors.Is(err, why) {
				t.Errorf("a write whose surroundings are not to be had: %v", err)
			}
			r.put(h, blockSize, film(blockSize + 2)[:blockSize]) // heals it
			r.shut(h)
			r.finish()
			i := e.Info()
			if i.Stage != Held || i.Quiet || !strings.Contains(i.Reason, "restore the file") || i.Missing != blockSize {
				t.Fatalf("it is %s because %q, %d bytes missing", i.Stage, i.Reason, i.Missing)
			}
			p := r.killed()
			if i := p.Find("folder-a", "a").Info(); i.Stage != Held || i.Missing != blockSize {
				t.Errorf("after a restart it is %s, %d bytes missing", i.Stage, i.Missing)
			}
			r.Retry(e.Key())
			r.finish()
			if e.Info().Stage != Held || r.f.count("create") != 0 {
				t.Error("it was sent in part")
			}
			b.fail(nil)
			r.Retry(e.Key())
			r.finish()
			r.expect("folder-a/a = " + seen(film(blockSize + 1)[:blockSize]+film(blockSize + 2)[:blockSize]+old[2*blockSize:]) + " | " + seen(old))
		})
	}
}

// Nothing is given up on the word of a token that speaks for somebody else.
func TestBaseIsNotToBeHadByAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := bigRig(t).start()
		old := film(3 * blockSize)
		b := &memBase{s: old}
		e, h := r.change("a", b)
		r.put(h, 1, "x")
		b.fail(fs.ErrNotExist)
		r.f.hook(fails("stat", remote.ErrToken), nil)
		r.shut(h)
		time.Sleep(time.Hour)
		if i := e.Info(); i.Stage != Settling || i.Err == "" {
			t.Errorf("it is %s, %q", i.Stage, i.Err)
		}
		b.fail(nil)
		r.f.hook(nil, nil)
		r.finish()
		r.expect("folder-a/a = " + seen(old[:1]+"x"+old[2:]) + " | " + seen(old))
	})
}

// Without a link the rest is waited for.
func TestBaseIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := bigRig(t).start()
		old := film(3 * blockSize)
		b := &memBase{s: old}
		e, h := r.change("a", b)
		r.put(h, 1, "x")
		r.shut(h)
		b.fail(remote.ErrOffline)
		time.Sleep(time.Hour)
		if i := e.Info(); i.Stage != Settling || i.Err == "" || i.Missing != 3*blockSize-1 {
			t.Errorf("it is %s, %q", i.Stage, i.Err)
		}
		b.fail(nil)
		r.finish()
		r.expect("folder-a/a = " + seen(old[:1]+"x"+old[2:]) + " | " + seen(old))
	})
}

// What was written as it was becomes no version, whatever way it was written.
func TestTheSameBytesAreNoVersion(t *testing.T) {
	old := film(3*blockSize + 5)
	for name, write := range map[string]func(r *rig, h *Handle){
		"a byte":         func(r *rig, h *Handle) { r.put(h, 7, old[7:8]) },
		"a block":        func(r *rig, h *Handle) { r.put(h, blockSize, old[blockSize:2*blockSize]) },
		"all of it":      func(r *rig, h *Handle) { r.put(h, 0, old) },
		"emptied first":  func(r *rig, h *Handle) { r.must(h.Truncate(r.t.Context(), 0)); r.put(h, 0, old) },
		"there and back": func(r *rig, h *Handle) { r.put(h, 7, "XX"); r.put(h, 7, old[7:9]) },
	} {
		for _, sums := range []bool{false, true} {
			for _, emptied := range []bool{false, true} {
				if emptied && name != "all of it" {
					continue
				}
				t.Run(fmt.Sprintf("%s, sums %v, emptied %v", name, sums, emptied), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						r := bigRig(t).start()
						r.f.sums = sums
						asset := r.f.put(folderA, "a", old)
						e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: asset}, Attr{}, "", r.was(asset, nil), emptied)
						r.must(err)
						h := r.opened(e, true)
						write(r, h)
						then := time.Unix(1e9, 0)
						r.must(e.SetAttr(Attr{Mtime: then}))
						r.shut(h)
						r.finish()
						r.expect("folder-a/a = " + seen(old))
						r.expectTold("a = " + clip(old))
						if n := r.f.count("create"); n != 0 {
							t.Errorf("%d files were created", n)
						}
						if i := e.Info(); i.Asset != asset || !i.Mtime.Equal(then) {
							t.Errorf("it has become %v of %v", i.Asset, i.Mtime)
						}
						r.expectEmpty()
					})
				})
			}
		}
	}
}

// The same bytes are a version if somebody made another one meanwhile, and unlinking what is about to be found the same deletes nothing.
func TestTheSameBytesMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := bigRig(t).start()
		e, h := r.change("a", &memBase{s: "old"})
		r.put(h, 0, "old")
		other := r.f.put(folderB, "x", "other")
		_, err := r.f.AddVersion(t.Context(), e.Target().Replaces, other)
		r.must(err)
		r.shut(h)
		r.finish()
		if r.f.count("create") != 1 {
			t.Error("what is not the newest any more was taken for it")
		}
	})
	bubble(t, func(t *testing.T) {
		r := bigRig(t)
		r.cfg.Settled = func(Info, remote.Item, string) error { return errors.New("not now") }
		r.end()
		r.open()
		r.start()
		e, h := r.change("a", &memBase{s: "old"})
		r.put(h, 0, "old")
		r.shut(h)
		r.reach(e, Settled)
		r.must(e.Discard())
		time.Sleep(time.Hour)
		r.expect("folder-a/a = old")
	})
}

// So it is with what is renamed over an asset; what was fetched of another is compared too.
func TestTheSameBytesRenamedOver(t *testing.T) {
	x, y := film(3*blockSize), film(3 * blockSize)[:2*blockSize]+film(blockSize)
	bubble(t, func(t *testing.T) {
		r := bigRig(t).start()
		asset := r.f.put(folderA, "a", x)
		e := r.file(".a.Ab3dEf", x)
		r.finish()
		e.Over(r.was(asset, nil))
		r.must(e.Retarget(Target{Parent: folderA, Name: "a", Replaces: asset}))
		r.finish()
		r.expect("folder-a/a = " + seen(x))
		if n := r.f.count("create"); n != 0 {
			t.Errorf("%d files were created", n)
		}
	})
	bubble(t, func(t *testing.T) {
		r := bigRig(t, func(c *Config) { c.Settle = time.Hour }).start()
		other := r.f.put(folderA, "b", y)
		e, h := r.change("a", &memBase{s: x})
		r.put(h, 7, x[7:8])
		r.must(e.Fetch(t.Context()))
		r.shut(h)
		e.Over(r.was(other, nil))
		r.must(e.Retarget(Target{Parent: folderA, Name: "b", Replaces: other}))
		r.finish()
		r.expect("folder-a/a = "+seen(x), "folder-a/b = "+seen(x)+" | "+seen(y)) // deleting a is the tree's affair
	})
}

// What was to be changed and was not leaves nothing.
func TestNothingWrittenAfterAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := bigRig(t, func(c *Config) { c.KeepFree = 1 << 60 }).start()
		b := &memBase{s: film(2 * blockSize)}
		e, h := r.change("a", b)
		if _, err := h.WriteAt(t.Context(), []byte("x"), 1); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("write: %v", err)
		}
		if got := r.read(h); got != b.s {
			t.Errorf("then it reads as %s", seen(got))
		}
		h.Release()
		if st := e.Info().Stage; st != Gone {
			t.Errorf("it is %s", st)
		}
		r.finish()
		r.expectEmpty()
	})
}

// What comes late does not lie over what was written meanwhile.
func TestWrittenWhileItIsFetched(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := bigRig(t).start()
		old, next := film(3*blockSize), film(blockSize)
		e, h := r.change("a", &memBase{s: old, delay: time.Second})
		h2 := r.opened(e, true)
		go func() {
			time.Sleep(500 * time.Millisecond)
			r.put(h2, blockSize, next)
		}()
		r.put(h, blockSize+9, "Z")
		r.put(h, blockSize+5, "X")
		want := old[:blockSize] + next[:5] + "X" + next[6:] + old[2*blockSize:]
		if got := r.read(h); got != want {
			t.Errorf("reads as %s", seen(got))
		}
		r.shut(h)
		r.shut(h2)
		r.finish()
		r.expect("folder-a/a = " + seen(want) + " | " + seen(old))
	})
}

// A map that cannot be read must not make a file of holes.
func TestDamagedMap(t *testing.T) {
	for _, damage := range []string{"", "blocks2\n", "nonsense, and more of it than a head has", "blocks2\n\x00\xff\xff\xff\xff\xff\xff\xff\x00"} {
		bubble(t, func(t *testing.T) {
			r := bigRig(t)
			e, h := r.change("a", &memBase{s: film(2 * blockSize)})
			r.put(h, 1, "x")
			r.shut(h)
			synctest.Wait()
			path := filepath.Join(e.dir(), blocksName)
			r.must(os.WriteFile(path, []byte(damage), 0o600))
			p := r.killed()
			p.start().finish()
			if i := p.Find("folder-a", "a").Info(); i.Stage != Parked || !strings.Contains(i.Reason, "map") {
				t.Errorf("it is %s because %q", i.Stage, i.Reason)
			}
			if p.f.count("create") != 0 {
				t.Error("it was sent")
			}
		})
	}
}

// TestBlocksModel writes, cuts and reads at random, with deaths of the program in between, and compares with a slice.
func TestBlocksModel(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) { blocksModel(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func blocksModel(t *testing.T, rng *rand.Rand) {
	r := bigRig(t).start()
	old := film(1 + rng.IntN(12*blockSize))
	b := &memBase{s: old, delay: 5 * time.Millisecond}
	e, h := r.change("a", b)
	want := []byte(old)
	grow := func(n int) {
		if n > len(want) {
			want = append(want, make([]byte, n-len(want))...)
		}
	}
	for range 150 {
		switch off := rng.IntN(len(want) + 1 + rng.IntN(2*blockSize)); rng.IntN(12) {
		case 0:
			r.must(h.Truncate(t.Context(), int64(off)))
			grow(off)
			want = want[:off:off]
		case 1:
			n := 1 + rng.IntN(2*blockSize)
			r.must(h.Punch(t.Context(), int64(off), int64(n)))
			clear(want[min(off, len(want)):min(off+n, len(want))])
		case 2: // closed, and perhaps opened again while it is made whole
			r.must(h.Flush(t.Context(), Closing{}))
			h.Release()
			time.Sleep(time.Duration(rng.IntN(2*int(DefaultSettle)/100)) * 50)
			if rng.IntN(2) == 0 {
				time.Sleep(DefaultSettle - time.Duration(rng.IntN(40))*time.Millisecond + 20*time.Millisecond)
			}
			e2 := r.Find("folder-a", "a")
			if e2 == nil { // it has settled
				asset := r.f.outside()
				old = string(want)
				var err error
				e2, err = r.Change(Target{Parent: folderA, Name: "a", Replaces: asset.Ref}, Attr{}, "", r.was(asset.Ref, &memBase{s: old, delay: time.Millisecond}), false)
				r.must(err)
				b = r.bases[asset.Content]
			}
			e = e2
			h = r.opened(e, true)
		case 3: // kill -9
			dead := r
			r = r.killed()
			r.bases[e.rec.Base.Content] = b
			dead.end()
			r.start()
			if len(r.All()) == 0 { // nothing was written yet
				return
			}
			e = r.Find("folder-a", "a")
			h = r.opened(e, true)
		case 4:
			r.must(h.Sync(t.Context()))
		default:
			n := 1 + rng.IntN(1<<rng.IntN(19))
			if rng.IntN(3) == 0 {
				off -= off % blockSize
			}
			s := film(n)
			r.put(h, int64(off), s)
			grow(off + n)
			copy(want[off:], s)
		}
		if got := r.read(h); got != string(want) {
			at := slices.IndexFunc(want, func(byte) bool { return true })
			for at < min(len(want), len(got)) && want[at] == got[at] {
				at++
			}
			t.Fatalf("reads as %d bytes, want %d; they differ at %d", len(got), len(want), at)
		}
	}
	r.shut(h)
	r.finish()
	for _, i := range r.All() {
		r.Retry(i.Key)
	}
	r.finish()
	if len(want) == 0 {
		return
	}
	newest, older, _ := strings.Cut(strings.TrimPrefix(strings.Join(r.f.tree(), "\n"), "folder-a/a = "), " | ")
	if newest != seen(string(want)) || string(want) != old && !strings.HasPrefix(older, seen(old)) {
		t.Errorf("Frame.io has %s of %s, want %s", newest, older, seen(string(want)))
	}
	r.expectEmpty()
}

// outside is the one thing that is in no stack.
func (f *fake) outside() remote.Item {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.assets {
		if a.stack == "" {
			return f.item(a)
		}
	}
	panic("Frame.io has nothing")
}

// What was written as it was and renamed becomes no version, but has its new name.
func TestTheSameBytesRenamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		doc := f.put(folderA, "doc", "as it was")
		e, err := r.Change(Target{Parent: folderA, Name: "doc", Replaces: doc}, Attr{}, "", r.was(doc, nil), false)
		r.must(err)
		h := r.opened(e, true)
		r.put(h, 0, "as")
		r.shut(h)
		r.must(e.Retarget(Target{Parent: folderA, Name: "other", Replaces: doc}))
		r.finish()
		r.expect("folder-a/other = as it was")
		r.expectEmpty()
	})
}

// A block that was fetched and cut is not as it was any more, as far as anything may have been written behind the cut.
func TestCutIsNotAsItWasFetched(t *testing.T) {
	var lacks atomic.Int64
	dir := t.TempDir()
	b, err := makeBlocks(dir, 4846, &lacks)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if err := b.mark(span{0, 4846}, func(int64) (byte, span) { return fetched, span{} }); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keep, size int64
		want       bool
	}{{4846, 4846, true}, {4294, 4846, false}, {4294, 4294, true}} {
		if err := b.shrink(c.keep); err != nil {
			t.Fatal(err)
		}
		if got, err := fetchedBlocks(filepath.Join(dir, blocksName), c.size); err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("cut to %d, of %d bytes: %v, %v", c.keep, c.size, got, err)
		}
	}
}
