package main

import (
	"fmt"
	"io"
	"os"
	osuser "os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adrg/xdg"
	"github.com/urfave/cli/v2"
)

// mount(8) leaves file systems that it does not know to a helper, mount.frameiofs: this program, called by that name. Then /etc/fstab
// may have
//
//	frameio:/Acme/Films  /mnt/films  frameiofs  _netdev,nofail,token_file=/etc/frameio-token,allow_other  0 0
//
// What stands first is what to mount: frameio (all that the token can see), frameio:PATH, or an id or web address as for --root.
// The options are mount's flags, with underscores if you like. It returns when the mount can be used, or says on stderr why it cannot.

// Exit codes of helpers, by which mount(8) tells what happened (mount(8), EXIT STATUS).
const (
	helperUsage  = 1  // wrong call, or no permission
	helperUser   = 8  // interrupted
	helperFailed = 32 // not mounted
)

// calledAsHelper reports whether mount(8) calls: by the helper's name, or, by way of mount.fuse3, as `frameiofs SPEC DIR -o OPTIONS`.
func calledAsHelper(args []string) bool {
	if isDaemonChild() || len(args) == 0 {
		return false
	}
	if strings.HasPrefix(filepath.Base(args[0]), "mount.") {
		return true
	}
	return len(args) == 5 && args[3] == "-o" && newApp(nil, nil).Command(args[1]) == nil && !strings.HasPrefix(args[1], "-")
}

// helperCall is what mount(8) asked for.
type helperCall struct {
	spec, dir             string
	options               []string
	fake, verbose, sloppy bool
}

// parseHelper reads `SPEC DIR [-sfnvrw] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]` (mount(8), EXTERNAL HELPERS).
func parseHelper(args []string) (h helperCall, err error) {
	var words []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		if len(a) < 2 || a[0] != '-' {
			words = append(words, a)
			continue
		}
		for k, c := range a[1:] {
			switch c {
			case 's':
				h.sloppy = true
			case 'f':
				h.fake = true
			case 'v':
				h.verbose = true
			case 'r':
				h.options = append(h.options, "ro")
			case 'n', 'w':
			case 'o', 't', 'N':
				value := a[k+2:]
				if value == "" {
					if i++; i == len(args) {
						return h, fmt.Errorf("-%c wants a value after it", c)
					}
					value = args[i]
				}
				if c == 'o' {
					h.options = append(h.options, strings.Split(value, ",")...)
				}
			default:
				return h, fmt.Errorf("there is no option -%c", c)
			}
			if strings.ContainsRune("otN", c) {
				break
			}
		}
	}
	if len(words) != 2 {
		return h, fmt.Errorf("a place and a folder are wanted, as in: frameio: /mnt/frameio -o OPTIONS")
	}
	h.spec, h.dir = words[0], words[1]
	return h, nil
}

// command is the call as frameiofs mount has it.
func (h helperCall) command() []string {
	args := []string{"frameiofs", "mount", "--daemon"}
	if root := placeOf(h.spec); root != "" {
		args = append(args, "--root="+root)
	}
	options := h.options
	if h.sloppy {
		options = slices.DeleteFunc(slices.Clone(options), func(o string) bool { return !knownOption(o) })
	}
	if len(options) > 0 {
		args = append(args, "-o", strings.Join(options, ","))
	}
	return append(args, "--", h.dir)
}

// placeOf is what of Frame.io a line of fstab means, as --root has it.
func placeOf(spec string) string {
	for _, all := range []string{"frameio", "frameiofs", "none"} {
		if rest, ok := strings.CutPrefix(spec, all); ok && (rest == "" || rest[0] == ':' || rest[0] == '#') {
			return strings.Trim(strings.TrimLeft(rest, ":#"), "/")
		}
	}
	return spec
}

// knownOption reports whether -o may have it.
func knownOption(option string) bool {
	name, _, _ := strings.Cut(option, "=")
	if ignoredOptions[name] || passedOptions[name] || name == "ro" || name == "comment" || strings.HasPrefix(name, "x-") {
		return true
	}
	flag := strings.ReplaceAll(name, "_", "-")
	return !unsettable[flag] && slices.ContainsFunc(mountFlags(), func(f cli.Flag) bool { return f.Names()[0] == flag })
}

// runHelper mounts for mount(8).
func runHelper(args []string, stderr io.Writer) int {
	h, err := parseHelper(args[1:])
	if err != nil {
		fmt.Fprintf(stderr, "mount.frameiofs: %s\n", err)
		return helperUsage
	}
	if h.fake {
		return exitOK
	}
	// While the machine starts there is no home, by which settings and state are found.
	if os.Getenv("HOME") == "" {
		if u, err := osuser.Current(); err == nil {
			os.Setenv("HOME", u.HomeDir)
			xdg.Reload()
		}
	}
	out := io.Discard
	if h.verbose {
		out = stderr
	}
	os.Args = h.command() // the process in the background is called so, too
	return helperCode(run(os.Args, out, stderr))
}

// helperCode is an exit code as mount(8) wants it.
func helperCode(code int) int {
	switch code {
	case exitOK:
		return 0
	case exitUsage:
		return helperUsage
	case 128 + 2:
		return helperUser
	}
	return helperFailed
}
