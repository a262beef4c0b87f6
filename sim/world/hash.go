package world

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// hasher finds out checksums in the background, one body at a time (spec: frameio-v2.md §4.2: xxHash64 of the
// original, lower-case hex, asynchronous).
type hasher struct {
	w    *World
	done sync.WaitGroup

	mu      sync.Mutex
	wake    *sync.Cond
	queue   []ID
	stopped bool
}

func startHasher(w *World) *hasher {
	h := &hasher{w: w}
	h.wake = sync.NewCond(&h.mu)
	h.done.Go(h.run)
	return h
}

func (h *hasher) add(media ID) {
	if h == nil || h.w.behaviour.NoChecksum {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queue = append(h.queue, media)
	h.wake.Signal()
}

func (h *hasher) stop() {
	h.mu.Lock()
	h.stopped = true
	h.wake.Signal()
	h.mu.Unlock()
	h.done.Wait()
}

func (h *hasher) next() (ID, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.queue) == 0 && !h.stopped {
		h.wake.Wait()
	}
	if h.stopped {
		return "", false
	}
	id := h.queue[0]
	h.queue = h.queue[1:]
	return id, true
}

func (h *hasher) run() {
	for {
		id, ok := h.next()
		if !ok {
			return
		}
		if h.w.hasSum(id) {
			continue
		}
		sum, err := h.sum(h.w.bodyPath(id))
		if errors.Is(err, errStopped) {
			return // the next start of this world hashes it
		}
		if err == nil {
			err = h.w.setSum(id, sum)
		}
		if err != nil {
			h.w.log.Error("hash original", "media", id, "err", err)
		}
	}
}

var errStopped = errors.New("stopped")

// sum reads in pieces and gives up when the world closes.
func (h *hasher) sum(path string) (string, error) {
	d := xxhash.New()
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("%016x", d.Sum64()), nil // an empty file needs no body
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := f.Read(*buf)
		d.Write((*buf)[:n])
		if errors.Is(err, io.EOF) {
			return fmt.Sprintf("%016x", d.Sum64()), nil
		}
		if err != nil {
			return "", err
		}
		h.mu.Lock()
		stopped := h.stopped
		h.mu.Unlock()
		if stopped {
			return "", errStopped
		}
	}
}

func (w *World) hasSum(media ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sums[media] != ""
}

func (w *World) setSum(media ID, sum string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sums[media] = sum
	w.journal.add("sum", sumRecord{media, sum})
	if w.seeding != nil {
		return nil
	}
	return w.journal.flush()
}
