package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/spool"
	"github.com/frameiofs/frameiofs/spool/intent"
)

func mountVerb() *cli.Command {
	return &cli.Command{
		Name:      "mount",
		Usage:     "mount Frame.io at a folder",
		ArgsUsage: "MOUNTPOINT",
		Description: `Stays in the foreground and shows what is on its way; Ctrl-C unmounts and finishes the uploads, a second
Ctrl-C keeps them for the next mount. With --daemon it returns as soon as the mount can be used.

   frameiofs mount ~/frameio
   frameiofs mount --root "Acme/Films/Trailer" --daemon ~/trailer
   frameiofs mount --root https://next.frame.io/project/… --read-only ~/review

Every flag but --daemon and -o can be a line in ` + settingsPath() + `:

   cache-size = "100G"`,
		Flags:  mountFlags(),
		Action: mountAction,
	}
}

func mountFlags() []cli.Flag {
	cacheSize, keepFree := bytesValue(cache.DefaultSize), bytesValue(cache.DefaultKeepFree)
	umask := octalValue(0o022)
	flags := append(connectFlags(), []cli.Flag{
		&cli.StringFlag{Name: "root", Usage: "mount only `PLACE`: a path such as Account/Team/Project, an id, or a web address pasted from the browser"},
		&cli.StringFlag{Name: "state-dir", EnvVars: []string{"FRAMEIO_STATE_DIR"}, TakesFile: true,
			Usage: "keep what is leaving, the cache and the index in `DIR` instead of your state and cache folders"},
		&cli.GenericFlag{Name: "cache-size", Value: &cacheSize, Usage: "`BYTES` of disk for what was read, such as 100G"},
		&cli.GenericFlag{Name: "keep-free", Value: &keepFree, Usage: "`BYTES` of disk to leave to others; writing fails before"},
		&cli.BoolFlag{Name: "read-only", Usage: "refuse every change"},
		&cli.BoolFlag{Name: "sync-close", Usage: "close(2) and fsync(2) return when Frame.io has every byte, or fail"},
		&cli.DurationFlag{Name: "settle", Value: spool.DefaultSettle, Usage: "wait for `TIME` of quiet after the last close before uploading"},
		&cli.IntFlag{Name: "uploads", Value: spool.DefaultUploads, Usage: "upload `N` files at once, and 16 times as many small ones"},
		&cli.DurationFlag{Name: "patience", Value: intent.DefaultPatience,
			Usage: "wait for Frame.io's answer to mkdir, mv and rm for `TIME`, many together; what has none by then is kept and done later"},
		&cli.IntFlag{Name: "max-delete", Usage: "when more than `N` files and folders are deleted within a minute, keep the deletions until you say so; 0: no limit"},
		&cli.IntFlag{Name: "parts", Value: spool.DefaultParts, Usage: "send `N` parts of one file at once"},
		bandwidthFlag(),
		&cli.GenericFlag{Name: "notify", Value: &choiceValue{"auto", []string{"auto", "off"}}, DefaultText: "auto",
			Usage: "tell the desktop, if there is one, of what needs you and of what took long and is there: `WHEN` is auto or off"},
		&cli.DurationFlag{Name: "listing-age", Value: cache.DefaultAge, Usage: "show a folder as it was up to `TIME` ago at once, and look behind whether it still is so"},
		&cli.BoolFlag{Name: "xattr", Value: runtime.GOOS == "darwin",
			Usage: "keep extended attributes on this machine, and tell in user.frameio.* where a file is safe; makes ls -l slower"},
		verifyFlag(),
		&cli.BoolFlag{Name: "allow-other", Usage: "let other users of this machine in"},
		&cli.IntFlag{Name: "uid", Value: os.Getuid(), DefaultText: "you", Usage: "owner of all files"},
		&cli.IntFlag{Name: "gid", Value: os.Getgid(), DefaultText: "yours", Usage: "group of all files"},
		&cli.GenericFlag{Name: "umask", Value: &umask, Usage: "permission bits that files do not have, `OCTAL`"},
		&cli.StringFlag{Name: "ui", Usage: "serve a page with the status for the browser at `HOST:PORT` of this machine; port 0 chooses one"},
		&cli.BoolFlag{Name: "daemon", Aliases: []string{"d"}, Usage: "return once the mount can be used; log to a file"},
		&cli.StringSliceFlag{Name: "o", Usage: "mount(8) `OPTIONS`: flags above with = and without dashes, or nosuid, noexec, ro, …"},
	}...)
	return append(append(flags, observeFlags()...), logFlags()...)
}

// mountConfig is what mount's flags came to.
type mountConfig struct {
	account             account
	observing           observing
	ui                  string // where the page for the browser is served; "": nowhere
	dir, root, stateDir string
	cacheSize, keepFree int64
	settle, listingAge  time.Duration
	patience            time.Duration
	maxDelete           int
	uploads, parts      int
	bandwidth           timetable
	notify              bool
	verify              spool.Verify
	readOnly, syncClose bool
	xattr, allowOther   bool
	uid, gid, umask     uint32
	options             []string
	debug               bool
	inBackground        bool              // log to a file in the state folder
	console             *console          // where a person watches
	interrupt           func()            // what Ctrl-C does where a view has the keyboard
	log                 *slog.Logger      //
	ready               func(ready) error // told once the mount can be used
}

