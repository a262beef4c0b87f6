package spool

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func fits(*os.File) bool { return true }

// past opens an entry for the kernel to write past the spool.
func (r *rig) past(e *Entry) (*Handle, *os.File) {
	r.t.Helper()
	h := r.opened(e, true)
	f, err := h.Past(false, fits)
	r.must(err)
	if f == nil {
		r.t.Fatal("the kernel may not write the file by itself")
	}
	return h, f
}

// unseen is what the kernel does with a write.
func (r *rig) unseen(f *os.File, off int64, s string) {
	r.t.Helper()
	_, err := f.WriteAt([]byte(s), off)
	r.must(err)
	for { // so that the next one has another time, however coarse the disk's times are
		st, err := f.Stat()
		r.must(err)
		if st.ModTime().Before(realNow().Add(-tick / 2)) {
			return
		}
	}
}

// realNow is the disk's time, which a bubble does not stop.
func realNow() time.Time {
	var t syscall.Timeval
	syscall.Gettimeofday(&t)
	return time.Unix(t.Sec, int64(t.Usec)*1000)
}

// What is written past the spool is seen, sent once, and its size and time are told at any moment.
func TestWrittenPast(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		e := r.create("a")
		h, data := r.past(e)
		r.unseen(data, 0, "abcdef")
		e.Look()
		if st, err := data.Stat(); err != nil || e.Size() != 6 || !e.Attr().Mtime.Equal(st.ModTime()) {
			t.Errorf("it has %d bytes of %v", e.Size(), e.Attr().Mtime)
		}
		when := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		r.must(e.SetAttr(Attr{Mtime: when}))
		e.Look()
		if got := e.Attr().Mtime; !got.Equal(when) {
			t.Errorf("the time that was set became %v", got)
		}
		r.must(h.Truncate(t.Context(), 4))
		r.unseen(data, 4, "XYZ")
		r.must(h.Flush(t.Context(), Closing{}))
		if got := e.Attr().Mtime; got.Equal(when) {
			t.Error("the time that was set outlives a write")
		}
		h.Release()
		r.finish()
		r.expect("folder-a/a = abcdXYZ")
		if n := f.count("create"); n != 1 {
			t.Errorf("%d assets were begun", n)
		}
		r.expectEmpty()
	})
}

// Who has written and closes is believed after the death of every process only if nothing was written since, and after a loss of power
// only once the last writer has let go.
func TestKilledWhileWrittenPast(t *testing.T) {
	for _, c := range []struct {
		name             string
		after            string // written after the close, by another descriptor
		release          bool
		rest             time.Duration
		killed, powerOff Stage
	}{
		{"closed", "", false, 0, Settling, Held},
		{"closed for long", "", false, time.Minute, Settling, Held},
		{"released", "", true, 0, Settling, Held},
		{"released for long", "", true, time.Second, Settling, Settling},
		{"written again", "more", false, 0, Held, Held},
		{"written again for long", "more", false, time.Minute, Held, Held},
	} {
		bubble(t, func(t *testing.T) {
			r := newRig(t, newFake())
			e := r.create("a")
			h, data := r.past(e)
			r.unseen(data, 0, "abc")
			r.must(h.Flush(t.Context(), Closing{}))
			if c.after != "" {
				time.Sleep(c.rest)
				r.unseen(data, 3, c.after)
			}
			if c.release {
				h.Release()
			}
			time.Sleep(c.rest)
			k := r.killed()
			if i := k.Find("folder-a", "a").Info(); i.Stage != c.killed {
				t.Errorf("%s, killed: it is %s because %q", c.name, i.Stage, i.Reason)
			}
			p := r.killed(func(c *Config) { c.testOnlyBoot = "another run of the machine" })
			if i := p.Find("folder-a", "a").Info(); i.Stage != c.powerOff {
				t.Errorf("%s, power lost: it is %s because %q", c.name, i.Stage, i.Reason)
			}
			if c.killed == Settling {
				k.start()
				k.finish()
				k.expect("folder-a/a = abc")
			}
			h.Release()
		})
	}
}

// The disk knows that a file is being written before the kernel may write it again, and an upload is stopped.
func TestOpenedAgainPast(t *testing.T) {
	for _, st := range []Stage{Settling, Uploading} {
		bubble(t, func(t *testing.T) {
			f := newFake()
			r := newRig(t, f)
			e := r.file("a", long)
			time.Sleep(time.Second)
			if st == Uploading {
				r.start()
				r.reach(e, st)
			}
			h := r.opened(e, true)
			rd := r.opened(e, false)
			if _, err := rd.Past(false, fits); err != nil {
				t.Fatal(err)
			}
			data, err := h.Past(st == Uploading, fits)
			if err != nil || data == nil {
				t.Fatalf("%s: no file, %v", st, err)
			}
			if rec, err := r.record(e); err != nil || !rec.Closed.IsZero() || r.journal.synced < e.line {
				t.Errorf("%s: while the kernel may write the disk says %+v, %v", st, rec, err)
			}
			r.unseen(data, 0, "NEW")
			if st != Uploading {
				r.start()
			}
			r.shut(h)
			rd.Release()
			r.finish()
			r.expect("folder-a/a = " + seen("NEW"+long[3:]))
		})
	}
}

