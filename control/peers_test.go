package control

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// dialEnv makes a copy of this program ask the socket it names.
const dialEnv = "CONTROL_TEST_DIAL"

func TestMain(m *testing.M) {
	if socket := os.Getenv(dialEnv); socket != "" {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if _, err := Dial(socket).Status(ctx, Query{}); err != nil {
			io.WriteString(os.Stderr, err.Error())
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Even a socket that everybody can reach answers its own user only, and root. Only root can try.
func TestOnlyTheOwnerIsAnswered(t *testing.T) {
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s, err := Listen(dir, &fakeMount{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	for path, want := range map[string]os.FileMode{dir: 0o700, s.Socket(): 0o600} {
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v; want %04o", path, fi.Mode(), err, want)
		}
	}
	if _, err := Dial(s.Socket()).Status(t.Context(), Query{}); err != nil {
		t.Errorf("its own user: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Log("another user is not tried: only root can become one")
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "program")
	if err := os.WriteFile(copied, program, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, copied, s.Socket()} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for uid, want := range map[uint32]int{0: 0, 65534: 3} {
		cmd := exec.Command(copied)
		cmd.Dir, cmd.Env = "/", []string{dialEnv + "=" + s.Socket()}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
			t.Errorf("as user %d: %v, %s; want exit code %d", uid, err, out, want)
		}
	}
}
