// Package fault makes the simulated Frame.io misbehave on order.
//
// Parse turns text into a Rule, Set holds the rules of a running simulator, and Set.Wrap puts them in front of a
// handler. Nearly all faults work on any handler; some concern uploads only and are asked for by the upload host.
//
// A rule is
//
//	what[=arg]@where[:op|:/regexp/][*times][%every][?probability][+after]
//
//	429@api                          every API call is refused
//	429@api:assets.create*3          the next three creates
//	reset@upload%5                   every fifth part PUT is cut
//	stall=30s@media?0.1              one in ten downloads hangs for 30 s
//	lost@api:assets.create+2*1       the third create is carried out but its answer never comes
//	503@upload:/part_2(\?|$)/*1      the next PUT of a part number 2
//
// What: an HTTP status (429, 500, 502, 503, 504, 401, 403, 404, 402, 409, 422; 429=5s and 503=5s with a Retry-After), slowdown (503 in S3's words), reset (the
// connection dies in the middle of the request body, or of the answer if the request has none), lost (the request is
// carried out, then the connection dies without an answer), stall[=duration] (nothing moves for that long, 1 minute if
// not said; who goes meanwhile is not served), slow[=duration] (the answer comes that much later, 1 s if not said), truncate (the answer's body ends in
// the middle, under a whole Content-Length), half (it ends in the middle, and says so: JSON that does not parse), html (a captive
// portal's page with status 200), redirect (to such a page), drip[=duration] (bytes come one by one, each after that time, 100 ms if not
// said), expired (the signed URL
// has expired), token (401, as if the token had been revoked), lose (a part is acknowledged and lost: the upload never
// completes), fail (the upload fails when the part has come), corrupt (one byte of the answer's body is wrong), flip (a part is
// kept with one byte wrong, and the answer is as for the right one), garble (a part comes with one byte wrong, and the answer's
// checksum tells it), noetag (a part's answer has no ETag).
//
// Where: api, upload, media or any. Op: one of Ops for the API (both wires share the words); for upload and media only
// the regexp on path and query is of use, and for the API it may start with the method: /^POST .*\/children/.
//
// How often: *n at most n times, %n every nth matching call, ?p with probability p (from the simulator's seed), +n only
// after n matching calls have passed. They combine; without any, always. Lifting a rule ends what it still holds up.
package fault

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Place is one of the three hosts.
type Place string

// The places a rule can name.
const (
	API    Place = "api"
	Upload Place = "upload"
	Media  Place = "media"
	Any    Place = "any"
)

// What happens.
const (
	SlowDown = "slowdown"
	Reset    = "reset"
	Lost     = "lost"
	Stall    = "stall"
	Slow     = "slow"
	Truncate = "truncate"
	Half     = "half"
	Redirect = "redirect"
	Drip     = "drip"
	HTML     = "html"
	Expired  = "expired"
	Token    = "token"
	Lose     = "lose"
	Fail     = "fail"
	Corrupt  = "corrupt"
	Flip     = "flip"
	Garble   = "garble"
	NoETag   = "noetag"
)

// Rule is one fault: what, where, how often.
type Rule struct {
	Text   string // as it was written
	What   string // a status code in digits, or one of the words above
	Delay  time.Duration
	Place  Place
	Op     string
	Match  *regexp.Regexp // on "METHOD path?query"
	Times  int            // 0 = no end
	Every  int            // 0 = each
	Chance float64        // 0 = always
	After  int
}

// Status returns the HTTP status of a plain status rule, else 0.
func (r Rule) Status() int {
	n, _ := strconv.Atoi(r.What) // words give 0
	return n
}

// Active is a rule in a Set with its counts.
type Active struct {
	ID    int    `json:"id"`
	Rule  string `json:"rule"`
	Seen  int    `json:"seen"`  // calls that matched
	Fired int    `json:"fired"` // of which so many were spoilt
}

// Set holds the rules of a simulator. The zero value is not ready; use NewSet.
type Set struct {
	mu    sync.Mutex
	rng   *rand.Rand
	next  int
	rules []*active
}

type active struct {
	Rule
	Active
	lifted chan struct{} // closed when it is
}

// NewSet returns an empty set whose probabilities follow from seed.
func NewSet(seed uint64) *Set {
	return &Set{rng: rand.New(rand.NewPCG(seed, 0xfa017))}
}

// Add puts a rule into force and returns its number.
func (s *Set) Add(r Rule) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.rules = append(s.rules, &active{r, Active{ID: s.next, Rule: r.Text}, make(chan struct{})})
	return s.next
}

