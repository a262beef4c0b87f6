package remote

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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
	if _, err := f.Token(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: got %v, want not exist", err)
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
