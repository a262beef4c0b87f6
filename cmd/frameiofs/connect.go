package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"iter"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/remote/v2"
	"github.com/frameiofs/frameiofs/remote/v4"
	"github.com/frameiofs/frameiofs/signin"
)

// wire is all that the parts ask of Frame.io together; the clients of both generations have it.
type wire interface {
	Me(ctx context.Context) (remote.User, error)
	Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error]
	Stat(ctx context.Context, ref remote.Ref) (remote.Item, error)
	Usage(ctx context.Context, account remote.ID) (remote.Usage, error)
	CreateFolder(ctx context.Context, parent remote.Ref, name string) (remote.Item, error)
	CreateFile(ctx context.Context, f remote.NewFile) (remote.Upload, error)
	CopyFile(ctx context.Context, c remote.Copy) (remote.Item, error)
	PutPart(ctx context.Context, part remote.Part, body io.ReaderAt) error
	AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error)
	Rename(ctx context.Context, ref remote.Ref, name string) (remote.Item, error)
	Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error)
	Delete(ctx context.Context, ref remote.Ref) error
	Pace(account remote.ID) remote.Pace
	SetBandwidth(up, down int64)
	Prepare(ctx context.Context, file remote.Ref) error
	OpenRange(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error)
	Close()
}

// connection is a wire, and whom it speaks for.
type connection struct {
	wire
	API  string // v2 or v4
	URL  string // base address
	User remote.User

	source *signin.Source // closed with it; nil if it is not its own
}

// Close drops the connection.
func (c *connection) Close() {
	c.wire.Close()
	if c.source != nil {
		c.source.Close()
	}
}

// defaultURL is Frame.io's own address (spec: frameio-v4.md §1.1, frameio-v2.md §1.1).
const defaultURL = "https://api.frame.io"

// connectFlags say where Frame.io is and who asks.
func connectFlags() []cli.Flag {
	return []cli.Flag{
		&cli.GenericFlag{Name: "api", Value: &choiceValue{"auto", []string{"auto", "v2", "v4"}}, EnvVars: []string{"FRAMEIO_API"}, DefaultText: "auto",
			Usage: "`GENERATION` of Frame.io's API: v2, v4, or auto to ask which one knows the token"},
		&cli.StringFlag{Name: "api-url", Value: defaultURL, EnvVars: []string{"FRAMEIO_API_URL"},
			Usage: "base `URL` of the API, without /v2 or /v4"},
		&cli.StringFlag{Name: "token-file", EnvVars: []string{"FRAMEIO_TOKEN_FILE"}, TakesFile: true,
			Usage: "read the token from `FILE`, which only you may read; else it is taken from FRAMEIO_TOKEN, or from what login kept"},
		profileFlag(),
	}
}

// account is what connectFlags said.
type account struct {
	api, url string
	token    remote.TokenSource
	source   *signin.Source    // where the token of a profile is from; nil for others
	tokenKey string            // tells tokens apart without being one
	observe  func(remote.Seen) // told of every request; nil: nobody wants to know
}

// errNoToken is nobody to speak for.
var errNoToken = errors.New("there is no token")

func accountOf(c *cli.Context) (account, error) {
	a := account{api: c.Generic("api").(*choiceValue).value, url: strings.TrimRight(c.String("api-url"), "/")}
	if u, err := url.Parse(a.url); err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return a, misuse("for example "+defaultURL, "--api-url: %q is not an address of the form https://host", withoutSecret(shownURL(a.url)))
	} else if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return a, misuse("the token would travel in the open", "--api-url: %q must begin with https://, except for this machine itself", a.url)
	} else if strings.HasSuffix(u.Path, "/v2") || strings.HasSuffix(u.Path, "/v4") {
		return a, misuse("", "--api-url: %q must be without %s; --api chooses the generation", a.url, u.Path[len(u.Path)-3:])
	}
	who, err := speakerOf(c)
	if err != nil {
		return a, err
	}
	file := who.file
	switch {
	case file != "":
		// It is read again when it changes, and by then the process may stand in another folder.
		file, err := filepath.Abs(file)
		if err != nil {
			return a, misuse("", "--token-file: %w", err)
		}
		a.token, a.tokenKey = remote.NewTokenFile(file), "file "+file
	case who.token != "":
		a.token = remote.StaticToken(who.token)
		sum := sha256.Sum256([]byte(who.token))
		a.tokenKey = "token " + hex.EncodeToString(sum[:8])
	default:
		return a, a.useProfile(c, who.profile)
	}
	if _, err := a.token.Token(c.Context); err != nil && file != "" {
		return a, fail("", "--token-file: %w", err)
	} else if err != nil {
		return a, fail("", "token: %w", err)
	}
	return a, nil
}

