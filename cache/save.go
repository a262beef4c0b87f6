package cache

import (
	"bytes"
	"errors"
	"os"
)

// save writes the map, after the blocks that it tells of.
func (c *content) save() error {
	c.saving.Lock()
	defer c.saving.Unlock()
	c.mu.Lock()
	changed, have := c.changed, bitmap(bytes.Clone(c.have))
	c.changed = false
	c.mu.Unlock()
	if !changed || c.dead {
		return nil
	}
	err := c.sync()
	if err == nil {
		c.saved = have
		err = c.saveMap(have)
	}
	if err != nil {
		c.mu.Lock()
		c.changed = true
		c.mu.Unlock()
	}
	return err
}

// sync has the disk keep all that was written. It takes seconds, so c.disk is not held meanwhile: who has to lock it would
// keep all readers out. c.saving is, so the files stay what they are.
func (c *content) sync() error {
	c.disk.RLock()
	f, sums, err := c.f, c.sums, c.err
	c.disk.RUnlock()
	if f == nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	c.b.step("sync")
	return sums.Sync()
}

// saveMap writes a map; c.saving is held.
func (c *content) saveMap(m bitmap) error {
	c.b.mu.Lock()
	base, at := c.k.base, c.k.at
	c.b.mu.Unlock()
	err := writeMap(base, encodeMap(c.size, m), at)
	c.b.step("map")
	return err
}

// saveTime notes on disk when the content was last used.
func (c *content) saveTime() {
	c.b.mu.Lock()
	base, at := c.k.base, c.k.at
	c.b.mu.Unlock()
	_ = os.Chtimes(base+mapExt, at, at) // there may be no map; and nothing but the order of giving way hangs on it
}

// adopt makes the file at path the content's data, and returns how many bytes of it were not there before. One that has another name, too,
// is somebody else's as well: it is treated as if it had been handed out.
func (c *content) adopt(path string) (fresh int64, err error) {
	c.saving.Lock()
	defer c.saving.Unlock()
	if c.whole() {
		return 0, os.Remove(path)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrPermission) { // handed out as another content
		f, err = os.Open(path)
	}
	if err != nil {
		return 0, err
	}
	shared := names(f) > 1
	mode := os.FileMode(0o600)
	if shared {
		mode = 0o400
	}
	if err := errors.Join(f.Chmod(mode), f.Sync()); err != nil {
		_ = f.Close()
		return 0, err
	}
	c.disk.Lock()
	if c.fixed { // it has come and was handed out meanwhile
		c.disk.Unlock()
		return 0, errors.Join(f.Close(), os.Remove(path))
	}
	if err := os.Rename(path, c.k.base+dataExt); err != nil {
		c.disk.Unlock()
		_ = f.Close()
		return 0, err
	}
	c.b.step("adopt")
	old := c.f
	c.f, c.fixed = f, shared
	c.mu.Lock()
	for i := range blocksOf(c.size) {
		if !c.have.has(i) {
			c.have.set(i)
			fresh += c.blockLen(i)
		}
	}
	c.n = blocksOf(c.size)
	c.unsure, c.doubts = newBitmap(c.size), 0
	c.touch(0, c.size)
	c.saved = bitmap(bytes.Clone(c.have))
	c.mu.Unlock()
	c.disk.Unlock()
	_ = old.Close()
	return fresh, errors.Join(c.sync(), c.saveMap(c.saved))
}
