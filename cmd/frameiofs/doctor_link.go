package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// asked is what one generation of the API answered.
type asked struct {
	api  string
	user remote.User
	err  error
	seen []remote.Seen
}

// listener keeps what was seen of the requests to Frame.io.
type listener struct {
	mu   sync.Mutex
	seen []remote.Seen
}

func (l *listener) note(s remote.Seen) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, s)
}

func (l *listener) all() []remote.Seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seen)
}

// How long one question over the network may take. All of them together are bounded by linkTime.
const (
	apiTime  = 6 * time.Second
	hostTime = 5 * time.Second
)

// Hosts of Frame.io's besides the API's: where parts are sent, and where bytes are read (spec: frameio-v2.md §5.4, §6).
const (
	uploadHost = "frameio-uploads-production.s3-accelerate.amazonaws.com"
	mediaHost  = "assets.frame.io"
)

// linkFindings ask Frame.io.
func (x examination) linkFindings(ctx context.Context) []finding {
	acc, err := accountOf(x.c)
	if err != nil {
		all := []finding{wrongBy("token", err)}
		if errors.Is(err, errNoToken) || acc.url == "" {
			acc.url = strings.TrimRight(x.c.String("api-url"), "/")
		}
		return append(append(all, hostFinding(ctx, "api", acc.url)), hostFindings(ctx, acc.url, false)...)
	}
	defer acc.done()
	all := []finding{tokenFinding(ctx, x.c.String("token-file"), acc)}
	answers := askBoth(ctx, acc)
	for _, a := range answers {
		all = append(all, apiFinding(a, acc))
	}
	best := slices.IndexFunc(answers, func(a asked) bool { return a.err == nil })
	all = append(all, clockFinding(answers, time.Now()))
	if best < 0 {
		return append(append(all, skipped("rights", "no API knows the token")), hostFindings(ctx, acc.url, false)...)
	}
	rights, limits, read := walkRights(ctx, acc, answers)
	all = append(all, rights, limits)
	if read.State != "" {
		return append(all, read, uploadFinding(ctx, acc.url))
	}
	return append(all, hostFindings(ctx, acc.url, true)...)
}

// askBoth asks both generations, or the one that was chosen, who the user is.
func askBoth(ctx context.Context, acc account) []asked {
	apis := []string{"v4", "v2"}
	if acc.api != "auto" {
		apis = []string{acc.api}
	}
	answers := make([]asked, len(apis))
	var wg sync.WaitGroup
	for i, api := range apis {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, apiTime)
			defer cancel()
			a, l := asked{api: api}, &listener{}
			acc := acc
			acc.observe = l.note
			w, err := acc.dial(api, askPatience, slog.New(slog.DiscardHandler))
			if err == nil {
				a.user, err = w.Me(ctx)
				w.Close()
			}
			a.err, a.seen = err, l.all()
			answers[i] = a
		})
	}
	wg.Wait()
	return answers
}

// apiFinding judges an answer.
func apiFinding(a asked, acc account) finding {
	check := "api " + a.api
	switch {
	case a.err == nil:
		took := ""
		if n := len(a.seen); n > 0 {
			took = fmt.Sprintf(" (%d ms)", a.seen[n-1].Took.Milliseconds())
		}
		f := fine(check, "%s knows the token: %s%s", acc.url, person(a.user), took)
		f.names = []string{person(a.user), a.user.Name, a.user.Email}
		return f
	case errors.Is(a.err, remote.ErrToken) && acc.api == "auto":
		return skipped(check, "%s answers, and does not know the token", acc.url)
	}
	one := acc
	one.api = a.api
	return wrongBy(check, one.explain([]error{a.err}))
}

// clockFinding compares this machine's clock with Frame.io's, which is told in whole seconds.
func clockFinding(answers []asked, now time.Time) finding {
	const check, remedy = "clock", "sudo timedatectl set-ntp true"
	for _, a := range answers {
		for _, s := range a.seen {
			at, err := http.ParseTime(s.Header.Get("Date"))
			if err != nil {
				continue
			}
			off := now.Sub(at).Abs()
			switch {
			case off > 5*time.Minute:
				return wrong(check, remedy, "%s from Frame.io's: signed addresses are refused, and times of files are wrong", span(off))
			case off > 30*time.Second:
				return doubtful(check, remedy, "%s from Frame.io's: times of files differ between machines", span(off))
			}
			return fine(check, "within %s of Frame.io's", span(max(off, time.Second)))
		}
	}
	return skipped(check, "Frame.io did not answer")
}

// maxLook bounds how many folders are listed to find a file whose bytes can be asked for.
const maxLook = 12

