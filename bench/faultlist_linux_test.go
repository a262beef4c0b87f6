package bench

import (
	"fmt"
	"slices"
	"strings"
)

// mishap is something that goes wrong between here and Frame.io.
type mishap struct {
	name   string // as docs/faults.md has it
	rule   string // what the simulator is told (package sim/fault), without where; "" for what is not the matter of one call
	line   string // what the line is (package sim/link) from the moment the step's call is under way
	lane   laneKind
	hosts  []string // where it can happen
	except []string // steps at which it cannot
	slow   bool     // takes ten minutes to be found out
}

// laneKind is what a mount has to be like, and its Frame.io, for a mishap.
type laneKind struct {
	ahead  string // Frame.io's clock, against ours
	verify string // --verify
}

// The hosts.
const (
	atAPI    = "api"
	atUpload = "upload"
	atMedia  = "media"
)

var anywhere = []string{atAPI, atUpload, atMedia}

// mishaps are all that the simulator knows, in the order of the table.
var mishaps = []mishap{
	{name: "429", rule: "429", hosts: anywhere},
	{name: "429 with Retry-After", rule: "429=2s", hosts: anywhere},
	{name: "500", rule: "500", hosts: anywhere},
	{name: "502", rule: "502", hosts: anywhere},
	{name: "503", rule: "503", hosts: anywhere},
	{name: "503 with Retry-After", rule: "503=2s", hosts: anywhere},
	{name: "503 SlowDown", rule: "slowdown", hosts: []string{atUpload, atMedia}},
	{name: "504", rule: "504", hosts: anywhere},
	{name: "token refused (401)", rule: "token", hosts: []string{atAPI}},
	{name: "400", rule: "400", hosts: anywhere},
	{name: "account full (402)", rule: "402", hosts: []string{atAPI}},
	{name: "403", rule: "403", hosts: anywhere},
	{name: "404", rule: "404", hosts: anywhere},
	{name: "409", rule: "409", hosts: []string{atAPI}},
	{name: "422", rule: "422", hosts: []string{atAPI}},
	{name: "link expired", rule: "expired", hosts: []string{atUpload, atMedia}},
	{name: "captive portal (HTML)", rule: "html", hosts: anywhere},
	{name: "captive portal (redirect)", rule: "redirect", hosts: anywhere},
	{name: "garbage JSON", rule: "half", hosts: []string{atAPI}},
	{name: "truncated answer", rule: "truncate", hosts: anywhere},
	{name: "answer lost after it was done", rule: "lost", hosts: anywhere},
	{name: "reset", rule: "reset", hosts: anywhere},
	{name: "hangs", rule: "stall=10m", hosts: anywhere},
	{name: "slow answer (2 s)", rule: "slow=2s", hosts: anywhere},
	{name: "drips (a byte a second)", rule: "drip=1s", hosts: anywhere},
	{name: "part acknowledged and lost", rule: "lose", hosts: []string{atUpload}, slow: true},
	{name: "upload fails at Frame.io", rule: "fail", hosts: []string{atUpload}},
	{name: "part kept with a wrong byte (--verify full)", rule: "flip", hosts: []string{atUpload}, lane: laneKind{verify: "full"}},
	{name: "part garbled on its way", rule: "garble", hosts: []string{atUpload}},
	{name: "answer without an ETag", rule: "noetag", hosts: []string{atUpload}},
	{name: "line cut", line: "cut", hosts: anywhere},
	{name: "line frozen", line: "frozen", hosts: anywhere},
	{name: "line lost, connections half-open", line: "lost", hosts: anywhere},
	{name: "our clock 26 h late", rule: "slow=1ms", hosts: anywhere, lane: laneKind{ahead: "26h"}},
	{name: "our clock 26 h early", rule: "slow=1ms", hosts: anywhere, lane: laneKind{ahead: "-26h"}},
}

// leftOut are faults of the simulator that are in no row, and why.
var leftOut = map[string]string{
	"401":     "what `token` does",
	"corrupt": "a wrong byte in an answer of the API: TLS does not let it through",
}

// step is one of the calls in the life of a file.
type step struct {
	name string
	host string
	// where is what a rule says after the host, for both generations of the API; several rules if there are several calls.
	where []string
	deed  deed
}

// rules are what the simulator is told to have the mishap strike at the step: once, or until it is lifted.
func (s *step) rules(rule string, once bool) (rules []string) {
	for _, w := range s.where {
		r := rule + "@" + s.host
		if w != "" {
			r += ":" + w
		}
		if once {
			r += "*1"
		}
		rules = append(rules, r)
	}
	return rules
}

// steps are in the order of the table.
var steps = []step{
	{"make a folder", atAPI, []string{"assets.create"}, makeFolder{}},
	{"create the asset", atAPI, []string{"assets.create"}, writeFile{}},
	{"send a part", atUpload, []string{""}, writeFile{}},
	{"confirm", atAPI, []string{"assets.read", "assets.status"}, writeFile{}},
	{"list a folder", atAPI, []string{"assets.children"}, listFolder{}},
	{"rename", atAPI, []string{"assets.update"}, renameFile{}},
	{"move", atAPI, []string{"assets.move"}, moveFile{}},
	{"delete", atAPI, []string{"assets.delete"}, deleteFile{}},
	{"make a version", atAPI, []string{`/^(POST|PATCH) .*\/(version|version_stacks|move)$/`}, saveOver{}},
	{"copy", atAPI, []string{"assets.copy"}, copyFile{}},
	{"ask for a download link", atAPI, []string{"assets.read"}, readLater{}},
	{"download", atMedia, []string{""}, readFile{}},
}

// happens reports whether the mishap can strike at the step.
func (m *mishap) happens(s *step) bool {
	return slices.Contains(m.hosts, s.host) && !slices.Contains(m.except, s.name)
}

// cell is one mishap at one step.
type cell struct {
	api    string
	mishap *mishap
	step   *step
	once   bool
	number int // of its folder
}

func (c cell) String() string {
	how := "until it is over"
	if c.once {
		how = "once"
	}
	return fmt.Sprintf("%s, %s at %q, %s", c.api, c.mishap.name, c.step.name, how)
}

// cells are all of the table whose name contains what is asked for, for one generation of the API.
func cells(api, which string) (all []cell) {
	number := 0
	for i := range mishaps {
		for j := range steps {
			if !mishaps[i].happens(&steps[j]) {
				continue
			}
			for _, once := range []bool{true, false} {
				if once && (mishaps[i].lane.ahead != "" || mishaps[i].line != "") {
					continue // a moment of it is the other thing, soon over
				}
				c := cell{api: api, mishap: &mishaps[i], step: &steps[j], once: once, number: number}
				number++
				if strings.Contains(c.String(), which) {
					all = append(all, c)
				}
			}
		}
	}
	return all
}
