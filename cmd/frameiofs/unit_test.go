package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
)

func TestFlagsMayStandAnywhere(t *testing.T) {
	app := newApp(io.Discard, io.Discard)
	for _, tt := range []struct{ in, want string }{
		{"x mount ~/f --read-only", "x mount --read-only -- ~/f"},
		{"x mount ~/f --root A/B -o ro", "x mount --root A/B -o ro -- ~/f"},
		{"x mount --root=A ~/f", "x mount --root=A -- ~/f"},
		{"x mount -- --odd", "x mount -- --odd"},
		{"x umount ~/f --now", "x umount --now -- ~/f"},
		{"x uploads retry a b", "x uploads retry -- a b"},
		{"x status", "x status"},
		{"x mount --root", "x mount --root"},
		{"x nonsense --now a", "x nonsense --now a"},
		{"x --help", "x --help"},
		{"x", "x"},
	} {
		if got := strings.Join(flagsFirst(app, strings.Fields(tt.in)), " "); got != tt.want {
			t.Errorf("flagsFirst(%q): got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	var out bytes.Buffer
	last := &trouble{}
	h := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: withoutSecrets})
	log := slog.New(lastError{h, last}).With("who", "fio-u-topsecret")
	log.Error("put part", "err", errors.New(`Put "https://s3.example/p/1?X-Amz-Signature=topsecret": reset`),
		"header", "Authorization: Bearer topsecret.abc-123", "name", "two\nlines")
	text, at := last.get()
	for _, got := range []string{out.String(), text} {
		if strings.Contains(got, "topsecret") || !strings.Contains(got, "https://s3.example/p/1") {
			t.Errorf("logged %q", got)
		}
		if strings.Count(strings.TrimSpace(got), "\n") != 0 {
			t.Errorf("a name broke the line: %q", got)
		}
	}
	if at.IsZero() {
		t.Error("the last trouble has no time")
	}
	log.Info("fine")
	if again, _ := last.get(); again != text {
		t.Errorf("an ordinary line counts as trouble: %q", again)
	}
}

func TestSizesAndSpans(t *testing.T) {
	for in, want := range map[string]int64{"20G": 20e9, "512MiB": 512 << 20, "1000": 1000, "0": 0} {
		var b bytesValue
		if err := b.Set(in); err != nil || int64(b) != want {
			t.Errorf("size %q: got %d, %v; want %d", in, b, err, want)
		}
	}
	for _, in := range []string{"", "G", "-1", "12Q", "1e30"} {
		var b bytesValue
		if err := b.Set(in); err == nil {
			t.Errorf("size %q is accepted as %d", in, b)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0 s", 59 * time.Second: "59 s", 90 * time.Second: "2 min", 3*time.Hour + 20*time.Minute: "3 h 20 min", 72 * time.Hour: "3 days",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v): got %q, want %q", d, got, want)
		}
	}
}

func TestNamesCannotTrickATerminal(t *testing.T) {
	for in, want := range map[string]string{
		"a b.mov": "a b.mov", "Büro 🎬.mov": "Büro 🎬.mov", "a\x1b[2Jb": `"a\x1b[2Jb"`, "two\nlines": `"two\nlines"`, "bad\xff": `"bad\xff"`,
	} {
		if got := shown(in); got != want {
			t.Errorf("shown(%q): got %s, want %s", in, got, want)
		}
	}
}

func TestLineOfASetting(t *testing.T) {
	text := "# root = 1\nroot = \"a\"\n\n[table]\nx = 1\n\"odd key\" = 2\n"
	for key, want := range map[string]int{"root": 2, "table": 4, "odd key": 6} {
		if got := lineOf(text, key); got != want {
			t.Errorf("lineOf(%q): got %d, want %d", key, got, want)
		}
	}
}

func TestConsolePaintsBelowTheLines(t *testing.T) {
	var out bytes.Buffer
	c := &console{w: &out, live: true}
	c.Paint([]string{"one", "two"})
	out.Reset()
	io.WriteString(c, "a li")
	if out.Len() != 0 {
		t.Errorf("half a line was written: %q", out.String())
	}
	io.WriteString(c, "ne\n")
	if got, want := out.String(), "\x1b[2A\r\x1b[Ja line\none\ntwo\n"; got != want {
		t.Errorf("a line above the block: got %q, want %q", got, want)
	}
	out.Reset()
	c.Close()
	io.WriteString(c, "after\n")
	if got, want := out.String(), "\x1b[2A\r\x1b[Jafter\n"; got != want {
		t.Errorf("after Close: got %q, want %q", got, want)
	}
	if got := fit("日本語の名前", 7); len([]rune(got)) > 4 || !strings.HasSuffix(got, "…") {
		t.Errorf("wide characters are cut to %q", got)
	}
}

// fakeNames is a Frame.io of names only, by parent.
type fakeNames map[remote.ID][]remote.Item

func (n fakeNames) Children(_ context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		for _, it := range n[ref.ID] {
			if !yield(it, nil) {
				return
			}
		}
	}
}

func (n fakeNames) Stat(_ context.Context, ref remote.Ref) (remote.Item, error) {
	for _, items := range n {
		for _, it := range items {
			if it.Ref == ref {
				return it, nil
			}
		}
	}
	return remote.Item{}, &remote.Error{Op: "stat", Ref: ref, Status: 404, Err: iofs.ErrNotExist}
}

