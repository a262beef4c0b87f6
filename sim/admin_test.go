package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/record"
	"github.com/frameiofs/frameiofs/sim/world"
)

func TestControls(t *testing.T) {
	c := start(t, Config{NoLimits: true})
	var tree []Item
	item := func(path string) *Item {
		t.Helper()
		tree = nil
		c.ok("GET", "/_sim/tree", "", &tree)
		for i := range tree {
			if tree[i].Path == path {
				return &tree[i]
			}
		}
		return nil
	}
	it := item("Northern Lights/02 Cuts/Trailer v2.mp4")
	if it == nil || it.Type != world.VersionStack || len(it.Versions) != 3 || it.Versions[0].Name != "Trailer v3.mp4" ||
		!it.Complete || it.Size != it.Versions[0].Size || it.MediaType != "video/mp4" || it.Parent != "Northern Lights/02 Cuts" {
		t.Errorf("the stack in the tree: %+v", it)
	}
	touch := func(body string, args ...any) Item {
		t.Helper()
		var out Item
		c.ok("POST", "/_sim/touch", fmt.Sprintf(body, args...), &out)
		return out
	}
	touch(`{"do":"folder","in":"Sandbox","name":"From Jonas"}`)
	f := touch(`{"do":"file","in":"Sandbox/From Jonas","name":"note.txt","content":"hi"}`)
	if jonas := c.World().Users()[1]; f.Creator != jonas.ID || f.Path != "Sandbox/From Jonas/note.txt" || !f.Complete {
		t.Errorf("touched: %+v", f)
	}
	if v := touch(`{"do":"version","at":"Sandbox/From Jonas/note.txt","content":"hi again"}`); v.Type != world.VersionStack {
		t.Errorf("versioned: %+v", v)
	}
	v := touch(`{"do":"version","at":%q,"size":100000}`, f.ID) // the file is in a stack by now
	if it := item("Sandbox/From Jonas/note.txt"); it == nil || it.ID != v.ID || len(it.Versions) != 3 || it.Size != 100000 {
		t.Errorf("two versions later: %+v", it)
	}
	touch(`{"do":"rename","at":"Sandbox/From Jonas","name":"Renamed"}`)
	touch(`{"do":"move","at":"Sandbox/Renamed","in":"Kaffe Spot 30s"}`)
	gone := touch(`{"do":"delete","at":"Kaffe Spot 30s/Renamed"}`)
	if item("Kaffe Spot 30s/Renamed") != nil || gone.Deleted == nil {
		t.Error("deleted, yet in the tree")
	}
	touch(`{"do":"restore","at":%q}`, gone.ID)
	if item("Kaffe Spot 30s/Renamed/note.txt") == nil {
		t.Error("restored, yet not in the tree")
	}
	for body, want := range map[string]int{
		`{"do":"delete","at":"Nowhere/at all"}`:                          404,
		`{"do":"dance"}`:                                                 422,
		`{"do":"delete","at":"Sandbox","by":"x"}`:                        422,
		`{"do":"delete","at":"Sandbox","as":"nobody@nowhere"}`:           422,
		`{"do":"delete","at":"Sandbox","as":"vera@northlight.example"}`:  422, // reads only
		`{"do":"folder","in":"Sandbox","name":"","as":""}`:               422,
		`{"do":"rename","at":"Sandbox/Odd names/.hidden","name":"seen"}`: 200,
	} {
		if status, answer := c.call("POST", "/_sim/touch", body); status != want {
			t.Errorf("touch %s: got %d, want %d: %s", body, status, want, answer)
		}
	}
}

func TestControlsChangeTheServer(t *testing.T) {
	c := start(t, Config{Seed: "empty", NoLimits: true})
	root := c.find("Untitled")
	a := c.create(root, "a.txt", 1)
	me := func() int { status, _ := c.call("GET", "/v2/me", ""); return status }

	c.ok("POST", "/_sim/faults", `{"rules":["500@api:me*1"]}`, nil)
	if me() != 500 || me() != 200 {
		t.Error("500@api:me*1 did not strike once")
	}
	if status, answer := c.call("POST", "/_sim/faults", `{"rules":["boom"]}`); status != 422 || !strings.Contains(answer, "does not say where") {
		t.Errorf("a bad rule: %d %s", status, answer)
	}
	var lifted map[string]int
	if c.ok("DELETE", "/_sim/faults", "", &lifted); lifted["lifted"] != 1 {
		t.Errorf("lifted %v", lifted)
	}

	c.ok("PATCH", "/_sim/behaviour", `{"zero_byte":"refuse","list_lag":"1ms"}`, nil)
	if b := c.World().Behaviour(); b.ZeroByte != world.ZeroRefuse || time.Duration(b.ListLag) != time.Millisecond {
		t.Errorf("behaviour: %+v", b)
	}
	for _, bad := range []string{`{"zero_byte":"perhaps"}`, `{"zerobyte":"refuse"}`, `{`} {
		if status, _ := c.call("PATCH", "/_sim/behaviour", bad); status != 422 || c.World().Behaviour().ZeroByte != world.ZeroRefuse {
			t.Errorf("behaviour %s: %d", bad, status)
		}
	}

	c.ok("POST", "/_sim/expire?what=urls", "", nil)
	if status := c.put(a.UploadURLs[0], a.Filetype, strings.NewReader("x"), 1); status != 403 {
		t.Errorf("an expired upload URL: %d", status)
	}
	c.ok("PATCH", "/_sim/account", `{"storage_limit":10}`, nil)
	if status, _ := c.call("POST", "/v2/assets/"+string(root)+"/children", `{"type":"file","name":"x","filesize":11}`); status != 402 {
		t.Errorf("over the new limit: %d", status)
	}
	c.ok("PUT", "/_sim/limits", `{"scale":0.000000001}`, nil)
	for range 5 {
		c.get(a.ID)
	}
	if status, _ := c.call("GET", "/v2/assets/"+a.ID, ""); status != 429 {
		t.Errorf("the sixth read at once: %d", status)
	}
	c.ok("PUT", "/_sim/link", `{"rtt":"40ms"}`, nil)
	began := time.Now()
	if me(); time.Since(began) < 40*time.Millisecond {
		t.Error("no round trip after it was set")
	}

	var seen struct{ Entries []record.Entry }
	if c.ok("GET", "/_sim/requests?host=upload", "", &seen); len(seen.Entries) != 1 || seen.Entries[0].Status != 403 {
		t.Errorf("requests: %+v", seen.Entries)
	}
	c.ok("DELETE", "/_sim/requests", "", nil)
	if c.ok("GET", "/_sim/requests", "", &seen); len(seen.Entries) != 0 {
		t.Errorf("after forgetting: %+v", seen.Entries)
	}
	c.ok("POST", "/_sim/revoke", fmt.Sprintf(`{"token":%q}`, c.Token("full")), nil)
	if me() != 401 {
		t.Error("a revoked token is good")
	}
}
