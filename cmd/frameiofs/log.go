package main

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// logFlags choose what is logged and how.
func logFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "debug", Usage: "log every request of the kernel and every decision"},
		&cli.GenericFlag{Name: "log-format", Value: &choiceValue{"text", []string{"text", "json"}}, DefaultText: "text", Usage: "`FORMAT` of log lines: text or json"},
	}
}

// newLog makes the program's logger. Both formats quote what could break a line, such as a name with a newline in it, or what a
// terminal would act upon.
func newLog(c *cli.Context, w io.Writer, least slog.Level) *slog.Logger {
	if c.Bool("debug") {
		least = slog.LevelDebug
	}
	return logTo(w, c.Generic("log-format").(*choiceValue).value, least)
}

func logTo(w io.Writer, format string, least slog.Level) *slog.Logger {
	opts := &slog.HandlerOptions{Level: least, ReplaceAttr: withoutSecrets}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(plainJSON{w}, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// secrets are what must not reach a log even by accident: bearer tokens, and the queries of addresses, which sign them.
var secrets = regexp.MustCompile(`(?i)(https?://[^\s?"']+)\?[^\s"']+|(bearer )[\w.~+/=-]+|()fio-[a-z]-[\w-]+|((?:signature|token|secret|password)=)[^\s"'&]+|()eyJ[\w-]{8,}\.[\w-]+\.[\w-]*`)

// withoutSecret is a text as a log may have it.
func withoutSecret(text string) string { return secrets.ReplaceAllString(text, "$1$2$3$4$5[secret]") }

// longest is how much of one value is logged, in bytes; a stack may have more.
const longest = 4 << 10

func withoutSecrets(_ []string, a slog.Attr) slog.Attr {
	var text string
	switch v := a.Value.Any().(type) {
	case string:
		text = v
	case error:
		text = v.Error()
	default:
		if a.Value.Kind() != slog.KindAny {
			return a
		}
		text = fmt.Sprintf("%+v", v)
		if clean := withoutSecret(text); clean == text {
			return a
		}
	}
	clean := withoutSecret(text)
	if len(clean) > longest && a.Key != "stack" {
		clean = strings.ToValidUTF8(clean[:longest], "") + "…"
	}
	if clean != text {
		a.Value = slog.StringValue(clean)
	}
	return a
}

// plainJSON writes lines of JSON with what a terminal would act upon escaped, which JSON itself asks for only in part. It can stand in
// strings alone.
type plainJSON struct{ w io.Writer }

func (p plainJSON) Write(line []byte) (int, error) {
	if !strings.ContainsFunc(string(line), odd) {
		return p.w.Write(line)
	}
	var b strings.Builder
	for _, r := range string(line) {
		switch {
		case !odd(r):
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	_, err := io.WriteString(p.w, b.String())
	return len(line), err
}

// odd reports whether r is neither to be seen nor the end of a line.
func odd(r rune) bool { return r != '\n' && r != utf8.RuneError && !unicode.IsPrint(r) }