func TestRootByPathIDAndAddress(t *testing.T) {
	id := func(n string) remote.ID {
		return remote.ID(strings.Repeat(n, 8) + "-0000-0000-0000-000000000000")
	}
	item := func(k remote.Kind, n, name string) remote.Item {
		return remote.Item{Ref: remote.Ref{Kind: k, ID: id(n), Account: id("a")}, Name: name}
	}
	project := item(remote.Project, "c", "Film")
	project.Project = id("d")
	clip := item(remote.File, "f", "clip.mov")
	clip.Parent = id("e")
	w := fakeNames{
		"":      {item(remote.Account, "a", "Acme")},
		id("a"): {item(remote.Workspace, "b", "Post/Prod")},
		id("b"): {project, item(remote.Project, "1", "Twin"), item(remote.Project, "2", "Twin")},
		id("c"): {item(remote.Folder, "e", "Büro"), clip},
	}
	for _, tt := range []struct {
		spec string
		want remote.ID
		err  string
	}{
		{"", "", ""},
		{"/", "", ""},
		{"Acme", id("a"), ""},
		{"/Acme/Post／Prod/Film/", id("c"), ""},
		{"Acme/Post／Prod/Film/Bu\u0308ro", id("e"), ""},
		{"Acme/Post／Prod/Film/clip.mov", "", `there is no "clip.mov"`},
		{"Acme/Post／Prod/Twin", "", "2 folders"},
		{string(id("c")), id("c"), ""},
		{strings.ToUpper(string(id("e"))), id("e"), ""},
		{"https://next.frame.io/project/" + string(id("d")), id("c"), ""},
		{"https://next.frame.io/project/" + string(id("d")) + "/" + string(id("e")) + "?x=1", id("e"), ""},
		{"https://next.frame.io/project/" + string(id("d")) + "/view/" + string(id("f")), "", "is a file"},
		{string(id("9")), "", "can see nothing"},
		{"https://next.frame.io/help", "", "no id"},
	} {
		it, _, err := resolveRoot(t.Context(), w, tt.spec)
		switch {
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("root %q: got %v, %v; want an error with %q", tt.spec, it.ID, err, tt.err)
		case tt.err == "" && (err != nil || it.ID != tt.want):
			t.Errorf("root %q: got %v, %v; want %v", tt.spec, it.ID, err, tt.want)
		}
	}
}

func TestRateForgetsWhatWasTakenBack(t *testing.T) {
	var m track
	start := time.Now()
	for i, sent := range []int64{0, 1000, 2000, 3000} {
		m.add(start.Add(time.Duration(i)*time.Second), sent)
	}
	if got := m.rate(); got != 1000 {
		t.Errorf("rate: got %v, want 1000", got)
	}
	m.add(start.Add(4*time.Second), 0)
	if got := m.rate(); got != 0 {
		t.Errorf("rate after an attempt began again: got %v, want 0", got)
	}
}

func TestStatusSaysWhatNeedsAPersonFirst(t *testing.T) {
	when := time.Now().Add(90 * time.Second)
	st := control.Status{
		MountPoint: "/m", API: "v4", Root: "/", User: "Ann", LeftOut: 7,
		Totals: control.Totals{Files: 2, Bytes: 1000, Sent: 500, Rate: 100, TimeLeft: 5, LimitedBy: "bandwidth", Parked: 1, Local: 1, Folders: 2},
		Files: []control.File{
			{Path: "a.mov", Stage: "parked", Reason: "the account is full"},
			{Path: "b\nb.mov", Stage: "uploading", Size: 1000, Sent: 500},
			{Path: "c.mov", Stage: "waiting", Error: "no link", NextTry: &when},
			{Path: ".DS_Store", Stage: "held", Local: true},
		},
	}
	got := strings.Join(statusLines(st, 100), "\n")
	last := -1
	for _, want := range []string{"! 1 file parked", "50%), 100 B/s, 5 s left", "2 folders with temporary names stay", "a.mov", "the account is full", `"b\nb.mov"`, "no link (again in 2 min)", "and 7 more"} {
		at := strings.Index(got, want)
		if at <= last {
			t.Errorf("status does not have %q, or too early, in:\n%s", want, got)
		}
		last = at
	}
	if strings.Contains(got, "DS_Store") || strings.Contains(got, "everything is on") {
		t.Errorf("status tells what it should not:\n%s", got)
	}
	st.Totals.Folders = 0
	if n := len(statusLines(st, 6)); n > 7 {
		t.Errorf("status has %d lines where 6 were wanted", n)
	}
}

func TestOptionsThatGoToTheKernel(t *testing.T) {
	for _, c := range []struct {
		system, option string
		passed         bool
	}{
		{"linux", "nosuid", true}, {"darwin", "nosuid", true}, {"darwin", "volname", true}, {"darwin", "local", true}, {"darwin", "nobrowse", true},
		{"linux", "volname", false}, {"linux", "local", false}, {"darwin", "daemon_timeout", false}, {"darwin", "auto_xattr", false},
	} {
		if got := passed(c.system, c.option); got != c.passed {
			t.Errorf("-o %s on %s is passed on: %v", c.option, c.system, got)
		}
	}
}
