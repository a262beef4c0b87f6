// Package platter is what stands between a write and its surviving a loss of power: the one place that brings files, names and lines of
// journals to the disk, for the spool and for the journal of names in it.
package platter

import (
	"os"
)

// What Watch is told of.
const (
	Bytes = "bytes" // of one file
	Names = "names" // in one folder
	All   = "all"   // of the disk
)

// Watch, if it is not nil, is told what is about to come to the disk. It is for tests that cut the power, and set before anything else runs.
var Watch func(what string, f *os.File)

func watch(what string, f *os.File) {
	if Watch != nil {
		Watch(what, f)
	}
}

// Sync brings a file's bytes and size to the disk.
func Sync(f *os.File) error {
	watch(Bytes, f)
	return syncBytes(f)
}

// SyncDir makes the names in a folder durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	watch(Names, d)
	return d.Sync()
}

// SyncAll brings everything that was written to the disk of a folder to it. done is false if that cannot be.
func SyncAll(folder string) (done bool, err error) {
	d, err := os.Open(folder)
	if err != nil {
		return false, err
	}
	defer d.Close()
	if done, err = syncAll(d); done && err == nil {
		watch(All, d)
	}
	return done, err
}
