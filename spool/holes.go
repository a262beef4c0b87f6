package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Punch makes n bytes from off zero and gives their room back to the disk. The size stays: beyond it there is nothing to punch.
func (h *Handle) Punch(ctx context.Context, off, n int64) error {
	if n <= 0 {
		return fmt.Errorf("punch %d bytes: %w", n, syscall.EINVAL)
	}
	h.e.look()
	end := off + n
	if size := h.e.Size(); off >= 0 && off < end && end > size {
		end = max(off, size)
	}
	if end == off && h.write && !h.released.Load() {
		return nil
	}
	s := span{off, end}
	return h.modify(ctx, s, math.MaxInt64, h.alone(func(e *Entry) error {
		if s.end = min(s.end, e.size.Load()); s.end <= s.off {
			return nil // truncated meanwhile
		}
		_, err := e.over(s, func() (int, error) {
			if err := wipe(e.data, s.off, s.len()); err != nil {
				return 0, err
			}
			return int(s.len()), nil
		})
		if err != nil {
			return err
		}
		e.changed()
		if e.broken.Load() {
			e.heal(s)
		}
		return nil
	}))
}

// Zero makes n bytes from off zero and keeps room for them on the disk; the size grows to off+n unless keepSize is set.
func (h *Handle) Zero(ctx context.Context, off, n int64, keepSize bool) error {
	if err := h.Punch(ctx, off, n); err != nil {
		return err
	}
	return h.Allocate(ctx, off, n, keepSize)
}

// wipe makes bytes zero, by a hole where the disk can have one.
func wipe(f *os.File, off, n int64) error {
	err := punch(f, off, n)
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return writeZeros(f, off, n)
}

func writeZeros(f *os.File, off, n int64) error {
	_, err := io.Copy(io.NewOffsetWriter(f, off), io.LimitReader(zeros{}, n))
	return err
}

// zeros reads as nothing but zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// SeekData is lseek(2) with SEEK_DATA: where, from off on, the first data are. What nothing was written to is a hole; of an
// asset all is data that was not modified. If there are none: syscall.ENXIO.
func (h *Handle) SeekData(off int64) (int64, error) {
	return h.seek(off, seekData, func(int64) int64 { return off })
}

// SeekHole is lseek(2) with SEEK_HOLE: where, from off on, the first hole is; there is one at the end. Beyond it: syscall.ENXIO.
func (h *Handle) SeekHole(off int64) (int64, error) {
	return h.seek(off, seekHole, func(size int64) int64 { return size })
}

// seek asks the disk, or solid where all is data.
func (h *Handle) seek(off int64, whence int, solid func(size int64) int64) (int64, error) {
	if h.released.Load() {
		return 0, ErrClosed
	}
	e := h.e
	e.look()
	e.gate.RLock()
	defer e.gate.RUnlock()
	size := e.size.Load()
	switch {
	case off < 0 || off >= size:
		return 0, syscall.ENXIO
	case e.data == nil:
		return solid(size), nil
	}
	at, err := unix.Seek(int(e.data.Fd()), off, whence)
	for _, gap := range e.blocks.gaps(span{off, size}) { // what is base's is data, though our disk has a hole there
		switch {
		case whence == seekData && (err != nil || gap.off < at):
			return gap.off, nil
		case whence == seekHole && err == nil && gap.off <= at && at < gap.end:
			at, err = unix.Seek(int(e.data.Fd()), gap.end, whence)
			if errors.Is(err, syscall.ENXIO) { // there is one at the end
				at, err = size, nil
			}
		}
	}
	return at, err
}
