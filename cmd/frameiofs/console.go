package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/frameiofs/frameiofs/control"
)

// console is where a person watches: lines that scroll by (Write), and below them, if the stream is a terminal, what is painted anew: a block
// (Paint), or a view that takes keys (Follow).
type console struct {
	live bool // a terminal: something can be painted
	fd   int

	mu      sync.Mutex // guards what follows
	w       io.Writer
	block   []string      // as painted last
	partial []byte        // of a line whose end was not written yet
	view    *tea.Program  // nil: none
	gone    chan struct{} // closed when view has ended
}

func newConsole(w io.Writer) *console {
	c := &console{w: w}
	if f, ok := w.(*os.File); ok {
		c.fd = int(f.Fd())
		c.live = canShow(f)
	}
	return c
}

// canShow reports whether f is a terminal that is ours to paint on: not another program's in front of us.
func canShow(f *os.File) bool {
	if !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return false
	}
	front, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err != nil || front == unix.Getpgrp()
}

// takesKeys reports whether a person can press keys.
func (c *console) takesKeys() bool { return c.live && canShow(os.Stdin) }

// size is how wide the console is, and how many lines of it a block may have.
func (c *console) size() (width, lines int) {
	w, h, err := term.GetSize(c.fd)
	if err != nil || w <= 0 || h <= 0 {
		return 80, 12
	}
	return max(w, 10), min(max(h-3, 3), 24)
}

// Follow shows a view until Close, or until it ends.
func (c *console) Follow(v live) error {
	if !c.takesKeys() {
		return errors.New("there is no terminal to press keys at")
	}
	p := tea.NewProgram(v, tea.WithOutput(c.w), tea.WithInput(os.Stdin), tea.WithFPS(viewRate), tea.WithoutSignalHandler())
	gone := make(chan struct{})
	c.mu.Lock()
	c.view, c.gone = p, gone
	c.mu.Unlock()
	go func() { // ends with the view; Close waits for that
		defer close(gone)
		p.Run()
	}()
	return nil
}

// follows reports whether a view is shown.
func (c *console) follows() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown() != nil
}

// shown is the view that has not ended, with mu held.
func (c *console) shown() *tea.Program {
	if c.view == nil {
		return nil
	}
	select {
	case <-c.gone:
		return nil
	default:
		return c.view
	}
}

// Write writes whole lines above what is painted.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.live {
		return c.w.Write(p)
	}
	c.partial = append(c.partial, p...)
	end := bytes.LastIndexByte(c.partial, '\n')
	if end < 0 {
		return len(p), nil
	}
	lines := string(c.partial[:end+1])
	c.partial = append([]byte(nil), c.partial[end+1:]...)
	if view := c.shown(); view != nil {
		view.Send(tea.Println(strings.TrimSuffix(lines, "\n"))()) // Program.Println would wait for a view that has ended
		return len(p), nil
	}
	var out bytes.Buffer
	c.erase(&out)
	out.WriteString(lines)
	c.paint(&out)
	if _, err := c.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Paint replaces the block. Without a terminal, or beside a view, nothing happens.
func (c *console) Paint(block []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.live || c.shown() != nil {
		return
	}
	var out bytes.Buffer
	c.erase(&out)
	c.block = block
	c.paint(&out)
	c.w.Write(out.Bytes())
}

// viewEnds is how long a view may take to give the terminal back.
const viewEnds = 2 * time.Second

// Close takes away what is painted. What is written from then on scrolls by.
func (c *console) Close() {
	c.mu.Lock()
	view := c.shown()
	gone := c.gone
	c.mu.Unlock()
	if view != nil {
		view.Send(askEnd{})
		select {
		case <-gone:
		case <-time.After(viewEnds):
			view.Kill()
			<-gone
		}
	}
	c.Paint(nil)
	c.mu.Lock()
	c.live = false
	c.mu.Unlock()
}

// erase moves up to the first line of the block and clears from there.
func (c *console) erase(out *bytes.Buffer) {
	if n := len(c.block); n > 0 {
		fmt.Fprintf(out, "\x1b[%dA\r\x1b[J", n)
	}
}

func (c *console) paint(out *bytes.Buffer) {
	width, _ := c.size()
	for _, line := range c.block {
		out.WriteString(fit(line, width-1))
		out.WriteString("\n")
	}
}

// show paints a status as the block.
func (c *console) show(st control.Status) {
	width, lines := c.size()
	c.Paint(newBoard(c.w, width-1, lines).lines([]control.Status{st}, nil))
}
