package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/spool"
)

func demoVerb() *cli.Command {
	return &cli.Command{
		Name:      "demo",
		Usage:     "mount a simulated Frame.io: nothing else is needed",
		ArgsUsage: "[MOUNTPOINT]",
		Description: `Runs the simulator with a sample account and mounts it. Without MOUNTPOINT a folder frameio-demo is made here.
Everything is gone when it ends, unless --state-dir keeps it.

   frameiofs demo
   frameiofs demo --api v2 --rtt 80ms --bandwidth 12MB ~/demo`,
		Flags: append(append([]cli.Flag{
			&cli.GenericFlag{Name: "api", Value: &choiceValue{"v4", []string{"v2", "v4"}}, DefaultText: "v4", Usage: "`GENERATION` of the API to use"},
			&cli.StringFlag{Name: "state-dir", Usage: "keep the simulated world and the mount's state in `DIR`"},
			&cli.BoolFlag{Name: "limits", Usage: "keep to Frame.io's rate limits, as the real one does"},
			&cli.BoolFlag{Name: "daemon", Aliases: []string{"d"}, Usage: "return once the mount can be used; frameiofs unmount ends it"},
		}, worldFlags()...), logFlags()...),
		Action: demoAction,
	}
}

// demo is what was made for one demonstration.
type demo struct {
	point, dir string // mount point; where world and state are
	ownPoint   bool   // made here, to be removed at the end
	ownDir     bool
	srv        *sim.Server
}

func demoAction(c *cli.Context) (err error) {
	if c.NArg() > 1 {
		return misuse("", "demo wants one mount point at most")
	}
	cfg, err := worldConfig(c)
	if err != nil {
		return err
	}
	if c.Bool("daemon") && !isDaemonChild() {
		return startDaemon(c.Context, c.App.Writer)
	}
	mount := &mountConfig{
		cacheSize: cache.DefaultSize, keepFree: cache.DefaultKeepFree, settle: spool.DefaultSettle, listingAge: cache.DefaultAge,
		uploads: spool.DefaultUploads, parts: spool.DefaultParts, verify: defaultVerify, uid: uint32(os.Getuid()), gid: uint32(os.Getgid()), umask: 0o022,
		debug: c.Bool("debug"),
	}
	run := func() error {
		d, err := openDemo(c, cfg)
		if err != nil {
			return err
		}
		mount.dir, mount.stateDir = d.point, filepath.Join(d.dir, "state")
		mount.account = account{api: c.Generic("api").(*choiceValue).value, url: d.srv.URL(), token: remote.StaticToken(d.srv.Token("full"))}
		tell := mount.ready
		mount.ready = func(r ready) error {
			if !mount.inBackground {
				d.explain(mount)
			}
			return tell(r)
		}
		err = mountAndServe(c.Context, mount)
		return errors.Join(err, d.close())
	}
	if isDaemonChild() {
		return runDaemon(c, mount, run)
	}
	mount.console = newConsole(c.App.ErrWriter)
	defer mount.console.Close()
	mount.ready = func(ready) error { return nil }
	mount.log = newLog(c, mount.console, slog.LevelWarn)
	return run()
}

// openDemo makes the folders and starts the simulator.
func openDemo(c *cli.Context, cfg sim.Config) (d *demo, err error) {
	d = &demo{}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.dir = c.String("state-dir"); d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "frameio-demo-*"); err != nil {
			return nil, fail("", "%w", err)
		}
		d.ownDir = true
	} else if d.dir, err = filepath.Abs(d.dir); err != nil {
		return nil, fail("", "--state-dir: %w", err)
	}
	if err := d.choosePoint(c.Args().First()); err != nil {
		return nil, err
	}
	cfg.Dir, cfg.NoLimits = filepath.Join(d.dir, "world"), !c.Bool("limits")
	d.srv, err = startSim(cfg)
	return d, err
}

// choosePoint makes a mount point, if none is named or the named one is not there.
func (d *demo) choosePoint(name string) (err error) {
	for i := 1; ; i++ {
		point := name
		if name == "" {
			if point = "frameio-demo"; i > 1 {
				point = fmt.Sprintf("frameio-demo-%d", i)
			}
		}
		if d.point, err = filepath.Abs(point); err != nil {
			return fail("", "mount point: %w", err)
		}
		err := os.Mkdir(d.point, 0o700)
		switch {
		case err == nil:
			d.ownPoint = true
			return nil
		case !errors.Is(err, fs.ErrExist):
			return fail("choose a mount point of your own: frameiofs demo ~/frameio-demo", "mount point: %w", err)
		case name != "":
			return nil // whether it will do is for mount to say
		case i == 100:
			return fail("", "there are a hundred folders frameio-demo here; name a mount point")
		}
	}
}

// close takes away what was made.
func (d *demo) close() error {
	var errs []error
	if d.srv != nil {
		errs = append(errs, d.srv.Close())
	}
	if d.ownPoint {
		errs = append(errs, os.Remove(d.point)) // only ever an empty folder
	}
	if d.ownDir {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}

// explain tells a newcomer what to try.
func (d *demo) explain(mount *mountConfig) {
	place := d.point
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if w, err := mount.account.dial(mount.account.api, 0, mount.log); err == nil {
		place = firstProject(ctx, w, remote.Ref{}, place)
		w.Close()
	}
	fmt.Fprintf(mount.console, `A simulated Frame.io is mounted at %s
In another terminal, try:

   ls -R %q
   cp some-film.mov %q/
   frameiofs ls -l %q
   frameiofs status

and look at the other side: %s/_sim/
Ctrl-C here ends it and removes everything.

`, d.point, d.point, place, place, d.srv.URL())
}

// firstProject is the path of the first project below at.
func firstProject(ctx context.Context, w wire, at remote.Ref, path string) string {
	for it, err := range w.Children(ctx, at) {
		if err != nil {
			break
		}
		path = filepath.Join(path, cache.Shown(it.Name))
		if it.Kind < remote.Project {
			return firstProject(ctx, w, it.Ref, path)
		}
		break
	}
	return path
}
