package spool

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// What users do. Each finds somebody to do it to, or does nothing.

func (u *user) step() {
	if u.paused && u.rng.IntN(4) == 0 {
		u.pause()
	}
	ops := []struct {
		weight int
		do     func()
	}{
		{5, u.create}, {8, u.write}, {2, u.cutOff}, {1, u.again}, {2, u.touch}, {1, u.pause}, {6, u.close}, {2, u.fsync}, {4, u.reopen}, {2, u.rename}, {3, u.renameOver}, {2, u.unlink},
		{2, u.clone}, {1, u.exchange}, {2, u.mkdir}, {2, u.move}, {1, u.rmdir}, {5, u.wait},
	}
	n := 0
	for _, op := range ops {
		n += op.weight
	}
	n = u.rng.IntN(n)
	for _, op := range ops {
		if n -= op.weight; n < 0 {
			op.do()
			return
		}
	}
}

func (u *user) wait() {
	d := time.Duration(u.rng.IntN(1<<u.rng.IntN(13))) * time.Millisecond
	u.note(fmt.Sprint("wait ", d))
	time.Sleep(d)
}

func (u *user) create() {
	d := u.folder()
	th := u.begin(false, version{gone: true, at: time.Now()})
	name := u.free(d, nil)
	u.change(fmt.Sprintf("create %d as %s in %d", th.id, name, d.id), func() {
		e, err := u.Create(Target{Parent: u.ref(d), Name: name}, Attr{})
		u.must(err)
		th.h = u.opened(u.known(e, th), true)
	}, map[*thing]func(*version){th: func(v *version) { v.gone, v.in, v.name, v.open = false, d, name, true }})
}

func (u *user) opened1() *thing { return u.pick(func(th *thing) bool { return th.h != nil }) }

func (u *user) write() {
	th := u.opened1()
	if th == nil {
		return
	}
	b := []byte(th.now().data)
	s := u.content(1 + u.rng.IntN(1500))
	off := u.rng.IntN(len(b) + 1)
	if u.rng.IntN(2) == 0 {
		off = len(b)
	}
	b = append(b, make([]byte, max(0, off+len(s)-len(b)))...)
	copy(b[off:], s)
	u.change(fmt.Sprintf("write %d bytes at %d of %d", len(s), off, th.id), func() { u.put(th.h, int64(off), s) },
		map[*thing]func(*version){th: func(v *version) { v.data, v.open = string(b), true }})
}

func (u *user) cutOff() {
	th := u.opened1()
	if th == nil {
		return
	}
	n := u.rng.IntN(len(th.now().data) + 500)
	b := append([]byte(th.now().data), make([]byte, 500)...)[:n]
	if n == len(th.now().data) {
		return
	}
	u.change(fmt.Sprintf("truncate %d to %d", th.id, n), func() { u.must(th.h.Truncate(u.t.Context(), int64(n))) },
		map[*thing]func(*version){th: func(v *version) { v.data, v.open = string(b), true }})
}

// again writes what is there.
func (u *user) again() {
	th := u.opened1()
	if th == nil || th.now().data == "" {
		return
	}
	b := th.now().data
	off := u.rng.IntN(len(b))
	n := 1 + u.rng.IntN(len(b)-off)
	u.change(fmt.Sprintf("write %d bytes at %d of %d as they are", n, off, th.id), func() { u.put(th.h, int64(off), b[off:off+n]) },
		map[*thing]func(*version){th: func(v *version) { v.open = true }})
}

// touch opens a file, writes what is there, and closes it.
func (u *user) touch() {
	th := u.still()
	if th == nil || th.now().data == "" {
		return
	}
	u.open(th)
	b := th.now().data
	off := u.rng.IntN(len(b))
	u.change(fmt.Sprintf("write %d's end as it is", th.id), func() { u.put(th.h, int64(off), b[off:]) },
		map[*thing]func(*version){th: func(v *version) { v.open = true }})
	u.shutting(th)
}

func (u *user) close() {
	if th := u.opened1(); th != nil {
		u.shutting(th)
	}
}

func (u *user) shutting(th *thing) {
	h := th.h
	u.change(fmt.Sprint("close ", th.id), func() { u.must(h.Flush(u.t.Context(), Closing{PID: 1})) },
		map[*thing]func(*version){th: func(v *version) { v.open = false }})
	if u.rng.IntN(4) == 0 {
		u.must(h.Sync(u.t.Context()))
		u.sure(th)
	}
	h.Release()
	th.h = nil
}

// sure notes that what a file is now survives a loss of power, and so does the folder that it is in.
func (u *user) sure(th *thing) {
	u.must(u.names.Sync(u.t.Context())) // as package fs does
	u.mu.Lock()
	th.hist[len(th.hist)-1].sure = true
	u.mu.Unlock()
	u.told("sure")
}

