package main

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// programNames knows which program a process runs. It is asked for every request, so it remembers the answers for a moment: processes
// come and go, and their numbers come again.
type programNames struct {
	mu    sync.Mutex
	known map[uint32]knownProgram
}

type knownProgram struct {
	name string
	at   time.Time
}

const (
	programFor  = time.Second
	maxPrograms = 4096
)

// of is the name of the process's program, as ps shows it. What the kernel does by itself is its own; a process that cannot be seen is
// "?".
func (p *programNames) of(pid uint32, now time.Time) string {
	if pid == 0 {
		return "kernel"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k, ok := p.known[pid]
	if ok && now.Sub(k.at) < programFor {
		return k.name
	}
	name := "?"
	if text, err := os.ReadFile("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/comm"); err == nil {
		name = strings.TrimSpace(string(text))
	} else if ok {
		name = k.name // it has ended; this may be its last close
	}
	if p.known == nil || len(p.known) >= maxPrograms {
		p.known = map[uint32]knownProgram{}
	}
	p.known[pid] = knownProgram{name, now}
	return name
}
