package remote

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTokenFileFollowsItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	f := NewTokenFile(path)
	// It must not look as if something on Frame.io were not there.
	if _, err := f.Token(t.Context()); err == nil || errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without a file: got %v", err)
	}
	write("fio-u-one\n", time.Unix(1000, 0))
	if got, err := f.Token(t.Context()); got != "fio-u-one" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := f.Refresh(t.Context(), "fio-u-one"); !errors.Is(err, ErrToken) {
		t.Errorf("refresh of an unchanged file: got %v, want ErrToken", err)
	}
	write("fio-u-two", time.Unix(2000, 0))
	if got, err := f.Token(t.Context()); got != "fio-u-two" || err != nil {
		t.Errorf("after the file changed: got %q, %v", got, err)
	}
	// Same size and time: only a refused token makes it look again.
	write("fio-u-wow", time.Unix(2000, 0))
	if err := f.Refresh(t.Context(), "fio-u-two"); err != nil {
		t.Errorf("refresh of a changed file: %v", err)
	}
	if got, _ := f.Token(t.Context()); got != "fio-u-wow" {
		t.Errorf("after refresh: got %q", got)
	}
}

func TestTokenFileRefusesWhatIsUnsafe(t *testing.T) {
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"readable by others", "fio-u-x", 0o644, "chmod 600"},
		{"readable by the group", "fio-u-x", 0o640, "chmod 600"},
		{"empty", " \n", 0o600, "empty"},
		{"two lines", "fio-u-secret\nfio-u-other", 0o600, "blanks"},
		{"huge", strings.Repeat("x", maxToken+1), 0o600, "too long"},
		{"two, with CR", "fio-u-secret\r\nfio-u-other\r\n", 0o600, "blanks"},
		{"an escape", "fio-u-\x1b[31msecret", 0o600, "other characters"},
		{"executable by others", "fio-u-secret", 0o701, "chmod 600"},
	} {
		path := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := NewTokenFile(path).Token(t.Context())
		if err == nil || got != "" || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %q, %v; want an error with %q", c.name, got, err, c.want)
		}
	}
}

func TestTokenFileTakesWhatIsSafe(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "token"), filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"fio-u-x", "fio-u-x\n", " fio-u-x\r\n", "\ufefffio-u-x\r\n"} {
		if err := os.WriteFile(path, []byte(text), 0o400); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, link} {
			if got, err := NewTokenFile(p).Token(t.Context()); got != "fio-u-x" || err != nil {
				t.Errorf("%q: got %q, %v", text, got, err)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTokenFileIsAFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "a folder", pipe: "a pipe", "/dev/null": "a device"} {
		if got, err := NewTokenFile(path).Token(t.Context()); err == nil || got != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v; want an error with %q", path, got, err, want)
		}
	}
}

func TestTokenFileOfAnotherUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("fio-u-x"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	info.Sys().(*syscall.Stat_t).Uid = 12345
	err = NewTokenFile(path).safe(info)
	if root := os.Geteuid() == 0; (err == nil) != root {
		t.Errorf("as root %v: got %v", root, err)
	}
}
