package remote

import (
	"errors"
	"io"
	"sync"
	"time"
)

// An answer of the API that comes in drips is cut and asked for again: on another connection it may come at once.
const (
	paceTime  = 15 * time.Second
	paceBytes = 4 << 10 // at least so many in paceTime, or its end
)

var errDrips = errors.New("the answer comes in drips")

// paced is an answer's body that has to come at some pace.
type paced struct {
	io.Reader
	cut   func()
	timer *time.Timer

	mu   sync.Mutex // guards what follows
	came int        // since the last check
}

func newPaced(r io.Reader, cut func()) *paced {
	p := &paced{Reader: r, cut: cut}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(paceTime, p.check)
	return p
}

func (p *paced) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.mu.Lock()
	p.came += n
	p.mu.Unlock()
	return n, err
}

// check is called each paceTime.
func (p *paced) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.came < paceBytes {
		p.cut()
		return
	}
	p.came = 0
	p.timer.Reset(paceTime)
}
