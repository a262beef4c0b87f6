package fault

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want Rule
	}{
		{"429@api", Rule{What: "429", Place: API}},
		{"429@api:assets.create*3", Rule{What: "429", Place: API, Op: "assets.create", Times: 3}},
		{"reset@upload%5", Rule{What: Reset, Place: Upload, Every: 5}},
		{"stall=30s@media?0.1", Rule{What: Stall, Delay: 30 * time.Second, Place: Media, Chance: 0.1}},
		{"stall@any", Rule{What: Stall, Delay: time.Minute, Place: Any}},
		{"slow@api:me", Rule{What: Slow, Delay: time.Second, Place: API, Op: "me"}},
		{"lost@api:assets.create+2*1", Rule{What: Lost, Place: API, Op: "assets.create", After: 2, Times: 1}},
		{"429=5s@api", Rule{What: "429", Place: API, Delay: 5 * time.Second}},
		{"drip@media", Rule{What: Drip, Place: Media, Delay: 100 * time.Millisecond}},
		{" lose@upload*1 ", Rule{What: Lose, Place: Upload, Times: 1}},
	}
	for _, tc := range tests {
		got, err := Parse(tc.text)
		tc.want.Text = strings.TrimSpace(tc.text)
		if err != nil || got != tc.want {
			t.Errorf("Parse(%q): got %+v, %v; want %+v", tc.text, got, err, tc.want)
		}
	}
	r, err := Parse(`503@upload:/part_2(\?|$)\/*x/*1`)
	if err != nil || r.Match.String() != `part_2(\?|$)/*x` || r.Times != 1 {
		t.Errorf("regexp with escaped slash and star: %v, %v, %v", r.Match, r.Times, err)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"429":                 "does not say where",
		"teapot@api":          "unknown fault",
		"418@api":             "unknown fault",
		"500=5s@api":          "takes no =argument",
		"stall=soon@api":      "not a duration",
		"429@cloud":           "unknown place",
		"429@api:create":      "unknown call",
		"429@upload:me":       "made at api",
		"429@api:/x":          "no closing /",
		"429@api:/(/":         "missing closing )",
		"429@api*0":           "number from 1",
		"429@api*many":        "number from 1",
		"429@api?1.5":         "probability",
		"429@api?0":           "probability",
		"lose@api":            "upload only",
		"flip@media":          "upload only",
		"429@api:/x/tomorrow": "number from 1",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): got %v, want something with %q", text, err, want)
		}
	}
}

func TestOp(t *testing.T) {
	for line, want := range map[string]string{
		"GET /v2/me":                                       "me",
		"GET /v4/me":                                       "me",
		"GET /v2/accounts":                                 "accounts",
		"GET /v2/accounts/1/teams":                         "teams",
		"GET /v4/accounts/1/workspaces":                    "teams",
		"GET /v4/accounts/1/workspaces/2":                  "teams",
		"GET /v4/accounts/1/workspaces/2/projects":         "projects",
		"GET /v2/projects/shared":                          "projects",
		"GET /v4/accounts/1/invited_projects":              "projects",
		"GET /v4/accounts/1/projects/2":                    "projects",
		"GET /v2/assets/1":                                 "assets.read",
		"GET /v4/accounts/1/files/2":                       "assets.read",
		"GET /v2/assets/1/children":                        "assets.children",
		"GET /v4/accounts/1/folders/2/children":            "assets.children",
		"GET /v4/accounts/1/folders/2/files":               "assets.children",
		"GET /v4/accounts/1/files/2/status":                "assets.status",
		"POST /v2/assets/1/children":                       "assets.create",
		"POST /v4/accounts/1/folders/2/folders":            "assets.create",
		"POST /v4/accounts/1/folders/2/files/local_upload": "assets.create",
		"PUT /v2/assets/1":                                 "assets.update",
		"PATCH /v4/accounts/1/files/2":                     "assets.update",
		"POST /v2/assets/1/move":                           "assets.move",
		"PATCH /v4/accounts/1/folders/2/move":              "assets.move",
		"POST /v4/accounts/1/files/2/copy":                 "assets.copy",
		"DELETE /v2/assets/1":                              "assets.delete",
		"DELETE /v4/accounts/1/folders/2":                  "assets.delete",
		"PUT /v2/assets/1/restore":                         "assets.restore",
		"POST /v2/assets/1/version":                        "assets.version",
		"DELETE /v2/assets/1/unversion":                    "assets.version",
		"POST /v4/accounts/1/folders/2/version_stacks":     "assets.version",
		"GET /v4/accounts/1/folders/2/version_stacks":      "assets.children",
		"POST /oauth2/token":                               "token",
		"POST /ims/token/v3":                               "token",
		"GET /health":                                      "",
	} {
		method, path, _ := strings.Cut(line, " ")
		if got := Op(method, path); got != want {
			t.Errorf("Op(%s): got %q, want %q", line, got, want)
		}
	}
}

// backend answers 10 bytes and counts what it carried out.
type backend struct {
	url   string
	done  atomic.Int32
	fault atomic.Value
}

func serve(t *testing.T, place Place, rules ...string) (*backend, *Set) {
	t.Helper()
	s := NewSet(1)
	if err := s.AddText(rules...); err != nil {
		t.Fatal(err)
	}
	b := &backend{}
	say := func(w http.ResponseWriter, r *http.Request, status int, code string) {
		w.Header().Set("x-code", code)
		w.WriteHeader(status)
	}
	srv := httptest.NewServer(s.Wrap(place, say, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.fault.Store(UploadFault(r))
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		b.done.Add(1)
		w.Write([]byte("0123456789"))
	})))
	t.Cleanup(srv.Close)
	b.url = srv.URL
	return b, s
}

