package fs_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
	"github.com/frameiofs/frameiofs/spool/intent"
)

// trace is what programs did, what Frame.io was asked, and what the spool and the journal said, in one row: which of them came first is
// mostly what a seed that fails is about.
type trace struct {
	began time.Time
	mu    sync.Mutex
	lines []string
}

func (tr *trace) log(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.lines = append(tr.lines, fmt.Sprintf("%6d ms  ", time.Since(tr.began).Milliseconds())+fmt.Sprintf(format, args...))
}

func (tr *trace) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return strings.Join(tr.lines, "\n")
}

// watch has a mount tell the trace what it does.
func (tr *trace) watch(with *mountWith) {
	log := slog.New(slog.NewTextHandler(tr, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}))
	names := with.names
	with.names = func(c *intent.Config) {
		if names != nil {
			names(c)
		}
		c.Log = log
	}
	with.spool = func(c *spool.Config) { c.Log = log }
	with.client = func(c client) client { return &traced{c, tr} }
}

// Write takes a line of a log.
func (tr *trace) Write(p []byte) (int, error) {
	tr.log("      %s", strings.TrimSpace(string(p)))
	return len(p), nil
}

// traced notes what is asked of Frame.io about names.
type traced struct {
	client
	tr *trace
}

// asks notes a question; done notes its answer.
func (c *traced) asks(format string, args ...any) (done func(it remote.Item, err error)) {
	what := fmt.Sprintf(format, args...)
	c.tr.log("   >> %s", what)
	return func(it remote.Item, err error) {
		if err != nil {
			c.tr.log("   << %s: %v", what, err)
			return
		}
		c.tr.log("   << %s: %s %.8s %q in %.8s", what, it.Kind, it.ID, it.Name, it.Parent)
	}
}

func (c *traced) CreateFile(ctx context.Context, f remote.NewFile) (remote.Upload, error) {
	done := c.asks("create %q in %.8s, %d bytes", f.Name, f.Parent.ID, f.Size)
	up, err := c.client.CreateFile(ctx, f)
	done(up.File, err)
	return up, err
}

func (c *traced) CopyFile(ctx context.Context, f remote.Copy) (remote.Item, error) {
	done := c.asks("copy %+v", f)
	it, err := c.client.CopyFile(ctx, f)
	done(it, err)
	return it, err
}

func (c *traced) CreateFolder(ctx context.Context, parent remote.Ref, name string) (remote.Item, error) {
	done := c.asks("make folder %q in %.8s", name, parent.ID)
	it, err := c.client.CreateFolder(ctx, parent, name)
	done(it, err)
	return it, err
}

func (c *traced) Rename(ctx context.Context, ref remote.Ref, name string) (remote.Item, error) {
	done := c.asks("rename %s %.8s to %q", ref.Kind, ref.ID, name)
	it, err := c.client.Rename(ctx, ref, name)
	done(it, err)
	return it, err
}

func (c *traced) Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error) {
	done := c.asks("move %s %.8s to %.8s", ref.Kind, ref.ID, to.ID)
	it, err := c.client.Move(ctx, ref, to)
	done(it, err)
	return it, err
}

func (c *traced) Delete(ctx context.Context, ref remote.Ref) error {
	done := c.asks("delete %s %.8s", ref.Kind, ref.ID)
	err := c.client.Delete(ctx, ref)
	done(remote.Item{}, err)
	return err
}

func (c *traced) AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error) {
	done := c.asks("add version %.8s to %s %.8s", file.ID, target.Kind, target.ID)
	it, err := c.client.AddVersion(ctx, target, file)
	done(it, err)
	return it, err
}

func (c *traced) Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		c.tr.log("   >> list %.8s", ref.ID)
		var names []string
		defer func() { c.tr.log("   << list %.8s: %s", ref.ID, strings.Join(names, ", ")) }()
		for it, err := range c.client.Children(ctx, ref) {
			names = append(names, fmt.Sprintf("%s %.8s %q", it.Kind, it.ID, it.Name))
			if !yield(it, err) {
				return
			}
		}
	}
}
