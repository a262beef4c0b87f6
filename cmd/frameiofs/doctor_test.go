package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/control"
	framefs "github.com/frameiofs/frameiofs/fs"
	"github.com/frameiofs/frameiofs/remote"
)

// told checks a finding's state, and that it and its remedy hold some words. Whatever is not well comes with a remedy.
func told(t *testing.T, f finding, state string, words ...string) {
	t.Helper()
	if f.State != state {
		t.Errorf("%s: %q is %s, want %s", f.Check, f.Found, f.State, state)
	}
	for _, w := range words {
		if !strings.Contains(f.Found+"\n"+f.Remedy, w) {
			t.Errorf("%s says %q and %q, want %q in it", f.Check, f.Found, f.Remedy, w)
		}
	}
	if (f.State == stateFail || f.State == stateWarn) && f.Remedy == "" {
		t.Errorf("%s: %q has no remedy", f.Check, f.Found)
	}
	if strings.ContainsAny(f.Found+f.Remedy, "\n\r") {
		t.Errorf("%s is not one line: %q", f.Check, f.Found)
	}
}

// bench is a machine made of files.
func bench(t *testing.T, files map[string]string) machine {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return machine{root: root, user: 1000, release: "5.15.0",
		look: func(program string) (string, error) {
			p := filepath.Join(root, "bin", program)
			_, err := os.Stat(p)
			return p, err
		},
		probe: func(string) (framefs.Kernel, error) { return framefs.Kernel{Major: 7, Minor: 31}, nil }}
}