// walkRights looks how far the token gets: down to a folder, and one byte of a file. read is about that byte; without a State there was
// no file to be found soon.
func walkRights(ctx context.Context, acc account, answers []asked) (rights, limits, read finding) {
	l := &listener{}
	acc.observe = l.note
	best, accounts := "", 0
	var w wire
	for _, a := range answers {
		if a.err != nil {
			continue
		}
		try, err := acc.dial(a.api, askPatience, slog.New(slog.DiscardHandler))
		if err != nil {
			continue
		}
		n := 0
		for _, err := range try.Children(ctx, remote.Ref{}) {
			if err == nil {
				n++
			}
		}
		if w == nil || n > accounts {
			if w != nil {
				w.Close()
			}
			w, best, accounts = try, a.api, n
		} else {
			try.Close()
		}
	}
	if w == nil {
		return skipped("rights", "no API can be asked"), skipped("limits", "no API can be asked"), finding{}
	}
	defer w.Close()
	deepest, file, err := descend(ctx, w)
	rights = rightsFinding(best, accounts, deepest, err)
	if file.ID != "" {
		read = readFinding(ctx, w, file, l)
	}
	return rights, limitsFinding(l.all()), read
}

// descend lists downwards, the first of everything first, until it finds a file with bytes. deepest is what it could list last.
func descend(ctx context.Context, w wire) (deepest remote.Kind, file remote.Item, err error) {
	left := maxLook
	var look func(ref remote.Ref) error
	look = func(ref remote.Ref) error {
		left--
		var below []remote.Item
		for it, err := range w.Children(ctx, ref) {
			if err != nil {
				return err
			}
			if !it.IsDir() && it.Complete() && it.Size > 0 {
				file, deepest = it, max(deepest, ref.Kind)
				return nil
			}
			if it.IsDir() {
				below = append(below, it)
			}
			if len(below) >= maxLook {
				break
			}
		}
		deepest = max(deepest, ref.Kind)
		for _, it := range below {
			if file.ID != "" || left <= 0 {
				return nil
			}
			if err := look(it.Ref); err != nil {
				return err
			}
		}
		return nil
	}
	err = look(remote.Ref{})
	return deepest, file, err
}

// rightsFinding judges how far it came.
func rightsFinding(api string, accounts int, deepest remote.Kind, err error) finding {
	const check = "rights"
	const scopes = "a developer token needs the scopes account.read, team.read, project.read, asset.read, asset.create, asset.update, asset.delete"
	switch {
	case errors.Is(err, iofs.ErrPermission):
		return wrong(check, scopes, "it may list down to a %s on %s, and not further: %s", deepest, strings.ToUpper(api), withoutSecret(err.Error()))
	case err != nil:
		return doubtful(check, "try again", "listing ended at a %s: %s", deepest, withoutSecret(err.Error()))
	case accounts == 0:
		return wrong(check, "be invited to an account, or choose the other generation with --api", "the token sees no account on %s", strings.ToUpper(api))
	}
	return fine(check, "%s on %s; may list down to a %s. Writing is not tried", count(accounts, "account"), strings.ToUpper(api), deepest)
}

// readFinding reads one byte, by which the media host is reached as a mount reaches it.
func readFinding(ctx context.Context, w wire, it remote.Item, l *listener) finding {
	const check = "media host"
	ref := it.Ref
	if it.Content != "" {
		ref = remote.Ref{Kind: remote.File, ID: it.Content, Account: it.Account}
	}
	r, err := w.OpenRange(ctx, ref, 0, 1)
	if err == nil {
		_, err = r.Read(make([]byte, 1))
		r.Close()
	}
	host := ""
	for _, s := range l.all() {
		if s.Op == remote.OpRead {
			host = s.Host
		}
	}
	if err != nil && host == "" {
		return doubtful(check, "try again", "no link to a file could be had: %s", withoutSecret(err.Error()))
	}
	if err != nil && err.Error() != "EOF" {
		return wrong(check, "let https://"+host+" through", "%s gives no bytes: %s", host, withoutSecret(err.Error()))
	}
	return fine(check, "%s gives bytes", host)
}

// limitsFinding tells the limits that the headers told.
func limitsFinding(seen []remote.Seen) finding {
	var told []string
	limited := 0
	had := map[string]bool{}
	for _, s := range seen {
		if s.Status == http.StatusTooManyRequests {
			limited++
		}
		n, w := s.Header.Get("X-Ratelimit-Limit"), s.Header.Get("X-Ratelimit-Window")
		ms, err := strconv.Atoi(w)
		if n == "" || err != nil || had[s.Op] {
			continue
		}
		had[s.Op] = true
		told = append(told, fmt.Sprintf("%s: %s in %g s", s.Op, n, float64(ms)/1000))
	}
	switch {
	case limited > 0:
		return doubtful("limits", "who else uses this token? All share its limits", "Frame.io refused %s for too many (%s)", count(limited, "call"), strings.Join(told, ", "))
	case len(told) == 0:
		return fine("limits", "none told")
	}
	return fine("limits", "%s", strings.Join(told, ", "))
}
