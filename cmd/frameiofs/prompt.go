package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxSecret bounds what is read as a secret, in bytes.
const maxSecret = 64 << 10

// askSecret reads a secret from a file ("-" is stdin) or, if that is "", from the person at the terminal, who does not see it. Without a terminal it is
// all of stdin.
func askSecret(file, what string) (string, error) {
	switch {
	case file != "" && file != "-":
		return readSecretFile(file)
	case file == "" && term.IsTerminal(int(os.Stdin.Fd())):
		text, err := atTerminal(func(t *term.Terminal) (string, error) { return t.ReadPassword(what + " (not shown): ") })
		return strings.TrimSpace(text), err
	}
	text, err := io.ReadAll(io.LimitReader(os.Stdin, maxSecret+1))
	if err == nil && len(text) > maxSecret {
		err = errors.New("it is too long")
	}
	if s := strings.TrimSpace(string(text)); err == nil && s != "" {
		return s, nil
	} else if err == nil {
		err = errors.New("nothing came by stdin")
	}
	return "", fmt.Errorf("%s: %w", what, err)
}

func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return "", err
	} else if perm := info.Mode().Perm(); perm&0o077 != 0 && info.Mode().IsRegular() {
		return "", fmt.Errorf("others can read %s (mode %04o); run: chmod 600 %s", path, perm, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch s := strings.TrimSpace(string(text)); {
	case err != nil:
		return "", err
	case len(text) > maxSecret:
		return "", fmt.Errorf("%s is too long for a secret", path)
	case s == "":
		return "", fmt.Errorf("%s is empty", path)
	default:
		return s, nil
	}
}

// atTerminal talks with the person at the terminal, line by line, without the limits of the terminal's own lines: 4096 bytes on Linux and 1024
// on macOS, which tokens and the addresses of sign-ins may exceed.
func atTerminal(talk func(*term.Terminal) (string, error)) (string, error) {
	fd := int(os.Stdin.Fd())
	was, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	defer term.Restore(fd, was)
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stderr}, "")
	text, err := talk(t)
	if errors.Is(err, io.EOF) || errors.Is(err, term.ErrPasteIndicator) && text == "" {
		return "", errors.New("interrupted")
	}
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	return text, err
}

// askLine reads one line, which is seen.
func askLine(what string) (string, error) {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return atTerminal(func(t *term.Terminal) (string, error) {
			t.SetPrompt(what)
			return t.ReadLine()
		})
	}
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, maxSecret)).ReadString('\n')
	if errors.Is(err, io.EOF) && strings.TrimSpace(line) != "" {
		err = nil
	}
	return line, err
}
