package bench

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reader reads films in one way, over and over, and knows what it saw.
type reader struct {
	*war
	random *rand.Rand
	saw    map[int]sight // by number of the film
	since  atomic.Int64  // when the call that is under way began, in Unix nanoseconds; 0 = none
	buf    []byte
}

// sight is the version that was last seen, by which life of the mount.
type sight struct {
	version int
	epoch   int64
}

// opened is an open film.
type opened struct {
	*os.File
	film    *target
	version int // -1: not known yet
	epoch   int64
}

func newReader(w *war, n int) *reader {
	return &reader{war: w, random: rand.New(rand.NewPCG(w.random.Uint64(), uint64(n))), saw: map[int]sight{}, buf: make([]byte, 1<<20)}
}

// run reads films until the shooting ends, and has an eye on calls that do not come back.
func (r *reader) run(read func(*reader, *target)) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-r.done:
				return
			default:
				read(r, r.files[r.random.IntN(len(r.files))])
			}
		}
	}()
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-ended:
			tick.Stop()
			return
		case <-tick.C:
			if began := r.since.Load(); began != 0 && time.Since(time.Unix(0, began)) > fireTimeout {
				r.t.Errorf("a call has not come back for %v", fireTimeout)
				tick.Stop()
				return // the goroutine is left to its call
			}
		}
	}
}

// call does one system call, and judges its error: nil, io.EOF, or one that was counted.
func (r *reader) call(what string, epoch int64, f func() error) error {
	began := time.Now()
	r.since.Store(began.UnixNano())
	err := f()
	r.since.Store(0)
	took := time.Since(began)
	switch {
	case err == nil || errors.Is(err, io.EOF):
	case r.epoch.Load() != epoch || epoch%2 == 1: // the mount was killed meanwhile
		r.tally.add("refused by a dead mount")
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, errFault):
		r.tally.add("refused: " + what)
		if took < 20*time.Second {
			r.tally.add("refused within 20 s")
			r.t.Logf("%s was refused after %v: %v", what, took.Round(time.Millisecond), err)
		}
	default:
		r.t.Errorf("%s: %v after %v", what, err, took.Round(time.Millisecond))
	}
	return err
}

// open opens a film; nil if that was refused.
func (r *reader) open(film *target) *opened {
	o := &opened{film: film, version: -1, epoch: r.epoch.Load()}
	if o.epoch%2 == 1 {
		time.Sleep(50 * time.Millisecond) // nothing is mounted
		return nil
	}
	if r.call("open", o.epoch, func() (err error) { o.File, err = os.Open(r.in(film.path)); return err }) != nil {
		return nil
	}
	r.tally.add("opened")
	return o
}

// readAt reads and judges; false if it is not worth going on.
func (r *reader) readAt(o *opened, p []byte, off int64) (n int, more bool) {
	err := r.call("read", o.epoch, func() (err error) { n, err = o.ReadAt(p, off); return err })
	if err != nil && !errors.Is(err, io.EOF) {
		return n, false
	}
	return n, r.judge(o, p[:n], off) && r.atEnd(o, off+int64(n), err != nil)
}

// judge wants p, read at off, to be of one version, and of the same one as everything before.
func (r *reader) judge(o *opened, p []byte, off int64) bool {
	if len(p) == 0 {
		return true
	}
	_, count := o.film.size(-1)
	if o.version >= 0 && isVersion(p, off, o.film.number, o.version) {
		r.tally.addN("bytes right", int64(len(p)))
		return true
	}
	for v := count - 1; v >= 0 && o.version < 0; v-- {
		if !isVersion(p, off, o.film.number, v) {
			continue
		}
		o.version = v
		if last, ok := r.saw[o.film.number]; ok && last.epoch == o.epoch && v < last.version {
			r.t.Errorf("%s shows version %d again after %d", o.film.path, v, last.version)
		}
		r.saw[o.film.number] = sight{v, o.epoch}
		r.tally.addN("bytes right", int64(len(p)))
		return true
	}
	r.t.Errorf("%s, opened as version %d of %d: wrong bytes in %d at %d: %s", o.film.path, o.version, count, len(p), off,
		describe(p, off, o.film.number, count))
	return false
}

