package remote

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// ErrFault is a failure of this program itself. It says nothing about Frame.io, and trying again may or may not help.
var ErrFault = errors.New("frameiofs itself has failed here (its log tells where): please report it")

// Contain calls do, and turns a panic into ErrFault: whatever goes wrong with one file, answer or folder must not take the mount
// down with everything that is open in it. It belongs around the work of a goroutine, and do must not hold a lock without a defer.
// The stack goes to the log, because no error carries one; the error does not repeat what was panicked with, which may be anything.
func Contain(log *slog.Logger, what string, do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			log.Error("frameiofs has failed inside; please report this", "doing", what, "cause", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = fmt.Errorf("%s: %w", what, ErrFault)
		}
	}()
	return do()
}
