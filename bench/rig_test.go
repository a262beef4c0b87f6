package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
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

// linkRTT is the line's round trip.
var linkRTT = flag.Duration("rtt", 30*time.Millisecond, "round trip of the line to Frame.io")

// The width of the line between here and Frame.io. One connection gets a tenth of it, as over a real one.
const (
	linkEach = 100e6 / 8 // bytes per second of one connection
	linkAll  = 1e9 / 8   // bytes per second of all connections, in each direction
)

// patience bounds every command; only upload and cold read come near it, on a machine that is busy with other things.
const patience = 10 * time.Minute

// rig is the program that is measured, a Frame.io, and the line between them, all as processes of their own.
type rig struct {
	t      testing.TB
	dir    string // everything that is written lies below
	binary string
	url    string // of the API
	token  string

	starter *starter // begins the mounts' processes, if there is one
}

// newRig builds the program and starts a Frame.io without rate limits that has what seed tells, and the line before it.
func newRig(t testing.TB, seed string, simArgs ...string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	r.binary = filepath.Join(r.dir, "frameiofs")
	build := exec.Command("go", "build", "-o", r.binary, "github.com/frameiofs/frameiofs/cmd/frameiofs")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	r.startSim(append([]string{"sim", "--listen", "127.0.0.1:0", "--dir", filepath.Join(r.dir, "sim"), "--seed", seed, "--no-limits"}, simArgs...))
	r.line(true)
	return r
}

func (r *rig) startSim(args []string) {
	r.t.Helper()
	cmd := exec.Command(r.binary, args...)
	cmd.Env = append(os.Environ(), "GOGC=400") // its memory is nobody's concern, its pauses would be measured
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatalf("start the simulator: %v", err)
	}
	r.t.Cleanup(func() {
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
			r.t.Fatalf("the simulator ended: %v; it said %s", err, said)
		}
	}
	go io.Copy(io.Discard, out) // ends with the process
}

// line puts the line between, or takes it away: then Frame.io is as near as loopback.
func (r *rig) line(there bool) {
	r.t.Helper()
	line := map[string]any{"rtt": "0s"}
	if there {
		line = map[string]any{"rtt": linkRTT.String(), "up": int64(linkAll), "down": int64(linkAll), "up_each": int64(linkEach), "down_each": int64(linkEach)}
	}
	r.call(http.MethodPut, "/_sim/link", line, nil)
}

