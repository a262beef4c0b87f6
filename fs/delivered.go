package fs

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/frameiofs/frameiofs/spool"
)

// delivered waits, without the quiet time, until Frame.io has every byte of e. An entry that stays on this machine by its
// nature (a temporary name, no bytes) has nothing to wait for.
func (f *FS) delivered(ctx context.Context, e *spool.Entry) error {
	f.cfg.Spool.Hurry(e.Key())
	err := f.cfg.Spool.Wait(ctx, func(in spool.Info) bool { return in.Key == e.Key() })
	in := e.Info()
	if held := err == nil && in.Stage == spool.Held && !in.Quiet; !held && !errors.Is(err, spool.ErrParked) {
		return err
	}
	f.log.Error("close waited for Frame.io in vain", "name", e.Target().Name, "reason", in.Reason)
	if why := e.Refusal(); why != nil {
		return why
	}
	return fmt.Errorf("%w: %s", syscall.EIO, in.Reason)
}