// atEnd wants the end where the version ends.
func (r *reader) atEnd(o *opened, end int64, ended bool) bool {
	if o.version < 0 {
		return !ended
	}
	size, _ := o.film.size(o.version)
	if end > size || ended && end != size {
		r.t.Errorf("%s, opened as version %d of %d bytes, ends at %d", o.film.path, o.version, size, end)
	}
	return !ended
}

// whole reads a film from its beginning to its end.
func (r *reader) whole(film *target) {
	if o := r.open(film); o != nil {
		defer o.Close()
		r.readOn(o)
	}
}

func (r *reader) readOn(o *opened) {
	for off := int64(0); ; {
		n, more := r.readAt(o, r.buf[:256<<10], off)
		if off += int64(n); !more {
			return
		}
	}
}

// inOrder reads a film whole; now and then it stops in the middle, and goes on late.
func (r *reader) inOrder(film *target) {
	o := r.open(film)
	if o == nil {
		return
	}
	defer o.Close()
	for off := int64(0); ; {
		n, more := r.readAt(o, r.buf[:1+r.random.IntN(len(r.buf))], off)
		if off += int64(n); !more || r.random.IntN(100) == 0 {
			return
		}
		if r.random.IntN(20) == 0 {
			time.Sleep(time.Duration(r.random.IntN(500)) * time.Millisecond)
		}
	}
}

// anywhere reads pieces of a film.
func (r *reader) anywhere(film *target) {
	o := r.open(film)
	if o == nil {
		return
	}
	defer o.Close()
	if _, more := r.readAt(o, r.buf[:fireBlock], 0); !more {
		return
	}
	size, _ := film.size(o.version)
	for range 20 {
		off := r.random.Int64N(size)
		if n, more := r.readAt(o, r.buf[:1+r.random.IntN(300_000)], off); n == 0 && !more {
			return
		}
	}
}

// patient holds a film open while others make versions of it and this reader opens those too. What it holds stays what it was.
func (r *reader) patient(film *target) {
	o := r.open(film)
	if o == nil {
		return
	}
	defer o.Close()
	for range 1 + r.random.IntN(40) {
		if _, more := r.readAt(o, r.buf[:fireBlock], 0); !more {
			return
		}
		size, _ := film.size(o.version)
		off := r.random.Int64N(size)
		if n, more := r.readAt(o, r.buf[:1+r.random.IntN(300_000)], off); n == 0 && !more {
			return
		}
		if newer := r.open(film); newer != nil {
			r.readAt(newer, r.buf[:100_000], 0)
			if newer.version > o.version {
				r.tally.add("held while another version was read")
			}
			newer.Close()
		}
		time.Sleep(time.Duration(r.random.IntN(400)) * time.Millisecond)
	}
	r.readOn(o)
}

var errFault = errors.New("the mapping has no page there")

// mapped looks at a film through memory.
func (r *reader) mapped(film *target) {
	o := r.open(film)
	if o == nil {
		return
	}
	defer o.Close()
	if _, more := r.readAt(o, r.buf[:fireBlock], 0); !more {
		return
	}
	size, _ := film.size(o.version)
	var memory []byte
	if r.call("mmap", o.epoch, func() (err error) {
		memory, err = unix.Mmap(int(o.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
		return err
	}) != nil {
		return
	}
	defer unix.Munmap(memory)
	for range 20 {
		off := r.random.Int64N(size)
		n := min(size-off, int64(1+r.random.IntN(100_000)))
		if r.call("page", o.epoch, func() error { return copyMapped(r.buf[:n], memory, off) }) != nil || !r.judge(o, r.buf[:n], off) {
			return
		}
	}
}

// copyMapped copies out of a mapping. The pages are asked for by a call, which can be waited for without stopping the program, and
// fails with errFault; one that goes again before it is copied is a signal, which becomes that error too.
func copyMapped(to, memory []byte, off int64) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errFault, p)
		}
	}()
	first := off &^ int64(os.Getpagesize()-1)
	if err := unix.Madvise(memory[first:off+int64(len(to))], populate); err != nil {
		return fmt.Errorf("%w: %w", errFault, err)
	}
	copy(to, memory[off:])
	return nil
}
