package fs

import (
	"sync"
	"syscall"
	"time"
)

// late remembers a read that had no answer in time. The kernel reads pages ahead, and of one that did not come it asks once more, by itself
// and at once: whoever waits has waited long enough by then.
type late struct {
	mu       sync.Mutex
	off, end int64 // bytes of the file
	at       time.Time
}

// lateness is within what time the kernel asks again.
const lateness = time.Second

// again reports whether a read is one that had no answer just now.
func (l *late) again(off int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return off >= l.off && off < l.end && time.Since(l.at) < lateness
}

// note takes what a read came to.
func (l *late) note(off int64, size int, err syscall.Errno) {
	if err != syscall.ETIMEDOUT {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	end := off + int64(size)
	if time.Since(l.at) < lateness && off <= l.end && end >= l.off { // reads ahead come to nothing together
		off, end = min(off, l.off), max(end, l.end)
	}
	l.off, l.end, l.at = off, end, time.Now()
}
