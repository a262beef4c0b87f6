package signin

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
)

// inRing marks the process that has a bus and a keyring of its own.
const inRing = "FRAMEIOFS_TEST_KEYRING"

// The real thing: a session bus and GNOME's keyring, in a home of their own.
func TestSecretService(t *testing.T) {
	if os.Getenv(inRing) != "" {
		secretService(t)
		return
	}
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v; run: sudo apt-get install -y dbus gnome-keyring", err)
		}
	}
	home := t.TempDir()
	run := filepath.Join(home, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dbus-run-session", "--", "sh", "-c",
		`printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; exec "$@"`, "sh", // it goes with its bus
		os.Args[0], "-test.run=^TestSecretService$", "-test.v", "-test.timeout=60s")
	cmd.Env = []string{inRing + "=1", "HOME=" + home, "XDG_RUNTIME_DIR=" + run, "PATH=" + os.Getenv("PATH"), "GORACE=" + os.Getenv("GORACE")}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestSecretService") {
		t.Fatalf("%v: %s", err, out)
	}
}

func secretService(t *testing.T) {
	// The daemon takes a moment to be there.
	err := KeyringThere()
	for end := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(end); err = KeyringThere() {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := Profiles{Dir: t.TempDir()}
	g := example(Keyring)
	g.Forced, g.Expires, g.AuthURL = true, time.Time{}, "http://127.0.0.1:1"
	first := save(t, p, g)
	s, err := p.Open("work", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g.Access = "newer"
	g = save(t, p, g)
	if got, err := p.Load("work"); err != nil || got.Secrets != g.Secrets || got.Store != Keyring {
		t.Errorf("got %v from %s, %v", got.Secrets == g.Secrets, got.Store, err)
	}
	text, err := os.ReadFile(filepath.Join(p.Dir, "work.json"))
	if err != nil || strings.Contains(string(text), "newer") || strings.Contains(string(text), "refresh-") {
		t.Errorf("the file holds secrets: %s, %v", text, err)
	}
	// Who runs with what was before takes the new one up, without waiting for the keyring.
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if got, err := s.Token(t.Context()); err == nil && got == "newer" {
			break
		} else if err != nil || got != first.Access || time.Now().After(end) {
			t.Fatalf("%.10q, %v", got, err)
		}
	}
	r, err := p.read("work", ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	if _, err := ringLoad(ringName(r.Ring, r.Serial), 1); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("the secrets after: %v", err)
	}
	if _, err := p.Load("work"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after: %v", err)
	}
}
