package ui

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

// Only who knows the address, and calls this machine by its name, gets an answer; and only the page may change something.
func TestNobodyElseMayLook(t *testing.T) {
	m := newFake()
	s := served(t, m)
	base := strings.TrimSuffix(s.URL(), s.secret+"/")
	for _, c := range []struct {
		what, method, url string
		header            http.Header
		host              string
		want              int
	}{
		{"the page", "GET", s.URL(), nil, "", 200},
		{"its script", "GET", s.URL() + "page.js", nil, "", 200},
		{"no secret", "GET", base, nil, "", 404},
		{"a wrong secret", "GET", base + "AAAAAAAAAAAAAAAAAAAAAAAAAA/", nil, "", 404},
		{"a part of the secret", "GET", base + s.secret[:20] + "/", nil, "", 404},
		{"a way out of the folder", "GET", s.URL() + "../../etc/passwd", nil, "", 404},
		{"by a name that was pointed here", "GET", s.URL(), nil, "evil.example:80", 404},
		{"localhost", "GET", s.URL(), nil, "localhost:1", 200},
		{"a button of another page", "POST", s.URL() + "retry", http.Header{"Origin": {"http://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}, "", 403},
		{"no page at all", "POST", s.URL() + "retry", nil, "", 403},
		{"the page's button", "POST", s.URL() + "retry", http.Header{"Sec-Fetch-Site": {"same-origin"}}, "", 200},
		{"an order that is none", "POST", s.URL() + "retry", http.Header{"Sec-Fetch-Site": {"same-origin"}, "X-Body": {"{"}}, "", 400},
	} {
		body := `{"paths":["a"]}`
		if b := c.header.Get("X-Body"); b != "" {
			body = b
		}
		req, err := http.NewRequest(c.method, c.url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.header {
			req.Header[k] = v
		}
		req.Host = c.host
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", c.what, res.Status, c.want)
		}
		if res.StatusCode == 200 && !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: the page could be made to load something from elsewhere", c.what)
		}
	}
	if got := m.asked(); len(got) != 1 {
		t.Errorf("tried again: %q", got)
	}
}

func TestAPageIsForThisMachine(t *testing.T) {
	for addr, ok := range map[string]bool{"127.0.0.1:0": true, "[::1]:8080": true, "localhost:1": true, "0.0.0.0:80": false, ":80": false, "192.168.1.5:80": false, "box.example:80": false, "8080": false} {
		if err := CheckAddr(addr); (err == nil) != ok || err != nil && !errors.Is(err, ErrNotLocal) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// The page is told by events, at once and when something changes.
func TestEvents(t *testing.T) {
	m := newFake()
	s := served(t, m)
	res, err := http.Get(s.URL() + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	next := func() (st control.Status) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &st); err != nil {
					t.Fatal(err)
				}
				return st
			}
		}
		t.Fatal("the events ended")
		return st
	}
	if st := next(); st.Totals.Parked != 1 {
		t.Errorf("told first: %+v", st.Totals)
	}
	m.Retry(t.Context(), []string{"x"})
	for range 5 { // what was under way when that changed
		if next().Totals.Parked == 0 {
			return
		}
	}
	t.Error("what has changed was not told")
}

// The speed is kept for an hour, and not longer.
func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHistory()
		ctx := t.Context()
		go h.run(ctx, newFake())
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		p := h.points()
		if n := len(p); n < 355 || n > 362 || p[0].Rate != 42_000_000 || p[0].Down != 7_000_000 {
			t.Errorf("after three hours %d points, the first %+v", n, p[0])
		}
		if age := time.Since(p[0].At); age > keepFor+noteEvery {
			t.Errorf("the oldest is of %v ago", age)
		}
	})
}
