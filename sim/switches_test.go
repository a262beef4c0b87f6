package sim

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

func TestFileOfThisMachine(t *testing.T) {
	dir := t.TempDir()
	c := start(t, Config{Dir: filepath.Join(dir, "world"), Seed: "empty", NoLimits: true})
	local := filepath.Join(dir, "film.mov")
	if err := os.WriteFile(local, []byte("0123456789"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out Item
	c.ok("POST", "/_sim/touch", fmt.Sprintf(`{"do":"file","in":"Untitled","name":"film.mov","from":%q}`, local), &out)
	a := c.get(string(out.ID))
	if status, body := c.download(a.Original, "bytes=3-5"); a.Filesize != 10 || status != 206 || string(body) != "345" {
		t.Errorf("%d bytes; %d %q", a.Filesize, status, body)
	}
	c.ok("POST", "/_sim/touch", fmt.Sprintf(`{"do":"version","at":"Untitled/film.mov","from":%q}`, local), &out)
	if out.Type != world.VersionStack {
		t.Errorf("a version of it: %+v", out)
	}
	if status, answer := c.call("POST", "/_sim/touch", `{"do":"file","in":"Untitled","name":"x","from":"/nowhere"}`); status != 422 {
		t.Errorf("no such file: %d %s", status, answer)
	}
}

func TestMediaHostsInTurn(t *testing.T) {
	c := start(t, Config{Seed: "many:1", NoLimits: true, Behaviour: world.Behaviour{MediaHosts: true}})
	id := string(c.find("Big/Many/take_000001.txt"))
	hosts := map[string]bool{}
	for range 4 {
		link := c.get(id).Original
		host, _, _ := strings.Cut(strings.TrimPrefix(link, "http://"), ":")
		hosts[host] = true
		if status, body := c.download(link, ""); status != 200 || len(body) == 0 {
			t.Errorf("%s: %d, %d bytes", link, status, len(body))
		}
	}
	if !hosts["127.0.0.1"] || !hosts["localhost"] {
		t.Errorf("links point at %v", hosts)
	}
}

func TestGzip(t *testing.T) {
	c := start(t, Config{Seed: "many:50", NoLimits: true, Behaviour: world.Behaviour{Gzip: true}})
	path := "/v2/assets/" + string(c.find("Big/Many")) + "/children"
	var list []asset
	c.ok("GET", path, "", &list) // net/http asks for gzip and unpacks
	c.Log().Quiet(10 * time.Second)
	packed := c.Log().Stats()["api"].Out
	status, plain := c.call("GET", path, "", "Accept-Encoding", "identity")
	if len(list) != 50 || status != 200 || packed == 0 || packed > int64(len(plain))/4 {
		t.Errorf("%d entries; %d of %d bytes", len(list), packed, len(plain))
	}
	_, raw := c.call("GET", path, "", "Accept-Encoding", "gzip")
	if !bytes.HasPrefix([]byte(raw), []byte{0x1f, 0x8b}) {
		t.Error("it is not packed for who unpacks it himself")
	}
	if status, answer := c.call("DELETE", "/v2/assets/"+list[0].ID, ""); status/100 != 2 {
		t.Errorf("an answer of little: %d %s", status, answer)
	}
	if status, _ := c.call("GET", "/v2/assets/"+list[0].ID, ""); status != http.StatusNotFound {
		t.Errorf("a refusal: %d", status)
	}
}

func TestNoTotal(t *testing.T) {
	c := start(t, Config{Seed: "many:3", NoLimits: true})
	account := c.World().Accounts(world.Root())[0].ID
	path := fmt.Sprintf("/v4/accounts/%s/folders/%s/children?include_total_count=true", account, c.find("Big/Many"))
	for _, off := range []bool{false, true} {
		if err := c.World().SetBehaviour(func(b *world.Behaviour) { b.NoTotal = off }); err != nil {
			t.Fatal(err)
		}
		_, answer := c.call("GET", path, "", "x-frameio-legacy-token-auth", "true")
		if told := strings.Contains(answer, `"total_count":3`); told == off {
			t.Errorf("no_total %v: %s", off, answer)
		}
	}
}
