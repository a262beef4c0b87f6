package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
)

func manVerb() *cli.Command {
	return &cli.Command{
		Name:      "man",
		Usage:     "print a manual page",
		ArgsUsage: "[VERB]",
		Description: `They say what --help says, for man(1).

   frameiofs man | man -l -
   frameiofs man mount > frameiofs-mount.1
   frameiofs man --all /usr/local/share/man/man1     all of them, as files`,
		Flags: []cli.Flag{&cli.StringFlag{Name: "all", TakesFile: true, Usage: "write the pages of all verbs into the folder `DIR`"}},
		Action: func(c *cli.Context) error {
			pages := manPages(newApp(nil, nil))
			if dir := c.String("all"); dir != "" {
				return writePages(dir, pages)
			}
			name := "frameiofs"
			if c.Args().Present() {
				name += "-" + c.Args().First()
			}
			text, ok := pages[name]
			if !ok || c.NArg() > 1 {
				return misuse("frameiofs --help lists them", "man: there is no command %q", strings.Join(c.Args().Slice(), " "))
			}
			fmt.Fprint(c.App.Writer, text)
			return nil
		},
	}
}

func writePages(dir string, pages map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail("", "--all: %q: %w", dir, err)
	}
	var errs []error
	for name, text := range pages {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name+".1"), []byte(text), 0o644))
	}
	if err := errors.Join(errs...); err != nil {
		return fail("", "--all: %w", err)
	}
	return nil
}

// manPages are the pages by their names: one of the whole, and one of each verb.
func manPages(app *cli.App) map[string]string {
	pages := map[string]string{"frameiofs": mainPage(app)}
	for _, cmd := range app.Commands {
		if !cmd.Hidden {
			pages["frameiofs-"+cmd.Name] = verbPage(cmd)
		}
	}
	return pages
}

func mainPage(app *cli.App) string {
	var p page
	p.head("frameiofs", app.Usage)
	p.raw(".B frameiofs\n.I command\n.RI [ options ]\n.RI [ arguments ]\n")
	p.section("DESCRIPTION")
	p.text(app.Description)
	p.section("COMMANDS")
	for _, cmd := range app.Commands {
		if !cmd.Hidden {
			p.raw(".TP\n.BR frameiofs\\-" + esc(cmd.Name) + " (1)\n")
			p.line(sentence(cmd.Usage))
		}
	}
	p.section("ENVIRONMENT")
	p.raw(".TP\n.B FRAMEIO_TOKEN\n")
	p.line("The token. It is never taken from the command line, where every user of the machine could read it.")
	seen := map[string]bool{}
	for _, f := range mountFlags() {
		if doc, ok := f.(cli.DocGenerationFlag); ok {
			for _, v := range doc.GetEnvVars() {
				if !seen[v] {
					seen[v] = true
					p.raw(".TP\n.B " + esc(v) + "\n")
					p.line("Like " + dashed(f.Names()[0]) + ".")
				}
			}
		}
	}
	p.section("FILES")
	p.raw(".TP\n.I ~/.config/frameiofs/config.toml\n")
	p.line("Settings: the names of mount's flags with = and a value. frameiofs config init writes it.")
	p.raw(".TP\n.I ~/.local/state/frameiofs\n")
	p.line("What was written and is not on Frame.io yet. It is the only copy.")
	p.raw(".TP\n.I ~/.cache/frameiofs\n")
	p.line("What was read. It may be deleted while nothing is mounted.")
	return p.String()
}

func verbPage(cmd *cli.Command) string {
	var p page
	p.head("frameiofs-"+cmd.Name, cmd.Usage)
	p.synopsis("frameiofs "+cmd.Name, cmd)
	for _, sub := range cmd.Subcommands {
		p.raw(".br\n")
		p.synopsis("frameiofs "+cmd.Name+" "+sub.Name, sub)
	}
	p.section("DESCRIPTION")
	p.text(cmd.Description)
	if len(cmd.Aliases) > 0 {
		p.raw(".PP\n")
		p.line("Also called " + strings.Join(cmd.Aliases, ", ") + ".")
	}
	p.options("OPTIONS", cmd.Flags)
	for _, sub := range cmd.Subcommands {
		p.section(strings.ToUpper(cmd.Name + " " + sub.Name))
		p.line(sentence(sub.Usage))
		p.raw(".PP\n")
		p.text(sub.Description)
		p.options("", sub.Flags)
	}
	p.section("SEE ALSO")
	p.raw(".BR frameiofs (1)\n")
	return p.String()
}

