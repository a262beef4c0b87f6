package remote

import (
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// What an answer may tell. Ids become parts of paths, keys, and file names; sizes become memory; times are counted in nanoseconds; and
// all of it is shown on terminals. Whoever answers in Frame.io's place, or a mistake there, must not reach further than a listing.
const (
	// MaxSize is more than any file on Frame.io can have: it stores on S3, whose largest object is 50 TB.
	MaxSize = 64 << 40 // bytes
	maxID   = 128      // bytes; a UUID has 36
	maxWord = 256      // bytes of a media type, a label and the like
)

// ErrImpossible is an item that cannot be one of Frame.io's. It also answers for ErrNotFrameio.
var ErrImpossible = errors.New("no item of Frame.io's is like that")

// Plain reports whether id is of a form that Frame.io's ids have: letters, digits, '-' and '_'. What is pending on this machine is not.
func (id ID) Plain() bool {
	if id == "" || len(id) > maxID || id.Pending() {
		return false
	}
	for i := range len(id) {
		if c := id[i]; c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// Sane is the item without what could not be shown or counted, or an ErrImpossible if it must not be used at all.
func (it Item) Sane() (Item, error) {
	for _, id := range []struct {
		what string
		id   ID
		must bool
	}{
		{"id", it.ID, true}, {"account", it.Account, false}, {"parent", it.Parent, false}, {"project", it.Project, false},
		{"content", it.Content, false},
	} {
		if (id.must || id.id != "") && !id.id.Plain() {
			return Item{}, impossible("its %s is %s", id.what, clip(fmt.Sprintf("%q", id.id)))
		}
	}
	if it.Size < 0 || it.Size > MaxSize {
		return Item{}, impossible("it has %d bytes", it.Size)
	}
	for _, t := range []*time.Time{&it.Created, &it.Updated, &it.Mtime} {
		if y := t.Year(); y < 1700 || y > 2200 { // what nanoseconds in 64 bits can count
			*t = time.Time{}
		}
	}
	for _, word := range []*string{&it.MediaType, &it.Label} {
		if len(*word) > maxWord || strings.ContainsFunc(*word, func(r rune) bool { return r < ' ' || r > '~' }) {
			*word = ""
		}
	}
	if strings.Trim(it.Checksum, "0123456789abcdef") != "" || len(it.Checksum) > 64 {
		it.Checksum = ""
	}
	if len(it.Creator) > maxID {
		it.Creator = ""
	}
	if !page(it.URL) {
		it.URL = ""
	}
	return it, nil
}

// About is the item, as it is sane, if it is what ref refers to: what Frame.io is said to have must not be another's.
func (it Item) About(ref Ref) (Item, error) {
	sane, err := it.Sane()
	if err == nil && it.ID != ref.ID {
		err = fmt.Errorf("%w: it is about %s", ErrNotFrameio, clip(string(it.ID)))
	}
	if err != nil {
		return Item{}, &Error{Op: "stat " + ref.Kind.String(), Ref: ref, Err: err}
	}
	return sane, nil
}

// page reports whether raw can be given to a browser.
func page(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && len(raw) < 2048 && checkURL(u, true) == nil && u.User == nil &&
		!strings.ContainsFunc(raw, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) })
}

func impossible(format string, args ...any) error {
	return fmt.Errorf("%w: %w: %s", ErrNotFrameio, ErrImpossible, fmt.Sprintf(format, args...))
}

// Sane leaves out of a listing what is impossible, and says so once.
func (c *Conn) Sane(items iter.Seq2[Item, error]) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for it, err := range items {
			if err == nil {
				if it, err = it.Sane(); err != nil {
					c.LogOnce(err.Error(), "an item is left out", "err", err)
					continue
				}
			}
			if !yield(it, err) {
				return
			}
		}
	}
}
