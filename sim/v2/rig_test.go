package v2

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/hosts"
	"github.com/frameiofs/frameiofs/sim/limit"
	"github.com/frameiofs/frameiofs/sim/seed"
	"github.com/frameiofs/frameiofs/sim/world"
)

// rig is the V2 wire of a seeded world behind a real listener.
type rig struct {
	t       *testing.T
	w       *world.World
	l       *limit.Limiter
	url     string
	token   string
	project world.Project
	root    string // id of the project's root folder
}

// reply is an answer as a client sees it.
type reply struct {
	status int
	header http.Header
	raw    string
	obj    map[string]any   // of a single object
	list   []map[string]any // of an array
}

func newRig(t *testing.T, b world.Behaviour) *rig {
	t.Helper()
	w, err := world.Open(world.Config{Dir: t.TempDir(), Behaviour: b})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	if err := seed.Plant(w, "empty", 1); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, w: w, l: limit.New(func() time.Time { return time.Unix(1, 0) }), token: "fio-u-sim-full-access"}
	r.l.SetScale(0)
	storage := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(storage.Close)
	srv := httptest.NewServer(New(w, hosts.New(w, storage.URL, storage.URL), r.l))
	t.Cleanup(srv.Close)
	r.url = srv.URL
	ps, err := w.AccountProjects(world.Root(), w.Accounts(world.Root())[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	r.project, r.root = ps[0], string(ps[0].RootID)
	return r
}

func (r *rig) send(method, path, contentType, body string) reply {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url+"/v2"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	if body != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	a := reply{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if strings.HasPrefix(a.raw, "[") {
		err = json.Unmarshal(raw, &a.list)
	} else {
		err = json.Unmarshal(raw, &a.obj)
	}
	if err != nil {
		r.t.Fatalf("%s %s: %v in %q", method, path, err, raw)
	}
	return a
}

func (r *rig) do(method, path, body string) reply {
	r.t.Helper()
	return r.send(method, path, "application/json", body)
}

// ok is do for calls that have to succeed.
func (r *rig) ok(method, path, body string) reply {
	r.t.Helper()
	a := r.do(method, path, body)
	if a.status != 200 {
		r.t.Fatalf("%s %s: %d %s", method, path, a.status, a.raw)
	}
	return a
}

func (r *rig) folder(parent, name string) string {
	r.t.Helper()
	return r.ok("POST", "/assets/"+parent+"/children", `{"type":"folder","name":`+quote(name)+`}`).obj["id"].(string)
}

// file makes a complete file.
func (r *rig) file(parent, name, content string) string {
	r.t.Helper()
	a, err := r.w.PutFile(world.Root(), world.ID(parent), world.NewFile{Name: name, Size: int64(len(content))}, strings.NewReader(content))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(a.ID)
}

func (r *rig) names(path string) []string {
	r.t.Helper()
	var out []string
	for _, o := range r.ok("GET", path, "").list {
		out = append(out, o["name"].(string))
	}
	return out
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func wantNames(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
