package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

func completionVerb() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print what makes a shell complete verbs, flags, their values and mount points",
		ArgsUsage: "bash|zsh|fish",
		Description: `   frameiofs completion bash | sudo tee /usr/share/bash-completion/completions/frameiofs >/dev/null
   source <(frameiofs completion bash)                                      for this shell only
   frameiofs completion zsh > "${fpath[1]}/_frameiofs"
   frameiofs completion fish > ~/.config/fish/completions/frameiofs.fish`,
		Action: func(c *cli.Context) error {
			script, ok := completionScripts[c.Args().First()]
			if c.NArg() != 1 || !ok {
				return misuse("frameiofs completion --help", "completion: %q is not one of bash, zsh, fish", strings.Join(c.Args().Slice(), " "))
			}
			_, err := io.WriteString(c.App.Writer, script)
			return err
		},
	}
}

// completeWord calls, before everything else, for what could stand in place of the last of the words: the shells' scripts do.
//
//	frameiofs __complete SHELL WORD…
//
// Each line is a candidate, a tab, and what it means. The last one tells what of the shell's own should be added: ":files", ":dirs", or ":".
const completeWord = "__complete"

// complete prints the candidates for the last of words, which the shell's user has begun.
func complete(app *cli.App, shell string, words []string, out io.Writer) {
	if len(words) == 0 {
		words = []string{""}
	}
	found, more := candidates(app, words)
	last := words[len(words)-1]
	flag, begun, isValue := strings.Cut(last, "=")
	isValue = isValue && strings.HasPrefix(flag, "-")
	for _, f := range found {
		begins := last
		if isValue {
			begins = begun
		}
		if !strings.HasPrefix(f.word, begins) {
			continue
		}
		if isValue && shell == "fish" { // which replaces the whole word
			f.word = flag + "=" + f.word
		}
		fmt.Fprintf(out, "%s\t%s\n", f.word, oneLine(f.means))
	}
	fmt.Fprintln(out, ":"+more)
}

type candidate struct{ word, means string }

// What of its own a shell adds.
const (
	moreFiles = "files"
	moreDirs  = "dirs"
)

// candidates are what the last word may be, whatever it begins with, and what the shell is to add.
func candidates(app *cli.App, words []string) (found []candidate, more string) {
	before, last := words[:len(words)-1], words[len(words)-1]
	cmd, at := (*cli.Command)(nil), 0
	below := app.Commands
	for at < len(before) {
		i := slices.IndexFunc(below, func(c *cli.Command) bool { return c.HasName(before[at]) })
		if i < 0 {
			break
		}
		cmd, below, at = below[i], below[i].Subcommands, at+1
	}
	flags := app.Flags
	if cmd != nil {
		flags = cmd.Flags
	}
	rest := before[at:]
	if name, _, ok := strings.Cut(last, "="); ok && strings.HasPrefix(last, "-") {
		return valuesOf(flags, strings.TrimLeft(name, "-"), strings.TrimPrefix(last, name+"="))
	}
	if n := len(rest); n > 0 && strings.HasPrefix(rest[n-1], "-") && !strings.Contains(rest[n-1], "=") && !slices.Contains(rest[:n-1], "--") {
		if cmd != nil && takesValue(cmd, strings.TrimLeft(rest[n-1], "-")) {
			return valuesOf(flags, strings.TrimLeft(rest[n-1], "-"), last)
		}
	}
	switch {
	case strings.HasPrefix(last, "-") && !slices.Contains(rest, "--"):
		return flagWords(flags, rest), ""
	case len(below) > 0:
		for _, c := range below {
			if !c.Hidden {
				found = append(found, candidate{c.Name, c.Usage})
			}
		}
		return found, ""
	case cmd != nil:
		return arguments(cmd)
	}
	return nil, ""
}

// flagWords are the flags that were not given yet.
func flagWords(flags []cli.Flag, given []string) (found []candidate) {
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		name := f.Names()[0]
		_, often := f.(*cli.StringSliceFlag)
		if !ok || !often && slices.ContainsFunc(given, func(g string) bool { return g == dashed(name) || strings.HasPrefix(g, dashed(name)+"=") }) {
			continue
		}
		found = append(found, candidate{dashed(name), strings.ReplaceAll(doc.GetUsage(), "`", "")})
	}
	return append(found, candidate{"--help", "show help"})
}

// valuesOf are the values that a flag may have, as far as that can be said. begun is what stands there.
func valuesOf(flags []cli.Flag, name, begun string) (found []candidate, more string) {
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil, ""
	}
	words, suggested := suggestions[name]
	switch f := flags[i].(type) {
	case *cli.GenericFlag:
		if choice, ok := f.Value.(*choiceValue); ok {
			for _, v := range choice.choices {
				found = append(found, candidate{v, ""})
			}
		}
	case *cli.BoolFlag:
		return []candidate{{"true", ""}, {"false", ""}}, ""
	case *cli.StringFlag:
		switch {
		case strings.HasSuffix(name, "dir"):
			more = moreDirs
		case f.TakesFile:
			more = moreFiles
		}
	}
	if suggested {
		for _, w := range words(begun) {
			found = append(found, candidate{w, ""})
		}
	}
	return found, more
}

