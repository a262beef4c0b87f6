package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

// watchEvery is how often a view asks, and boardFiles how many files of each mount: more than any screen has lines for.
const (
	watchEvery = time.Second
	boardFiles = 200
)

// viewRate is how often a second a view may paint.
const viewRate = 10

// watchAction shows status until a person has seen enough. Where no view can be, it prints again and again.
func watchAction(c *cli.Context) error {
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	path := c.Args().First()
	first, err := statusOf(ctx, path, boardFiles)
	if err != nil && len(first) == 0 {
		return err
	}
	out, ok := c.App.Writer.(*os.File)
	if c.Bool("json") || !ok || !canShow(out) {
		return watchLines(ctx, c, path)
	}
	only := ""
	if path != "" {
		only = first[0].MountPoint
	}
	view := live{
		board: newBoard(out, 0, 0), every: watchEvery, whole: true,
		ask: func() ([]control.Status, error) { return statusOf(ctx, path, boardFiles) },
		act: func(d deed, r row) (string, error) { return doOnMounts(ctx, only, d, r) },
	}
	_, err = tea.NewProgram(view, tea.WithOutput(out), tea.WithAltScreen(), tea.WithFPS(viewRate), tea.WithContext(ctx), tea.WithoutSignalHandler()).Run()
	if err != nil && ctx.Err() == nil && !errors.Is(err, tea.ErrProgramKilled) {
		return fail("frameiofs status shows it once", "the view has ended: %w", err)
	}
	return nil
}

// watchLines prints status whenever a second has passed.
func watchLines(ctx context.Context, c *cli.Context, path string) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		all, err := statusOf(ctx, path, 0)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := printStatus(c.App.Writer, all, c.Bool("json")); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// boardLines is status for a terminal, once.
func boardLines(b board, all []control.Status) string {
	var parts []string
	for _, st := range all {
		parts = append(parts, strings.Join(b.lines([]control.Status{st}, nil), "\n"))
	}
	if len(parts) == 0 {
		return nothingMounted
	}
	return strings.Join(parts, "\n\n")
}

// show follows the session on its console, if a person watches there who can press keys.
func (s *session) show() {
	c := s.cfg.console
	view := live{
		board: newBoard(c.w, 0, 0), every: watchEvery,
		ask: func() ([]control.Status, error) {
			st, err := s.Status(context.Background(), control.Query{Limit: boardFiles})
			return []control.Status{st}, err
		},
		act: func(d deed, r row) (string, error) {
			ctx, cancel := context.WithTimeout(context.Background(), askTime)
			defer cancel()
			return doOn(ctx, s, s.Retry, d, r)
		},
		stop: s.cfg.interrupt,
	}
	if err := c.Follow(view); err != nil {
		s.log.Debug("nothing can be shown", "err", fmt.Sprint(err))
	}
}