func (b *backend) call(method, path, body string) (status int, got string, code string, err error) {
	req, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), resp.Header.Get("x-code"), err
}

func TestWhatHappens(t *testing.T) {
	tests := []struct {
		rule, method, body string
		status             int // 0: no answer at all
		got, code          string
		cut                bool // the answer's body ended early
		done               int32
	}{
		{"429@api", "GET", "", 429, "", "", false, 0},
		{"503@any", "GET", "", 503, "", "", false, 0},
		{"slowdown@api", "GET", "", 503, "", SlowDown, false, 0},
		{"expired@api", "GET", "", 403, "", Expired, false, 0},
		{"token@api", "GET", "", 401, "", Token, false, 0},
		{"reset@api", "POST", "hello", 0, "", "", false, 0},
		{"reset@api", "GET", "", 200, "01234", "", true, 1},
		{"truncate@api", "POST", "hello", 200, "01234", "", true, 1},
		{"corrupt@api", "GET", "", 200, "01234`6789", "", false, 1},
		{"lost@api", "POST", "hello", 0, "", "", false, 1},
		{"slow=10ms@api", "GET", "", 200, "0123456789", "", false, 1},
		{"stall=10ms@api", "POST", "hello", 200, "0123456789", "", false, 1},
		{"429@media", "GET", "", 200, "0123456789", "", false, 1}, // elsewhere
	}
	for _, tc := range tests {
		t.Run(tc.rule+" "+tc.method, func(t *testing.T) {
			b, _ := serve(t, API, tc.rule)
			status, got, code, err := b.call(tc.method, "/", tc.body)
			if status != tc.status || got != tc.got || code != tc.code {
				t.Errorf("got %d %q %q (%v), want %d %q %q", status, got, code, err, tc.status, tc.got, tc.code)
			}
			if tc.status == 0 && err == nil || tc.cut && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error: %v", err)
			}
			if n := b.done.Load(); n != tc.done {
				t.Errorf("carried out %d times, want %d", n, tc.done)
			}
		})
	}
	b, _ := serve(t, API, "html@api")
	if status, got, _, _ := b.call("GET", "/", ""); status != 200 || !strings.HasPrefix(got, "<!DOCTYPE html>") {
		t.Errorf("html: %d %q", status, got)
	}
}

func TestResetMidBody(t *testing.T) {
	b, _ := serve(t, Upload, "reset@upload*1")
	big := string(bytes.Repeat([]byte("x"), 16<<20))
	if _, _, _, err := b.call("PUT", "/", big); err == nil {
		t.Error("the upload got an answer")
	}
	if status, _, _, err := b.call("PUT", "/", big); status != 200 || err != nil {
		t.Errorf("the next: %d, %v", status, err)
	}
}

func TestUploadFault(t *testing.T) {
	for _, what := range []string{Lose, Fail} {
		b, _ := serve(t, Upload, what+"@upload*1")
		b.call("PUT", "/", "x")
		if got := b.fault.Load(); got != what {
			t.Errorf("the host was told %q, want %q", got, what)
		}
		b.call("PUT", "/", "x")
		if got := b.fault.Load(); got != "" {
			t.Errorf("after that the host was told %q", got)
		}
	}
}

func TestHowOften(t *testing.T) {
	pattern := func(rule string, n int) string {
		b, _ := serve(t, API, rule)
		var out strings.Builder
		for range n {
			if status, _, _, _ := b.call("GET", "/v2/me", ""); status == 200 {
				out.WriteByte('.')
			} else {
				out.WriteByte('x')
			}
		}
		return out.String()
	}
	for rule, want := range map[string]string{
		"500@api*2":                     "xx......",
		"500@api+3":                     "...xxxxx",
		"500@api+3*2":                   "...xx...",
		"500@api%3":                     "..x..x..",
		"500@api%2+2*2":                 "...x.x..",
		"500@api:me*1":                  "x.......",
		"500@api:accounts":              "........",
		"500@api:/^GET .*me$/*1":        "x.......",
		"500@api:/^POST/":               "........",
		"500@upload":                    "........",
		"500@api:/\\/v2\\/me(\\?|$)/*1": "x.......",
	} {
		if got := pattern(rule, 8); got != want {
			t.Errorf("%s: got %s, want %s", rule, got, want)
		}
	}
	a, b := pattern("500@api?0.5", 32), pattern("500@api?0.5", 32)
	if a != b || !strings.Contains(a, "x") || !strings.Contains(a, ".") {
		t.Errorf("half of the calls, from one seed: %s and %s", a, b)
	}
}

func TestSetListAndClear(t *testing.T) {
	b, s := serve(t, API, "500@api*1", "502@any+1")
	b.call("GET", "/", "")
	b.call("GET", "/", "")
	l := s.List()
	if len(l) != 2 || l[0].Fired != 1 || l[0].Seen != 2 || l[1].Fired != 1 {
		t.Errorf("counts: %+v", l)
	}
	if err := s.AddText("503@api", "nonsense"); err == nil || len(s.List()) != 2 {
		t.Errorf("one bad rule among two: %v, %d rules", err, len(s.List()))
	}
	if n := s.Clear(l[1].ID); n != 1 || len(s.List()) != 1 {
		t.Errorf("lifted %d", n)
	}
	if s.Clear(0); len(s.List()) != 0 {
		t.Error("rules are left")
	}
}
