package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/adrg/xdg"
	"github.com/coreos/go-systemd/v22/unit"
	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

func serviceVerb() *cli.Command {
	var flags []cli.Flag
	for _, f := range mountFlags() {
		if name := f.Names()[0]; name != "daemon" && name != "o" {
			flags = append(flags, f)
		}
	}
	return &cli.Command{
		Name:  "service",
		Usage: "have the system mount it whenever you log in",
		Description: `A unit of systemd for your user, or on macOS an agent of launchd. It is restarted if it fails, and stops as unmount does.

   frameiofs service install ~/frameio
   frameiofs service status
   frameiofs service uninstall ~/frameio`,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("frameiofs service --help", "service has no command %q", c.Args().First())
			}
			return cli.ShowSubcommandHelp(c)
		},
		Subcommands: []*cli.Command{{
			Name:      "install",
			Usage:     "write the service of a mount, and tell what starts it",
			ArgsUsage: "MOUNTPOINT",
			Description: `Mount's flags that are given here are kept in it; all else is as the settings file says when it starts. The token must be
one that the service can find: by frameiofs login, or --token-file. FRAMEIO_TOKEN of this shell is not seen by it.

   frameiofs service install --root Acme/Films ~/films`,
			Flags:  flags,
			Action: serviceInstall,
		}, {
			Name:        "uninstall",
			Usage:       "remove the service of a mount",
			ArgsUsage:   "MOUNTPOINT",
			Description: "What is mounted stays mounted until it is stopped.\n\n   frameiofs service uninstall ~/frameio",
			Action:      serviceUninstall,
		}, {
			Name:        "status",
			Usage:       "list the services there are, and whether they are mounted",
			Description: "   frameiofs service status",
			Action:      serviceStatus,
		}, {
			Name:        "template",
			Usage:       "print the unit that packages install, frameiofs@.service",
			Description: "   systemctl --user enable --now frameiofs@$(systemd-escape -p ~/frameio).service",
			Action: func(c *cli.Context) error {
				fmt.Fprint(c.App.Writer, unitText("/usr/bin/frameiofs", nil, "%f"))
				return nil
			},
		}},
	}
}

// stopTime is how long a stopped service may finish its uploads; what is left goes on at the next start.
const stopTime = "5min"

// unitText is a systemd unit for a mount.
func unitText(program string, flags []string, point string) string {
	quoted := []string{unitQuote(program), "mount"}
	for _, f := range flags {
		quoted = append(quoted, unitQuote(f))
	}
	at := point
	if point != "%f" {
		at = unitQuote(point)
	}
	return `[Unit]
Description=Frame.io at ` + strings.ReplaceAll(point, "%", map[bool]string{true: "%", false: "%%"}[point == "%f"]) + `
Documentation=man:frameiofs-mount(1)
StartLimitIntervalSec=10min
StartLimitBurst=20

[Service]
Type=notify
ExecStart=` + strings.Join(quoted, " ") + ` -- ` + at + `
# Uploads that are under way have this long; then they are kept for the next start. Nothing is lost.
ExecStop=-` + unitQuote(program) + ` unmount --timeout ` + stopTime + ` -- ` + at + `
TimeoutStopSec=7min
TimeoutStartSec=2min
Restart=on-failure
RestartSec=5
WatchdogSec=3min
LimitNOFILE=65536

[Install]
WantedBy=default.target
`
}

// unitQuote writes an argument as systemd.service(5) wants it.
func unitQuote(s string) string {
	s = strings.NewReplacer("%", "%%", "$", "$$").Replace(s)
	if s != "" && !strings.ContainsAny(s, " \t\n\"'\\;") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}

