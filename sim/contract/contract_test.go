package contract

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	fileID = "477b4abc-b34e-41dc-81b3-61ef3e6f4a0e"
	file   = `{"id":"` + fileID + `","type":"file","created_at":"2026-01-02T03:04:05.678901Z"}`
)

func small(t *testing.T) *Doc {
	t.Helper()
	d, err := Load("testdata/small.json")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func request(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer t")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func TestCheckRequest(t *testing.T) {
	tests := []struct {
		name, method, target, body string
		want                       string // part of the complaint; "" for none
	}{
		{"plain", "GET", "/v4/files/" + fileID, "", ""},
		{"Adobe id", "GET", "/v4/files/adobe:urn:x%7C2", "", ""},
		{"id of neither kind", "GET", "/v4/files/42", "", "file_id"},
		{"list of includes", "GET", "/v4/files/" + fileID + "?include=media_links.original,project", "", ""},
		{"include known from examples", "GET", "/v4/files/" + fileID + "?include=project.owner", "", ""},
		{"unknown include among known", "GET", "/v4/files/" + fileID + "?include=project,comments", "", "include"},
		{"page too large", "GET", "/v4/files/" + fileID + "?page_size=501", "", "page_size"},
		{"undeclared query", "GET", "/v4/files/" + fileID + "?sort=name", "", `no query parameter "sort"`},
		{"body where none is declared", "GET", "/v4/files/" + fileID, `{}`, "no body"},
		{"good body", "PATCH", "/v4/files/" + fileID, `{"data":{"name":"a"}}`, ""},
		{"missing body", "PATCH", "/v4/files/" + fileID, "", "required"},
		{"missing envelope", "PATCH", "/v4/files/" + fileID, `{"name":"a"}`, "/data"},
		{"unknown key", "PATCH", "/v4/files/" + fileID, `{"data":{"name":"a","colour":1}}`, "colour"},
		{"name too long", "PATCH", "/v4/files/" + fileID, `{"data":{"name":"abcdef"}}`, "/data/name"},
		{"not JSON", "PATCH", "/v4/files/" + fileID, `{"data":`, "files.update"},
		{"no such operation", "POST", "/v4/files/" + fileID, `{}`, "no such operation"},
		{"no such path", "GET", "/v4/elsewhere", "", "no such operation"},
	}
	d := small(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := d.CheckRequest(request(t, tt.method, tt.target, tt.body), []byte(tt.body))
			complaint(t, got, tt.want)
		})
	}
	t.Run("no token", func(t *testing.T) {
		complaint(t, d.CheckRequest(httptest.NewRequest("GET", "/v4/files/"+fileID, nil), nil), "Bearer")
	})
}

func TestCheckResponse(t *testing.T) {
	limit := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Ratelimit-Limit": {"100"}}
	tests := []struct {
		name, method, target string
		status               int
		header               http.Header
		body                 string
		want                 string
	}{
		{"file", "GET", "/v4/files/" + fileID, 200, limit, `{"data":` + file + `}`, ""},
		{"key outside the parts", "GET", "/v4/files/" + fileID, 200, limit,
			`{"data":` + strings.Replace(file, "{", `{"colour":1,`, 1) + `}`, "colour"},
		{"value of a part", "GET", "/v4/files/" + fileID, 200, limit,
			`{"data":` + strings.Replace(file, fileID, "42", 1) + `}`, "UUID"},
		{"wrong time", "GET", "/v4/files/" + fileID, 200, limit,
			`{"data":` + strings.Replace(file, "T03", " 03", 1) + `}`, "created_at"},
		{"null link", "GET", "/v4/files/" + fileID, 200, limit,
			`{"data":` + strings.Replace(file, "{", `{"original":{"download_url":null,"inline_url":null},`, 1) + `}`, ""},
		{"half a link", "GET", "/v4/files/" + fileID, 200, limit,
			`{"data":` + strings.Replace(file, "{", `{"original":{"download_url":"u"},`, 1) + `}`, "inline_url"},
		{"stack without head", "GET", "/v4/files/" + fileID, 200, limit, `{"data":{"type":"version_stack","head_version":null}}`, ""},
		{"stack with head", "GET", "/v4/files/" + fileID, 200, limit, `{"data":{"type":"version_stack","head_version":` + file + `}}`, ""},
		{"unknown type", "GET", "/v4/files/" + fileID, 200, limit, `{"data":{"type":"reel"}}`, "files.show"},
		{"missing header", "GET", "/v4/files/" + fileID, 200, http.Header{"Content-Type": {"application/json"}}, `{"data":` + file + `}`, "x-ratelimit-limit"},
		{"wrong media type", "GET", "/v4/files/" + fileID, 200, http.Header{"Content-Type": {"text/html"}, "X-Ratelimit-Limit": {"1"}}, `<p>`, "text/html"},
		{"undeclared status", "GET", "/v4/files/" + fileID, 418, limit, `{}`, "418"},
		{"server trouble", "GET", "/v4/files/" + fileID, 502, nil, `<p>`, ""},
		{"no content", "DELETE", "/v4/files/" + fileID, 204, nil, "", ""},
		{"content after all", "DELETE", "/v4/files/" + fileID, 204, nil, `""`, "204"},
		{"no route", "GET", "/v4/elsewhere", 404, nil, `{"errors":[]}`, ""},
		{"no route, yet served", "GET", "/v4/elsewhere", 200, nil, `{}`, "does not declare"},
	}
	d := small(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := d.CheckResponse(request(t, tt.method, tt.target, ""), tt.status, tt.header, []byte(tt.body))
			complaint(t, got, tt.want)
		})
	}
}

