package cache

import (
	"errors"
	"os"
)

// File is the file with all bytes of the content, for the kernel to read from by itself; false if not all of them are here, or
// some that an earlier run left have not been read and checked in this one. It belongs to the Reader, is only to be read, and may
// be closed once the Reader is. No byte of it changes from now on, nor is any given back to the disk, not even after Close and in
// the next run: a program may have it mapped for longer than open. It can only be deleted as a whole, once no Reader has it open.
func (r *Reader) File() (*os.File, bool) {
	if r.c.size == 0 || r.c.open() != nil {
		return nil, false
	}
	return r.c.fix()
}

// fix makes sure that the data never changes any more. Who is about to change it looks at c.fixed, or at what is there, with
// c.disk held; c.saving may be held for as long as a disk takes to write gigabytes, and open(2) waits for this.
func (c *content) fix() (*os.File, bool) {
	if !c.proven() {
		return nil, false
	}
	c.disk.Lock() // nobody writes, or makes holes
	defer c.disk.Unlock()
	if c.f == nil || !c.proven() {
		return nil, false
	}
	if !c.fixed {
		if err := c.f.Chmod(0o400); err != nil {
			return nil, false
		}
		c.fixed = true
	}
	return c.f, true
}

// proven reports whether every block is there, and known to be what it was when it came.
func (c *content) proven() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n == blocksOf(c.size) && c.doubts == 0
}

// mayPunch reports whether parts of c may be given back to the disk.
func (c *content) mayPunch() bool {
	c.disk.RLock()
	fixed := c.fixed
	c.disk.RUnlock()
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	return !fixed && !c.b.pins[c.k.key]
}

// openData opens a content's data; fixed tells that it has been handed out.
func openData(path string, size int64) (f *os.File, fixed bool, err error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return nil, false, err
	}
	if !fi.Mode().IsRegular() || fi.Size() != size {
		return nil, false, errors.New("the data is of another size than its map")
	}
	fixed = fi.Mode()&0o200 == 0
	how := os.O_RDWR
	if fixed {
		how = os.O_RDONLY
	}
	f, err = os.OpenFile(path, how, 0)
	return f, fixed, err
}