// suggestions are values of flags that take any text. begun is what stands there already.
var suggestions = map[string]func(begun string) []string{
	"seed": func(string) []string { return []string{"sample", "empty", "many:", "tree:", "folders:"} },
	"o":    mountOptions,
	"profile": func(string) (names []string) {
		all, _ := profiles().List()
		for _, g := range all {
			names = append(names, g.Profile)
		}
		return names
	},
}

// mountOptions are what may follow -o, after the comma that begun may have.
func mountOptions(begun string) (all []string) {
	done := begun[:strings.LastIndex(begun, ",")+1]
	for _, f := range mountFlags() {
		name := f.Names()[0]
		if unsettable[name] {
			continue
		}
		name = strings.ReplaceAll(name, "-", "_")
		if _, yes := f.(*cli.BoolFlag); !yes {
			name += "="
		}
		all = append(all, done+name)
	}
	for name := range passedOptions {
		all = append(all, done+name)
	}
	all = append(all, done+"ro", done+"_netdev", done+"nofail")
	slices.Sort(all)
	return all
}

// arguments are what a verb may be given besides flags, by what its help says.
func arguments(cmd *cli.Command) (found []candidate, more string) {
	switch {
	case cmd.Name == "mount", cmd.Name == "demo", cmd.Name == "install":
		return nil, moreDirs
	case cmd.Name == "completion":
		return []candidate{{"bash", ""}, {"zsh", ""}, {"fish", ""}}, ""
	case strings.Contains(cmd.ArgsUsage, "MOUNTPOINT"):
		mounts, _ := control.Registered(registryDir())
		for _, r := range mounts {
			found = append(found, candidate{r.MountPoint, "process " + fmt.Sprint(r.PID)})
		}
		if cmd.Name == "doctor" {
			more = moreDirs
		}
		return found, more
	case strings.Contains(cmd.ArgsUsage, "PATH"):
		return nil, moreFiles
	case strings.Contains(cmd.ArgsUsage, "VERB"):
		for _, c := range newApp(nil, nil).Commands {
			found = append(found, candidate{c.Name, c.Usage})
		}
		slices.SortFunc(found, func(a, b candidate) int { return cmp.Compare(a.word, b.word) })
	}
	return found, ""
}

var completionScripts = map[string]string{
	"bash": `# bash completion for frameiofs

_frameiofs() {
	local i n=-1 word glue= kind= line cur words=()
	# bash breaks --flag=value into three words
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == = && $n -ge 0 && ${words[n]} == -* ]]; then
			words[n]="${words[n]}="
			glue=1
		elif [[ $glue ]]; then
			words[n]="${words[n]}$word"
			glue=
		else
			words[++n]=$word
		fi
	done
	cur=${words[n]}
	[[ $cur == --*=* ]] && cur=${cur#*=}
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:*) kind=${line#:} ;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("${COMP_WORDS[0]}" ` + completeWord + ` bash "${words[@]}" 2>/dev/null)
	case $kind in
	files | dirs)
		compopt -o filenames 2>/dev/null
		while IFS= read -r line; do
			COMPREPLY+=("$line")
		done < <(if [[ $kind == dirs ]]; then compgen -d -- "$cur"; else compgen -f -- "$cur"; fi)
		;;
	*)
		if [[ ${COMPREPLY[0]} == /* ]]; then compopt -o filenames 2>/dev/null; fi
		if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:] ]]; then compopt -o nospace 2>/dev/null; fi
		;;
	esac
}
complete -F _frameiofs frameiofs
`,
	"zsh": `#compdef frameiofs
# zsh completion for frameiofs

_frameiofs() {
	local line kind
	local -a found
	while IFS= read -r line; do
		case $line in
		:*) kind=${line#:} ;;
		*) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
		esac
	done < <("${(Q)words[1]}" ` + completeWord + ` zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)
	[[ ${words[CURRENT]} == --*=* ]] && compset -P '*='
	(( $#found )) && _describe -V 'frameiofs' found
	case $kind in
	files) _files ;;
	dirs) _files -/ ;;
	esac
	return 0
}

if [[ $funcstack[1] == _frameiofs ]]; then
	_frameiofs "$@"
else
	compdef _frameiofs frameiofs
fi
`,
	"fish": `# fish completion for frameiofs

function __frameiofs_complete
	set -l words (commandline -opc) (commandline -ct)
	set -e words[1]
	for line in (frameiofs ` + completeWord + ` fish $words 2>/dev/null)
		switch $line
			case ':files'
				__fish_complete_path (commandline -ct)
			case ':dirs'
				__fish_complete_directories (commandline -ct)
			case ':*'
			case '*'
				echo $line
		end
	end
end
complete -c frameiofs -f -a '(__frameiofs_complete)'
`,
}