// A handle by which nothing was written changes nothing: not who closed the file, nor whether it is held for that.
func TestNotWrittenPast(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		e := r.file("a", "abc")
		h, _ := r.past(e)
		r.must(h.Flush(t.Context(), Closing{Signalled: true}))
		h.Release()
		r.finish()
		r.expect("folder-a/a = abc")
		h2, data := r.past(r.create("b"))
		r.unseen(data, 0, "abc")
		r.must(h2.Flush(t.Context(), Closing{Signalled: true}))
		h2.Release()
		r.finish()
		r.expect("folder-a/a = abc")
	})
}

// What a mapping changes after the file was sealed is never mixed with what was there before: the upload begins anew, or another
// version follows.
func TestChangedThroughMapping(t *testing.T) {
	for _, st := range []Stage{Settling, Waiting, Uploading, Confirming} {
		bubble(t, func(t *testing.T) {
			f := newFake()
			r := newRig(t, f)
			h, data := r.past(r.create("a"))
			e := h.Entry()
			late, err := os.OpenFile(e.dataPath(), os.O_RDWR, 0) // in place of a mapping: mapped would find it
			r.must(err)
			r.unseen(data, 0, long)
			r.shut(h)
			late.Close()
			if st != Settling {
				r.start()
				if st == Waiting {
					f.hook(func(op, _ string) error {
						if op == "create" {
							time.Sleep(time.Second)
						}
						return nil
					}, nil)
				}
				if st == Waiting {
					r.reach(e, Uploading) // CreateFile has not answered yet
				} else {
					r.reach(e, st)
				}
			}
			late, err = os.OpenFile(e.dataPath(), os.O_RDWR, 0)
			r.must(err)
			r.unseen(late, 0, "NEW")
			r.must(late.Close())
			if st == Settling {
				r.start()
			}
			r.finish()
			want := "folder-a/a = " + seen("NEW"+long[3:])
			if got := f.tree(); len(got) != 1 || got[0] != want && got[0] != want+" | "+seen(long) {
				t.Errorf("changed while %s: %q", st, got)
			}
			r.expectEmpty()
		})
	}
}

// Nothing is sealed while somebody can still write.
func TestMapped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		h, data := r.past(r.create("a"))
		e := h.Entry()
		mapping, err := os.OpenFile(e.dataPath(), os.O_RDWR, 0)
		r.must(err)
		r.unseen(data, 0, "abc")
		r.shut(h)
		time.Sleep(time.Minute)
		if i := e.Info(); i.Stage != Settling || f.count("create") != 0 {
			t.Errorf("it is %s", i.Stage)
		}
		r.unseen(mapping, 0, "ABC")
		r.must(mapping.Close())
		r.finish()
		r.expect("folder-a/a = ABC")
		if n := f.count("create"); n != 1 {
			t.Errorf("%d assets were begun", n)
		}
	})
}

// At the limit of the disk close says so, and half a film does not leave.
func TestDiskFullPast(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		h, data := r.past(r.create("a"))
		r.unseen(data, 0, "abc")
		r.fill()
		if err := h.Flush(t.Context(), Closing{}); err == nil {
			t.Error("close does not tell")
		}
		h.Release()
		r.finish()
		if i := h.Entry().Info(); i.Stage != Held || i.Quiet {
			t.Errorf("it is %+v", i)
		}
		r.expect()
		h = r.opened(r.create2("b"), true)
		if got, err := h.Past(false, fits); got != nil || err != nil {
			t.Errorf("the kernel writes by itself though the disk is full, %v", err)
		}
		h.Release()
	})
}

// create2 is create on a disk that is full.
func (r *rig) create2(name string) *Entry {
	r.t.Helper()
	r.space.keep = 0
	e := r.create(name)
	r.fill()
	return e
}

// Who looks while another is given the file beside a writer disturbs neither: all of what is written past the spool is seen.
func TestLookedAtWhileGiven(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e := r.create("a")
		first, data := r.past(e)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 3000 {
				_, err := data.WriteAt([]byte{byte(i)}, int64(i))
				r.must(err)
				e.Look()
			}
		}()
		for range 1000 {
			h, _ := r.past(e)
			h.Release()
		}
		<-done
		if e.Look(); e.Size() != 3000 {
			t.Errorf("%d bytes are seen, not 3000", e.Size())
		}
		first.Release()
	})
}
