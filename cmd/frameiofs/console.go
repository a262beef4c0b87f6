package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// console is where a person watches: lines that scroll by (Write), and below them a block that is painted anew (Paint), if the
// stream is a terminal.
type console struct {
	live bool // a terminal: Paint does something
	fd   int

	mu      sync.Mutex // guards what follows
	w       io.Writer
	block   []string // as painted last
	partial []byte   // of a line whose end was not written yet
}

func newConsole(w io.Writer) *console {
	c := &console{w: w}
	if f, ok := w.(*os.File); ok {
		c.fd = int(f.Fd())
		c.live = term.IsTerminal(c.fd) && os.Getenv("TERM") != "dumb"
	}
	return c
}

// lines is how many lines a block may have.
func (c *console) lines() int {
	if _, h, err := term.GetSize(c.fd); err == nil && h > 4 {
		return min(h-3, 24)
	}
	return 12
}

func (c *console) width() int {
	if w, _, err := term.GetSize(c.fd); err == nil && w > 20 {
		return w
	}
	return 80
}

// Write writes whole lines above the block.
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
	var out bytes.Buffer
	c.erase(&out)
	out.Write(c.partial[:end+1])
	c.partial = append([]byte(nil), c.partial[end+1:]...)
	c.paint(&out)
	if _, err := c.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Paint replaces the block. Without a terminal nothing happens.
func (c *console) Paint(block []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.live {
		return
	}
	var out bytes.Buffer
	c.erase(&out)
	c.block = block
	c.paint(&out)
	c.w.Write(out.Bytes())
}

// Close takes the block away. What is written from then on scrolls by.
func (c *console) Close() {
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
	width := c.width()
	for _, line := range c.block {
		out.WriteString(cut(line, width-1))
		out.WriteString("\n")
	}
}

// cut shortens a line in the middle of a terminal's width, roughly: wide characters may make it a little longer than width, so
// they count twice.
func cut(line string, width int) string {
	n := 0
	for i, r := range line {
		n++
		if r >= 0x1100 {
			n++
		}
		if n > width-1 {
			return strings.TrimRight(line[:i], " ") + "…"
		}
	}
	return line
}