// AddText parses and adds rules, all or none.
func (s *Set) AddText(texts ...string) error {
	var rules []Rule
	for _, t := range texts {
		r, err := Parse(t)
		if err != nil {
			return err
		}
		rules = append(rules, r)
	}
	for _, r := range rules {
		s.Add(r)
	}
	return nil
}

// Clear lifts the rule with that number, or all for 0. It reports how many went.
func (s *Set) Clear(id int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.rules)
	s.rules = slices.DeleteFunc(s.rules, func(a *active) bool {
		gone := id == 0 || a.ID == id
		if gone {
			close(a.lifted)
		}
		return gone
	})
	return before - len(s.rules)
}

// List shows the rules with their counts.
func (s *Set) List() []Active {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := []Active{}
	for _, a := range s.rules {
		l = append(l, a.Active)
	}
	return l
}

// pick returns the first rule that strikes this request. Every matching rule counts the call.
func (s *Set) pick(place Place, r *http.Request) *active {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rules) == 0 {
		return nil
	}
	line := r.Method + " " + r.URL.RequestURI()
	op := Op(r.Method, r.URL.Path)
	var hit *active
	for _, a := range s.rules {
		if a.matches(place, op, line) && a.strikes(s.rng) && hit == nil {
			hit = a
		}
	}
	if hit != nil {
		hit.Fired++
	}
	return hit
}

func (a *active) matches(place Place, op, line string) bool {
	return (a.Place == Any || a.Place == place) && (a.Op == "" || a.Op == op) && (a.Match == nil || a.Match.MatchString(line))
}

// strikes counts a matching call and says whether it is one to spoil.
func (a *active) strikes(rng *rand.Rand) bool {
	a.Seen++
	n := a.Seen - a.After
	switch {
	case n <= 0 || a.Times > 0 && a.Fired >= a.Times:
		return false
	case a.Every > 0 && n%a.Every != 0:
		return false
	}
	return a.Chance == 0 || rng.Float64() < a.Chance
}

// Ops are the words for API calls, the same for both wires.
var Ops = []string{
	"me", "accounts", "teams", "projects", "token", "assets.read", "assets.children", "assets.status", "assets.create",
	"assets.update", "assets.move", "assets.copy", "assets.delete", "assets.restore", "assets.version",
}

// Op names an API call by one of Ops; "" for anything else.
func Op(method, path string) string {
	p := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case strings.Contains(path, "/oauth2/") || strings.HasPrefix(path, "/ims/"):
		return "token"
	case len(p) < 2 || p[0] != "v2" && p[0] != "v4":
		return ""
	case p[1] == "me":
		return "me"
	}
	switch last := p[len(p)-1]; {
	case method == http.MethodGet && slices.Contains([]string{"projects", "shared", "invited_projects"}, last):
		return "projects"
	case method == http.MethodGet && slices.Contains([]string{"teams", "workspaces"}, last):
		return "teams"
	case slices.ContainsFunc(p, func(s string) bool {
		return s == "assets" || s == "files" || s == "folders" || s == "version_stacks"
	}):
		return assetOp(method, last)
	}
	for i := len(p) - 2; i >= 1; i-- { // the innermost collection with an id behind it
		switch p[i] {
		case "projects":
			return "projects"
		case "teams", "workspaces":
			return "teams"
		}
	}
	if p[1] == "accounts" {
		return "accounts"
	}
	return ""
}

func assetOp(method, last string) string {
	collection := slices.Contains([]string{"children", "files", "folders", "version_stacks", "local_upload", "remote_upload"}, last)
	switch {
	case method == http.MethodPost && (last == "version" || last == "version_stacks") || last == "unversion":
		return "assets.version"
	case slices.Contains([]string{"move", "copy", "restore", "status"}, last):
		return "assets." + last
	case method == http.MethodGet && collection:
		return "assets.children"
	case method == http.MethodPost && collection:
		return "assets.create"
	case method == http.MethodGet:
		return "assets.read"
	case method == http.MethodPut || method == http.MethodPatch || last == "label":
		return "assets.update"
	case method == http.MethodDelete:
		return "assets.delete"
	}
	return ""
}

// String is the rule as it was written.
func (r Rule) String() string { return r.Text }

func badRule(text, format string, args ...any) error {
	return fmt.Errorf("fault %q: %s (a rule looks like 429@api:assets.create*3)", text, fmt.Sprintf(format, args...))
}
