package ui

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/frameiofs/frameiofs/control"
)

// browser starts a real browser without a window, of the size of a page.
func browser(t *testing.T, width, height int) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Fatal("there is no browser: sudo apt-get install -y chromium")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(width, height), chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(60*time.Second))
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// served serves a mount's page.
func served(t *testing.T, m Mount) *Server {
	t.Helper()
	s, err := Listen("127.0.0.1:0", m, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// do runs one step in the page.
func do[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// until waits until a script in the page says true.
func until(t *testing.T, ctx context.Context, script string) {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Poll[bool](script, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second)))
	if err != nil || !v {
		t.Fatalf("%s: %v, %v", script, v, err)
	}
}

// text is what a person reads in a part of the page.
func text(t *testing.T, ctx context.Context, id string) string {
	t.Helper()
	return do(t, ctx, chromedp.Evaluate[string](`document.getElementById("`+id+`").innerText`))
}

// A person looks at the page: sees what is on its way and what is parked, tries it again, and sees it go.
func TestPage(t *testing.T) {
	m := newFake()
	s := served(t, m)
	ctx := browser(t, 1100, 900)
	do(t, ctx, chromedp.Navigate(s.URL()))
	until(t, ctx, `document.querySelectorAll("#attention-rows tr").length === 2`)
	until(t, ctx, `document.querySelectorAll("#confirmed-rows tr").length === 2 && document.querySelectorAll(".project").length === 2`)
	for _, c := range []struct{ what, id, want string }{
		{"what needs a person", "attention", "grade.mov"}, {"what needs a person", "attention", "no right to upload here"},
		{"what is on its way", "leaving", "cut_12.mov"}, {"what is on its way", "leaving", "uploading 50 %"}, {"what is on its way", "leaving", hostile},
		{"what is confirmed", "confirmed-rows", "a1b2c3d4e5f60718"}, {"the projects", "projects", "Post/Sandbox"},
	} {
		if got := text(t, ctx, c.id); !strings.Contains(got, c.want) {
			t.Errorf("%s does not tell %q:\n%s", c.what, c.want, got)
		}
	}
	if title := do(t, ctx, chromedp.Evaluate[string](`document.title`)); !strings.HasPrefix(title, "2 on their way") {
		t.Errorf("the title is %q", title)
	}
	if n := do(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll("td b, td i").length`)); n > 0 {
		t.Errorf("a name became markup, %d times", n)
	}
	shoot(t, ctx, "page.png")
	do(t, ctx, chromedp.Evaluate[bool](`document.querySelector("#attention-rows button").click(), true`))
	until(t, ctx, `document.querySelectorAll("#attention-rows tr").length === 1 && document.querySelectorAll("#leaving-rows tr").length === 3`)
	if got := m.asked(); len(got) != 1 || got[0] != "Northlight/Post/Sandbox/grade.mov" {
		t.Errorf("the button asked to try again %q", got)
	}
	do(t, ctx, chromedp.Evaluate[bool](`document.querySelector("#leaving-rows button").click(), document.querySelector("#pause").click(), true`))
	until(t, ctx, `document.querySelector("#pause").textContent === "Resume" && document.querySelector("#sum-left").textContent.startsWith("paused")`)
	do(t, ctx, chromedp.Evaluate[bool](`document.querySelector("#pause").click(), true`))
	until(t, ctx, `document.querySelector("#pause").textContent === "Pause"`)
	m.mu.Lock()
	slices.Sort(m.orders)
	if got := strings.Join(m.orders, "; "); got != "first Northlight/Post/Sandbox/grade.mov; pause ; resume " {
		t.Errorf("the buttons asked for %q", got)
	}
	m.mu.Unlock()
	s.Close()
	until(t, ctx, `document.getElementById("link").textContent === "the mount does not answer"`)
}

// On a telephone as on a wide screen nothing is wider than that.
func TestPageIsNeverTooWide(t *testing.T) {
	m := newFake()
	m.odd = "Dailies/interview_03.mov"
	s := served(t, m)
	now := time.Now()
	for len(s.history.points()) == 0 {
		time.Sleep(time.Millisecond)
	}
	s.history.mu.Lock()
	s.history.all = nil // what it has noted by itself is later than all that follows
	s.history.mu.Unlock()
	for i := range 360 {
		s.history.note(Point{now.Add(time.Duration(i-360) * noteEvery), max(0, 3e7*(1.2+math.Sin(float64(i)/40)+math.Sin(float64(i)/7)/4)),
			max(0, 4e7*math.Sin(float64(i)/25))})
	}
	ctx := browser(t, 800, 800)
	for _, width := range []int64{360, 900, 1600} {
		do(t, ctx, chromedp.EmulateViewport(width, 800))
		do(t, ctx, chromedp.Navigate(s.URL()))
		until(t, ctx, `document.querySelectorAll("#confirmed-rows tr").length === 2`)
		until(t, ctx, `document.getElementById("plot-line").getAttribute("d").split("L").length > 300`)
		until(t, ctx, `document.getElementById("plot-down").getAttribute("d").split("L").length > 300`)
		until(t, ctx, `/^[0-9.]+ .*\/s from Frame.io$/.test(document.getElementById("sum-down").textContent)`)
		if wide := do(t, ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); wide > width {
			t.Errorf("the page is %d wide in a window of %d", wide, width)
		}
		shoot(t, ctx, fmt.Sprintf("page-%d.png", width))
	}
}

// shoot keeps a picture of the page, if somebody wants to look at it.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("UI_PICTURES")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name), do(t, ctx, chromedp.FullScreenshot(100)), 0o644); err != nil {
		t.Fatal(err)
	}
}

var _ Mount = (*fake)(nil)

func file(path, stage string, size, sent int64) control.File {
	return control.File{Path: "Northlight/Post/" + path, Stage: stage, Size: size, Sent: sent}
}
