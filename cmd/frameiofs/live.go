package main

import (
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/frameiofs/frameiofs/control"
)

// live is the board that follows what happens, and takes keys: status --watch, and a mount in the foreground.
type live struct {
	board
	ask   func() ([]control.Status, error)
	act   func(deed, row) (string, error) // tells what was done; a row without a mount means all
	every time.Duration
	stop  func() // Ctrl-C; nil: it ends the view
	whole bool   // it has the whole screen; else the terminal's last lines

	all    []control.Status
	err    error
	picked row  // where the cursor is
	pick   bool // there is one
	at     int  // its place among all rows, for when its row goes
	asking *doubt
	said   string
	saidAt time.Time
	ended  bool
	fixed  bool // tests: now stands still
}

func (l *live) tick() {
	if !l.fixed {
		l.now = time.Now()
	}
}

// doubt is what a person has to confirm.
type doubt struct {
	text string
	deed deed
	row  row
}

// deed is what a key does.
type deed string

const (
	doPause  deed = "pause"
	doResume deed = "resume"
	doRetry  deed = "retry"
	doFirst  deed = "first"
	doCancel deed = "cancel"
)

// What the view hears.
type (
	askNow  struct{}
	askEnd  struct{}
	answers struct {
		all []control.Status
		err error
	}
	done struct {
		text string
		err  error
	}
)

// saidFor is how long the outcome of a key stands.
const saidFor = 5 * time.Second

func (l live) Init() tea.Cmd { return l.look }

// look asks once.
func (l live) look() tea.Msg {
	all, err := l.ask()
	return answers{all, err}
}

func (l live) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	l.tick()
	switch msg := msg.(type) {
	case askEnd:
		l.ended = true
		return l, tea.Quit
	case tea.WindowSizeMsg:
		l.width, l.height = msg.Width, msg.Height
	case askNow:
		return l, l.look
	case answers:
		l.all, l.err = msg.all, msg.err
		l.follow()
		return l, tea.Tick(l.every, func(time.Time) tea.Msg { return askNow{} })
	case done:
		l.said, l.saidAt = msg.text, l.now
		if msg.err != nil {
			l.said = msg.err.Error()
		}
		return l, func() tea.Msg { // what it came to, at once; the next regular look is under way already
			all, err := l.ask()
			return fresh{answers{all, err}}
		}
	case fresh:
		l.all, l.err = msg.all, msg.err
		l.follow()
	case tea.KeyMsg:
		return l.key(msg.String())
	}
	return l, nil
}

// fresh is answers out of turn.
type fresh struct{ answers }

// list is all rows that can be picked.
func (l live) list() (rows []row) {
	for _, st := range l.all {
		rows = append(rows, l.rows(st)...)
	}
	return rows
}

// follow keeps the cursor on its row, or near where that was.
func (l *live) follow() {
	if !l.pick {
		return
	}
	rows := l.list()
	for i, r := range rows {
		if r.is(l.picked) {
			l.picked, l.at = r, i
			return
		}
	}
	if l.pick = len(rows) > 0; l.pick {
		l.at = min(l.at, len(rows)-1)
		l.picked = rows[l.at]
	}
}

func (l *live) move(by int) {
	rows := l.list()
	if len(rows) == 0 {
		return
	}
	switch {
	case !l.pick && by < 0:
		l.at = len(rows) - 1
	case !l.pick:
		l.at = 0
	default:
		l.at = min(max(l.at+by, 0), len(rows)-1)
	}
	l.pick, l.picked = true, rows[l.at]
}