func complaint(t *testing.T, got error, want string) {
	t.Helper()
	switch {
	case want == "" && got != nil:
		t.Errorf("got complaint %q, want none", got)
	case want != "" && got == nil:
		t.Errorf("got no complaint, want one with %q", want)
	case want != "" && !strings.Contains(got.Error(), want):
		t.Errorf("got complaint %q, want one with %q", got, want)
	}
}

// witness is a test that takes notes instead of failing.
type witness struct {
	testing.TB
	said []string
}

func (w *witness) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

// TestHandler shows whom the two handlers blame, and that the traffic passes through unharmed.
func TestHandler(t *testing.T) {
	const good, bad = `{"data":{"name":"a"}}`, `{"data":{"colour":1}}`
	tests := []struct {
		name, body     string
		status         int
		client, server int // complaints of Handler and ServerHandler
	}{
		{"good request, accepted", good, 200, 0, 0},
		{"bad request, accepted", bad, 200, 1, 1},
		{"bad request, refused with an undeclared status", bad, 422, 2, 1},
		{"bad request, server broken", bad, 503, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got, err := io.ReadAll(r.Body); err != nil || string(got) != tt.body {
					t.Errorf("next read body %q (%v), want %q", got, err, tt.body)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				io.WriteString(w, `{"data":`+file+`}`)
			})
			client, server := &witness{TB: t}, &witness{TB: t}
			for w, h := range map[*witness]http.Handler{
				client: small(t).Handler(client, next), server: small(t).ServerHandler(server, next),
			} {
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, request(t, "PATCH", "/v4/files/"+fileID, tt.body))
				if rec.Code != tt.status || !strings.Contains(rec.Body.String(), fileID) {
					t.Errorf("the answer became %d %s", rec.Code, rec.Body)
				}
				for _, s := range w.said {
					if !strings.Contains(s, "PATCH /v4/files/"+fileID) {
						t.Errorf("complaint %q does not name the call", s)
					}
				}
			}
			if len(client.said) != tt.client || len(server.said) != tt.server {
				t.Errorf("complaints: client %q, server %q; want %d and %d", client.said, server.said, tt.client, tt.server)
			}
		})
	}
}

// TestHandlerLetsGo shows that other paths and cut connections are not judged, and that no document means no check.
func TestHandlerLetsGo(t *testing.T) {
	w := &witness{TB: t}
	cut := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	srv := httptest.NewServer(small(t).Handler(w, cut))
	defer srv.Close()
	if _, err := srv.Client().Get(srv.URL + "/health"); err == nil {
		t.Error("GET /health: the cut did not reach the client")
	}
	r, _ := http.NewRequest("DELETE", srv.URL+"/v4/files/"+fileID, nil)
	r.Header.Set("Authorization", "Bearer t")
	if _, err := srv.Client().Do(r); err == nil {
		t.Error("DELETE: the cut did not reach the client")
	}
	if len(w.said) > 0 {
		t.Errorf("got complaints %q, want none", w.said)
	}

	var none *Doc
	rec := httptest.NewRecorder()
	none.Handler(t, http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest("GET", "/v4/x", nil))
	if rec.Code != 404 {
		t.Errorf("without a document got %d, want 404 of next", rec.Code)
	}
}

func TestLoadRefuses(t *testing.T) {
	for path, want := range map[string]string{"testdata/none.json": "read V4 document", "contract_test.go": "parse V4 document"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%q) = %v, want an error with %q", path, err, want)
		}
	}
}

// TestPublished loads the published document and shows that its quirks are mended: each call here is real traffic that the
// document, taken to the letter, would refuse.
func TestPublished(t *testing.T) {
	d := Require(t)
	const account = "44643761-2dec-4d47-94c0-e8972c4b4308"
	r := request(t, "GET", "/v4/accounts/"+account+"/files/"+fileID+"?include=media_links.original,creator,project", "")
	if err := d.CheckRequest(r, nil); err != nil {
		t.Error(err)
	}
	answer := `{"data":{"id":"` + fileID + `","name":"a.mov","type":"file","project_id":"` + account + `","parent_id":null,
		"created_at":"2026-01-02T03:04:05.678901Z","updated_at":"2026-01-02T03:04:05.678901Z","view_url":"u","file_size":1,
		"media_type":"video/quicktime","status":"created","media_links":{"original":{"download_url":null,"inline_url":"u"}}}}`
	h := http.Header{"Content-Type": {"application/json"}, "X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Remaining": {"9"}, "X-Ratelimit-Window": {"1000"}}
	if err := d.CheckResponse(r, 200, h, []byte(answer)); err != nil {
		t.Error(err)
	}
	complaint(t, d.CheckResponse(r, 200, h, []byte(strings.Replace(answer, `"created"`, `"wrong"`, 1))), "status")
	r = request(t, "DELETE", "/v4/accounts/"+account+"/files/"+fileID, "")
	if err := d.CheckResponse(r, 204, http.Header{}, nil); err != nil {
		t.Error(err)
	}
}
