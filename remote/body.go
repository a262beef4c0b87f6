package remote

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// partBody is a part on its way: it counts what the connection takes and keeps the guard awake.
type partBody interface {
	io.ReadCloser
	// finish ends the accounting of an attempt and answers how much went out. If the part was not accepted whole, its
	// bytes are taken back from the progress; ours tells if that was our own doing.
	finish(accepted bool) (sent int64, ours error)
	// sum is the checksum of what went out, to be asked before finish; nil if it is not known.
	sum() hash.Hash64
}

// newPartBody picks the body that costs least: over a plain connection, a file's bytes need not pass through this process.
func (c *Conn) newPartBody(ctx context.Context, body io.ReaderAt, part Part, plain bool, guard *time.Timer, report func(int64)) partBody {
	if file, ok := body.(*os.File); ok && plain && part.Size > 0 && !c.up.on() {
		if own, err := reopen(file); err == nil {
			if _, err := own.Seek(part.Off, io.SeekStart); err == nil {
				return newFileBody(own, part, guard, report)
			}
			own.Close()
		}
	}
	return &readerBody{ctx: ctx, r: io.NewSectionReader(body, part.Off, part.Size), line: &c.up, guard: guard, report: report, crc: newSum()}
}

// bodyError is a failure to read our own bytes; trying again would not help and must not look like the link's fault.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "read spooled bytes: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

var errShort = fmt.Errorf("the file is shorter than announced: %w", io.ErrUnexpectedEOF)

// readerBody is a part of anything that can be read.
type readerBody struct {
	ctx    context.Context
	r      *io.SectionReader
	line   *bandwidth
	guard  *time.Timer
	report func(int64)

	mu     sync.Mutex // guards what follows: after an early answer the transport may still be reading
	sent   int64
	done   bool
	failed *bodyError
	crc    hash.Hash64
}

func (b *readerBody) Read(p []byte) (int, error) {
	if left := b.r.Size() - b.at(); left > 0 {
		p = p[:b.line.clip(int(min(int64(len(p)), left)))]
		if err := b.line.wait(b.ctx, len(p)); err != nil {
			return 0, err
		}
	}
	n, err := b.r.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > 0 && !b.done {
		b.guard.Reset(stall)
		b.sent += int64(n)
		b.crc.Write(p[:n])
		b.report(int64(n))
	}
	if err == io.EOF && b.sent < b.r.Size() && !b.done {
		err = errShort
	}
	if err != nil && err != io.EOF {
		b.failed = &bodyError{err}
		return n, b.failed
	}
	return n, err
}

func (b *readerBody) at() int64 {
	at, _ := b.r.Seek(0, io.SeekCurrent)
	return at
}

func (b *readerBody) Close() error { return nil }

func (b *readerBody) sum() hash.Hash64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sent < b.r.Size() {
		return nil // an early answer
	}
	return b.crc
}

func (b *readerBody) finish(accepted bool) (sent int64, ours error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = true
	if accepted && b.sent == b.r.Size() {
		return b.sent, nil
	}
	b.report(-b.sent)
	if b.failed != nil {
		return b.sent, b.failed
	}
	return b.sent, nil
}

// reopen answers a file of its own on the same bytes, so that parts that are sent at once each have their own offset. It
// works where /proc does, also for files that have been renamed or unlinked.
func reopen(file *os.File) (*os.File, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var own *os.File
	var openErr error
	err = raw.Control(func(fd uintptr) { own, openErr = os.Open(fmt.Sprintf("/proc/self/fd/%d", fd)) })
	return own, errors.Join(err, openErr)
}

// fileBody is a part of a file that the kernel sends by itself: because it has a SyscallConn, net's TCP connection hands it
// to sendfile(2), and the file's own offset tells how far that has come. Without sendfile it is read like any other.
type fileBody struct {
	end    int64
	guard  *time.Timer
	report func(int64)
	stop   chan struct{} // closed to end the watch
	watch  sync.WaitGroup

	mu       sync.Mutex // guards what follows
	file     *os.File   // nil once closed
	first    int64
	at       int64 // offset that has been reported
	failed   *bodyError
	finished bool
}

// tick is how often the offset is looked at.
const tick = 200 * time.Millisecond

func newFileBody(own *os.File, part Part, guard *time.Timer, report func(int64)) *fileBody {
	b := &fileBody{end: part.Off + part.Size, guard: guard, report: report, stop: make(chan struct{}), file: own, first: part.Off, at: part.Off}
	b.watch.Go(func() {
		t := time.NewTicker(tick)
		defer t.Stop()
		for {
			select {
			case <-b.stop:
				return
			case <-t.C:
				b.mu.Lock()
				b.look()
				b.mu.Unlock()
			}
		}
	})
	return b
}

// look reports how far the offset has come since it was last looked at, and answers it.
func (b *fileBody) look() int64 {
	if b.file == nil || b.finished {
		return b.at
	}
	if at, err := b.file.Seek(0, io.SeekCurrent); err == nil && at > b.at {
		b.guard.Reset(stall)
		b.report(at - b.at)
		b.at = at
	}
	return b.at
}

// sum is not known: the bytes do not come by here.
func (b *fileBody) sum() hash.Hash64 { return nil }

// SyscallConn is for sendfile.
func (b *fileBody) SyscallConn() (syscall.RawConn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file == nil {
		return nil, os.ErrClosed
	}
	return b.file.SyscallConn()
}

// Read serves connections without sendfile; after one with it, it tells that nothing is left.
func (b *fileBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file == nil {
		return 0, os.ErrClosed
	}
	at := b.look()
	if at >= b.end {
		return 0, io.EOF
	}
	n, err := b.file.Read(p[:min(int64(len(p)), b.end-at)])
	if err == io.EOF {
		err = errShort
	}
	if err != nil {
		b.failed = &bodyError{err}
		return n, b.failed
	}
	b.look()
	return n, nil
}

// Close lets go of the file. The transport calls it, on errors perhaps later than finish.
func (b *fileBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file == nil {
		return nil
	}
	b.look()
	file := b.file
	b.file = nil
	return file.Close()
}

func (b *fileBody) finish(accepted bool) (sent int64, ours error) {
	close(b.stop)
	b.watch.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look()
	b.finished = true
	sent = b.at - b.first
	if accepted && b.at == b.end {
		return sent, nil
	}
	b.report(-sent)
	if b.failed != nil {
		return sent, b.failed
	}
	return sent, nil
}
