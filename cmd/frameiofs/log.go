package main

import (
	"io"
	"log/slog"
	"regexp"

	"github.com/urfave/cli/v2"
)

// logFlags choose what is logged and how.
func logFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "debug", Usage: "log every request of the kernel and every decision"},
		&cli.GenericFlag{Name: "log-format", Value: &choiceValue{"text", []string{"text", "json"}}, DefaultText: "text", Usage: "`FORMAT` of log lines: text or json"},
	}
}

// newLog makes the program's logger. Both formats quote what could break a line, such as a name with a newline in it.
func newLog(c *cli.Context, w io.Writer, least slog.Level) *slog.Logger {
	if c.Bool("debug") {
		least = slog.LevelDebug
	}
	opts := &slog.HandlerOptions{Level: least, ReplaceAttr: withoutSecrets}
	if c.Generic("log-format").(*choiceValue).value == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// secrets are what must not reach a log even by accident: bearer tokens, and the queries of addresses, which sign them.
var secrets = regexp.MustCompile(`(?i)(https?://[^\s?"']+)\?[^\s"']+|(bearer )[\w.~+/=-]+|()fio-[a-z]-[\w-]+`)

func withoutSecrets(_ []string, a slog.Attr) slog.Attr {
	var text string
	switch v := a.Value.Any().(type) {
	case string:
		text = v
	case error:
		text = v.Error()
	default:
		return a
	}
	if clean := withoutSecret(text); clean != text {
		a.Value = slog.StringValue(clean)
	}
	return a
}

// withoutSecret is text without what must not be seen.
func withoutSecret(text string) string { return secrets.ReplaceAllString(text, "$1$2$3[secret]") }
