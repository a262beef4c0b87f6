package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/fs"
)

// maxAccessLog is the size, in bytes, beyond which an access log is put aside as FILE.1 and begun anew: so it takes twice that at most.
const maxAccessLog = 64 << 20

// accessLog is a line for each request of a program that reads, writes or changes something.
type accessLog struct {
	log      *slog.Logger
	file     *rotating
	programs programNames
}

func openAccessLog(path, format string) (*accessLog, error) {
	f, err := openRotating(path, maxAccessLog)
	if err != nil {
		return nil, fail("", "--access-log: %w", err)
	}
	opts := &slog.HandlerOptions{ReplaceAttr: bareAccess}
	var h slog.Handler = slog.NewTextHandler(f, opts)
	if format == "json" {
		h = slog.NewJSONHandler(f, opts)
	}
	return &accessLog{log: slog.New(h), file: f}, nil
}

// bareAccess leaves out what is the same in every line.
func bareAccess(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
		return slog.Attr{}
	}
	return a
}

// matters are the kinds of requests that are logged: not those of ls and stat, of which there are hundreds for each of these.
var matters = map[fs.Kind]bool{
	fs.Open: true, fs.Create: true, fs.Read: true, fs.Write: true, fs.Flush: true, fs.Fsync: true, fs.List: true, fs.Mkdir: true, fs.Rmdir: true,
	fs.Unlink: true, fs.Rename: true, fs.SetAttr: true, fs.Copy: true, fs.Allocate: true,
}

// note writes the line of a request.
func (l *accessLog) note(op fs.Op) {
	if !matters[op.Kind] {
		return
	}
	path, ok := op.Path()
	if !ok {
		path = "?/" + path
	}
	attrs := []slog.Attr{slog.String("op", op.Kind.String()), slog.String("path", path)}
	if op.Kind == fs.Rename {
		to, _ := op.ToPath()
		attrs = append(attrs, slog.String("to", to))
	}
	attrs = append(attrs, slog.Int("pid", int(op.PID)), slog.String("program", l.programs.of(op.PID, op.Begun)))
	switch op.Kind {
	case fs.Read:
		from := "cache"
		if op.Missing > 0 {
			from = "network"
		}
		attrs = append(attrs, slog.Int64("offset", op.Off), slog.Int64("bytes", op.Bytes), slog.String("from", from), slog.Int64("missing", op.Missing))
	case fs.Write, fs.Copy:
		attrs = append(attrs, slog.Int64("offset", op.Off), slog.Int64("bytes", op.Bytes))
	}
	attrs = append(attrs, slog.Float64("ms", float64(op.Took.Microseconds())/1000))
	if op.Errno != 0 {
		attrs = append(attrs, slog.String("err", op.Errno.Error()))
	}
	r := slog.NewRecord(op.Begun, slog.LevelInfo, "", 0)
	r.AddAttrs(attrs...)
	l.log.Handler().Handle(context.Background(), r)
}

func (l *accessLog) Close() error { return l.file.Close() }

// rotating is a file that is put aside when it has grown to a size.
type rotating struct {
	path string
	most int64

	mu     sync.Mutex // guards what follows
	f      *os.File
	size   int64
	failed time.Time // when it could not be written last
}

func openRotating(path string, most int64) (*rotating, error) {
	r := &rotating{path: path, most: most}
	return r, r.open()
}

func (r *rotating) open() error {
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		f.Close()
		return fmt.Errorf("%s is not a file", r.path)
	}
	r.f, r.size = f, fi.Size()
	return nil
}

// Write writes whole lines. A log that cannot be written is no trouble for who reads and writes: lines are lost, and after a second it is
// tried again.
func (r *rotating) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.f != nil && r.size > 0 && r.size+int64(len(line)) > r.most {
		r.f.Close()
		r.f = nil
		os.Rename(r.path, r.path+".1")
	}
	if r.f == nil {
		if time.Since(r.failed) < time.Second {
			return 0, io.ErrClosedPipe
		}
		if err := r.open(); err != nil {
			r.failed = time.Now()
			return 0, err
		}
	}
	n, err := r.f.Write(line)
	r.size += int64(n)
	return n, err
}

// Close closes the file.
func (r *rotating) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.f == nil {
		return nil
	}
	f := r.f
	r.f, r.failed = nil, time.Now().Add(1000*time.Hour) // and it stays so
	return f.Close()
}
