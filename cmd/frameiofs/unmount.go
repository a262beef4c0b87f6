package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

func unmountVerb() *cli.Command {
	return &cli.Command{
		Name:      "unmount",
		Aliases:   []string{"umount"},
		Usage:     "take a mount down, after its uploads",
		ArgsUsage: "MOUNTPOINT",
		Description: `The folder is empty at once, so that nothing new is written; then the pending uploads are finished, with
progress. Ctrl-C ends the waiting, not the uploads.

   frameiofs unmount ~/frameio
   frameiofs unmount --now ~/frameio     what is pending stays on this machine and goes on at the next mount
   frameiofs unmount --timeout 5m ~/frameio     the same after five minutes

Exit code 3 if some files were given up: they stay on this machine.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "now", Usage: "do not wait for uploads"},
			&cli.DurationFlag{Name: "timeout", Usage: "wait `TIME` for uploads; what is left then is kept for the next mount"},
		},
		Action: unmountAction,
	}
}

func unmountAction(c *cli.Context) error {
	if c.NArg() != 1 {
		return misuse("frameiofs unmount --help", "unmount wants one mount point, not %d", c.NArg())
	}
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return fail("", "%w", err)
	}
	path := c.Args().First()
	r, below, ok := control.Find(mounts, path)
	if !ok {
		return unmountUnknown(c, path)
	}
	if below != "" {
		return fail("frameiofs unmount "+r.MountPoint, "%s is not a mount point", path)
	}
	if m, below, ok := findMountAt(r.MountPoint); ok && below == "" && endKilled(m, r.PID) {
		return unmountDead(c, r)
	}
	how := control.Drain
	if c.Bool("now") {
		how = control.Now
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt)
	defer stop()
	show := newProgress(newConsole(c.App.ErrWriter))
	st, err := unmountWithin(ctx, r, how, c.Duration("timeout"), show.status)
	show.close()
	switch {
	case errors.Is(err, control.ErrGone):
		return unmountDead(c, r)
	case errors.Is(err, control.ErrBusy):
		return fail("close it first, then unmount again", "%w", err)
	case ctx.Err() != nil:
		return fail("frameiofs status tells how far it is; frameiofs unmount --now "+r.MountPoint+" keeps the rest for the next mount",
			"stopped waiting; %s is unmounted and its uploads go on", r.MountPoint)
	case err != nil && !errors.Is(err, control.ErrParked):
		return fail("", "unmount %s: %w", r.MountPoint, err)
	}
	for _, line := range farewell(st) {
		fmt.Fprintln(c.App.Writer, line)
	}
	if err != nil {
		return &failure{exitParked, fmt.Errorf("unmounted; %w", err), "mount again and see frameiofs status, which tells what to do about each"}
	}
	return nil
}

// unmountWithin unmounts, and after a time (0: none) waits for uploads no longer.
func unmountWithin(ctx context.Context, r control.Registration, how control.How, timeout time.Duration, progress func(control.Status)) (control.Status, error) {
	mount := control.Dial(r.Socket)
	if timeout == 0 || how == control.Now {
		return mount.Unmount(ctx, how, progress)
	}
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	st, err := mount.Unmount(waiting, how, progress)
	if waiting.Err() == nil || ctx.Err() != nil {
		return st, err
	}
	return mount.Unmount(ctx, control.Now, progress)
}

// unmountDead cleans up after a process that was killed.
func unmountDead(c *cli.Context, r control.Registration) error {
	if stillMounted(r.MountPoint) {
		if err := lazyUnmount(r.MountPoint); err != nil {
			return fail("sudo umount -l "+r.MountPoint, "the mount's process was killed, and its mount cannot be taken down: %w", err)
		}
	}
	control.Forget(registryDir(), r)
	fmt.Fprintf(c.App.Writer, "the mount's process (%d) had been killed; cleaned up. What was written is kept and goes on at the next mount\n", r.PID)
	return nil
}

// unmountUnknown takes down what is in the kernel's list but not in ours: a mount of another user, or of one whose registration
// was lost.
func unmountUnknown(c *cli.Context, path string) error {
	table, err := mountTable()
	if err != nil {
		return fail("", "read the list of mounts: %w", err)
	}
	m, below, ok := findMount(table, path)
	if !ok || below != "" || m.Type != fuseType {
		return fail("frameiofs status lists your mounts", "nothing of Frame.io is mounted at %s", path)
	}
	if deadMount(m.Point) {
		if err := lazyUnmount(m.Point); err != nil {
			return fail("sudo umount -l "+m.Point, "the mount's process was killed, and its mount cannot be taken down: %w", err)
		}
		fmt.Fprintln(c.App.Writer, "the mount's process had been killed; cleaned up. What was written is kept and goes on at the next mount")
		return nil
	}
	if err := plainUnmount(m.Point); err != nil {
		return fail("unmount it as the user who mounted it", "unmount %s: %w", m.Point, err)
	}
	fmt.Fprintln(c.App.Writer, "unmounted; its process keeps what is pending for the next mount")
	return nil
}