// agentText is a launchd agent for a mount.
func agentText(label, program string, flags []string, point, log string) string {
	args := append(append([]string{program, "mount"}, flags...), "--", point)
	var b strings.Builder
	for _, a := range args {
		b.WriteString("\t\t<string>" + xmlText(a) + "</string>\n")
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + xmlText(label) + `</string>
	<key>ProgramArguments</key>
	<array>
` + b.String() + `	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>10</integer>
	<key>ExitTimeOut</key>
	<integer>90</integer>
	<key>ProcessType</key>
	<string>Interactive</string>
	<key>StandardErrorPath</key>
	<string>` + xmlText(log) + `</string>
	<key>SoftResourceLimits</key>
	<dict>
		<key>NumberOfFiles</key>
		<integer>65536</integer>
	</dict>
</dict>
</plist>
`
}

func xmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// service is one mount's.
type service struct{ file, name, point string }

// serviceOf is the service of a mount point.
func serviceOf(point string) (service, error) {
	abs, err := filepath.Abs(point)
	if err != nil {
		return service{}, fail("", "mount point: %w", err)
	}
	escaped := unit.UnitNamePathEscape(abs)
	if runtime.GOOS == "darwin" {
		name := "io.frameiofs." + escaped
		return service{filepath.Join(xdg.Home, "Library/LaunchAgents", name+".plist"), name, abs}, nil
	}
	name := "frameiofs-" + escaped + ".service"
	return service{filepath.Join(xdg.ConfigHome, "systemd/user", name), name, abs}, nil
}

func servicePoint(c *cli.Context) (service, error) {
	if c.NArg() != 1 {
		return service{}, misuse("frameiofs service --help", "service %s wants one mount point, not %d", c.Command.Name, c.NArg())
	}
	return serviceOf(c.Args().First())
}

func serviceInstall(c *cli.Context) error {
	s, err := servicePoint(c)
	if err != nil {
		return err
	}
	given := flagsGiven(c) // before the settings are read
	cfg, err := mountConfigOf(c)
	if err != nil && !errors.Is(err, errNoToken) {
		return err
	}
	seen := err == nil && (cfg.account.source != nil || c.String("token-file") != "")
	if err == nil {
		cfg.account.done()
	}
	if fi, err := os.Stat(s.point); err != nil || !fi.IsDir() {
		return fail("mkdir -p "+s.point, "mount point %s is not a folder", s.point)
	}
	program, err := os.Executable()
	if err != nil {
		return fail("", "where this program is: %w", err)
	}
	text := unitText(program, given, s.point)
	if runtime.GOOS == "darwin" {
		text = agentText(s.name, program, given, s.point, filepath.Join(xdg.Home, "Library/Logs", s.name+".log"))
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o755); err != nil {
		return fail("", "%w", err)
	}
	if err := os.WriteFile(s.file, []byte(text), 0o644); err != nil {
		return fail("", "%w", err)
	}
	fmt.Fprintf(c.App.Writer, "wrote %s\nnow run:\n", s.file)
	for _, line := range s.starts() {
		fmt.Fprintln(c.App.Writer, "  "+line)
	}
	if !seen {
		fmt.Fprintln(c.App.Writer, "It does not see FRAMEIO_TOKEN of this shell: sign in by frameiofs login, or name a file with the token by --token-file.")
	}
	return nil
}

// flagsGiven are mount's flags as they stand on the command line, with absolute paths: a service starts elsewhere.
func flagsGiven(c *cli.Context) (given []string) {
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !c.IsSet(name) || givenBy(c, f) != "command line" || name == "help" {
			continue
		}
		value := valueOf(c, f)
		if name == "token-file" || name == "state-dir" {
			if abs, err := filepath.Abs(value); err == nil {
				value = abs
			}
		}
		given = append(given, "--"+name+"="+value)
	}
	return given
}

// starts are the commands that start it.
func (s service) starts() []string {
	if runtime.GOOS == "darwin" {
		return []string{fmt.Sprintf("launchctl bootstrap gui/$(id -u) %s", shellQuote(s.file))}
	}
	return []string{"systemctl --user daemon-reload", "systemctl --user enable --now " + shellQuote(s.name), "loginctl enable-linger    # if it is to run while you are not logged in"}
}

// stops are the commands that stop it.
func (s service) stops() []string {
	if runtime.GOOS == "darwin" {
		return []string{"launchctl bootout gui/$(id -u)/" + s.name}
	}
	return []string{"systemctl --user disable --now " + shellQuote(s.name), "systemctl --user daemon-reload"}
}

func shellQuote(s string) string {
	if !strings.ContainsAny(s, " \t\\'\"$`&;()<>|*?#~") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func serviceUninstall(c *cli.Context) error {
	s, err := servicePoint(c)
	if err != nil {
		return err
	}
	if err := os.Remove(s.file); errors.Is(err, os.ErrNotExist) {
		return fail("frameiofs service status lists them", "there is no service for %s", s.point)
	} else if err != nil {
		return fail("", "%w", err)
	}
	// systemd knows a unit that runs for as long as it does, so it can be stopped all the same.
	fmt.Fprintf(c.App.Writer, "removed %s\nif it runs, stop it:\n", s.file)
	for _, line := range s.stops() {
		fmt.Fprintln(c.App.Writer, "  "+line)
	}
	return nil
}

func serviceStatus(c *cli.Context) error {
	if c.NArg() > 0 {
		return misuse("", "service status takes no %q", c.Args().First())
	}
	any, err := serviceOf("/x")
	if err != nil {
		return err
	}
	files, _ := filepath.Glob(strings.Replace(any.file, unit.UnitNamePathEscape("/x"), "*", 1))
	slices.Sort(files)
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return fail("", "%w", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		escaped := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(name, "io.frameiofs."), "frameiofs-"), ".service"), ".plist")
		point := unit.UnitNamePathUnescape(escaped)
		state := "not mounted"
		if r, below, ok := control.Find(mounts, point); ok && below == "" && stillMounted(point) {
			state = fmt.Sprintf("mounted by process %d", r.PID)
		}
		fmt.Fprintf(c.App.Writer, "%s: %s (%s)\n", shown(point), state, file)
	}
	if len(files) == 0 {
		fmt.Fprintln(c.App.Writer, "there is no service; frameiofs service install MOUNTPOINT makes one")
	}
	return nil
}
