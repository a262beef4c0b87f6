package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The line between here and Frame.io. One connection gets a tenth of it, as over a real one.
const (
	linkRTT  = 30 * time.Millisecond
	linkEach = 100e6 / 8 // bytes per second of one connection
	linkAll  = 1e9 / 8   // bytes per second of all connections, in each direction
)

// patience bounds every command; only upload and cold read come near it, on a machine that is busy with other things.
const patience = 10 * time.Minute

// rig is the program that is measured, a Frame.io, and the line between them, all as processes of their own.
type rig struct {
	b      *testing.B
	dir    string // everything that is written lies below
	binary string
	url    string // of the API
	token  string
}

func newRig(b *testing.B) *rig {
	b.Helper()
	r := &rig{b: b, dir: b.TempDir()}
	r.binary = filepath.Join(r.dir, "frameiofs")
	build := exec.Command("go", "build", "-o", r.binary, "github.com/frameiofs/frameiofs/cmd/frameiofs")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	r.startSim()
	return r
}

// startSim starts a Frame.io with a folder of many files, without rate limits, and puts the line before it.
func (r *rig) startSim() {
	r.b.Helper()
	cmd := exec.Command(r.binary, "sim", "--listen", "127.0.0.1:0", "--dir", filepath.Join(r.dir, "sim"),
		"--seed", fmt.Sprintf("many:%d", manyFiles), "--no-limits")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.b.Fatalf("start the simulator: %v", err)
	}
	r.b.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait() // its state is thrown away
	})
	var said []byte
	for buf := make([]byte, 4096); r.url == "" || r.token == ""; {
		n, err := out.Read(buf)
		said = append(said, buf[:n]...)
		for line := range strings.Lines(string(said)) {
			line, whole := strings.CutSuffix(line, "\n")
			name, value, _ := strings.Cut(strings.TrimPrefix(line, "export "), "=")
			switch {
			case whole && name == "FRAMEIO_API_URL":
				r.url = value
			case whole && name == "FRAMEIO_TOKEN":
				r.token = value
			}
		}
		if err != nil && (r.url == "" || r.token == "") {
			r.b.Fatalf("the simulator ended: %v; it said %s", err, said)
		}
	}
	go io.Copy(io.Discard, out) // ends with the process
	line := map[string]any{"rtt": linkRTT.String(), "up": int64(linkAll), "down": int64(linkAll), "up_each": int64(linkEach), "down_each": int64(linkEach)}
	r.call(http.MethodPut, "/_sim/link", line, nil)
}

// call asks Frame.io, or the simulator's controls.
func (r *rig) call(method, path string, in, out any) {
	r.b.Helper()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			r.b.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, r.url+path, &body)
	if err != nil {
		r.b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.b.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		r.b.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if out == nil {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		r.b.Fatalf("%s %s: %v", method, path, err)
	}
}

// traffic is what went over the line to and from one host.
type traffic struct{ Requests, In, Out, Current int64 }

// traffic answers the sums of a host ("api", "upload", "media") since the simulator began, once nothing is under way there.
func (r *rig) traffic(host string) traffic {
	r.b.Helper()
	for range 100 {
		var state struct{ Requests map[string]traffic }
		r.call(http.MethodGet, "/_sim/state", nil, &state)
		if t := state.Requests[host]; t.Current == 0 {
			return t
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.b.Fatalf("requests to the %s host do not end", host)
	return traffic{}
}

// mediaURL is the signed address of a file's bytes. path is the mount's without account and team.
func (r *rig) mediaURL(path string) string {
	r.b.Helper()
	var found struct{ ID string }
	r.call(http.MethodGet, "/_sim/find?path="+url.QueryEscape(path), nil, &found)
	var asset struct{ Original string }
	r.call(http.MethodGet, "/v2/assets/"+found.ID, nil, &asset)
	if asset.Original == "" {
		r.b.Fatalf("%s has no media address", path)
	}
	return asset.Original
}

// mount is a mounted Frame.io in a process of its own.
type mount struct {
	r     *rig
	point string
	state string
	pid   int
	down  bool
}

var processNumber = regexp.MustCompile(`process (\d+)`)

// mount mounts with an empty state folder: nothing is known, nothing cached.
func (r *rig) mount(api string) *mount {
	r.b.Helper()
	home, err := os.MkdirTemp(r.dir, api+"-")
	if err != nil {
		r.b.Fatal(err)
	}
	m := &mount{r: r, point: filepath.Join(home, "mnt"), state: filepath.Join(home, "state")}
	if err := os.Mkdir(m.point, 0o755); err != nil {
		r.b.Fatal(err)
	}
	r.b.Cleanup(m.unmount)
	out := r.run("mount", "--daemon", "--api", api, "--state-dir", m.state, "--settle", settle.String(), m.point)
	number := processNumber.FindStringSubmatch(out)
	if number == nil {
		r.b.Fatalf("mount said %q, not its process", out)
	}
	if m.pid, err = strconv.Atoi(number[1]); err != nil {
		r.b.Fatal(err)
	}
	return m
}

// unmount leaves nothing: the state folder goes too, so that the next measurement finds the disk as this one did.
func (m *mount) unmount() {
	if m.down {
		return
	}
	m.down = true
	m.r.b.Helper()
	m.r.run("unmount", "--now", m.point)
	for range 500 {
		if errors.Is(syscall.Kill(m.pid, 0), syscall.ESRCH) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := os.Remove(m.point); err != nil { // fails while it is mounted: then nothing below may be deleted
		m.r.b.Fatalf("after unmount: %v", err)
	}
	if err := os.RemoveAll(m.state); err != nil {
		m.r.b.Error(err)
	}
}

// run runs a verb and answers what it printed.
func (r *rig) run(args ...string) string {
	r.b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.binary, args...)
	home := filepath.Join(r.dir, "home") // not the settings and mounts of whoever runs this
	cmd.Env = append(os.Environ(), "FRAMEIO_API_URL="+r.url, "FRAMEIO_TOKEN="+r.token, "HOME="+home,
		"XDG_STATE_HOME="+home+"/state", "XDG_CACHE_HOME="+home+"/cache", "XDG_CONFIG_HOME="+home+"/config", "XDG_RUNTIME_DIR=")
	// A file, not a pipe: a process in the background would hold the pipe open.
	said, err := os.CreateTemp(r.dir, "said-")
	if err != nil {
		r.b.Fatal(err)
	}
	defer os.Remove(said.Name())
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	err = cmd.Run()
	text, _ := os.ReadFile(said.Name())
	if err != nil {
		r.b.Fatalf("frameiofs %s: %v\n%s", args[0], err, text)
	}
	return string(text)
}

// peak is the most memory, in bytes, that the mount's process had at once.
func (m *mount) peak() int64 {
	m.r.b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.pid))
	if err != nil {
		m.r.b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				m.r.b.Fatal(err)
			}
			return kib << 10
		}
	}
	m.r.b.Fatalf("no VmHWM in %s", text)
	return 0
}