func TestDoctorOfAMachine(t *testing.T) {
	well := map[string]string{"dev/fuse": "", "bin/fusermount3": "", "etc/fuse.conf": "# x\nuser_allow_other\n", "proc/self/status": "CapEff:\t000001ffffffffff\n"}
	m := bench(t, well)
	if err := os.Chmod(filepath.Join(m.root, "bin/fusermount3"), 0o755|fs.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	told(t, m.device(), stateOK)
	told(t, m.helper(), stateOK)
	told(t, m.allowOther(true), stateOK)
	for _, f := range m.mounting() {
		told(t, f, stateOK)
	}

	none := bench(t, nil)
	told(t, none.device(), stateFail, "no /dev/fuse", "modprobe", "--device /dev/fuse")
	told(t, none.helper(), stateFail, "not installed", "apt-get install -y fuse3")
	told(t, none.allowOther(true), stateFail, "user_allow_other", "/etc/fuse.conf")
	told(t, none.allowOther(false), stateSkipped, "not asked for")
	told(t, bench(t, map[string]string{"bin/fusermount3": ""}).helper(), stateFail, "not setuid", "chmod u+s")
	told(t, bench(t, map[string]string{"dev/fuse/x": ""}).device(), stateFail, "cannot be opened")

	root := bench(t, map[string]string{"dev/fuse": "", "proc/self/status": "CapEff:\t00000000a80425fb\n"})
	root.user = 0
	told(t, root.device(), stateFail, "CAP_SYS_ADMIN", "--cap-add SYS_ADMIN")
	told(t, root.helper(), stateOK, "root needs it not")
	told(t, root.allowOther(true), stateOK)
	told(t, root.passing(framefs.Kernel{}), stateWarn, "5.15.0", "6.9")
	told(t, root.passing(framefs.Kernel{Passes: true}), stateOK)
	told(t, m.passing(framefs.Kernel{}), stateOK, "only root")
	m.probe = func(string) (framefs.Kernel, error) {
		return framefs.Kernel{}, fmt.Errorf("mount: %w", fs.ErrPermission)
	}
	told(t, m.mounting()[0], stateFail, "permission denied")

	if runtime.GOOS == "linux" {
		all := machineFindings(none, false)
		told(t, all[len(all)-1], stateSkipped)
	}
	told(t, none.fuseT(), stateFail, "macFUSE")
}

func TestDoctorOfADisk(t *testing.T) {
	for kind, state := range map[string]string{"ext4": stateOK, "": stateOK, "apfs": stateOK, "tmpfs": stateWarn, "nfs": stateWarn, "smb2": stateWarn,
		"fuse": stateWarn, "overlayfs": stateWarn, "exfat": stateWarn} {
		told(t, kindFinding("/state", kind), state, "/state")
	}
	told(t, roomFinding(1<<20, 1<<30), stateFail, "writing fails")
	told(t, roomFinding(2<<30, 1<<30), stateWarn, "1.0 GiB can be written")
	told(t, roomFinding(100<<30, 1<<30), stateOK)
	told(t, speedFinding(speed{10 << 20, time.Millisecond}), stateWarn, "10 MiB/s", "copies")
	told(t, speedFinding(speed{500 << 20, 90 * time.Millisecond}), stateWarn, "90ms")
	told(t, speedFinding(speed{500 << 20, time.Millisecond}), stateOK)

	dir := t.TempDir()
	if s, err := measure(dir); err != nil || s.perSecond < 1 || s.sync <= 0 {
		t.Errorf("measured %+v, %v", s, err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("measuring left %v", left)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	told(t, diskFindings(filepath.Join(file, "below"), 0)[0], stateFail, "--state-dir")
	if at, err := nearest(filepath.Join(dir, "a/b")); err != nil || at != dir {
		t.Errorf("nearest: %s, %v", at, err)
	}
}

func TestDoctorOfLimits(t *testing.T) {
	told(t, filesFinding(1024), stateWarn, "1024", "LimitNOFILE")
	told(t, filesFinding(1<<20), stateOK)
	told(t, memoryFinding(memory{8 << 30, 200 << 20}), stateWarn, "200 MiB", "MemoryMax")
	told(t, memoryFinding(memory{100 << 20, 0}), stateWarn, "100 MiB")
	told(t, memoryFinding(memory{8 << 30, 0}), stateOK)
	told(t, memoryFinding(memory{}), stateSkipped)
	m := bench(t, map[string]string{"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:  1024 kB\n", "sys/fs/cgroup/memory.max": "max\n"})
	if got := memoryFacts(m.root); got != (memory{1 << 20, 0}) {
		t.Errorf("memory: %+v", got)
	}
}

func TestDoctorOfAToken(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
	}
	told(t, lifeFinding("a token", "fio-u-x", now), stateOK, "does not tell an end")
	told(t, lifeFinding("a token", jwt(`{"exp":1799999000}`), now), stateFail, "ran out 17 min ago")
	told(t, lifeFinding("a token", jwt(`{"created_at":"1799999000000","expires_in":"1600000"}`), now), stateWarn, "runs out in 10 min")
	told(t, lifeFinding("a token", jwt(`{"exp":1800080000}`), now), stateOK, "good for 22 h")
}

func TestDoctorOfAnswers(t *testing.T) {
	acc := account{api: "auto", url: "https://api.example"}
	told(t, apiFinding(asked{api: "v2", err: remote.ErrToken}, acc), stateSkipped, "does not know the token")
	acc.api = "v2"
	told(t, apiFinding(asked{api: "v2", err: remote.ErrToken}, acc), stateFail, "does not accept")
	told(t, apiFinding(asked{api: "v2", err: remote.ErrNotFrameio}, acc), stateFail, "not Frame.io", "proxy")
	told(t, apiFinding(asked{api: "v2", err: fmt.Errorf("%w: x", remote.ErrOffline)}, acc), stateFail, "cannot be reached")

	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	dated := []asked{{seen: []remote.Seen{{Header: http.Header{"Date": {at.Format(http.TimeFormat)}}}}}}
	told(t, clockFinding(dated, at.Add(time.Second)), stateOK)
	told(t, clockFinding(dated, at.Add(-time.Minute)), stateWarn, "1 min", "set-ntp")
	told(t, clockFinding(dated, at.Add(time.Hour)), stateFail, "refused")
	told(t, clockFinding([]asked{{}}, at), stateSkipped)

	told(t, rightsFinding("v4", 1, remote.Workspace, fs.ErrPermission), stateFail, "workspace", "asset.read")
	told(t, rightsFinding("v4", 1, remote.Project, errors.New("reset")), stateWarn, "reset")
	told(t, rightsFinding("v2", 0, remote.Root, nil), stateFail, "no account")
	told(t, rightsFinding("v2", 2, remote.Folder, nil), stateOK, "2 accounts", "folder")

	h := http.Header{"X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Window": {"1000"}}
	told(t, limitsFinding([]remote.Seen{{Op: "list", Header: h, Status: 200}, {Op: "list", Header: h, Status: 429}}), stateWarn, "list: 10 in 1 s")
	told(t, limitsFinding(nil), stateOK, "none told")
}

func TestDoctorOfHosts(t *testing.T) {
	ctx := context.Background()
	told(t, hostFinding(ctx, "api", "http://127.0.0.1:1"), stateFail, "refused", "let 127.0.0.1:1")
	told(t, hostFinding(ctx, "api", "what?"), stateSkipped)
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	told(t, hostFinding(ctx, "api", srv.URL), stateFail, "certificate", "stands in between")
	told(t, uploadFinding(ctx, srv.URL), stateSkipped)
	for _, f := range hostFindings(ctx, "http://127.0.0.1:1", true) {
		told(t, f, stateSkipped)
	}
}

// A network that swallows everything must not hold it up.
func TestDoctorEndsWithoutAnAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it never accepts
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	acc := account{api: "auto", url: "http://" + l.Addr().String(), token: remote.StaticToken("fio-u-x")}
	for _, a := range askBoth(ctx, acc) {
		told(t, apiFinding(a, acc), stateFail, "cannot be reached")
	}
	rights, limits, _ := walkRights(ctx, acc, nil)
	told(t, rights, stateSkipped)
	told(t, limits, stateSkipped)
}

func TestDoctorOfMounts(t *testing.T) {
	since := time.Now().Add(-time.Hour)
	states := map[string]control.Status{
		"/well": {}, "/trouble": {Trouble: "the token was refused"}, "/parked": {Totals: control.Totals{Parked: 2}},
		"/down": {Link: control.Link{State: "down", Since: &since, Error: "no route"}},
	}
	var table []mounted
	var registered []control.Registration
	for _, p := range []string{"/well", "/trouble", "/parked", "/down", "/mute", "/dead"} {
		table = append(table, mounted{Point: p, Type: fuseType})
		registered = append(registered, control.Registration{MountPoint: p})
	}
	table = append(table, mounted{Point: "/other", Type: fuseType}, mounted{Point: "/dead/other", Type: fuseType}, mounted{Point: "/disk", Type: "ext4"})
	all := mountFindings(table, registered, func(p string) bool { return strings.HasPrefix(p, "/dead") }, func(r control.Registration) (control.Status, error) {
		st, ok := states[r.MountPoint]
		if !ok {
			return st, errors.New("process 7 does not answer")
		}
		return st, nil
	})
	if len(all) != 8 {
		t.Fatalf("findings: %v", all)
	}
	told(t, all[0], stateOK, "/well")
	told(t, all[1], stateFail, "the token was refused", "frameiofs status /trouble")
	told(t, all[2], stateWarn, "2 things parked", "uploads retry /parked")
	told(t, all[3], stateWarn, "no link since 1 h", "no route")
	told(t, all[4], stateFail, "does not answer")
	told(t, all[5], stateFail, "process is gone", "frameiofs unmount /dead")
	told(t, all[6], stateSkipped, "another user")
	told(t, all[7], stateWarn, "none of yours")
	told(t, mountFindings(nil, nil, nil, nil)[0], stateOK, "nothing is mounted")
	told(t, pointFinding(filepath.Join(t.TempDir(), "none")), stateFail, "does not exist", "mkdir")
	told(t, pointFinding(t.TempDir()), stateOK)
}

func TestDoctorFindsWhatEarlierMountsLeft(t *testing.T) {
	dir := t.TempDir()
	id := filepath.Join(dir, "identity.json")
	if err := writeJSON(id, identity{URL: "https://x", API: "v4", Root: "root "}); err != nil {
		t.Fatal(err)
	}
	told(t, spoolFindings([]string{id})[0], stateOK)
	key := strings.Repeat("a1", 16)
	for path, bytes := range map[string]int{"outbox/" + key + "/data": 1000, "young/" + key: 500, "outbox/" + key + ".new/data": 7, "young/junk": 7, "uploaded/" + key + "/data": 7} {
		path = filepath.Join(dir, "spool", path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, bytes), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	told(t, spoolFindings([]string{id})[0], stateWarn, "2 files (1.5 KiB)", dir, "V4", "mount it again")
	lock, err := os.Create(filepath.Join(dir, "LOCK"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if by, err := lockState(lock); err != nil {
		t.Fatal(by, err)
	}
	told(t, spoolFindings([]string{id})[0], stateOK)
}
