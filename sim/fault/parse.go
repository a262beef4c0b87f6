package fault

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	words    = []string{SlowDown, Reset, Lost, Stall, Slow, Truncate, Half, Redirect, Drip, HTML, Expired, Token, Lose, Fail, Corrupt, Flip, Garble, NoETag}
	statuses = []string{"400", "401", "402", "403", "404", "409", "422", "429", "500", "502", "503", "504"}
	places   = []Place{API, Upload, Media, Any}

	uploadOnly = []string{Lose, Fail, Flip, Garble, NoETag}
)

// Parse reads a rule; the package comment has the grammar. Errors say what would have been right.
func Parse(text string) (Rule, error) {
	r := Rule{Text: strings.TrimSpace(text)}
	what, rest, ok := strings.Cut(r.Text, "@")
	if !ok {
		return r, badRule(text, "it does not say where: write what@where")
	}
	if err := r.parseWhat(text, what); err != nil {
		return r, err
	}
	end := strings.IndexAny(rest, ":*%?+")
	if end < 0 {
		end = len(rest)
	}
	if r.Place = Place(rest[:end]); !slices.Contains(places, r.Place) {
		return r, badRule(text, "unknown place %q, want one of %v", r.Place, places)
	}
	rest, err := r.parseMatch(text, rest[end:])
	if err != nil {
		return r, err
	}
	if slices.Contains(uploadOnly, r.What) && r.Place != Upload {
		return r, badRule(text, "%s works at upload only", r.What)
	}
	return r, r.parseOften(text, rest)
}

func (r *Rule) parseWhat(text, what string) error {
	word, arg, hasArg := strings.Cut(what, "=")
	r.What = word
	if !slices.Contains(words, word) && !slices.Contains(statuses, word) {
		return badRule(text, "unknown fault %q, want one of %v or a status of %v", word, words, statuses)
	}
	switch word {
	case Stall:
		r.Delay = time.Minute
	case Slow:
		r.Delay = time.Second
	case Drip:
		r.Delay = 100 * time.Millisecond
	case "429", "503":
	default:
		if hasArg {
			return badRule(text, "%s takes no =argument", word)
		}
	}
	if hasArg {
		d, err := time.ParseDuration(arg)
		if err != nil || d < 0 {
			return badRule(text, "%q is not a duration such as 30s", arg)
		}
		r.Delay = d
	}
	return nil
}

// parseMatch reads :op or :/regexp/ if there is one, and returns what follows.
func (r *Rule) parseMatch(text, rest string) (string, error) {
	if !strings.HasPrefix(rest, ":") {
		return rest, nil
	}
	rest = rest[1:]
	if strings.HasPrefix(rest, "/") {
		end := closingSlash(rest)
		if end < 0 {
			return "", badRule(text, "the regexp has no closing /")
		}
		re, err := regexp.Compile(strings.ReplaceAll(rest[1:end], `\/`, `/`))
		if err != nil {
			return "", badRule(text, "%v", err)
		}
		r.Match = re
		return rest[end+1:], nil
	}
	end := strings.IndexAny(rest, "*%?+")
	if end < 0 {
		end = len(rest)
	}
	r.Op = rest[:end]
	if !slices.Contains(Ops, r.Op) {
		return "", badRule(text, "unknown call %q, want one of %v or a /regexp/", r.Op, Ops)
	}
	if r.Place != API && r.Place != Any {
		return "", badRule(text, "calls such as %s are made at api; use a /regexp/ for %s", r.Op, r.Place)
	}
	return rest[end:], nil
}

// closingSlash finds the first / after the first byte that is not escaped.
func closingSlash(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '/':
			return i
		}
	}
	return -1
}

func (r *Rule) parseOften(text, rest string) error {
	for rest != "" {
		sign := rest[0]
		end := strings.IndexAny(rest[1:], "*%?+") + 1
		if end == 0 {
			end = len(rest)
		}
		arg := rest[1:end]
		rest = rest[end:]
		if sign == '?' {
			p, err := strconv.ParseFloat(arg, 64)
			if err != nil || p <= 0 || p > 1 {
				return badRule(text, "%q is not a probability above 0 and up to 1", arg)
			}
			r.Chance = p
			continue
		}
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 {
			return badRule(text, "%q after %c is not a number from 1", arg, sign)
		}
		switch sign {
		case '*':
			r.Times = n
		case '%':
			r.Every = n
		case '+':
			r.After = n
		default:
			return badRule(text, "unexpected %q", string(sign)+arg)
		}
	}
	return nil
}
