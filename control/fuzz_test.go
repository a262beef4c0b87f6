package control

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever is asked, the answer is one, and no call of the mount gets more than it bargained for.
func FuzzRequests(f *testing.F) {
	for _, path := range []string{"status", "list", "retry", "cancel", "sync", "unmount", "pause", "resume", "first", "limits", "cache/status", "cache/pin", "cache/warm"} {
		f.Add("POST", "/v1/"+path, "", `{"paths":["a","../../b","\u0000"],"how":"now"}`)
		f.Add("GET", "/v1/"+path, "limit=-1&under=../..", "")
	}
	f.Add("GET", "/v1/status", "limit=99999999999999999999", "")
	f.Add("POST", "/v1/unmount", "", `{"how":"never"}`)
	f.Add("POST", "/v1/limits", "", `{"bandwidth":-1,"uploads":1e300,"parts":null}`)
	f.Add("POST", "/../v1/retry", "", strings.Repeat("[", 20_000))
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if strings.Contains(path, "debug") { // takes its time on purpose
			return
		}
		m := &fakeMount{sync: func(context.Context, func(Status)) error { return nil },
			warm: func(context.Context, func(Holding)) (Holding, error) { return Holding{}, nil }}
		h := contain(slog.New(slog.DiscardHandler), routes(m))
		r, err := http.NewRequest(method, "http://mount/", strings.NewReader(body))
		if err != nil {
			return
		}
		r.URL = &url.URL{Scheme: "http", Host: "mount", Path: path, RawQuery: query}
		r.Body = io.NopCloser(strings.NewReader(body))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch res := w.Result(); {
		case res.StatusCode >= 500:
			t.Errorf("%s %s?%s %q: %s %s", method, path, query, body, res.Status, w.Body)
		case res.StatusCode == http.StatusOK && !json.Valid(lastLine(w.Body.String())):
			t.Errorf("%s %s?%s %q: answered %q", method, path, query, body, w.Body)
		}
		if m.query.Limit < 0 || m.query.Limit > MaxFiles {
			t.Errorf("asked for %d files", m.query.Limit)
		}
		if m.how != "" && m.how != Now && m.how != Drain {
			t.Errorf("unmounts by %q", m.how)
		}
	})
}

func lastLine(text string) []byte {
	text = strings.TrimSpace(text)
	return []byte(text[strings.LastIndexByte(text, '\n')+1:])
}
