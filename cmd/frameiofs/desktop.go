package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

func desktopVerb() *cli.Command {
	return &cli.Command{
		Name:  "desktop",
		Usage: "put Frame.io into the menus and emblems of file managers",
		Subcommands: []*cli.Command{{
			Name:  "install",
			Usage: "add the menus and emblems",
			Description: `Nautilus (GNOME), Nemo (Cinnamon) and Dolphin (KDE) get, for files and folders in a mount: open on Frame.io, copy the link, upload
first, keep on this machine. Where python3-nautilus (nemo-python) is installed and the mount has --xattr, an emblem shows where a
file is safe. What is written is files of yours below ~/.local/share, and "desktop uninstall" removes them.

   frameiofs desktop install`,
			Action: func(c *cli.Context) error { return desktopMenus(c, true) },
		}, {
			Name:        "uninstall",
			Usage:       "remove them",
			Description: "   frameiofs desktop uninstall",
			Action:      func(c *cli.Context) error { return desktopMenus(c, false) },
		}, {
			Name:        "open",
			Usage:       "open the page of a file or folder on Frame.io in the browser",
			ArgsUsage:   "PATH…",
			Description: "   frameiofs desktop open ~/frameio/Acme/Films/Trailer/film.mov",
			Action: func(c *cli.Context) error {
				return eachLink(c, func(links []string) error {
					for _, l := range links {
						if err := runOne([][]string{{"xdg-open", l}, {"open", l}}, ""); err != nil {
							return fail(l, "open the browser: %w", err)
						}
					}
					return nil
				})
			},
		}, {
			Name:        "link",
			Usage:       "print the address of a file or folder on Frame.io",
			ArgsUsage:   "PATH…",
			Description: "   frameiofs desktop link --copy ~/frameio/Acme/Films/Trailer/film.mov",
			Flags:       []cli.Flag{&cli.BoolFlag{Name: "copy", Usage: "put it into the clipboard instead"}},
			Action: func(c *cli.Context) error {
				return eachLink(c, func(links []string) error {
					text := strings.Join(links, "\n")
					if !c.Bool("copy") {
						fmt.Fprintln(c.App.Writer, text)
						return nil
					}
					if err := runOne([][]string{{"wl-copy"}, {"xclip", "-selection", "clipboard"}, {"xsel", "-bi"}, {"pbcopy"}}, text); err != nil {
						return fail("sudo apt-get install -y wl-clipboard", "copy to the clipboard: %w", err)
					}
					return nil
				})
			},
		}},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("frameiofs desktop --help", "desktop has no command %q", c.Args().First())
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// runOne runs the first of the commands that is there.
func runOne(commands [][]string, stdin string) error {
	for _, words := range commands {
		if _, err := exec.LookPath(words[0]); err != nil {
			continue
		}
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Stdin = strings.NewReader(stdin)
		return cmd.Run()
	}
	return fmt.Errorf("there is no %s", commands[0][0])
}

// eachLink finds the addresses of the paths on Frame.io.
func eachLink(c *cli.Context, use func([]string) error) error {
	if c.NArg() == 0 {
		return misuse("frameiofs desktop --help", "a file or folder is wanted")
	}
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return fail("", "%w", err)
	}
	var links []string
	for _, path := range c.Args().Slice() {
		r, below, err := findRegistered(mounts, path)
		if err != nil {
			return err
		}
		st, err := pathStatusOf(c.Context, r, below)
		switch {
		case errors.Is(err, control.ErrNotExist):
			return fail("", "%s: %w", path, control.ErrNotExist)
		case err != nil:
			return fail("", "%s: %w", path, err)
		case st.URL == "" && st.Safe != control.SafeRemote:
			return fail("frameiofs sync waits for it", "%s: it is not on Frame.io yet", path)
		case st.URL == "":
			return fail("V4 does; --api v4", "%s: this API does not tell addresses", path)
		}
		links = append(links, st.URL)
	}
	return use(links)
}

// menuItem is one thing that can be done with files from their menu.
type menuItem struct {
	id, text string
	words    []string // of the program, before the paths
}

var menuItems = []menuItem{
	{"open", "Open on Frame.io", []string{"desktop", "open"}},
	{"link", "Copy Frame.io Link", []string{"desktop", "link", "--copy"}},
	{"first", "Upload First", []string{"uploads", "first"}},
	{"keep", "Keep on This Machine", []string{"cache", "pin"}},
}

// menuFiles are the files of the menus and emblems by their paths below the user's data folder.
func menuFiles(program string) map[string]string {
	files := emblemFiles()
	dolphin, actions := "", ""
	for _, m := range menuItems {
		call := shellQuoted(program) + " " + strings.Join(m.words, " ")
		files["nautilus/scripts/Frame.io/"+m.text] = "#!/bin/sh\n# made by frameiofs desktop install\nexec " + call + " -- \"$@\"\n"
		files["nemo/actions/frameiofs-"+m.id+".nemo_action"] = "[Nemo Action]\n# made by frameiofs desktop install\nName=" + m.text + "\nExec=" + execQuoted(program) + " " + strings.Join(m.words, " ") + " -- %F\nSelection=notnone\nExtensions=any;\nQuote=double\nIcon-Name=drive-harddisk\n"
		dolphin += m.id + ";"
		actions += "\n[Desktop Action " + m.id + "]\nName=" + m.text + "\nIcon=drive-harddisk\nExec=" + execQuoted(program) + " " + strings.Join(m.words, " ") + " -- %F\n"
	}
	files["kio/servicemenus/frameiofs.desktop"] = "[Desktop Entry]\n# made by frameiofs desktop install\nType=Service\nMimeType=all/all;\nActions=" + dolphin + "\nX-KDE-Submenu=Frame.io\n" + actions
	return files
}

// shellQuoted is a word for sh.
func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// execQuoted is a word of a desktop entry's Exec.
func execQuoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\\\`, `"`, `\\"`, "`", "\\\\`", `$`, `\\$`, `%`, `%%`).Replace(s) + `"`
}

func desktopMenus(c *cli.Context, install bool) error {
	if c.Args().Present() {
		return misuse("frameiofs desktop --help", "%s wants no arguments", c.Command.Name)
	}
	program, err := os.Executable()
	if err != nil {
		return fail("", "find this program: %w", err)
	}
	n := 0
	for name, text := range menuFiles(program) {
		path := filepath.Join(xdg.DataHome, name)
		if !install {
			err := os.Remove(path)
			if err == nil {
				n++
				os.Remove(filepath.Dir(path)) // if it is empty
			} else if !errors.Is(err, fs.ErrNotExist) {
				return fail("", "remove menus: %w", err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fail("", "write menus: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil { // Nautilus and Dolphin want them executable
			return fail("", "write menus: %w", err)
		}
		n++
	}
	did := "removed"
	if install {
		did = "written"
	}
	fmt.Fprintf(c.App.Writer, "%s %s below %s\n", count(n, "file"), did, shown(xdg.DataHome))
	return nil
}
