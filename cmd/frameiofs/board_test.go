package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/spool/intent"
)

var update = flag.Bool("update", false, "write the screens of testdata/screens anew")

// noon is the time of all screens.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// busy is a mount with something of every kind.
func busy() control.Status {
	soon := noon.Add(40 * time.Second)
	files := []control.File{
		{Path: "Northlight Pictures/Post/Trailer/Masters/trailer_v12_ProResHQ_2398_stereo.mov", Size: 48 << 30, Stage: "parked",
			Reason: "the Frame.io account has no storage left: make room there or enlarge the plan, then retry (create trailer_v12: the account has no storage left)"},
		{Path: "Northlight Pictures/Post/Dailies/A001_C002.mov", Size: 9 << 30, Stage: "held",
			Reason: "interrupted: the program writing it was killed, so it may not be complete; write it again, or retry it to upload it as it is"},
		{Path: "Northlight Pictures/Post/Dailies/A001_C003.mov", Size: 12 << 30, Sent: 5 << 30, Rate: 36 << 20, Stage: "uploading", First: true, Parts: 1200, PartsDone: 512},
		{Path: "Northlight Pictures/Post/Dailies/A001_C004.mov", Size: 800 << 20, Sent: 790 << 20, Rate: 2 << 20, Stage: "uploading"},
		{Path: "Northlight Pictures/Post/Stills/日本語の名前のとても長いファイル名で画面からはみ出すもの.dpx", Size: 50 << 20, Sent: 50 << 20, Stage: "confirming"},
		{Path: "Northlight Pictures/Post/evil\x1b[2J\x07\nname\u202e.mov", Size: 7 << 20, Stage: "settling"},
		{Path: "Northlight Pictures/Post/é́́combining.wav", Size: 900, Stage: "waiting", Error: "the link is down", NextTry: &soon},
		{Path: "Northlight Pictures/Post/copy.mov", Size: 3 << 30, Stage: "waiting", CopyOf: "trailer.mov"},
		{Path: "Northlight Pictures/Post/changed.mov", Size: 3 << 30, Missing: 1 << 30, Stage: "settling"},
		{Path: ".DS_Store", Size: 6148, Stage: "held", Local: true, Reason: "files of this name stay on this machine"},
	}
	for i := range 12 {
		files = append(files, control.File{Path: fmt.Sprintf("Northlight Pictures/Post/VFX/shot_%03d.exr", i), Size: 24 << 20, Stage: "waiting", Paused: i > 8})
	}
	return control.Status{
		MountPoint: "/home/maya/frameio", State: control.Mounted, API: "v4", Root: "/", User: "Maya Lindqvist <maya@northlight.example>",
		Link: control.Link{State: "up"}, Limits: control.Limits{Uploads: 4, Parts: 16, Bandwidth: "08:00,40M 18:00,off", Up: 40_000_000},
		Totals: control.Totals{Files: 19, Uploading: 2, Settling: 2, Paused: 3, Writing: 1, Bytes: 30 << 30, Sent: 6 << 30, Rate: 38 << 20, Parked: 1, Held: 1, Local: 1,
			Names: 3, NamesParked: 1, TimeLeft: 660, LimitedBy: "--bwlimit"},
		Names: []control.Name{{What: intent.Delete, Path: "Northlight Pictures/Post/Old", Parked: true, Reason: "no right to do this on Frame.io: ask for it, then retry"},
			{What: intent.MakeFolder, Path: "Northlight Pictures/Post/New"}},
		Files: files, LeftOut: 4983, Cache: control.Space{Used: 1 << 30, Limit: 20 << 30}, DiskFree: 57 << 30,
	}
}

// calm is a mount with nothing to do.
func calm() control.Status {
	return control.Status{MountPoint: "/home/maya/frameio", State: control.Mounted, API: "v2", Root: "/Northlight Pictures/Post", User: "Maya", ReadOnly: true,
		Link: control.Link{State: "up"}, Limits: control.Limits{Uploads: 4, Parts: 16}, Cache: control.Space{Limit: 20 << 30}, DiskFree: 57 << 30}
}

// trouble is a mount that cannot reach Frame.io, paused.
func inTrouble() control.Status {
	st, since := calm(), noon
	st.MountPoint, st.ReadOnly = "/mnt/second", false
	st.Paused, st.Trouble = true, "the token is refused: get a new one; nothing is lost meanwhile"
	st.Link = control.Link{State: "down", Since: &since, Error: "dial tcp: no route to host"}
	st.Totals = control.Totals{Files: 2, Paused: 2, Bytes: 4 << 20, LimitedBy: "pause"}
	st.Files = []control.File{{Path: "a.mov", Size: 2 << 20, Sent: 1 << 20, Stage: "waiting", Paused: true}, {Path: "b.mov", Size: 2 << 20, Stage: "waiting", Paused: true}}
	return st
}

