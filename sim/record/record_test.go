package record

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func serve(t *testing.T, l *Log, hideQuery bool, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(l.Wrap("api", hideQuery, h))
	t.Cleanup(srv.Close)
	return srv.URL
}

func send(t *testing.T, method, url, body string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("Range", "bytes=0-1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return // the handler cut the connection
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

func TestEntry(t *testing.T) {
	l := New(10, nil)
	url := serve(t, l, false, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		Note(r, "asset", 7)
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "short and stout")
	})
	send(t, "PUT", url+"/x?y=z", "tea")
	es := l.Entries(0)
	if len(es) != 1 {
		t.Fatalf("%d entries", len(es))
	}
	e := es[0]
	if e.Method != "PUT" || e.Path != "/x?y=z" || e.Asset != "asset" || e.Part != 7 || e.In != 3 || e.Out != 15 ||
		e.Status != 418 || !e.Authorization || e.Range != "bytes=0-1" || e.ContentLength != 3 || e.End.Before(e.Start) {
		t.Errorf("entry: %+v", e)
	}
	if s := l.Stats()["api"]; s.Requests != 1 || s.In != 3 || s.Out != 15 || s.ByStatus[418] != 1 || s.Current != 0 {
		t.Errorf("stats: %+v", s)
	}
	if got := l.Entries(e.Seq); len(got) != 0 {
		t.Errorf("entries after the last: %v", got)
	}
}

func TestHiddenQueryCutConnectionAndBound(t *testing.T) {
	l := New(3, nil)
	url := serve(t, l, true, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	for range 5 {
		send(t, "GET", url+"/part?X-Amz-Signature=s", "")
	}
	es := l.Entries(0)
	if len(es) != 3 || es[0].Path != "/part" || es[0].Status != 0 {
		t.Errorf("entries: %+v", es)
	}
	if s := l.Stats()["api"]; s.Requests < 5 || s.ByStatus[0] < 5 { // net/http may try a GET again
		t.Errorf("stats: %+v", s)
	}
	l.Clear()
	if len(l.Entries(0)) != 0 || l.Stats()["api"].Requests != 0 {
		t.Error("not cleared")
	}
}

func TestParallel(t *testing.T) {
	l := New(10, nil)
	var all sync.WaitGroup
	all.Add(4)
	url := serve(t, l, false, func(w http.ResponseWriter, r *http.Request) {
		all.Done()
		all.Wait() // nobody leaves before all four are in
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { send(t, "POST", url, "x") })
	}
	wg.Wait()
	if s := l.Stats()["api"]; s.MaxParallel != 4 || s.Current != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestQuietWaitsForWhatIsUnderWay(t *testing.T) {
	l := New(10, nil)
	sent, done := make(chan struct{}), make(chan struct{})
	url := serve(t, l, false, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "all of it")
		http.NewResponseController(w).Flush()
		close(sent)
		<-done
	})
	go func() {
		if resp, err := http.Get(url); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}()
	<-sent
	if l.Quiet(10 * time.Millisecond) {
		t.Error("quiet while a request is under way")
	}
	close(done)
	if !l.Quiet(10*time.Second) || len(l.Entries(0)) != 1 {
		t.Error("not recorded after it")
	}
}
