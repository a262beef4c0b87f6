package hosts

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// rig is a world with both hosts served, and a clock to turn.
type rig struct {
	*Hosts
	t     *testing.T
	w     *world.World
	root  world.ID
	clock time.Time
}

func newRig(t *testing.T, b world.Behaviour) *rig {
	t.Helper()
	r := &rig{t: t, clock: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)}
	var err error
	r.w, err = world.Open(world.Config{Dir: t.TempDir(), Behaviour: b, Now: func() time.Time { return r.clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.w.Close() })
	acc, _ := r.w.AddAccount(world.Account{Name: "A"})
	u, _ := r.w.AddUser(world.User{AccountID: acc.ID, Name: "U", Role: world.Owner})
	team, _ := r.w.AddTeam(world.Team{AccountID: acc.ID, Name: "T", Members: []world.ID{u.ID}})
	p, err := r.w.AddProject(world.Project{TeamID: team.ID, Name: "P"})
	if err != nil {
		t.Fatal(err)
	}
	r.root = p.RootID
	serve := func(h func() http.Handler) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { h().ServeHTTP(w, q) }))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	up := serve(func() http.Handler { return r.Upload() })
	media := serve(func() http.Handler { return r.Media() })
	r.Hosts = New(r.w, up, media)
	return r
}

func (r *rig) create(name string, size int64, exact bool) (world.Asset, []string) {
	r.t.Helper()
	a, u, err := r.w.CreateFile(world.Root(), r.root, world.NewFile{Name: name, Size: size, ExactParts: exact})
	if err != nil {
		r.t.Fatal(err)
	}
	return a, r.UploadURLs(u)
}

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	code   string // of an XML error
}

func (r *rig) do(req *http.Request) answer {
	r.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	var e struct{ Code string }
	if resp.StatusCode >= 300 && xml.Unmarshal(body, &e) == nil {
		a.code = e.Code
	}
	return a
}