func (u *user) fsync() {
	if th := u.opened1(); th != nil {
		u.note(fmt.Sprint("fsync ", th.id))
		u.must(th.h.Sync(u.t.Context()))
		u.sure(th)
	}
}

// still is a file that nobody has open.
func (u *user) still() *thing {
	return u.pick(func(th *thing) bool { return !th.dir && th.h == nil })
}

func (u *user) reopen() {
	if th := u.still(); th != nil {
		u.open(th)
	}
}

func (u *user) open(th *thing) {
	u.note(fmt.Sprint("open ", th.id))
	h, err := u.entry(th).Open(true)
	if errors.Is(err, ErrGone) { // it settled under our hands
		h, err = u.entry(th).Open(true)
	}
	u.must(err)
	th.h = h
}

// rename gives a file a free name.
func (u *user) rename() {
	th := u.still()
	if th == nil {
		return
	}
	d := u.folder()
	name := u.free(d, nil)
	u.change(fmt.Sprintf("rename %d to %s in %d", th.id, name, d.id), func() {
		for {
			e := u.before(th)
			if e == nil {
				it, _ := u.asset(th)
				was := th.hist[len(th.hist)-2]
				it.Name = was.name
				_, err := u.names.Relocate(u.t.Context(), it, u.ref(was.in), u.ref(d), name)
				u.must(err)
				return
			}
			err := e.Retarget(Target{Parent: u.ref(d), Name: name, Replaces: e.Target().Replaces})
			if errors.Is(err, ErrGone) {
				continue
			}
			u.must(err)
			return
		}
	}, map[*thing]func(*version){th: func(v *version) { v.in, v.name = d, name }})
}

// before is find for what was there before the change that is going on.
func (u *user) before(th *thing) *Entry {
	v := th.hist[len(th.hist)-2]
	return u.Find(u.ref(v.in).ID, v.name)
}

// renameOver moves a new file over another one, as a safe save does.
func (u *user) renameOver() {
	th := u.pick(func(th *thing) bool {
		e := (*Entry)(nil)
		if !th.dir && th.h == nil {
			e = u.find(th)
		}
		return e != nil && e.Target().Replaces.IsZero()
	})
	if th == nil {
		return
	}
	e := u.find(th)
	over := u.pick(func(o *thing) bool { return !o.dir && o != th && o.h == nil })
	if over == nil {
		return
	}
	d, name := over.now().in, over.now().name
	if u.ref(th.now().in) == u.ref(d) && th.now().name == name {
		return
	}
	done := false
	do := func() {
		var replaces remote.Ref
		if it, ok := u.asset(over); ok {
			replaces = it.Ref
		}
		err := e.Retarget(Target{Parent: u.ref(d), Name: name, Replaces: replaces})
		if !errors.Is(err, ErrGone) {
			u.must(err)
			done = true
		}
	}
	// It may settle just now: then nothing is done, and nothing was promised.
	u.change(fmt.Sprintf("rename %d over %d", th.id, over.id), do, map[*thing]func(*version){
		th:   func(v *version) { v.in, v.name = d, name },
		over: func(v *version) { v.gone, v.over = true, th },
	})
	if !done {
		u.note("no: it has settled")
		u.mu.Lock()
		th.hist, over.hist = th.hist[:len(th.hist)-1], over.hist[:len(over.hist)-1]
		u.mu.Unlock()
	}
}

func (u *user) unlink() {
	th := u.still()
	if th == nil {
		return
	}
	if u.paused { // Spare would wait
		u.pause()
	}
	u.change(fmt.Sprint("unlink ", th.id), func() {
		e := u.before(th)
		was := th.hist[len(th.hist)-2]
		if e != nil {
			if err := e.Discard(); err != nil && !errors.Is(err, ErrGone) {
				u.t.Fatal(err)
			}
		}
		it, ok := u.asset(th)
		if e != nil && !ok && !e.Target().Replaces.IsZero() {
			it, ok = u.f.look(e.Target().Replaces), true
		}
		if ok {
			it.Name = was.name
			if err := u.Spare(u.t.Context(), it); err != nil {
				u.note(fmt.Sprint("not spared: ", err))
			}
			u.must(u.names.Remove(u.t.Context(), it, u.ref(was.in)))
		}
	}, map[*thing]func(*version){th: func(v *version) { v.gone = true }})
}

