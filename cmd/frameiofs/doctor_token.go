package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/signin"
)

// tokenFinding tells where the token is from, and until when it is good.
func tokenFinding(ctx context.Context, file string, acc account) finding {
	token, err := acc.token.Token(ctx)
	if err != nil {
		return wrongBy("token", err)
	}
	if acc.source != nil {
		return profileFinding(acc, time.Now())
	}
	kind := "a token"
	switch {
	case strings.HasPrefix(token, "fio-u-"):
		kind = "a developer token"
	case strings.Count(token, ".") == 2:
		kind = "an Adobe access token"
	}
	from := "from the environment"
	if file != "" {
		from = "from " + file + ", which only you can read"
	}
	return lifeFinding(kind+" "+from, token, time.Now())
}

// profileFinding judges what frameiofs login has kept.
func profileFinding(acc account, now time.Time) finding {
	s := signedInOf(acc.source.Grant())
	what := fmt.Sprintf("profile %s, signed in by %s, in the %s; %s", s.Profile, s.Method, s.Kept, s.life(now))
	if len(s.Scopes) > 0 {
		what += "; rights: " + strings.Join(s.Scopes, " ")
	}
	if text := acc.trouble(); text != "" {
		remedy := "frameiofs login"
		if s.Profile != signin.DefaultProfile {
			remedy += " --profile " + s.Profile
		}
		return doubtful("token", remedy, "%s: %s", what, text)
	}
	return fine("token", "%s", what)
}

// lifeFinding judges how long a token is good, which those of Adobe tell (they are JSON Web Tokens).
func lifeFinding(what, token string, now time.Time) finding {
	const check, remedy = "token", "sign in again, or have whoever writes the token file renew it"
	until, ok := signin.Expiry(token)
	switch {
	case !ok:
		return fine(check, "%s; it does not tell an end", what)
	case until.Before(now):
		return wrong(check, remedy, "%s; it ran out %s ago", what, span(now.Sub(until)))
	case until.Sub(now) < 30*time.Minute:
		return doubtful(check, remedy, "%s; it runs out in %s", what, span(until.Sub(now)))
	}
	return fine(check, "%s; good for %s", what, span(until.Sub(now)))
}