// page is roff that grows.
type page struct{ strings.Builder }

func (p *page) raw(s string)         { p.WriteString(s) }
func (p *page) line(s string)        { p.raw(plainLine(esc(s)) + "\n") }
func (p *page) section(title string) { p.raw(".SH " + esc(title) + "\n") }

func (p *page) head(name, usage string) {
	p.raw(fmt.Sprintf(".TH %s 1 \"\" \"frameiofs\" \"User Commands\"\n", esc(strings.ToUpper(name))))
	p.section("NAME")
	p.raw(esc(name) + " \\- " + esc(usage) + "\n")
	p.section("SYNOPSIS")
}

func (p *page) synopsis(name string, cmd *cli.Command) {
	p.raw(".B " + esc(name) + "\n")
	switch {
	case len(cmd.Subcommands) > 0:
		p.raw(".I command\n")
	case len(cmd.Flags) > 0:
		p.raw(".RI [ options ]\n")
	}
	if cmd.ArgsUsage != "" {
		p.raw(".I " + esc(cmd.ArgsUsage) + "\n")
	}
}

func (p *page) options(title string, flags []cli.Flag) {
	if title != "" && len(flags) > 0 {
		p.section(title)
	}
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok || f.Names()[0] == "help" {
			continue
		}
		placeholder, usage := unquote(doc.GetUsage())
		var names []string
		for _, n := range f.Names() {
			names = append(names, "\\fB"+esc(dashed(n))+"\\fR")
		}
		p.raw(".TP\n" + strings.Join(names, ", "))
		if doc.TakesValue() {
			if placeholder == "" {
				placeholder = "value"
			}
			p.raw(" \\fI" + esc(placeholder) + "\\fR")
		}
		p.raw("\n")
		p.line(sentence(usage) + defaultOf(f) + environmentOf(doc))
	}
}

// unquote takes the word for a flag's value out of its meaning.
func unquote(usage string) (placeholder, text string) {
	if before, rest, ok := strings.Cut(usage, "`"); ok {
		if word, after, ok := strings.Cut(rest, "`"); ok {
			return word, before + word + after
		}
	}
	return "", usage
}

func sentence(s string) string {
	return usageOf(&cli.BoolFlag{Usage: s})
}

// defaultOf is what a flag is without being given, if that says something.
func defaultOf(f cli.Flag) string {
	text := ""
	switch f := f.(type) {
	case *cli.GenericFlag:
		text = f.DefaultText
	case *cli.IntFlag:
		text = f.DefaultText
	}
	if text == "" {
		text = strings.Trim(tomlValue(f), `"`)
	}
	if text == "" || text == "false" || text == "0" || text == "0s" {
		return ""
	}
	return " Default: " + text + "."
}

// text is a description: paragraphs, and indented lines as they are.
func (p *page) text(s string) {
	s = strings.ReplaceAll(s, settingsPath(), "~/.config/frameiofs/config.toml")
	literal := false
	for line := range strings.Lines(s + "\n") {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "   ")
		if indented != literal && line != "" {
			p.raw(map[bool]string{true: ".PP\n.RS 3\n.nf\n", false: ".fi\n.RE\n"}[indented])
			literal = indented
		}
		switch {
		case line == "" && literal:
			p.raw("\n")
		case line == "":
			p.raw(".PP\n")
		default:
			p.line(strings.TrimPrefix(line, "   "))
		}
	}
	if literal {
		p.raw(".fi\n.RE\n")
	}
}

// esc writes text so that roff leaves it alone. What is not ASCII is named by its number, so that no tool has to guess an encoding.
func esc(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString("\\e")
		case r == '-':
			b.WriteString("\\-")
		case r == '\'':
			b.WriteString("\\(aq")
		case r == '`':
			b.WriteString("\\(ga")
		case r == '^':
			b.WriteString("\\(ha")
		case r == '~':
			b.WriteString("\\(ti")
		case r > 126:
			fmt.Fprintf(&b, "\\[u%04X]", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plainLine keeps a line from being taken for a command of roff.
func plainLine(s string) string {
	if strings.HasPrefix(s, ".") {
		return "\\&" + s
	}
	return s
}
