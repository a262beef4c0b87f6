//go:build !linux

package fs

import "github.com/frameiofs/frameiofs/spool"

// closing counts every close as a normal one where the system does not tell how a process ends.
func closing(pid uint32) spool.Closing { return spool.Closing{PID: pid} }

// fatalSignal takes every signal as one that ends the caller where the system does not tell.
func fatalSignal(uint32) bool { return true }

// processOf is the process of a task: the system tells of processes only.
func processOf(pid uint32) uint32 { return pid }
