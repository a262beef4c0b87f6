package spool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Left counts what lies in a spool's folder that nobody has open: files that were written (empty ones are not told from those that were made ahead) and that Frame.io does not have, those
// among them that never leave this machine, and the bytes that they take on the disk. It changes nothing and takes no lock.
func Left(dir string) (files int, bytes int64, err error) {
	add := func(path string) {
		if fi, err := os.Lstat(path); err == nil && fi.Mode().IsRegular() && (fi.Size() > 0 || filepath.Base(path) == dataName) {
			files++
			bytes += fi.Size()
		}
	}
	for _, folder := range []string{drafts, outbox, held, parked} {
		list, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return files, bytes, err
		}
		for _, d := range list {
			if Key(d.Name()).Valid() { // with a suffix it is being made or removed
				add(filepath.Join(dir, folder, d.Name(), dataName))
			}
		}
	}
	list, err := os.ReadDir(filepath.Join(dir, young))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return files, bytes, err
	}
	for _, d := range list {
		if stem, suffix, _ := strings.Cut(d.Name(), "."); suffix == "" && Key(stem).Valid() {
			add(filepath.Join(dir, young, d.Name()))
		}
	}
	return files, bytes, nil
}