func (l live) key(key string) (tea.Model, tea.Cmd) {
	if key == "ctrl+c" && l.stop != nil {
		l.stop()
		return l, nil
	}
	if l.asking != nil {
		q := l.asking
		l.asking = nil
		if key == "y" || key == "Y" {
			return l, l.do(q.deed, q.row)
		}
		l.said, l.saidAt = "left as it was", l.now
		return l, nil
	}
	switch key {
	case "ctrl+c", "q":
		if l.stop == nil {
			l.ended = true
			return l, tea.Quit
		}
	case "up", "k":
		l.move(-1)
	case "down", "j":
		l.move(1)
	case "pgup":
		l.move(-10)
	case "pgdown":
		l.move(10)
	case "esc":
		l.pick = false
	case "p":
		if !l.pick {
			return l, l.do(l.pauseAll(), row{})
		}
		if l.picked.name {
			return l.say("names and folders are not paused")
		}
		return l, l.do(pauseOr(l.picked.paused), l.picked)
	case "P":
		return l, l.do(l.pauseAll(), row{})
	case "r":
		if l.pick {
			return l, l.do(doRetry, l.picked)
		}
		return l, l.do(doRetry, row{})
	case "f":
		if !l.pick || l.picked.name {
			return l.say("pick a file first: ↑↓")
		}
		return l, l.do(doFirst, l.picked)
	case "c":
		if !l.pick {
			return l.say("pick what to cancel first: ↑↓")
		}
		text := "cancel the upload of " + lastName(l.picked.path) + "? Its bytes stay here"
		if l.picked.name {
			text = "give up the change of " + lastName(l.picked.path) + "?"
		}
		l.asking = &doubt{text, doCancel, l.picked}
	}
	return l, nil
}

func lastName(path string) string { return shown(path[strings.LastIndexByte(path, '/')+1:]) }

func (l live) say(text string) (tea.Model, tea.Cmd) {
	l.said, l.saidAt = text, l.now
	return l, nil
}

// pauseAll pauses everything, or resumes it if any mount is paused.
func (l live) pauseAll() deed {
	paused := false
	for _, st := range l.all {
		paused = paused || st.Paused
	}
	return pauseOr(paused)
}

func pauseOr(paused bool) deed {
	if paused {
		return doResume
	}
	return doPause
}

func (l live) do(d deed, r row) tea.Cmd {
	return func() tea.Msg {
		text, err := l.act(d, r)
		return done{text, err}
	}
}

// View paints.
func (l live) View() string {
	if l.width == 0 || l.ended || l.all == nil && l.err == nil {
		return ""
	}
	l.tick()
	b := l.board
	help := l.help()
	if b.height--; b.height < 1 {
		return help
	}
	if !l.whole { // what scrolls by above should be seen, too
		b.height = max(min(b.height-2, 24), 1)
	}
	var lines []string
	if l.err != nil {
		lines = append(lines, b.bad.Render(fit("! "+oneLine(l.err.Error()), b.width)))
		b.height--
	}
	if len(l.all) == 0 && l.err == nil {
		lines = append(lines, b.dim.Render(fit(nothingMounted, b.width)))
	}
	var chosen *row
	if l.pick {
		chosen = &l.picked
	}
	lines = append(lines, b.lines(l.all, chosen)...)
	if l.whole { // help stands on the last line
		for len(lines) < l.height-1 {
			lines = append(lines, "")
		}
	}
	return strings.Join(append(lines, help), "\n")
}

// help is the last line: what the keys do, or what is asked, or what was done.
func (l live) help() string {
	switch {
	case l.asking != nil:
		return l.warn.Render(fit(l.asking.text+" (y/n)", l.width))
	case l.said != "" && l.now.Sub(l.saidAt) < saidFor:
		return fit(oneLine(l.said), l.width)
	}
	end, what := "q quit", "all"
	if l.stop != nil {
		end = "Ctrl-C unmount"
	}
	pause := "pause"
	if l.pick {
		if what = "it"; l.picked.paused {
			pause = "resume"
		}
	} else if l.pauseAll() == doResume {
		pause = "resume"
	}
	for _, help := range []string{
		fmt.Sprintf("↑↓ pick · p %s %s · r retry %s · f first · c cancel · %s", pause, what, what, end),
		fmt.Sprintf("↑↓ · p %s · r retry · f first · c cancel · %s", pause, end),
		fmt.Sprintf("↑↓ p %s r retry f first c cancel", pause),
	} {
		if len([]rune(help)) <= l.width {
			return l.dim.Render(help)
		}
	}
	return l.dim.Render(fit("↑↓ p r f c "+end, l.width))
}
