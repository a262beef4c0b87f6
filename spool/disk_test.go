package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func TestOneOwner(t *testing.T) {
	r := newRig(t, newFake())
	_, err := Open(r.cfg)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), r.cfg.Dir) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second owner gets %v", err)
	}
	r.end()
	r.open()
}

func TestStateFolderUnusable(t *testing.T) {
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{other: "another version", filepath.Join(file, "x"): "not a directory"}
	if os.Geteuid() != 0 { // root may write everywhere
		shut := t.TempDir()
		if err := os.Chmod(shut, 0o500); err != nil {
			t.Fatal(err)
		}
		cases[shut] = "--state-dir"
	}
	for dir, says := range cases {
		_, err := Open(Config{Dir: dir, Remote: newFake(), Settled: func(Info, remote.Item, string) error { return nil }})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", dir, err, says)
		}
	}
	if err := hint(&fs.PathError{Op: "mkdir", Path: "/x", Err: syscall.EROFS}); !strings.Contains(err.Error(), "--state-dir") {
		t.Errorf("read-only disk: %v", err)
	}
}

// What is damaged costs its name at most.
func TestDamagedEntries(t *testing.T) {
	for _, c := range []struct {
		name, file, with string
		st               Stage // of the entry when the machine dies
		want             string
	}{
		{"no name, sealed", recordName, `{"format":1,"key":`, Waiting, ""},
		{"another's name", recordName, `{"format":1,"key":"00000000000000000000000000000000","target":{"name":"x"}}`, Waiting, ""},
		{"URLs lost", uploadName, "{", Uploading, "folder-a/a = " + seen(long)},
		{"parts torn", partsName, "put file-1 1 00000000\nput fi", Uploading, "folder-a/a = " + seen(long)},
		{"confirmation lost", itemName, "", Settled, "folder-a/a = " + seen(long)},
		{"no name, settled", recordName, "", Settled, "folder-a/a = " + seen(long)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f, func(c *Config) { c.testOnlyFolders = true })
				r.end()
				tell := r.cfg.Settled
				r.cfg.Settled = func(Info, remote.Item, string) error { return errors.New("not yet") }
				r.open()
				r.start()
				if c.st == Uploading {
					f.hook(func(op, n string) error {
						if op == "put" && strings.HasSuffix(n, "/3") {
							return remote.ErrOffline
						}
						return nil
					}, nil)
				}
				e := r.at(c.st, "a", remote.Ref{})
				if c.st == Waiting {
					f.hook(fails("create", remote.ErrOffline), nil)
				}
				time.Sleep(time.Second)
				dir := e.dir()
				r.end()
				r.must(os.WriteFile(filepath.Join(dir, c.file), []byte(c.with), 0o600))
				f.hook(nil, nil)
				r.cfg.Settled = tell
				r.open()
				r.start()
				r.finish()
				if c.want != "" {
					r.expect(c.want)
					r.expectEmpty()
					return
				}
				r.expect()
				all := r.All()
				if len(all) != 1 || all[0].Stage != Parked || !strings.Contains(all[0].Reason, r.cfg.Dir) {
					t.Fatalf("left are %+v", all)
				}
				b, err := os.ReadFile(filepath.Join(r.cfg.Dir, parked, string(e.Key()), dataName))
				if err != nil || string(b) != long {
					t.Errorf("%d bytes are left, %v", len(b), err)
				}
			})
		})
	}
}

// Without a synced record, what was closed just before the power went is not taken for complete; after a second it is.
func TestPowerLoss(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		want  Stage
	}{{0, Held}, {time.Second, Settling}} {
		bubble(t, func(t *testing.T) {
			f := newFake()
			r := newRig(t, f)
			r.file("a", "abc")
			time.Sleep(c.after)
			p := r.killed(func(c *Config) { c.testOnlyBoot = "another run of the machine" })
			i := p.Find("folder-a", "a").Info()
			if i.Stage != c.want || c.want == Held && !strings.Contains(i.Reason, "power") {
				t.Errorf("power lost %v after the close: it is %s because %q", c.after, i.Stage, i.Reason)
			}
		})
	}
}

// record is what the disk says about a young entry.
func (r *rig) record(e *Entry) (rec record, err error) {
	err = r.journal.look(e.key).read(recordName, &rec)
	return rec, err
}

// fsync makes it safe at once, and a rename does not make it less so.
func TestSync(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		e := r.file("a", "abc")
		r.must(e.Sync(t.Context()))
		if rec, err := r.record(e); err != nil || !rec.Synced || rec.Size != 3 {
			t.Errorf("after fsync the record is %+v, %v", rec, err)
		}
		r.must(e.Retarget(Target{Parent: folderB, Name: "b"}))
		if rec, err := r.record(e); err != nil || !rec.Synced || rec.Target.Name != "b" {
			t.Errorf("after the rename the record is %+v, %v", rec, err)
		}
		h := r.opened(e, true)
		r.put(h, 0, "x")
		if rec, err := r.record(e); err != nil || rec.Synced || !rec.Closed.IsZero() {
			t.Errorf("while it is written the record is %+v, %v", rec, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := h.Sync(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted fsync: %v", err)
		}
		h.Release()
	})
}

