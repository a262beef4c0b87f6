package v4_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/contract"
	"github.com/frameiofs/frameiofs/sim/hosts"
	"github.com/frameiofs/frameiofs/sim/limit"
	v4 "github.com/frameiofs/frameiofs/sim/v4"
	"github.com/frameiofs/frameiofs/sim/world"
)

// sim is a small world behind the V4 wire. All its traffic is held against the published document, if that is at hand.
type sim struct {
	*testing.T
	world *world.World
	wire  *v4.Wire
	limit *limit.Limiter

	url, uploadURL, mediaURL string // where the API and the two storage hosts are

	account, other       world.Account // Ada's, and one she does not know
	team                 world.Team
	project, elsewhere   world.Project // in account; in other
	ada, viewer, noCopy  world.User
	adaTok, viewTok, nod string // IMS tokens

	seen func(operation string, status int)
}

// must unpacks the results of calls that set the scene.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newSim(t *testing.T, b world.Behaviour) *sim {
	t.Helper()
	s := &sim{T: t, world: must(world.Open(world.Config{Behaviour: b}))(t), limit: limit.New(nil)}
	t.Cleanup(func() { s.world.Close() })
	s.limit.SetScale(0) // tests ask faster than people
	up, media := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	s.uploadURL, s.mediaURL = "http://"+up.Listener.Addr().String(), "http://"+media.Listener.Addr().String()
	h := hosts.New(s.world, s.uploadURL, s.mediaURL)
	up.Config.Handler, media.Config.Handler = h.Upload(), h.Media()
	up.Start()
	t.Cleanup(up.Close)
	media.Start()
	t.Cleanup(media.Close)
	s.wire = v4.New(s.world, h, s.limit)
	t.Cleanup(func() { s.wire.Close() })

	w := s.world
	s.account = must(w.AddAccount(world.Account{Name: "Studio"}))(t)
	s.ada = must(w.AddUser(world.User{AccountID: s.account.ID, Name: "Ada", Email: "ada@example.com", Role: world.Owner}))(t)
	s.viewer = must(w.AddUser(world.User{AccountID: s.account.ID, Name: "Vera", Email: "vera@example.com", Role: world.Viewer}))(t)
	s.noCopy = must(w.AddUser(world.User{AccountID: s.account.ID, Name: "Nod", Email: "nod@example.com", Role: world.Member, NoDownload: true}))(t)
	s.team = must(w.AddTeam(world.Team{AccountID: s.account.ID, Name: "Editorial", Members: []world.ID{s.ada.ID, s.viewer.ID, s.noCopy.ID}}))(t)
	s.project = must(w.AddProject(world.Project{TeamID: s.team.ID, Name: "Feature"}))(t)

	s.other = must(w.AddAccount(world.Account{Name: "Rival"}))(t)
	bob := must(w.AddUser(world.User{AccountID: s.other.ID, Name: "Bob", Email: "bob@example.com", Role: world.Owner}))(t)
	rivals := must(w.AddTeam(world.Team{AccountID: s.other.ID, Name: "Rivals", Members: []world.ID{bob.ID}}))(t)
	s.elsewhere = must(w.AddProject(world.Project{TeamID: rivals.ID, Name: "Secret"}))(t)

	s.adaTok, s.viewTok, s.nod = s.token(s.ada, world.IMS), s.token(s.viewer, world.IMS), s.token(s.noCopy, world.IMS)

	checked := contract.Open(t).ServerHandler(t, s.wire)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := s.wire.Operation(r)
		status := &statusWriter{ResponseWriter: w, status: 200}
		checked.ServeHTTP(status, r)
		for _, h := range []string{"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-window"} {
			if status.Header().Get(h) == "" { // the document wants them everywhere but on 204; Frame.io sends them there too
				t.Errorf("%s %s answered %d without %s", r.Method, r.URL, status.status, h)
			}
		}
		if s.seen != nil {
			s.seen(op, status.status)
		}
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (s *sim) token(u world.User, kind world.TokenKind) string {
	s.Helper()
	return must(s.world.AddToken(world.Token{Kind: kind, User: u.ID}))(s.T).Access
}

// object is a JSON object of an answer.
type object map[string]any

func (o object) at(key string) object { v, _ := o[key].(map[string]any); return v }

func (o object) text(key string) string { v, _ := o[key].(string); return v }

func (o object) list(key string) []object {
	var out []object
	all, _ := o[key].([]any)
	for _, v := range all {
		one, _ := v.(map[string]any)
		out = append(out, one)
	}
	return out
}