func viewOf(w, h int, all ...control.Status) live {
	l := live{board: newBoard(io.Discard, w, h), all: all, whole: true, every: time.Hour,
		ask: func() ([]control.Status, error) { return all, nil }}
	l.home, l.now = "/home/maya", noon
	l.fixed = true
	return l
}

// press is a person at the keyboard.
func press(l live, keys ...string) live {
	for _, k := range keys {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
		switch k {
		case "up":
			msg = tea.KeyMsg{Type: tea.KeyUp}
		case "down":
			msg = tea.KeyMsg{Type: tea.KeyDown}
		case "esc":
			msg = tea.KeyMsg{Type: tea.KeyEsc}
		case "ctrl+c":
			msg = tea.KeyMsg{Type: tea.KeyCtrlC}
		}
		m, cmd := l.Update(msg)
		l = m.(live)
		if cmd != nil {
			m, _ = l.Update(cmd())
			l = m.(live)
		}
	}
	return l
}

// Screens are compared with those that were looked at; -update writes them anew.
func TestScreens(t *testing.T) {
	mounts := map[string][]control.Status{"busy": {busy()}, "calm": {calm()}, "two": {busy(), inTrouble()}, "trouble": {inTrouble()}, "none": nil}
	for _, c := range []struct {
		mounts string
		w, h   int
		keys   string
	}{
		{"busy", 80, 24, ""}, {"busy", 160, 50, ""}, {"busy", 40, 10, ""}, {"busy", 100, 30, ""},
		{"calm", 80, 24, ""}, {"trouble", 80, 24, ""}, {"two", 80, 24, ""}, {"two", 160, 50, ""}, {"none", 80, 24, ""},
		{"busy", 80, 24, "down down down"}, {"busy", 80, 24, "down down down c"}, {"busy", 80, 24, "up"}, {"busy", 40, 10, "down down down down"},
		{"calm", 40, 10, ""}, {"busy", 20, 5, ""}, {"two", 40, 10, ""},
	} {
		name := fmt.Sprintf("%s-%dx%d", c.mounts, c.w, c.h)
		if c.keys != "" {
			name += "-" + strings.ReplaceAll(c.keys, " ", "-")
		}
		t.Run(name, func(t *testing.T) {
			l := press(viewOf(c.w, c.h, mounts[c.mounts]...), strings.Fields(c.keys)...)
			got := l.View()
			checkScreen(t, got, c.w, c.h)
			path := filepath.Join("testdata/screens", name+".txt")
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got+"\n" != string(want) {
				t.Errorf("the screen is\n%s\nnot that of %s:\n%s", got, path, want)
			}
		})
	}
}

// checkScreen holds for every screen: it fits, and nothing in it moves a cursor.
func checkScreen(t *testing.T, screen string, w, h int) {
	t.Helper()
	lines := strings.Split(screen, "\n")
	if len(lines) > h {
		t.Errorf("%d lines on a screen of %d:\n%s", len(lines), h, screen)
	}
	for _, line := range lines {
		if n := ansi.StringWidth(line); n > w {
			t.Errorf("a line is %d wide, not at most %d: %q", n, w, line)
		}
		for _, r := range ansi.Strip(line) {
			if r < ' ' || r == 0x7f || r == 0x202e {
				t.Errorf("a control character in %q", line)
			}
		}
	}
}

// Whatever size a terminal has, and whatever files are called.
func TestScreensOfAllSizesFit(t *testing.T) {
	hostile := busy()
	for i, name := range []string{"\x1b]0;title\x07.mov", strings.Repeat("w", 300), strings.Repeat("長", 200), "\u200b\u200d\u2066\ufeff", "a\tb\rc", "\xff\xfe", "👩‍👩‍👧‍👦.mov", strings.Repeat("e\u0301", 100), ""} {
		hostile.Files[i].Path, hostile.Files[i].Reason, hostile.Files[i].Error = name, name, name
		hostile.Names[0].Path, hostile.Names[0].Reason, hostile.Names[0].Error = name, name, name
		hostile.MountPoint, hostile.User, hostile.Root, hostile.Trouble = name, name, name, name
		for _, size := range [][2]int{{1, 1}, {7, 3}, {20, 8}, {40, 10}, {59, 13}, {80, 24}, {97, 24}, {300, 100}} {
			l := viewOf(size[0], size[1], hostile, busy())
			checkScreen(t, l.View(), size[0], size[1])
			checkScreen(t, press(l, "down", "down", "c").View(), size[0], size[1])
		}
	}
}

