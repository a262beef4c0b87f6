package main

import (
	"context"
	"errors"
	"flag"
	iofs "io/fs"
	"iter"
	"strings"
	"testing"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/remote"
)

// mountContext is a command line of mount with nothing on it.
func mountContext(tb testing.TB) *cli.Context {
	set := flag.NewFlagSet("mount", flag.ContinueOnError)
	for _, f := range mountFlags() {
		if err := f.Apply(set); err != nil {
			tb.Fatal(err)
		}
	}
	c := cli.NewContext(cli.NewApp(), set, nil)
	c.Command = mountVerb()
	return c
}

// misused checks that what is wrong with what a person wrote is said in one plain line, as such.
func misused(t *testing.T, err error) {
	t.Helper()
	var f *failure
	if !errors.As(err, &f) || f.code != exitUsage && f.code != exitFailure {
		t.Errorf("%v is no misuse", err)
	}
	if text := oneLine(err.Error()); text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("it is told as %q", text)
	}
}

func FuzzSettings(f *testing.F) {
	for _, s := range []string{
		"cache-size = \"100G\"\nread-only = true\nuploads = 3\n", "umask = \"022\"", "[cache]\nsize=1", "uploads = -1", "uploads = 99999999999999999999",
		"o = \"ro\"", "settle = \"2s\"", "settle = 1979-05-27T07:32:00Z", "patience = \"9999999h\"", "a.b.c = [[{}]]", "uid = 4294967296",
		"token-file = \"\\u001b[31m\"", "\x00", "xattr = \"maybe\"", "keep-free = \"-5\"",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := mountContext(t)
		if err := applySettingsText(c, "/home/ann/.config/frameiofs/config.toml", text); err != nil {
			misused(t, err)
			return
		}
		if c.Int("uploads") < 1 || c.Int("parts") < 1 || c.Duration("settle") < 0 || sizeFlag(c, "cache-size") < 0 || sizeFlag(c, "keep-free") < 0 {
			t.Errorf("%q is taken: %d uploads, %d parts", text, c.Int("uploads"), c.Int("parts"))
		}
	})
}

// oddPlace is a Frame.io with one project and a folder in it, whose names are the fuzzer's.
type oddPlace struct {
	t    *testing.T
	name string
}

func (p oddPlace) Children(_ context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		below := map[remote.Kind]remote.Kind{remote.Root: remote.Account, remote.Account: remote.Workspace, remote.Workspace: remote.Project,
			remote.Project: remote.Folder}
		kind, ok := below[ref.Kind]
		if !ok {
			return
		}
		for _, id := range []remote.ID{"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"} {
			if !yield(remote.Item{Ref: remote.Ref{Kind: kind, ID: id, Account: "acc"}, Name: p.name}, nil) {
				return
			}
		}
	}
}

func (p oddPlace) Stat(_ context.Context, ref remote.Ref) (remote.Item, error) {
	if !ref.ID.Plain() || ref.ID != remote.ID(strings.ToLower(string(ref.ID))) {
		p.t.Errorf("asked for %q", ref.ID)
	}
	return remote.Item{}, iofs.ErrNotExist
}

func FuzzRoot(f *testing.F) {
	for _, s := range []string{
		"", "/", "a/b/c", "https://next.frame.io/project/6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
		"https://app.frame.io/projects/6ba7b812-9dad-11d1-80b4-00c04fd430c8?x=6ba7b810", "://", "http://[", "file:///etc", "../..", "%2e%2e",
		"https://user:pass@frame.io/6ba7b810-9dad-11d1-80b4-00c04fd430c8", "\x1b[31m/\x00",
	} {
		f.Add(s, "a")
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, spec, name string) {
		it, path, err := resolveRoot(t.Context(), oddPlace{t, name}, spec)
		switch {
		case err != nil:
			misused(t, err)
		case !it.IsDir() || !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "…/"):
			t.Errorf("%q is %+v at %q", spec, it, path)
		}
	})
}
