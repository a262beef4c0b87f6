package spool

import (
	"errors"
	"io/fs"

	"github.com/frameiofs/frameiofs/remote"
)

// Refusal is the error for which the entry is parked; nil if it is not, or was before the program started.
func (e *Entry) Refusal() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refusal
}

// Refused tells why new files have no chance in a folder: one that is parked there was refused for the storage or for want of
// rights. nil if nothing is known. Most programs hear it at create only, because they do not look at what close says.
func (s *Spool) Refused(parent remote.ID) error {
	if s.nParked.Load() == 0 {
		return nil
	}
	for _, e := range s.In(parent) {
		if err := e.Refusal(); errors.Is(err, remote.ErrQuota) || errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}
