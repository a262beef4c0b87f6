package cache

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/frameiofs/frameiofs/remote"
)

// Names on Frame.io are any text; names in a folder of a disk are not. What cannot stand is shown in a form that can be read and
// turned back: '/' and NUL as their wide look-alikes, a byte that is no UTF-8 as its hex digits, the names ".", "..", ".frameio" and
// "" as look-alikes. Whatever could be mistaken for such a form has one more escape in front. (The scheme is rclone's; but there every
// escape is doubled, here only one that could be mistaken, so that a file keeps the name a program gave it.)
const (
	escape = '‛' // U+201B

	slash     = '／' // U+FF0F, shown for '/'
	null      = '␀' // U+2400, shown for NUL
	maxName   = 255 // bytes that a name can have on the disks of this world
	longestEx = 32  // bytes; what follows a name's last dot is not an extension if it is longer
)

// wholes are names that cannot stand as a whole, and what is shown for them.
var wholes = [...]struct{ plain, shown string }{
	{".", "．"},
	{"..", "．．"},
	{".frameio", "．frameio"}, // reserved in every folder
	{"", string(escape) + "unnamed"},
}

// Shown returns how a name of Frame.io's is shown, without regard to siblings and length: a Tree alone knows those.
func Shown(remoteName string) string {
	s := showRunes(remoteName)
	for _, w := range wholes {
		if s == w.plain {
			return w.shown
		}
		if rest, ok := strings.CutSuffix(s, w.shown); ok && strings.Trim(rest, string(escape)) == "" {
			return string(escape) + s
		}
	}
	return s
}

// Actual returns the name on Frame.io that Shown shows as shownName. Every name that a program may give has one, and is shown again as it
// was given. (Two kinds of names lead nowhere and must be looked up in their folder: those that a Tree cut or told apart.)
func Actual(shownName string) string {
	for _, w := range wholes {
		if shownName == w.shown {
			return w.plain
		}
		if rest, ok := strings.CutSuffix(shownName, w.shown); ok && strings.Trim(rest, string(escape)) == "" {
			return actualRunes(strings.TrimPrefix(shownName, string(escape)))
		}
	}
	return actualRunes(shownName)
}

// showRunes shows runes that cannot stand. A run of k escapes before '/' (or NUL, or a stray byte) becomes 2k of them, before a literal
// look-alike 2k+1; hex digits, which can stand by themselves, have it the other way round. Any other run stays as it is.
func showRunes(name string) string {
	if strings.IndexFunc(name, special) < 0 {
		return name
	}
	var b strings.Builder
	for name != "" {
		k, rest := cutEscapes(name)
		r, size := utf8.DecodeRuneInString(rest)
		n, show := k, rest[:size]
		switch {
		case r == '/':
			n, show = 2*k, string(slash)
		case r == 0:
			n, show = 2*k, string(null)
		case r == slash || r == null:
			n = 2*k + 1
		case r == utf8.RuneError && size == 1:
			n, show = 2*k+1, fmt.Sprintf("%02X", rest[0])
		case strayByte(rest) >= 0:
			n, show, size = 2*k, rest[:2], 2
		}
		b.WriteString(strings.Repeat(string(escape), n))
		b.WriteString(show)
		name = rest[size:]
	}
	return b.String()
}

// actualRunes undoes showRunes.
func actualRunes(name string) string {
	if strings.IndexFunc(name, special) < 0 {
		return name
	}
	var b strings.Builder
	for name != "" {
		k, rest := cutEscapes(name)
		r, size := utf8.DecodeRuneInString(rest)
		n, is := k, rest[:size]
		switch {
		case r == slash && k%2 == 0:
			n, is = k/2, "/"
		case r == null && k%2 == 0:
			n, is = k/2, "\x00"
		case r == slash || r == null:
			n = k / 2
		case strayByte(rest) >= 0:
			n, is, size = k/2, rest[:2], 2
			if k%2 == 1 {
				is = string([]byte{byte(strayByte(rest))})
			}
		}
		b.WriteString(strings.Repeat(string(escape), n))
		b.WriteString(is)
		name = rest[size:]
	}
	return b.String()
}

// special reports whether a name with r needs a closer look.
func special(r rune) bool {
	return r == '/' || r == 0 || r == slash || r == null || r == escape || r == utf8.RuneError
}

// cutEscapes counts the escapes that name begins with.
func cutEscapes(name string) (k int, rest string) {
	for strings.HasPrefix(name, string(escape)) {
		k, name = k+1, name[len(string(escape)):]
	}
	return k, name
}

// strayByte reads the two upper-case hex digits by which a byte that is no UTF-8 is shown; -1 if s does not begin so.
func strayByte(s string) int {
	if len(s) < 2 || strings.Trim(s[:2], "0123456789ABCDEF") != "" {
		return -1
	}
	v, err := strconv.ParseUint(s[:2], 16, 8)
	if err != nil || v < utf8.RuneSelf {
		return -1
	}
	return int(v)
}

// splitExt splits a name before its extension.
func splitExt(name string) (stem, ext string) {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || i == len(name)-1 || len(name)-i > longestEx || strings.Contains(name[i:], " ") {
		return name, ""
	}
	return name[:i], name[i:]
}

// withMark puts mark before name's extension and cuts the stem at a rune so that all fits.
func withMark(name, mark string) string {
	stem, ext := splitExt(name)
	room := maxName - len(mark) - len(ext)
	if len(stem) > room {
		for room > 0 && !utf8.RuneStart(stem[room]) {
			room--
		}
		stem = stem[:room]
	}
	return stem + mark + ext
}

// Distinct tells a shown name apart from an equal one by the first digits of an ID, as a Tree does for siblings.
func Distinct(shownName string, id remote.ID) string {
	return withMark(shownName, " ("+digits(id)[:8]+")")
}

// Told reports whether a name may be one that was told apart from an equal one: no other name is shown for the sake of its siblings.
func Told(shownName string) bool { return strings.Contains(shownName, " (") }