// A lazily written record may come to the disk empty; the one before still stands.
func TestRecordBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		e := r.file("a", "abc")
		e.step.Lock()
		r.must(e.grow(drafts))
		e.step.Unlock()
		r.must(e.Sync(t.Context()))
		r.must(e.SetAttr(Attr{Mode: 0o600}))
		dir := memDir(t)
		r.must(copyTree(filepath.Join(dir, "copy"), r.cfg.Dir))
		r.must(os.WriteFile(filepath.Join(dir, "copy", drafts, string(e.key), recordName), nil, 0o600))
		p := rigAt(t, r.f, filepath.Join(dir, "copy"))
		if got := p.Find("folder-a", "a"); got == nil || got.Info().Stage != Settling {
			t.Error("the file has lost its name")
		}
	})
}

// A disk that is full: the write says so, the close says so, and half a film does not leave.
func TestDiskFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		e := r.create("a")
		h := r.opened(e, true)
		r.put(h, 0, "abc")
		free := r.Free()
		r.fill()
		if n, err := h.WriteAt(t.Context(), []byte("def"), 3); n != 0 || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("wrote %d bytes: %v", n, err)
		}
		if err := h.Allocate(t.Context(), 0, 10, false); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("allocate: %v", err)
		}
		if _, err := r.Create(Target{Parent: folderA, Name: "b"}, Attr{}); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("create: %v", err)
		}
		if r.Find("folder-a", "b") != nil {
			t.Error("a file that could not be created is seen")
		}
		if r.Free() != 0 || free == 0 {
			t.Errorf("free: %d, then %d bytes", free, r.Free())
		}
		if err := h.Flush(t.Context(), Closing{}); err == nil {
			t.Error("close does not tell")
		}
		h.Release()
		r.finish()
		if i := e.Info(); i.Stage != Held || i.Quiet {
			t.Errorf("it is %+v", i)
		}
		r.expect()
		// With room again, the same write makes it good.
		r.space.keep = 0
		h = r.opened(e, true)
		r.put(h, 3, "def")
		r.shut(h)
		r.finish()
		r.expect("folder-a/a = abcdef")
	})
}

func TestHealedWrite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		h := r.opened(r.create("a"), true)
		r.put(h, 0, "abc")
		r.fill()
		if _, err := h.WriteAt(t.Context(), []byte("defghi"), 3); err == nil {
			t.Fatal("no error")
		}
		r.space.keep = 0
		r.put(h, 3, "def") // again, in two pieces
		r.put(h, 6, "ghi")
		r.shut(h)
		r.finish()
		r.expect("folder-a/a = abcdefghi")
	})
}

func TestReadAndWriteErrors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		e := r.create("a")
		h, rd := r.opened(e, true), r.opened(e, false)
		for _, c := range []struct {
			name string
			do   func() error
			want error
		}{
			{"write to a reader", func() error { _, err := rd.WriteAt(t.Context(), []byte("x"), 0); return err }, syscall.EBADF},
			{"truncate a reader", func() error { return rd.Truncate(t.Context(), 5) }, syscall.EBADF},
			{"negative offset", func() error { _, err := h.WriteAt(t.Context(), []byte("x"), -1); return err }, syscall.EINVAL},
			{"beyond everything", func() error { _, err := h.WriteAt(t.Context(), []byte("xx"), 1<<63-1); return err }, syscall.EFBIG},
			{"allocate nothing", func() error { return h.Allocate(t.Context(), 0, 0, true) }, syscall.EINVAL},
			{"a name twice", func() error { _, err := r.Create(e.Target(), Attr{}); return err }, fs.ErrExist},
			{"a key twice", func() error {
				_, err := r.Change(Target{Parent: folderA, Name: "b", Replaces: remote.Ref{Kind: remote.File, ID: "x"}}, Attr{}, e.Key(), remote.Item{}, true)
				return err
			}, fs.ErrExist},
		} {
			if err := c.do(); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		rd.Release()
		h.Release()
		h.Release() // harmless
		if _, err := h.WriteAt(t.Context(), []byte("x"), 0); !errors.Is(err, ErrClosed) {
			t.Errorf("write after release: %v", err)
		}
		for _, bad := range []Target{{Parent: folderA}, {Parent: remote.Ref{Kind: remote.Account, ID: "a"}, Name: "x"}} {
			if _, err := r.Create(bad, Attr{}); err == nil {
				t.Errorf("created %+v", bad)
			}
			if err := e.Retarget(bad); err == nil {
				t.Errorf("renamed to %+v", bad)
			}
		}
	})
}

// fill has the disk full at once.
func (r *rig) fill() {
	r.space.keep = 1 << 62
	r.space.left.Store(0)
}