func mountAction(c *cli.Context) error {
	cfg, err := mountConfigOf(c)
	if err != nil {
		return err
	}
	if c.Bool("daemon") && !isDaemonChild() {
		return startDaemon(c.Context, c.App.Writer)
	}
	if isDaemonChild() {
		return runDaemon(c, cfg, func() error { return mountAndServe(c.Context, cfg) })
	}
	cfg.ready = func(r ready) error {
		if r.Page != "" {
			cfg.say("%s", pageLine(r.Page))
		}
		return nil
	}
	cfg.console = newConsole(c.App.ErrWriter)
	defer cfg.console.Close()
	least := slog.LevelInfo
	if cfg.console.live {
		least = slog.LevelWarn // the status shows the rest
	}
	cfg.log = newLog(c, cfg.console, least)
	return mountAndServe(c.Context, cfg)
}

// mountConfigOf reads flags, options and settings. Everything that can be wrong with them is found before anything is asked
// or touched.
func mountConfigOf(c *cli.Context) (*mountConfig, error) {
	options, err := applyOptions(c)
	if err != nil {
		return nil, err
	}
	if err := applySettings(c); err != nil {
		return nil, err
	}
	if c.NArg() != 1 {
		return nil, misuse("frameiofs mount --help", "mount wants one folder to mount at, not %d", c.NArg())
	}
	if err := checkLeast(c); err != nil {
		return nil, err
	}
	if err := checkPage(c.String("ui")); err != nil {
		return nil, err
	}
	acc, err := accountOf(c)
	if err != nil {
		return nil, err
	}
	observing, err := observingOf(c)
	if err != nil {
		return nil, err
	}
	stateDir := c.String("state-dir")
	if stateDir != "" {
		if stateDir, err = filepath.Abs(stateDir); err != nil {
			return nil, misuse("", "--state-dir: %w", err)
		}
	}
	dir, err := filepath.Abs(c.Args().First())
	if err != nil {
		return nil, fail("", "mount point: %w", err)
	}
	return &mountConfig{
		verify:  verifyOf(c),
		account: acc, ui: c.String("ui"), observing: observing, dir: dir, root: c.String("root"), stateDir: stateDir,
		cacheSize: sizeFlag(c, "cache-size"), keepFree: sizeFlag(c, "keep-free"),
		settle: c.Duration("settle"), listingAge: c.Duration("listing-age"),
		patience: patienceOf(c), maxDelete: c.Int("max-delete"),
		uploads: c.Int("uploads"), parts: c.Int("parts"), bandwidth: *c.Generic("bwlimit").(*timetable),
		notify:   c.Generic("notify").(*choiceValue).value == "auto",
		readOnly: c.Bool("read-only"), syncClose: c.Bool("sync-close"), xattr: c.Bool("xattr"), allowOther: c.Bool("allow-other"),
		uid: uint32(c.Int("uid")), gid: uint32(c.Int("gid")), umask: uint32(*c.Generic("umask").(*octalValue)),
		options: options, debug: c.Bool("debug"),
	}, nil
}

// patienceOf is the flag's, where 0 is not to wait at all.
func patienceOf(c *cli.Context) time.Duration {
	if d := c.Duration("patience"); d > 0 {
		return d
	}
	return -1
}

func sizeFlag(c *cli.Context, name string) int64 { return int64(*c.Generic(name).(*bytesValue)) }

// mountAndServe mounts and stays until the mount is gone and everything is safe.
func mountAndServe(ctx context.Context, cfg *mountConfig) error {
	setMemory()
	keepNoCore()
	stop := catchSignals()
	defer stop.release()
	cfg.interrupt = func() {
		select {
		case stop.signals <- os.Interrupt:
		default: // there are more of them
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer cfg.account.staySignedIn(cfg.log)()
	started := make(chan struct{})
	watched := make(chan struct{})
	go func() { // until the session takes the signals over, any of them ends the start
		defer close(watched)
		select {
		case <-stop.signals:
			cancel()
		case <-started:
		}
	}()
	s, err := startSession(ctx, cfg)
	if errors.Is(err, errMoved) {
		s, err = startSession(ctx, cfg) // nothing is taken as known any more
	}
	close(started)
	<-watched
	if err != nil {
		if ctx.Err() != nil {
			return fail("", "interrupted before the mount was there")
		}
		return err
	}
	if ctx.Err() != nil { // it came too late to end the start, so it ends the mount
		select {
		case stop.signals <- os.Interrupt:
		default: // there are more of them
		}
	}
	// A process whose folder lies in a mount keeps that mount busy.
	if err := os.Chdir("/"); err != nil {
		s.log.Warn("leave the folder", "err", err)
	}
	if err := cfg.ready(ready{Point: s.point, Log: s.logFile, Note: s.confirm.note(), Page: s.pageURL()}); err != nil {
		cfg.log.Warn("nobody waits for this mount any more", "err", err)
	}
	s.super.ready()
	return s.serve(stop.signals)
}

// say prints a line for the person at the terminal.
func (cfg *mountConfig) say(format string, args ...any) {
	fmt.Fprintln(io.Writer(cfg.console), oneLine(fmt.Sprintf(format, args...)))
}
