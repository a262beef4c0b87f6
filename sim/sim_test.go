package sim

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/link"
	"github.com/frameiofs/frameiofs/sim/world"
)

func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func TestThereAndBack(t *testing.T) {
	c := start(t, Config{Seed: "empty", NoLimits: true, Behaviour: world.Behaviour{PartSize: 1 << 20}})
	content := noise(2<<20 + 12345)
	a := c.create(c.find("Untitled"), "clip.mov", int64(len(content)))
	if len(a.UploadURLs) != 3 || !strings.HasPrefix(a.UploadURLs[0], c.UploadURL()+"/parts/") || !strings.HasPrefix(a.Original, c.MediaURL()) {
		t.Fatalf("created: %+v", a)
	}
	if status, _ := c.download(a.Original, ""); status != 403 {
		t.Errorf("original before the upload: %d", status)
	}
	c.upload(a, content)
	a = c.get(a.ID)
	if a.UploadCompletedAt == nil {
		t.Fatalf("after all parts: %+v", a)
	}
	if status, got := c.download(a.Original, ""); status != 200 || !bytes.Equal(got, content) {
		t.Errorf("download: %d, %d bytes", status, len(got))
	}
	if status, got := c.download(a.Original, "bytes=1000000-1000999"); status != 206 || !bytes.Equal(got, content[1000000:1001000]) {
		t.Errorf("range: %d, %d bytes", status, len(got))
	}
	// The same asset on the other wire.
	status, answer := c.call("GET", "/v4/me", "", "x-frameio-legacy-token-auth", "true")
	if status != 200 || !strings.Contains(answer, "Maya Lindqvist") {
		t.Errorf("V4 me: %d %s", status, answer)
	}
	if !c.Log().Quiet(10 * time.Second) {
		t.Fatal("requests are still under way")
	}
	var parts int
	for _, e := range c.Log().Entries(0) {
		if e.Host == "upload" {
			parts++
			if e.Asset != a.ID || e.Part != parts || e.Authorization || e.ACL != "private" || e.Status != 200 || strings.Contains(e.Path, "?") {
				t.Errorf("recorded: %+v", e)
			}
		}
	}
	if stats := c.Log().Stats(); parts != 3 || stats["upload"].In != int64(len(content)) || stats["media"].Out < int64(len(content))+1000 {
		t.Errorf("%d parts recorded; stats %+v", parts, stats)
	}
}

func TestRestart(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Seed: "empty", NoLimits: true, Behaviour: world.Behaviour{PartSize: 4}}
	c := start(t, cfg)
	a := c.create(c.find("Untitled"), "a.txt", 8)
	if status := c.put(a.UploadURLs[0], a.Filetype, strings.NewReader("1234"), 4); status != 200 {
		t.Fatalf("first part: %d", status)
	}
	c.http.CloseIdleConnections()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, cfg)
	if again.URL() != c.URL() || again.UploadURL() != c.UploadURL() {
		t.Fatalf("other addresses after a restart: %s, %s", again.URL(), again.UploadURL())
	}
	if status := again.put(a.UploadURLs[1], a.Filetype, strings.NewReader("5678"), 4); status != 200 {
		t.Fatalf("second part with a URL from before the restart: %d", status)
	}
	if status, got := again.download(again.get(a.ID).Original, ""); status != 200 || string(got) != "12345678" {
		t.Errorf("download: %d %q", status, got)
	}
}

