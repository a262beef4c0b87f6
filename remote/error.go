package remote

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"strings"
)

// What can go wrong, in the words of a person. Every error of this package and of the two wires answers errors.Is for
// one or more of these, and for io/fs's ErrNotExist (404), ErrPermission (401, 403) and ErrExist (409).
var (
	ErrToken      = errors.New("the token is missing, wrong or expired")                            // 401
	ErrQuota      = errors.New("the account has no storage left")                                   // 402; on V4 a 403 or 422 that says so
	ErrRefused    = errors.New("this is refused by Frame.io as asked")                              // 400, 413, 422
	ErrLimited    = errors.New("calls are limited by Frame.io, which asks us to slow down")         // 429 after all waiting
	ErrOffline    = errors.New("no connection to Frame.io")                                         // no link, timeouts, resets, 5xx after retries, captive portals
	ErrExpired    = errors.New("the upload or download link has expired")                           // make the asset again
	ErrNotFrameio = errors.New("the answer is not Frame.io's; check the address and any proxy")     // HTML, redirects, wrong content
	ErrChanged    = errors.New("the bytes changed on Frame.io while they were read")                // drop what was read of that file
	ErrIncomplete = errors.New("not all bytes of this file are on Frame.io yet")                    // try when its State says so
	ErrDownload   = errors.New("downloading the original of this file is not permitted")            // also answers to io/fs.ErrPermission
	errInsecure   = errors.New("only https addresses are used, or http on this machine's loopback") // see checkURL
)

// Error is what a call to Frame.io came to when it did not succeed. Its text never holds a token or the query of a URL.
type Error struct {
	Op      string // what was being done, verb and noun: "list children"
	Ref     Ref    // what it was done to; may be zero
	Status  int    // HTTP status of the last answer; 0 if there was none
	Code    string // S3's code, or V4's title; may be empty
	Detail  string // Frame.io's own words; may be empty
	Unknown bool   // the request was sent but its outcome is not known: it may have been carried out
	Err     error  // the cause: a connection's error, a context's, or one of the sentinels above
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Ref.ID != "" {
		fmt.Fprintf(&b, " (%s %s)", e.Ref.Kind, e.Ref.ID)
	}
	b.WriteString(": ")
	b.WriteString(e.reason())
	return b.String()
}

// sentinels in the order in which reason looks for the one that tells most.
var sentinels = []error{ErrToken, ErrQuota, ErrNotFrameio, ErrExpired, ErrDownload, ErrIncomplete, ErrRefused, ErrLimited, ErrChanged, ErrOffline}

// reason puts our own words first, because they say what it means, then the cause, then Frame.io's words for the support mail.
func (e *Error) reason() string {
	what := ""
	for _, s := range sentinels {
		if e.answers(s) || errors.Is(e.Err, s) {
			what = s.Error()
			break
		}
	}
	if e.Err != nil {
		switch cause := short(e.Err.Error()); {
		case what == "" || strings.Contains(cause, what):
			what = cause
		default:
			what += ": " + cause
		}
	}
	var said []string
	for _, s := range []string{e.Code, e.Detail} {
		if s != "" {
			said = append(said, s)
		}
	}
	if e.Status != 0 {
		said = append(said, fmt.Sprintf("status %d", e.Status))
	}
	switch words := strings.Join(said, ", "); {
	case words == "" && what == "":
		return "failed"
	case words == "":
		return what
	case what == "":
		return "Frame.io answers: " + words
	default:
		return what + " (" + words + ")"
	}
}

// short keeps a cause that quotes an answer (as net/http's errors do) from filling the log.
func short(cause string) string {
	if len(cause) > 4*maxSaid {
		return strings.ToValidUTF8(cause[:4*maxSaid], "") + "…"
	}
	return cause
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is answers for the sentinels by status, so that an Error made by hand behaves like one from the wire.
func (e *Error) Is(target error) bool { return e.answers(target) }

func (e *Error) answers(target error) bool {
	// A page that is not Frame.io's says nothing about Frame.io's things: a proxy's 404 must not look like a deleted film.
	if errors.Is(e.Err, ErrNotFrameio) {
		return target == ErrNotFrameio
	}
	// V4 tells a full account with 403 or 422; then it is that and nothing else.
	if errors.Is(e.Err, ErrQuota) {
		return target == ErrQuota
	}
	switch target {
	case iofs.ErrNotExist:
		return e.Status == 404 && !errors.Is(e.Err, ErrIncomplete)
	case iofs.ErrPermission:
		return e.Status == 401 || e.Status == 403 && !errors.Is(e.Err, ErrExpired) || errors.Is(e.Err, ErrDownload)
	case iofs.ErrExist:
		return e.Status == 409
	case ErrToken:
		return e.Status == 401
	case ErrQuota:
		return e.Status == 402
	case ErrRefused:
		return e.Status == 400 || e.Status == 413 || e.Status == 422
	case ErrLimited:
		return e.Status == 429
	case ErrOffline:
		return e.Status >= 500
	}
	return false
}

// unknownOutcome reports whether err leaves open if Frame.io did what was asked.
func unknownOutcome(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unknown
}