// call asks Frame.io, or the simulator's controls.
func (r *rig) call(method, path string, in, out any) {
	r.t.Helper()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			r.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, r.url+path, &body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		r.t.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if out == nil {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// traffic is what went over the line to and from one host.
type traffic struct{ Requests, In, Out, Current int64 }

// soFar are the sums of all hosts ("api", "upload", "media") since the simulator began, with what is under way.
func (r *rig) soFar() map[string]traffic {
	r.t.Helper()
	var state struct{ Requests map[string]traffic }
	r.call(http.MethodGet, "/_sim/state", nil, &state)
	return state.Requests
}

// traffic answers the sums of a host ("api", "upload", "media") since the simulator began, once nothing is under way there.
func (r *rig) traffic(host string) traffic {
	r.t.Helper()
	for range 100 {
		if t := r.soFar()[host]; t.Current == 0 {
			return t
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.t.Fatalf("requests to the %s host do not end", host)
	return traffic{}
}

// mediaURL is the signed address of a file's bytes. path begins with a project.
func (r *rig) mediaURL(path string) string {
	r.t.Helper()
	var asset struct{ Original string }
	r.call(http.MethodGet, "/v2/assets/"+r.find(path), nil, &asset)
	if asset.Original == "" {
		r.t.Fatalf("%s has no media address", path)
	}
	return asset.Original
}

// mount is a mounted Frame.io in a process of its own.
type mount struct {
	r     *rig
	args  []string // of the verb mount
	point string
	state string
	pid   int
	down  bool // nothing is mounted
}

var processNumber = regexp.MustCompile(`process (\d+)`)

// mount mounts with an empty state folder: nothing is known, nothing cached.
func (r *rig) mount(api string, args ...string) *mount {
	r.t.Helper()
	home, err := os.MkdirTemp(r.dir, api+"-")
	if err != nil {
		r.t.Fatal(err)
	}
	return r.mountIn(home, filepath.Join(home, "state"), api, args...)
}

// mountAt is mount with the state folder somewhere else.
func (r *rig) mountAt(api, state string, args ...string) *mount {
	r.t.Helper()
	home, err := os.MkdirTemp(r.dir, api+"-")
	if err != nil {
		r.t.Fatal(err)
	}
	return r.mountIn(home, state, api, args...)
}

func (r *rig) mountIn(home, state, api string, args ...string) *mount {
	r.t.Helper()
	m := &mount{r: r, point: filepath.Join(home, "mnt"), state: state, down: true}
	m.args = append([]string{"mount", "--daemon", "--api", api, "--state-dir", m.state}, append(args, m.point)...)
	if err := os.Mkdir(m.point, 0o755); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(m.unmount)
	m.start()
	return m
}

// start mounts, or mounts again, with what the state folder has.
func (m *mount) start() {
	m.r.t.Helper()
	out := m.r.run(m.args...)
	number := processNumber.FindStringSubmatch(out)
	if number == nil {
		m.r.t.Fatalf("mount said %q, not its process", out)
	}
	var err error
	if m.pid, err = strconv.Atoi(number[1]); err != nil {
		m.r.t.Fatal(err)
	}
	m.down = false
}

// stop unmounts and waits for the end of the process. The state stays.
func (m *mount) stop() {
	m.r.t.Helper()
	if m.down {
		return
	}
	m.down = true
	m.r.run("unmount", "--now", m.point)
	m.gone()
}

// gone waits for the end of the process. One that was killed may not come to it before its mount is seen to; that is for the next start.
func (m *mount) gone() {
	for n := range 500 {
		if errors.Is(syscall.Kill(m.pid, 0), syscall.ESRCH) || n >= 100 && m.dead() {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// dead reports whether the process has only threads left that wait in the kernel.
func (m *mount) dead() bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return err != nil || strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

// unmount leaves nothing: the state folder goes too, so that the next measurement finds the disk as this one did.
func (m *mount) unmount() {
	m.r.t.Helper()
	m.stop()
	if err := os.Remove(m.point); err != nil && !errors.Is(err, os.ErrNotExist) { // fails while it is mounted: then nothing below may be deleted
		m.r.t.Fatalf("after unmount: %v", err)
	}
	if err := os.RemoveAll(m.state); err != nil {
		m.r.t.Error(err)
	}
}

// run runs a verb and answers what it printed.
func (r *rig) run(args ...string) string {
	r.t.Helper()
	text, err := r.try(args...)
	if err != nil {
		r.t.Fatalf("frameiofs %s: %v\n%s", args[0], err, text)
	}
	return text
}

// try is run for what may be refused.
func (r *rig) try(args ...string) (string, error) {
	r.t.Helper()
	home := filepath.Join(r.dir, "home") // not the settings and mounts of whoever runs this
	env := append(os.Environ(), "FRAMEIO_API_URL="+r.url, "FRAMEIO_TOKEN="+r.token, "HOME="+home,
		"XDG_STATE_HOME="+home+"/state", "XDG_CACHE_HOME="+home+"/cache", "XDG_CONFIG_HOME="+home+"/config", "XDG_RUNTIME_DIR=")
	// A file, not a pipe: a process in the background would hold the pipe open.
	said, err := os.CreateTemp(r.dir, "said-")
	if err != nil {
		r.t.Fatal(err)
	}
	defer os.Remove(said.Name())
	defer said.Close()
	if r.starter != nil && args[0] == "mount" {
		err = r.starter.run(env, append([]string{r.binary}, args...), said.Name())
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, r.binary, args...)
		cmd.Env, cmd.Stdout, cmd.Stderr = env, said, said
		err = cmd.Run()
	}
	text, _ := os.ReadFile(said.Name())
	return string(text), err
}

// peak is the most memory, in bytes, that the mount's process had at once since it began or fresh was called.
func (m *mount) peak() int64 { return m.memory("VmHWM:") }

// memory reads a line of /proc/PID/status that is in kB.
func (m *mount) memory(name string) int64 {
	m.r.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.pid))
	if err != nil {
		m.r.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				m.r.t.Fatal(err)
			}
			return kib << 10
		}
	}
	m.r.t.Fatalf("no %s in %s", name, text)
	return 0
}

// fresh lets peak begin anew (proc(5), clear_refs).
func (m *mount) fresh() {
	m.r.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", m.pid), []byte("5"), 0); err != nil {
		m.r.t.Fatal(err)
	}
}

// busy is the processor time that the mount's process has used.
func (m *mount) busy() time.Duration {
	m.r.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.pid))
	if err != nil {
		m.r.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before may hold blanks
	f := strings.Fields(rest)
	user, err1 := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	if err := errors.Join(err1, err2); err != nil {
		m.r.t.Fatal(err)
	}
	const ticks = 100 // per second, on every Linux that Go runs on (sysconf(3), _SC_CLK_TCK)
	return time.Duration(user+system) * time.Second / ticks
}