// Keys do what the last line says, to the file that is picked or to all.
func TestKeys(t *testing.T) {
	type did struct {
		deed
		path string
	}
	for keys, want := range map[string][]did{
		"p": {{doPause, ""}}, "r": {{doRetry, ""}}, "P": {{doPause, ""}}, "f": nil, "c": nil, "x": nil, "c y": nil,
		"down p": nil, "down r": {{doRetry, "Northlight Pictures/Post/Old"}},
		"down down down down f": {{doFirst, "Northlight Pictures/Post/Dailies/A001_C003.mov"}},
		"j j k r":               {{doRetry, "Northlight Pictures/Post/Old"}},
		"down down down c":      nil, "down down down c n": nil, "down down down c q": nil,
		"down down down c y":     {{doCancel, "Northlight Pictures/Post/Dailies/A001_C002.mov"}},
		"down down down down p":  {{doPause, "Northlight Pictures/Post/Dailies/A001_C003.mov"}},
		"up p":                   {{doResume, "Northlight Pictures/Post/VFX/shot_011.exr"}},
		"down down down esc p":   {{doPause, ""}},
		"down down down down P":  {{doPause, ""}},
		"up down down down P":    {{doPause, ""}},
		"down up up up up up r":  {{doRetry, "Northlight Pictures/Post/Old"}},
		"down down c y down p p": {{doCancel, "Northlight Pictures/Post/Trailer/Masters/trailer_v12_ProResHQ_2398_stereo.mov"}, {doPause, "Northlight Pictures/Post/Dailies/A001_C002.mov"}, {doPause, "Northlight Pictures/Post/Dailies/A001_C002.mov"}},
	} {
		var got []did
		l := viewOf(80, 24, busy())
		l.act = func(d deed, r row) (string, error) {
			got = append(got, did{d, r.path})
			return "done", nil
		}
		l = press(l, strings.Fields(keys)...)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", keys, got, want)
		}
	}
	l := viewOf(80, 24, inTrouble())
	if l = press(l, "q"); !l.ended {
		t.Error("q does not end it")
	}
	stopped := 0
	l = viewOf(80, 24, inTrouble())
	l.stop = func() { stopped++ }
	if l = press(l, "q", "ctrl+c", "down", "c", "ctrl+c"); l.ended || stopped != 2 {
		t.Errorf("in the foreground of a mount: ended %v, Ctrl-C %d times", l.ended, stopped)
	}
	l = viewOf(80, 24, inTrouble())
	l.act = func(deed, row) (string, error) { return "", fmt.Errorf("no\nway") }
	if l = press(l, "p"); !strings.Contains(l.View(), "no way") {
		t.Errorf("what went wrong is not told:\n%s", l.View())
	}
}

// The cursor stays on its file when others come and go, and near it when it goes itself.
func TestTheCursorFollowsItsFile(t *testing.T) {
	l := press(viewOf(80, 24, busy()), "down", "down", "down", "down")
	at := l.picked.path
	changed := busy()
	changed.Files = changed.Files[1:]
	m, _ := l.Update(answers{[]control.Status{changed}, nil})
	if l = m.(live); l.picked.path != at || !l.pick {
		t.Errorf("it is on %q, not %q", l.picked.path, at)
	}
	changed.Files = changed.Files[3:]
	m, _ = l.Update(answers{[]control.Status{changed}, nil})
	if l = m.(live); !l.pick || l.picked.path == at || l.picked.path != l.list()[l.at].path {
		t.Errorf("it is on %q", l.picked.path)
	}
	m, _ = l.Update(answers{[]control.Status{calm()}, nil})
	if l = m.(live); l.pick {
		t.Errorf("it is on %q where nothing is", l.picked.path)
	}
}

func TestAMountThatDoesNotAnswerIsTold(t *testing.T) {
	l := viewOf(80, 24, calm())
	m, _ := l.Update(answers{nil, fmt.Errorf("/mnt/second: the mount's process (7) was killed")})
	if got := m.(live).View(); !strings.Contains(got, "was killed") {
		t.Error(got)
	}
}
