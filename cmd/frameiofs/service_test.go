package main

import (
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

func TestTheUnit(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "frameiofs")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := unitText(program, []string{"--root=Acme/My Film 100%", `--token-file=/a"b\c$d`}, "/home/ann/My Films")
	for _, want := range []string{`ExecStart=` + program + ` mount "--root=Acme/My Film 100%%" "--token-file=/a\"b\\c$$d" -- "/home/ann/My Films"` + "\n",
		"ExecStop=-" + program + ` unmount --timeout 5min -- "/home/ann/My Films"` + "\n", "Type=notify\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the unit does not have %s:\n%s", want, text)
		}
	}
	verifier, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd-analyze is not here: the unit was not verified by systemd")
		return
	}
	template := strings.ReplaceAll(unitText(program, nil, "%f"), "Documentation=man:frameiofs-mount(1)\n", "") // the page need not be installed
	for name, text := range map[string]string{"frameiofs-x.service": strings.ReplaceAll(text, "Documentation=man:frameiofs-mount(1)\n", ""), "frameiofs@.service": template} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		verify := exec.Command(verifier, "--user", "verify", file)
		verify.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
		out, err := verify.CombinedOutput()
		if err != nil || strings.Contains(string(out), name) {
			t.Errorf("systemd-analyze verify %s: %v\n%s\n%s", name, err, out, text)
		}
	}
}

func TestTheAgent(t *testing.T) {
	got := agentText("io.frameiofs.Users-ann-Films", "/usr/local/bin/frameiofs", []string{"--root=Acme/R&D"}, "/Users/ann/Films", "/Users/ann/Library/Logs/x.log")
	golden := filepath.Join("testdata", "golden", "agent.plist")
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the agent is not that of %s:\n%s", golden, got)
	}
}

func TestServicesAreInstalledAndRemoved(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the paths are those of systemd")
	}
	home := ownHome(t)
	point := filepath.Join(home, "my films")
	if err := os.Mkdir(point, 0o755); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := asCommand(t, "service", "install", "--parts", "3", "--state-dir", "/s", point)
	if code != 0 || !strings.Contains(out, "systemctl --user enable --now '") || !strings.Contains(out, "not see FRAMEIO_TOKEN") {
		t.Fatalf("install: %d, %q, %q", code, out, stderr)
	}
	files, _ := filepath.Glob(filepath.Join(home, ".config/systemd/user/frameiofs-*.service"))
	if len(files) != 1 || !strings.HasSuffix(files[0], `my\x20films.service`) {
		t.Fatalf("units: %v", files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || !strings.Contains(string(text), "mount --state-dir=/s --parts=3 -- \""+point+"\"\n") {
		t.Errorf("%v\n%s", err, text)
	}
	if code, out, _ := asCommand(t, "service", "status"); code != 0 || !strings.Contains(out, point+": not mounted") {
		t.Errorf("status: %d, %q", code, out)
	}
	if code, out, _ := asCommand(t, "service", "uninstall", point); code != 0 || !strings.Contains(out, "disable --now") {
		t.Errorf("uninstall: %d, %q", code, out)
	}
	if code, _, stderr := asCommand(t, "service", "uninstall", point); code != exitFailure || !strings.Contains(stderr, "no service for "+point) {
		t.Errorf("uninstall again: %d, %q", code, stderr)
	}
	if code, _, stderr := asCommand(t, "service", "install", filepath.Join(home, "none")); code != exitFailure || !strings.Contains(stderr, "mkdir -p") {
		t.Errorf("install of nothing: %d, %q", code, stderr)
	}
}

// systemd is a socket that hears what sd_notify(3) says.
func systemd(t *testing.T) (heard func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		buf := make([]byte, 4096)
		l.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := l.Read(buf)
		if err != nil {
			return err.Error()
		}
		return string(buf[:n])
	}
}

func TestSystemdIsTold(t *testing.T) {
	heard := systemd(t)
	t.Setenv("WATCHDOG_USEC", "3000000")
	t.Setenv("WATCHDOG_PID", "")
	s := newSupervisor(slog.New(slog.DiscardHandler))
	now := time.Unix(1000, 0)
	st := control.Status{Totals: control.Totals{Files: 3, Bytes: 5 << 20}}
	s.ready()
	s.report(st, now)
	s.report(st, now.Add(500*time.Millisecond)) // nothing new
	st.Totals = control.Totals{Parked: 1}
	s.report(st, now.Add(1500*time.Millisecond))
	s.stopping()
	want := []string{"READY=1", "STATUS=3 things on the way, 5.0 MiB to send", "WATCHDOG=1", "STATUS=1 parked, need you; everything is on Frame.io", "WATCHDOG=1", "STOPPING=1"}
	var got []string
	for range want {
		got = append(got, heard())
	}
	if !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
	// Without systemd nothing happens.
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	s = newSupervisor(slog.New(slog.DiscardHandler))
	s.ready()
	s.report(st, now)
	if s.watchdog != 0 {
		t.Error("there is no watchdog")
	}
}
