package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/frameiofs/frameiofs/remote"
)

// Errors of what a person asks of the cache. Use errors.Is.
var (
	ErrPinned = errors.New("it is pinned")
	ErrOpen   = errors.New("it is open")
	ErrTooBig = errors.New("the cache is too small")
)

// Pin makes sure that what comes here of it never gives way, not even after a restart. It fetches nothing: Warm does. More than
// the cache may hold, less a tenth that is left to what is not pinned, is refused with ErrTooBig.
func (b *Blocks) Pin(it remote.Item) error {
	_, key := contentOf(it)
	<-b.scanned
	b.room.Lock() // what is about to give way has done so; and one at a time pins
	defer b.room.Unlock()
	b.mu.Lock()
	is, pinned, limit := b.pins[key], b.pinned, b.limitLocked()
	b.mu.Unlock()
	if is {
		return nil
	}
	if most := limit - limit/10; key.size > most-pinned {
		return fmt.Errorf("pin %s: %w: it has %d bytes, and of %d that can be pinned %d are", it.Name, ErrTooBig, key.size, most, pinned)
	}
	if err := b.writePin(key); err != nil {
		return fmt.Errorf("pin %s: %w", it.Name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pins[key] = true
	b.pinned += key.size
	return nil
}

// Unpin undoes Pin. What is not pinned is left as it is.
func (b *Blocks) Unpin(it remote.Item) error {
	_, key := contentOf(it)
	<-b.scanned
	b.room.Lock()
	defer b.room.Unlock()
	b.mu.Lock()
	is := b.pins[key]
	b.mu.Unlock()
	if !is {
		return nil
	}
	path := b.pinPath(key)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("unpin %s: %w", it.Name, err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("unpin %s: %w", it.Name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.pins, key)
	b.pinned -= key.size
	return nil
}

func (b *Blocks) pinPath(key contentKey) string {
	return filepath.Join(b.folder(key), fmt.Sprintf("%s-%d%s", key.id, key.size, pinExt))
}

// writePin notes on disk that a content is pinned.
func (b *Blocks) writePin(key contentKey) error {
	path := b.pinPath(key)
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), syncDir(dir), syncDir(filepath.Dir(dir)), syncDir(b.dir))
}