func (r *rig) request(method, url string, body io.Reader, headers ...string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

var good = []string{"Content-Type", "text/plain", "x-amz-acl", "private"}

func (r *rig) put(url, body string, headers ...string) answer {
	r.t.Helper()
	return r.do(r.request("PUT", url, strings.NewReader(body), headers...))
}

func (r *rig) uploaded(name, content string) world.Asset {
	r.t.Helper()
	a, err := r.w.PutFile(world.Root(), r.root, world.NewFile{Name: name, Size: int64(len(content))}, strings.NewReader(content))
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *rig) complete(id world.ID) bool {
	r.t.Helper()
	a, err := r.w.Asset(world.Root(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return a.Complete()
}

func TestUploadStrictness(t *testing.T) {
	sum := md5.Sum([]byte("hello"))
	goodSum, badSum := base64.StdEncoding.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(make([]byte, 16))
	with := func(extra ...string) []string { return append(append([]string(nil), good...), extra...) }
	tests := []struct {
		name    string
		headers []string
		body    string
		change  func(r *rig, url string) string // of the URL, or of the world
		status  int
		code    string
	}{
		{"as it should be", good, "hello", nil, 200, ""},
		{"with its digest", with("Content-MD5", goodSum), "hello", nil, 200, ""},
		{"wrong type", []string{"Content-Type", "video/mp4", "x-amz-acl", "private"}, "hello", nil, 403, "SignatureDoesNotMatch"},
		{"no type", []string{"x-amz-acl", "private"}, "hello", nil, 403, "SignatureDoesNotMatch"},
		{"type with a parameter", []string{"Content-Type", "text/plain; charset=utf-8", "x-amz-acl", "private"}, "hello", nil, 403, "SignatureDoesNotMatch"},
		{"no acl", []string{"Content-Type", "text/plain"}, "hello", nil, 403, "SignatureDoesNotMatch"},
		{"other acl", []string{"Content-Type", "text/plain", "x-amz-acl", "public-read"}, "hello", nil, 403, "SignatureDoesNotMatch"},
		{"bearer token", with("Authorization", "Bearer x"), "hello", nil, 400, "InvalidArgument"},
		{"other part number", good, "hello", func(r *rig, u string) string {
			return strings.Replace(u, "part_number=1", "part_number=2", 1)
		}, 403, "SignatureDoesNotMatch"},
		{"other path", good, "hello", func(r *rig, u string) string {
			return strings.Replace(u, "/uploads/", "/upload/", 1)
		}, 403, "SignatureDoesNotMatch"},
		{"longer life", good, "hello", func(r *rig, u string) string {
			return strings.Replace(u, "X-Amz-Expires=86400", "X-Amz-Expires=864000", 1)
		}, 403, "SignatureDoesNotMatch"},
		{"no signature", good, "hello", func(r *rig, u string) string { before, _, _ := strings.Cut(u, "?"); return before }, 403, "AccessDenied"},
		{"a day later", good, "hello", func(r *rig, u string) string { r.clock = r.clock.Add(24 * time.Hour); return u }, 403, "AccessDenied"},
		{"a second less", good, "hello", func(r *rig, u string) string { r.clock = r.clock.Add(24*time.Hour - time.Second); return u }, 200, ""},
		{"expired on order", good, "hello", func(r *rig, u string) string { r.w.ExpireURLs(); return u }, 403, "AccessDenied"},
		{"too short", good, "hell", nil, 400, "EntityTooLarge"},
		{"too long", good, "hello!", nil, 400, "EntityTooLarge"},
		{"wrong digest", with("Content-MD5", badSum), "hello", nil, 400, "BadDigest"},
		{"malformed digest", with("Content-MD5", "%%"), "hello", nil, 400, "InvalidDigest"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, world.Behaviour{})
			a, urls := r.create("a.txt", 5, true)
			u := urls[0]
			if tc.change != nil {
				u = tc.change(r, u)
			}
			got := r.put(u, tc.body, tc.headers...)
			if got.status != tc.status || got.code != tc.code {
				t.Errorf("got %d %q, want %d %q\n%s", got.status, got.code, tc.status, tc.code, got.body)
			}
			if got.status == 200 && (got.header.Get("ETag") == "" || got.body != "") {
				t.Errorf("success has ETag %q and body %q", got.header.Get("ETag"), got.body)
			}
			if r.complete(a.ID) != (tc.status == 200) {
				t.Errorf("after a PUT with status %d the file is complete: %v", tc.status, r.complete(a.ID))
			}
		})
	}
}

func TestUploadMethodsAndLength(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	_, urls := r.create("a.txt", 5, true)
	for _, method := range []string{"POST", "GET", "DELETE"} {
		if got := r.do(r.request(method, urls[0], strings.NewReader("hello"), good...)); got.status != 403 || got.code != "SignatureDoesNotMatch" {
			t.Errorf("%s: got %d %q", method, got.status, got.code)
		}
	}
	chunked := r.request("PUT", urls[0], io.MultiReader(strings.NewReader("hello")), good...)
	if got := r.do(chunked); got.status != 411 || got.code != "MissingContentLength" {
		t.Errorf("chunked: got %d %q", got.status, got.code)
	}
}

func TestPartsInAnyOrder(t *testing.T) {
	r := newRig(t, world.Behaviour{PartSize: 4})
	a, urls := r.create("a.txt", 10, true)
	if len(urls) != 3 || !strings.Contains(urls[2], "/parts/"+string(a.ID)+"/part_3?") {
		t.Fatalf("upload URLs: %q", urls)
	}
	q, err := url.Parse(urls[0])
	if err != nil || q.Query().Get("X-Amz-SignedHeaders") != "content-type;host;x-amz-acl" || q.Query().Get("X-Amz-Expires") != "86400" {
		t.Errorf("signed query: %v", q.Query())
	}
	for _, p := range []struct {
		n    int
		body string
	}{{2, "89"}, {0, "0123"}, {0, "0123"}, {1, "4567"}} {
		if got := r.put(urls[p.n], p.body, good...); got.status != 200 {
			t.Fatalf("part %d: %d %s", p.n+1, got.status, got.body)
		}
	}
	if !r.complete(a.ID) {
		t.Fatal("not complete after all parts")
	}
	if got := r.do(r.request("GET", r.MediaURL(a, Attachment), nil)); got.body != "0123456789" {
		t.Errorf("read back: %q", got.body)
	}
}

func TestMedia(t *testing.T) {
	const content = "0123456789"
	tests := []struct {
		name    string
		method  string
		headers []string
		change  func(r *rig, a world.Asset, url string) string
		status  int
		body    string
		ranged  string // Content-Range
	}{
		{"whole", "GET", nil, nil, 200, content, ""},
		{"middle", "GET", []string{"Range", "bytes=3-5"}, nil, 206, "345", "bytes 3-5/10"},
		{"to the end", "GET", []string{"Range", "bytes=7-"}, nil, 206, "789", "bytes 7-9/10"},
		{"last two", "GET", []string{"Range", "bytes=-2"}, nil, 206, "89", "bytes 8-9/10"},
		{"past the end", "GET", []string{"Range", "bytes=8-99"}, nil, 206, "89", "bytes 8-9/10"},
		{"behind the end", "GET", []string{"Range", "bytes=10-"}, nil, 416, "", "bytes */10"},
		{"ranges off", "GET", []string{"Range", "bytes=3-5"}, func(r *rig, a world.Asset, u string) string {
			r.w.SetBehaviour(func(b *world.Behaviour) { b.NoRange = true })
			return u
		}, 200, content, ""},
		{"HEAD", "HEAD", nil, nil, 403, "", ""},
		{"bearer token", "GET", []string{"Authorization", "Bearer x"}, nil, 400, "", ""},
		{"noon", "GET", nil, func(r *rig, a world.Asset, u string) string {
			r.clock = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			return u
		}, 403, "", ""},
		{"just before noon", "GET", nil, func(r *rig, a world.Asset, u string) string {
			r.clock = time.Date(2026, 11, 23, 11, 59, 59, 0, time.UTC)
			return u
		}, 200, content, ""},
		{"expired on order", "GET", nil, func(r *rig, a world.Asset, u string) string { r.w.ExpireURLs(); return u }, 403, "", ""},
		{"tampered", "GET", nil, func(r *rig, a world.Asset, u string) string {
			return strings.Replace(u, "Expires=", "Expires=9", 1)
		}, 403, "", ""},
		{"unsigned", "GET", nil, func(r *rig, a world.Asset, u string) string { b, _, _ := strings.Cut(u, "?"); return b }, 403, "", ""},
		{"deleted meanwhile", "GET", nil, func(r *rig, a world.Asset, u string) string {
			r.w.Delete(world.Root(), a.ID)
			return u
		}, 200, content, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, world.Behaviour{})
			a := r.uploaded("a.txt", content)
			u := r.MediaURL(a, Attachment)
			if tc.change != nil {
				u = tc.change(r, a, u)
			}
			got := r.do(r.request(tc.method, u, nil, tc.headers...))
			if got.status != tc.status || tc.status < 300 && got.body != tc.body || got.header.Get("Content-Range") != tc.ranged {
				t.Errorf("got %d %q, Content-Range %q; want %d %q, %q", got.status, got.body, got.header.Get("Content-Range"),
					tc.status, tc.body, tc.ranged)
			}
		})
	}
}