// Nothing of a body is kept in memory, neither on the way in nor out.
func TestMemory(t *testing.T) {
	const size = 192 << 20
	c := start(t, Config{Seed: "empty", NoLimits: true, Behaviour: world.Behaviour{PartSize: size / 4, NoChecksum: true}})
	a := c.create(c.find("Untitled"), "big.mov", size)
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	done := make(chan int)
	for _, u := range a.UploadURLs {
		go func() { done <- c.put(u, a.Filetype, io.LimitReader(zeroes{}, size/4), size/4) }()
	}
	for range a.UploadURLs {
		if status := <-done; status != 200 {
			t.Errorf("part: %d", status)
		}
	}
	resp, err := c.http.Get(c.get(a.ID).Original)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	close(stop)
	if most := <-peak; n != size || err != nil || most > 48<<20 {
		t.Errorf("%d bytes back (%v), heap in use up to %d MiB", n, err, most>>20)
	}
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestFaultsInPlace(t *testing.T) {
	c := start(t, Config{Seed: "empty", NoLimits: true, Faults: []string{"lost@api:assets.create*1"}})
	root := c.find("Untitled")
	path := "/v2/assets/" + string(root) + "/children"
	if status, _ := c.call("POST", path, `{"type":"file","name":"twin.txt","filesize":1}`); status != 0 {
		t.Errorf("the answer to a lost create: %d", status)
	}
	a := c.create(root, "twin.txt", 1)
	var l []asset
	if c.ok("GET", path, "", &l); len(l) != 2 || l[0].Name != "twin.txt" || l[1].Name != "twin.txt" {
		t.Errorf("a lost create leaves its asset behind: %+v", l)
	}

	add := func(rule string) {
		t.Helper()
		c.Faults().Clear(0)
		if err := c.Faults().AddText(rule); err != nil {
			t.Fatal(err)
		}
	}
	put := func() int { return c.put(a.UploadURLs[0], a.Filetype, strings.NewReader("x"), 1) }
	for _, tc := range []struct {
		rule string
		want int
	}{{"slowdown@upload", 503}, {"500@upload", 500}, {"expired@upload", 403}, {"reset@upload", 0}, {"lose@upload", 200}} {
		if add(tc.rule); put() != tc.want {
			t.Errorf("%s: not %d", tc.rule, tc.want)
		}
		if c.get(a.ID).UploadCompletedAt != nil {
			t.Errorf("%s: the upload completed", tc.rule)
		}
	}
	add("fail@upload")
	if got := put(); got != 200 || c.get(a.ID).UploadFailedAt == nil {
		t.Errorf("fail@upload: %d", got)
	}
	for rule, want := range map[string]string{"token@api": `"code": 401`, "429@api": `"code": 429`, "html@api": "<!DOCTYPE html>"} {
		add(rule)
		if _, answer := c.call("GET", "/v2/me", ""); !strings.Contains(strings.ReplaceAll(answer, `":`, `": `), want) {
			t.Errorf("%s: %s", rule, answer)
		}
	}
	add("503@api")
	if status, answer := c.call("GET", "/v4/me", ""); status != 503 || !strings.Contains(answer, `"detail": "Service Unavailable"`) {
		t.Errorf("V4's words: %d %s", status, answer)
	}
	if status, _ := c.call("GET", "/_sim/state", ""); status != 200 {
		t.Errorf("the controls obey faults: %d", status)
	}
}

func TestTruncatedDownload(t *testing.T) {
	c := start(t, Config{Seed: "empty", NoLimits: true, Faults: []string{"truncate@media*1", "corrupt@media+1*1"}})
	content := noise(100_000)
	a := c.create(c.find("Untitled"), "a.mov", int64(len(content)))
	c.upload(a, content)
	url := c.get(a.ID).Original
	if status, got := c.download(url, ""); status != 0 || len(got) != len(content)/2 {
		t.Errorf("truncated: %d, %d bytes", status, len(got))
	}
	status, got := c.download(url, "")
	wrong := 0
	for i := range got {
		if got[i] != content[i] {
			wrong++
		}
	}
	if status != 200 || len(got) != len(content) || wrong != 1 {
		t.Errorf("corrupt: %d, %d bytes, %d wrong", status, len(got), wrong)
	}
	if status, got := c.download(url, ""); status != 200 || !bytes.Equal(got, content) {
		t.Errorf("after the faults: %d, %d bytes", status, len(got))
	}
}

func TestLimitsAndLink(t *testing.T) {
	const rtt = 30 * time.Millisecond
	c := start(t, Config{Seed: "empty", LimitScale: 1e-9, Link: link.Config{RTT: rtt}})
	path, refused := "/v2/assets/"+string(c.find("Untitled")), 0
	began := time.Now()
	for range 7 {
		if status, _ := c.call("GET", path, ""); status == 429 {
			refused++
		}
	}
	if took := time.Since(began); refused != 2 || took < 7*rtt {
		t.Errorf("7 reads took %v (7 round trips of %v), %d refused, want 2", took, rtt, refused)
	}
}

func TestEnv(t *testing.T) {
	c := start(t, Config{Seed: "empty"})
	if want := []string{"FRAMEIO_API_URL=" + c.URL(), "FRAMEIO_TOKEN=" + c.Token("full")}; !slices.Equal(c.Env(), want) {
		t.Errorf("got %q", c.Env())
	}
	if status, answer := c.call("GET", "/health", ""); status != 200 || !strings.Contains(answer, `"ok"`) {
		t.Errorf("health: %d %s", status, answer)
	}
}

func TestBadConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"seed":      {Seed: "sampel"},
		"fault":     {Faults: []string{"429"}},
		"behaviour": {Behaviour: world.Behaviour{ZeroByte: "maybe"}},
		"link":      {Link: link.Config{RTT: -1}},
		"listen":    {Seed: "empty", Listen: "256.0.0.1:0"},
	} {
		if srv, err := New(cfg); err == nil {
			srv.Close()
			t.Errorf("a bad %s was accepted", name)
		}
	}
}

// The controls answer neither others on the network nor web pages under a name of their own.
func TestControlsAreLoopbackOnly(t *testing.T) {
	c := start(t, Config{Seed: "empty"})
	for _, tc := range []struct {
		remote, host string
		want         int
	}{
		{"127.0.0.1:5", "127.0.0.1:80", 200}, {"[::1]:5", "localhost:80", 200}, {"127.0.0.1:5", "evil.example", 403},
		{"192.168.1.7:5", "127.0.0.1:80", 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "/_sim/state", nil)
		r.RemoteAddr, r.Host = tc.remote, tc.host
		rw := httptest.NewRecorder()
		if c.admin().ServeHTTP(rw, r); rw.Code != tc.want {
			t.Errorf("from %s to %s: got %d, want %d", tc.remote, tc.host, rw.Code, tc.want)
		}
	}
}
