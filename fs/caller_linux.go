package fs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/frameiofs/frameiofs/spool"
)

// What /proc tells of the process that waits for our answer. It stands still while it waits, so what we read holds.

// The flags of /proc/PID/stat that tell an exiting task and one that a signal ended (Linux include/linux/sched.h).
const (
	pfExiting  = 0x00000004
	pfSignaled = 0x00000400
)

// closing tells who closes a file: a process that a signal is ending has not finished writing (spec: fuse.md §2.4). A caller
// that cannot be seen (another pid namespace) counts as normal.
//
// A program that starts another closes the files that the other is not to have in the middle of execve(2), and then
// /proc/PID/stat cannot be read before our answer has let it go on. So it is read only of a task that has given up its memory,
// as one that exits has and one in execve has not; /proc/PID/status tells that at any time.
func closing(pid uint32) spool.Closing {
	c := spool.Closing{PID: pid}
	if pid == 0 {
		return c
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil || bytes.Contains(status, []byte("\nVmSize:")) {
		return c
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return c
	}
	// The second field, the command, is in parentheses and may hold anything; flags are the seventh after it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 7 {
		return c
	}
	flags, err := strconv.ParseUint(fields[6], 10, 64)
	c.Signalled = err == nil && flags&pfExiting != 0 && flags&pfSignaled != 0
	return c
}

// harmless are the signals whose default is to do nothing (CHLD, CONT, URG, WINCH), or to stop the task, which goes on later and is
// not to find that its call has failed (STOP, TSTP, TTIN, TTOU).
const harmless = 1<<(17-1) | 1<<(18-1) | 1<<(23-1) | 1<<(28-1) | 1<<(19-1) | 1<<(20-1) | 1<<(21-1) | 1<<(22-1)

// fatalSignal reports whether a signal is pending that will end the task.
func fatalSignal(tid uint32) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return true // gone, or not to be seen: do not keep it waiting
	}
	return fatalIn(string(status))
}

// fatalIn is fatalSignal of what /proc/PID/status says.
func fatalIn(status string) bool {
	var pending, handled uint64
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		bits, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			continue
		}
		switch name {
		case "SigPnd", "ShdPnd":
			pending |= bits
		case "SigBlk", "SigIgn", "SigCgt":
			handled |= bits
		}
	}
	return pending&^handled&^harmless != 0
}

// processOf is the process that a task belongs to; 0 if it cannot be seen.
func processOf(tid uint32) uint32 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if id, ok := strings.CutPrefix(line, "Tgid:"); ok {
			n, _ := strconv.ParseUint(strings.TrimSpace(id), 10, 32)
			return uint32(n)
		}
	}
	return 0
}
