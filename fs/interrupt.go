package fs

import (
	"context"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// A caller's context ends when any signal reaches it, even one it handles; a read(2) that fails with EINTR for SIGALRM or
// SIGURG surprises every program (spec: fuse.md §3.1). A patient context ends only when the caller is being killed, or after
// the longest time a call may take.

// patient is ctx without the signals that do not kill, for one call's time. Call the returned function when the work is done.
func (f *FS) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return unsignalled(ctx, f.cfg.Timeout)
}

// lasting is patient without an end.
func (f *FS) lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return unsignalled(ctx, 1<<62)
}

func unsignalled(ctx context.Context, longest time.Duration) (context.Context, context.CancelFunc) {
	base, cancel := context.WithTimeout(context.Background(), longest)
	caller, ok := fuse.FromContext(ctx)
	if !ok || ctx.Done() == nil {
		return base, cancel
	}
	p := &patientContext{Context: base, cancel: cancel, asked: ctx.Done(), tid: caller.Pid}
	return p, cancel
}

// patientContext starts to watch for signals only when somebody waits on it: what the disk answers at once costs nothing.
type patientContext struct {
	context.Context
	cancel context.CancelFunc
	asked  <-chan struct{}
	tid    uint32
	watch  sync.Once
}

// Done implements context.Context.
func (p *patientContext) Done() <-chan struct{} {
	p.watch.Do(func() { go p.wait() })
	return p.Context.Done()
}

// wait ends the context when the caller got a signal that kills it.
func (p *patientContext) wait() {
	select {
	case <-p.Context.Done():
		return
	case <-p.asked:
	}
	again := time.NewTicker(250 * time.Millisecond)
	defer again.Stop()
	for !fatalSignal(p.tid) {
		select {
		case <-p.Context.Done():
			return
		case <-again.C:
		}
	}
	p.cancel()
}