// clone copies a file of Frame.io's without moving a byte.
func (u *user) clone() {
	src := u.pick(func(th *thing) bool {
		_, ok := u.asset(th)
		return ok && !th.dir && th.h == nil && th.now().data != "" && u.find(th) == nil
	})
	if src == nil {
		return
	}
	it, _ := u.asset(src)
	it.Name, it.Size, it.State = src.now().name, int64(len(src.now().data)), remote.Uploaded
	d := u.folder()
	th := u.begin(false, version{gone: true, at: time.Now()})
	name := u.free(d, nil)
	u.change(fmt.Sprintf("copy %d to %d as %s in %d", src.id, th.id, name, d.id), func() {
		e, err := u.Create(Target{Parent: u.ref(d), Name: name}, Attr{})
		u.must(err)
		th.h = u.opened(u.known(e, th), true)
		u.must(th.h.Clone(u.t.Context(), it, 0, it.Size))
	}, map[*thing]func(*version){th: func(v *version) {
		v.gone, v.in, v.name, v.open, v.data = false, d, name, true, src.now().data
	}})
}

func (u *user) exchange() {
	a := u.pick(func(th *thing) bool { return !th.dir && th.h == nil && u.find(th) != nil })
	b := u.pick(func(th *thing) bool { return !th.dir && th.h == nil && th != a && u.find(th) != nil })
	if a == nil || b == nil {
		return
	}
	ea, eb, va, vb := u.find(a), u.find(b), a.now(), b.now()
	ok := false
	u.change(fmt.Sprintf("exchange %d and %d", a.id, b.id), func() {
		err := u.Exchange(ea, eb)
		if !errors.Is(err, ErrGone) {
			u.must(err)
			ok = true
		}
	}, map[*thing]func(*version){
		a: func(v *version) { v.in, v.name = vb.in, vb.name },
		b: func(v *version) { v.in, v.name = va.in, va.name },
	})
	if !ok {
		u.note("no: one has settled")
		u.mu.Lock()
		a.hist, b.hist = a.hist[:len(a.hist)-1], b.hist[:len(b.hist)-1]
		u.mu.Unlock()
	}
}

// pause stops all uploads, or has them go on.
func (u *user) pause() {
	if u.paused = !u.paused; u.paused {
		u.note("pause")
		u.must(u.PauseAll())
		return
	}
	u.note("resume")
	u.must(u.ResumeAll())
}

func (u *user) mkdir() {
	d := u.folder()
	th := u.begin(true, version{gone: true, at: time.Now()})
	name := u.free(d, th)
	u.change(fmt.Sprintf("mkdir %s in %d", name, d.id), func() {
		it, err := u.names.Mkdir(u.t.Context(), u.ref(d), name)
		u.must(err)
		u.mu.Lock()
		th.item, th.there = it, true
		u.mu.Unlock()
	}, map[*thing]func(*version){th: func(v *version) { v.gone, v.in, v.name = false, d, name }})
}

func (th *thing) below(d *thing) bool {
	for ; th != nil; th = th.now().in {
		if th == d {
			return true
		}
	}
	return false
}

// move gives a folder another name and perhaps another place.
func (u *user) move() {
	th := u.pick(func(th *thing) bool { return th.dir && th.now().in != nil })
	if th == nil {
		return
	}
	d := u.pick(func(d *thing) bool { return d.dir && !d.below(th) })
	name, was := u.free(d, th), th.now()
	u.change(fmt.Sprintf("move folder %d to %s in %d", th.id, name, d.id), func() {
		it := th.item
		it.Ref, it.Name = u.ref(th), was.name
		_, err := u.names.Relocate(u.t.Context(), it, u.ref(was.in), u.ref(d), name)
		u.must(err)
	}, map[*thing]func(*version){th: func(v *version) { v.in, v.name = d, name }})
}

func (u *user) rmdir() {
	th := u.pick(func(d *thing) bool {
		return d.dir && d.now().in != nil && u.pick(func(th *thing) bool { return th.now().in == d }) == nil
	})
	if th == nil {
		return
	}
	was, refused := th.now(), false
	u.change(fmt.Sprint("rmdir ", th.id), func() {
		it := th.item
		it.Ref, it.Name = u.ref(th), was.name
		err := u.names.RemoveFolder(u.t.Context(), it, u.ref(was.in))
		if refused = errors.Is(err, syscall.ENOTEMPTY); !refused {
			u.must(err)
		}
	}, map[*thing]func(*version){th: func(v *version) { v.gone = true }})
	if refused { // something is in it that nobody knows: a placeholder whose answer was lost
		u.note("no: it is not empty")
		u.mu.Lock()
		th.hist = th.hist[:len(th.hist)-1]
		u.mu.Unlock()
	}
}

// story is what was done, up to a moment.
func (u *user) story(upTo int) string { return strings.Join(u.log[:upTo], "\n\t") }
