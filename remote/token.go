package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// TokenSource gives the token that API calls carry. Implementations must be safe for concurrent use.
type TokenSource interface {
	// Token answers the token at hand, without the word Bearer.
	Token(ctx context.Context) (string, error)
	// Refresh is called when Frame.io refused old. It answers nil when Token will now give another one, else why not.
	Refresh(ctx context.Context, old string) error
}

// StaticToken is a token that never changes: a developer token.
type StaticToken string

// Token answers the token.
func (s StaticToken) Token(context.Context) (string, error) { return checkToken(string(s)) }

// Refresh cannot help: there is no other token.
func (s StaticToken) Refresh(context.Context, string) error { return ErrToken }

// maxToken bounds a token file. IMS tokens have about 2 KB.
const maxToken = 64 << 10

// TokenFile is a TokenSource that reads a file with one token in it, and reads it again whenever the file has changed, so that
// another program may renew the token. Files that others can read are refused.
type TokenFile struct {
	path string

	mu    sync.Mutex // guards what follows
	token string
	mtime time.Time
	size  int64
}

// NewTokenFile answers the token source that reads path. The file is first read when a token is asked for.
func NewTokenFile(path string) *TokenFile { return &TokenFile{path: path} }

// Token answers the file's token, reading the file only if it has changed.
func (f *TokenFile) Token(context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read(false)
}

// Refresh reads the file again and answers nil if it now holds another token than old.
func (f *TokenFile) Refresh(_ context.Context, old string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := f.read(true)
	if err != nil {
		return err
	}
	if now == old {
		return ErrToken
	}
	return nil
}

func (f *TokenFile) read(force bool) (string, error) {
	file, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // nobody may write into what is no file
	if err != nil {
		return "", fmt.Errorf("open token file: %v", err) // not %w: a missing token is no missing film
	}
	defer file.Close()
	// What was opened is looked at, not its name: links are followed, and nobody can change the one for the other meanwhile.
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("stat token file: %v", err)
	}
	if err := f.safe(info); err != nil {
		return "", err
	}
	if !force && f.token != "" && info.ModTime().Equal(f.mtime) && info.Size() == f.size {
		return f.token, nil
	}
	b, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("read token file: %v", err)
	}
	if len(b) > maxToken {
		return "", errors.New("the token file is too long; it must hold one token and nothing else")
	}
	t, err := checkToken(string(b))
	if err != nil {
		return "", err
	}
	f.token, f.mtime, f.size = t, info.ModTime(), info.Size()
	return t, nil
}

// safe refuses a file that others can read, or could have written. What root runs reads anybody's, as sudo does.
func (f *TokenFile) safe(info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("the token file %s is no file but %s; it must hold one token and nothing else", f.path, kindOf(info.Mode()))
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("others can read the token file (mode %04o); run: chmod 600 %s", perm, f.path)
	}
	me := os.Geteuid()
	if st, ok := info.Sys().(*syscall.Stat_t); ok && me != 0 && st.Uid != 0 && int(st.Uid) != me {
		return fmt.Errorf("the token file %s belongs to another user; copy it to one of your own, with mode 600", f.path)
	}
	return nil
}

func kindOf(mode os.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&os.ModeNamedPipe != 0:
		return "a pipe"
	}
	return "a device or a socket"
}

// checkToken trims a token and refuses what cannot be one. Its message must not repeat the token.
func checkToken(s string) (string, error) {
	s = strings.TrimSpace(strings.TrimPrefix(s, "\ufeff")) // some editors begin a file with that
	if s == "" {
		return "", fmt.Errorf("%w: it is empty", ErrToken)
	}
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return "", fmt.Errorf("%w: it has blanks or other characters that no token has", ErrToken)
		}
	}
	return s, nil
}