// texts is one field of each object.
func texts(all []object, key string) []string {
	out := make([]string, 0, len(all))
	for _, o := range all {
		out = append(out, o.text(key))
	}
	return out
}

// try sends a request below /v4/accounts/{Ada's account}, or anywhere if path begins with /v4, and returns the answer.
func (s *sim) try(token, method, path, body string) (int, http.Header, object) {
	s.Helper()
	if !strings.HasPrefix(path, "/v4") {
		path = "/v4/accounts/" + string(s.account.ID) + path
	}
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return s.send(r)
}

func (s *sim) send(r *http.Request) (int, http.Header, object) {
	s.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	var out object
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			s.Fatalf("%s %s answered %d with %q: %v", r.Method, r.URL, resp.StatusCode, raw, err)
		}
	}
	return resp.StatusCode, resp.Header, out
}

// call is try as Ada, with the status it must have; it returns the answer's data object, or all of it for lists.
func (s *sim) call(status int, method, path, body string) object {
	s.Helper()
	return s.callAs(s.adaTok, status, method, path, body)
}

func (s *sim) callAs(token string, status int, method, path, body string) object {
	s.Helper()
	got, _, answer := s.try(token, method, path, body)
	if got != status {
		s.Fatalf("%s %s %s answered %d %v, want %d", method, path, body, got, answer, status)
	}
	if inner := answer.at("data"); inner != nil {
		return inner
	}
	return answer
}

func (s *sim) root() string { return "/folders/" + string(s.project.RootID) }

// folder makes a folder in the project's root and returns its path.
func (s *sim) folder(name string) string {
	s.Helper()
	a := must(s.world.CreateFolder(world.Root(), s.project.RootID, name))(s.T)
	return "/folders/" + string(a.ID)
}

// file makes a finished file of the given bytes, behind the wire's back, and returns its id.
func (s *sim) file(folder, name, content string) string {
	s.Helper()
	parent := world.ID(strings.TrimPrefix(folder, "/folders/"))
	a, up, err := s.world.CreateFile(world.Root(), parent, world.NewFile{Name: name, Size: int64(len(content)), ExactParts: true})
	if err != nil {
		s.Fatal(err)
	}
	for _, p := range up.Parts {
		part := content[p.Off : p.Off+p.Size]
		if err := s.world.PutPart(a.ID, p.Number, p.Size, strings.NewReader(part)); err != nil {
			s.Fatal(err)
		}
	}
	s.whole(string(a.ID))
	return string(a.ID)
}

// put sends a part to the upload host as a client does.
func (s *sim) put(url, mediaType, part string) int {
	s.Helper()
	r, err := http.NewRequest("PUT", url, strings.NewReader(part))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("x-amz-acl", "private")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// get fetches a media link.
func (s *sim) get(url string) (body, disposition string) {
	s.Helper()
	resp, err := http.Get(url)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		s.Fatalf("GET %s answered %d (%v)", url, resp.StatusCode, err)
	}
	return string(raw), resp.Header.Get("Content-Disposition")
}

// whole waits until the world has put a file together, which it does beside the last part's PUT.
func (s *sim) whole(id string) world.Asset {
	s.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		if a := must(s.world.Asset(world.Root(), world.ID(id)))(s.T); a.Complete() {
			return a
		}
	}
	s.Fatalf("file %s was not put together", id)
	return world.Asset{}
}

// pages follows a listing to its end by links.next, adding extra to every page, and returns all entries.
func (s *sim) pages(path, extra string, between func(page int)) []object {
	s.Helper()
	var all []object
	next := path + "?" + extra
	for n := 1; ; n++ {
		answer := s.call(200, "GET", next, "")
		all = append(all, answer.list("data")...)
		link := answer.at("links").text("next")
		if link == "" {
			return all
		}
		if !strings.HasPrefix(link, "/v4/accounts") || strings.Count(link, "&") > 0 || !strings.Contains(link, "?after=") {
			s.Fatalf("links.next is %q; want a path with after and nothing else", link)
		}
		if n > 1000 {
			s.Fatalf("GET %s has no end", path)
		}
		if between != nil {
			between(n)
		}
		next = link + "&" + extra
	}
}

func quoted(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

func dataBody(pairs ...any) string {
	var b bytes.Buffer
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", pairs[i], quoted(pairs[i+1]))
	}
	return `{"data":{` + b.String() + `}}`
}