// shownURL is an address without who logs in by it.
func shownURL(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		return u.Redacted()
	}
	return raw
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// dial prepares the wire of one generation; nothing is sent yet. patience is how long a call waits out an outage.
func (a account) dial(api string, patience time.Duration, log *slog.Logger) (wire, error) {
	cfg := remote.Config{BaseURL: a.url, Token: a.token, Logger: log, Patience: patience, Observe: a.observe}
	if api == "v2" {
		return v2.New(cfg)
	}
	return v4.New(cfg)
}

// How long the first question waits: a person sits in front of it.
const (
	askPatience = 2 * time.Second
	askTimeout  = 20 * time.Second
)

// connect finds out which generation knows the token, and whom it speaks for.
func (a account) connect(ctx context.Context, log *slog.Logger) (*connection, error) {
	apis := []string{"v4", "v2"}
	if a.api != "auto" {
		apis = []string{a.api}
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	type answer struct {
		user     remote.User
		accounts bool
		err      error
	}
	answers := make([]chan answer, len(apis))
	for i, api := range apis {
		answers[i] = make(chan answer, 1)
		go func() {
			var got answer
			w, err := a.dial(api, askPatience, log)
			if err != nil {
				answers[i] <- answer{err: err}
				return
			}
			defer w.Close()
			if got.user, got.err = w.Me(ctx); got.err == nil && len(apis) > 1 {
				for _, err := range w.Children(ctx, remote.Ref{}) {
					got.accounts = err == nil
					break
				}
			}
			answers[i] <- got
		}()
	}
	var errs []error
	best := -1
	var bestAnswer answer
	for i := range apis {
		got := <-answers[i]
		if got.err != nil {
			errs = append(errs, got.err)
			continue
		}
		// A user may be known to both but have the accounts in one of them only.
		if best < 0 || got.accounts && !bestAnswer.accounts {
			best, bestAnswer = i, got
		}
	}
	if best < 0 {
		return nil, a.explain(errs)
	}
	w, err := a.dial(apis[best], 0, log)
	if err != nil {
		return nil, fail("", "%w", err)
	}
	return &connection{wire: w, API: apis[best], URL: a.url, User: bestAnswer.user}, nil
}

// explain chooses, of what the generations answered, what a person can do something about.
func (a account) explain(errs []error) error {
	asked := "V4 and V2"
	if a.api != "auto" {
		asked = strings.ToUpper(a.api)
	}
	is := func(target error) bool {
		for _, err := range errs {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	for _, err := range errs { // no token to be had, and what to do about that
		var e *signin.Error
		if errors.As(err, &e) {
			return troubleOf(e)
		}
	}
	switch {
	case is(remote.ErrToken):
		return fail("make a new one at https://developer.frame.io, or check that it is whole; --api chooses the generation",
			"Frame.io does not accept the token (asked %s at %s)", asked, a.url)
	case is(iofs.ErrPermission):
		return fail("a developer token needs the scopes account.read, team.read, project.read, asset.read, asset.create, asset.update, asset.delete",
			"the token is not permitted to ask who you are: %w", errs[0])
	case is(remote.ErrLimited):
		return fail("try again in a minute", "%w", errs[0])
	case is(remote.ErrNotFrameio), is(iofs.ErrNotExist):
		return fail("check --api-url, and whether a proxy or a log-in page stands in between", "%s answers, but it is not Frame.io", a.url)
	case is(remote.ErrOffline), is(context.DeadlineExceeded):
		return &failure{exitFailure, unreachable{a.url, errs[0]}, "check the network and --api-url"}
	}
	return fail("", "ask Frame.io who you are: %w", errs[0])
}

// unreachable is a Frame.io that cannot be reached, in fewer words than its cause has.
type unreachable struct {
	url   string
	cause error
}

func (e unreachable) Error() string {
	why := e.cause
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(e.cause, &dns):
		why = dns
	case errors.As(e.cause, &op):
		why = op.Err
	}
	return fmt.Sprintf("%s cannot be reached: %s", e.url, why)
}

func (e unreachable) Unwrap() error { return e.cause }

// Is makes a time that ran out count as no link, too.
func (e unreachable) Is(target error) bool { return target == remote.ErrOffline }

// person names the user in messages.
func person(u remote.User) string {
	switch {
	case u.Name != "" && u.Email != "":
		return fmt.Sprintf("%s <%s>", u.Name, u.Email)
	case u.Name != "":
		return u.Name
	case u.Email != "":
		return u.Email
	}
	return string(u.ID)
}
