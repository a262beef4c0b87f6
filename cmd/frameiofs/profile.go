package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/signin"
)

// profiles are what `login` keeps, for all of this user's mounts.
func profiles() signin.Profiles { return signin.Profiles{Dir: filepath.Join(stateHome(), "signin")} }

func profileFlag() cli.Flag {
	return &cli.StringFlag{Name: "profile", EnvVars: []string{"FRAMEIO_PROFILE"},
		Usage: "use the sign-in kept as `NAME` by frameiofs login; \"" + signin.DefaultProfile + "\" if none is named"}
}

// speaker is where the token is from. One of its fields is set; none if nothing was said, and then it is the default profile's.
type speaker struct {
	file    string // --token-file
	token   string // FRAMEIO_TOKEN
	profile string // --profile
}

// speakerOf decides whom calls speak for: a flag counts before the environment, and that before the settings file. Where two of the same
// rank disagree nobody is guessed at.
func speakerOf(c *cli.Context) (speaker, error) {
	file, profile := c.String("token-file"), c.String("profile")
	token, fileEnv, profileEnv := os.Getenv("FRAMEIO_TOKEN"), os.Getenv("FRAMEIO_TOKEN_FILE"), os.Getenv("FRAMEIO_PROFILE")
	if profile != "" {
		if err := signin.CheckName(profile); err != nil {
			return speaker{}, misuse("", "--profile: %w", err)
		}
	}
	byFile, byProfile := file != "" && file != fileEnv, profile != "" && profile != profileEnv
	switch {
	case byFile && byProfile:
		return speaker{}, misuse("", "--token-file and --profile both say whose token to use; give one of them")
	case byFile:
		return speaker{file: file}, nil
	case byProfile:
		return speaker{profile: profile}, nil
	case profile != "" && (token != "" || file != ""):
		return speaker{}, misuse("unset one of them; a flag counts before both",
			"FRAMEIO_PROFILE and %s both say whose token to use", map[bool]string{true: "FRAMEIO_TOKEN_FILE", false: "FRAMEIO_TOKEN"}[file != ""])
	case file != "":
		return speaker{file: file}, nil
	case token != "":
		return speaker{token: token}, nil
	}
	return speaker{profile: profile}, nil
}

// useProfile makes a the account of a profile.
func (a *account) useProfile(c *cli.Context, name string) error {
	asked := name
	if name == "" {
		name = signin.DefaultProfile
	}
	src, err := profiles().Open(name, nil)
	if errors.Is(err, iofs.ErrNotExist) {
		return noProfile(asked)
	}
	if err != nil {
		return fail("", "profile %s: %w", name, err)
	}
	g := src.Grant()
	if c.IsSet("api-url") && a.url != g.APIURL {
		return misuse("a token must not go elsewhere; sign in there with another --profile",
			"profile %s is signed in for %s, not for %s", name, g.APIURL, a.url)
	}
	if a.api != "auto" && g.API != "auto" && a.api != g.API {
		return misuse("sign in with another --profile: frameiofs login --profile NAME --api "+a.api,
			"profile %s is signed in for %s; its token does not work on %s", name, strings.ToUpper(g.API), strings.ToUpper(a.api))
	}
	if a.api == "auto" {
		a.api = g.API
	}
	a.url, a.token, a.source, a.tokenKey = g.APIURL, src, src, "profile "+name
	return nil
}

// noProfile says what to do without the profile that was asked for; "" is the default one.
func noProfile(asked string) error {
	all, _ := profiles().List() // what cannot be read is not there to choose
	var names []string
	for _, g := range all {
		names = append(names, g.Profile)
	}
	switch {
	case asked == "" && len(names) == 0:
		return fail("frameiofs login; or set FRAMEIO_TOKEN, or give --token-file FILE; `frameiofs demo` needs none", "%w: you are not signed in", errNoToken)
	case asked == "":
		return fail("choose one with --profile NAME; or frameiofs login", "%w: the default profile is not signed in, but there is %s", errNoToken, strings.Join(names, ", "))
	case len(names) == 0:
		return fail("frameiofs login --profile "+asked, "profile %s is not signed in", asked)
	}
	return fail("frameiofs login --profile "+asked, "profile %s is not signed in; there is %s", asked, strings.Join(names, ", "))
}

// staySignedIn renews the token of a's profile for as long as the mount lives. The caller calls stop at its end, which waits for a renewal that is
// under way.
func (a account) staySignedIn(log *slog.Logger) (stop func()) {
	if a.source == nil {
		return func() {}
	}
	a.source.SetLog(log)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.source.Run(ctx)
	}()
	return func() {
		cancel()
		<-ended
		a.source.Close()
	}
}

// trouble is what the user should know of the token now; "" if nothing.
func (a account) trouble() string {
	if a.source != nil {
		return a.source.Trouble()
	}
	if a.token == nil {
		return ""
	}
	token, err := a.token.Token(context.Background())
	if err != nil {
		return ""
	}
	expires, _ := signin.Expiry(token)
	return signin.Ending(expires, false, "", time.Now())
}

// profile is the name of the profile in use, or "".
func (a account) profile() string {
	if a.source == nil {
		return ""
	}
	return a.source.Profile()
}

// troubleOf makes of an error of package signin one that the program ends with.
func troubleOf(err error) error {
	var e *signin.Error
	if errors.As(err, &e) {
		return fail(e.Hint, "%w", err)
	}
	return fail("", "%w", err)
}

// keptIn tells people where a sign-in is.
func keptIn(g signin.Grant) string {
	if g.Store == signin.Keyring {
		return "the system's keyring"
	}
	return fmt.Sprintf("%s, which only you may read", filepath.Join(profiles().Dir, g.Profile+".json"))
}