func TestMediaBeforeCompletion(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	a, _ := r.create("a.txt", 5, true)
	if got := r.do(r.request("GET", r.MediaURL(a, Inline), nil)); got.status != 403 || got.code != "AccessDenied" {
		t.Errorf("original of a placeholder: %d %q", got.status, got.code)
	}
}

func TestMediaHeaders(t *testing.T) {
	r := newRig(t, world.Behaviour{MediaURLMargin: world.Duration(12 * time.Hour)})
	a := r.uploaded(`schö"n.JPG`, "jpeg")
	u := r.MediaURL(a, Attachment)
	if !strings.Contains(u, "/original.JPG?") {
		t.Errorf("the extension keeps its case: %s", u)
	}
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC).Unix(); parsed.Query().Get("Expires") != "1795478400" || want != 1795478400 {
		t.Errorf("9:30 with a margin of 12 h expires at %s, want %d", parsed.Query().Get("Expires"), want)
	}
	got := r.do(r.request("GET", u, nil))
	cd := got.header.Get("Content-Disposition")
	if !strings.HasPrefix(cd, `attachment; filename="sch__n.JPG"; filename*=UTF-8''sch%C3%B6%22n.JPG`) {
		t.Errorf("Content-Disposition: %s", cd)
	}
	if got.header.Get("ETag") == "" || got.header.Get("Accept-Ranges") != "bytes" || got.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("headers: %v", got.header)
	}
	if again := r.do(r.request("GET", u, nil, "If-None-Match", got.header.Get("ETag"))); again.status != 304 {
		t.Errorf("If-None-Match: %d", again.status)
	}
}

// A part counts when its last byte has come, and not before.
func TestPartCountsWhenWhole(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	const size = 8 << 20
	a, urls := r.create("a.txt", size, true)
	pr, pw := io.Pipe()
	req := r.request("PUT", urls[0], pr, good...)
	req.ContentLength = size
	done := make(chan int)
	go func() { done <- r.do(req).status }()
	pw.Write(bytes.Repeat([]byte{7}, size-1))
	if r.complete(a.ID) {
		t.Error("complete before the last byte")
	}
	pw.Write([]byte{7})
	pw.Close()
	if status := <-done; status != 200 || !r.complete(a.ID) {
		t.Errorf("status %d, complete %v", status, r.complete(a.ID))
	}
}
