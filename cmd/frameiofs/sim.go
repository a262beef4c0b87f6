package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/sim"
)

func simVerb() *cli.Command {
	return &cli.Command{
		Name:  "sim",
		Usage: "run a simulated Frame.io on its own",
		Description: `Serves both generations of the API, the upload host and the media host on this machine, and prints the
environment that points frameiofs, or any other client, at it. It runs until Ctrl-C.

   frameiofs sim --dir ~/sim > ~/sim.env &
   . ~/sim.env && frameiofs mount ~/frameio

   frameiofs sim --seed empty --rtt 80ms --bandwidth 12MB
   frameiofs sim --fault '503@upload%5' --fault 'lost@api:assets.create*1'

go doc github.com/frameiofs/frameiofs/sim/fault tells the grammar of faults, …/sim/world the names of behaviours. While it
runs, /_sim/ at its address shows and changes everything.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "listen", Usage: "serve the API at `ADDRESS`; any free port of 127.0.0.1 if not said"},
			&cli.StringFlag{Name: "dir", Usage: "keep the world in `DIR`, to go on with it later; else it is gone at the end"},
			&cli.BoolFlag{Name: "no-limits", Usage: "never refuse for too many calls"},
			&cli.Float64Flag{Name: "limit-scale", Value: 1, Usage: "let the rate limits recover `N` times as fast as Frame.io's"},
			&cli.GenericFlag{Name: "api", Value: &choiceValue{"both", []string{"both", "v2", "v4"}}, DefaultText: "both", Usage: "`GENERATION` served: v2, v4 or both"},
			&cli.BoolFlag{Name: "debug", Usage: "log what happens inside"},
		}, worldFlags()...),
		Action: simAction,
	}
}

// worldFlags choose what is simulated; demo has them too.
func worldFlags() []cli.Flag {
	none := bytesValue(0)
	each := bytesValue(0)
	return []cli.Flag{
		&cli.StringFlag{Name: "seed", Value: sim.DefaultSeed, Usage: "fill an empty world with `WHAT`: sample, empty, many:N (files in a folder), tree:DxN, folders:DxN, or several joined by +"},
		&cli.StringSliceFlag{Name: "fault", Usage: "let it misbehave by a `RULE` such as 429@api%10; may be repeated"},
		&cli.StringSliceFlag{Name: "behaviour", Usage: "choose one reading of what Frame.io's documents leave open, `NAME=VALUE`; may be repeated"},
		&cli.DurationFlag{Name: "rtt", Usage: "add `TIME` to every round trip"},
		&cli.GenericFlag{Name: "bandwidth", Value: &none, DefaultText: "no limit", Usage: "`BYTES` per second in each direction, such as 12MB"},
		&cli.GenericFlag{Name: "bandwidth-each", Value: &each, DefaultText: "no limit", Usage: "`BYTES` per second in each direction of one connection"},
	}
}

// worldConfig is what worldFlags said.
func worldConfig(c *cli.Context) (cfg sim.Config, err error) {
	cfg.Seed, cfg.Faults = c.String("seed"), c.StringSlice("fault")
	cfg.Link.RTT = c.Duration("rtt")
	cfg.Link.Up, cfg.Link.Down = sizeFlag(c, "bandwidth"), sizeFlag(c, "bandwidth")
	cfg.Link.UpEach, cfg.Link.DownEach = sizeFlag(c, "bandwidth-each"), sizeFlag(c, "bandwidth-each")
	if field, err := cfg.Check(); err != nil {
		return cfg, misuse("", "--%s: %w", field, err)
	}
	switches := map[string]json.RawMessage{}
	for _, s := range c.StringSlice("behaviour") {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return cfg, misuse("", "--behaviour %q is not of the form NAME=VALUE", s)
		}
		raw := json.RawMessage(value) // true and 201 are values as they are, anything else is text
		if !json.Valid(raw) {
			if raw, err = json.Marshal(value); err != nil {
				return cfg, misuse("", "--behaviour: %w", err)
			}
		}
		switches[name] = raw
	}
	text, err := json.Marshal(switches)
	if err != nil {
		return cfg, misuse("", "--behaviour: %w", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&cfg.Behaviour); err != nil {
		return cfg, misuse("go doc github.com/frameiofs/frameiofs/sim/world Behaviour lists them", "--behaviour: %q: %w", strings.Join(c.StringSlice("behaviour"), " "), err)
	}
	if err := cfg.Behaviour.Validate(); err != nil {
		return cfg, misuse("", "--%w", err)
	}
	return cfg, nil
}

func simAction(c *cli.Context) error {
	if c.NArg() > 0 {
		return misuse("frameiofs sim --help", "sim takes no %q", c.Args().First())
	}
	cfg, err := worldConfig(c)
	if err != nil {
		return err
	}
	cfg.Listen, cfg.Dir, cfg.NoLimits, cfg.LimitScale = c.String("listen"), c.String("dir"), c.Bool("no-limits"), c.Float64("limit-scale")
	switch c.Generic("api").(*choiceValue).value {
	case "v2":
		cfg.Faults = append(cfg.Faults, `404@api:/^[A-Z]+ \/v4\//`)
	case "v4":
		cfg.Faults = append(cfg.Faults, `404@api:/^[A-Z]+ \/v2\//`)
	}
	level := slog.LevelWarn
	if c.Bool("debug") {
		level = slog.LevelDebug
	}
	cfg.Log = slog.New(slog.NewTextHandler(c.App.ErrWriter, &slog.HandlerOptions{Level: level}))
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	srv, err := startSim(cfg)
	if err != nil {
		return err
	}
	for _, line := range srv.Env() {
		fmt.Fprintln(c.App.Writer, "export "+line)
	}
	fmt.Fprintf(c.App.Writer, "# or sign in: export FRAMEIO_AUTH_URL=%s; unset FRAMEIO_TOKEN; frameiofs login --client-id sim-native\n", srv.URL())
	for _, name := range []string{"read-only", "no-create", "no-download", "assistant"} {
		fmt.Fprintf(c.App.Writer, "# or, %s: export FRAMEIO_TOKEN=%s\n", name, srv.Token(name))
	}
	fmt.Fprintf(c.App.ErrWriter, "Frame.io is being simulated at %s until Ctrl-C; look inside: %s/_sim/\n", srv.URL(), srv.URL())
	<-ctx.Done()
	if err := srv.Close(); err != nil {
		return fail("", "%w", err)
	}
	return nil
}

func startSim(cfg sim.Config) (*sim.Server, error) {
	srv, err := sim.New(cfg)
	var listen *net.OpError
	switch {
	case errors.As(err, &listen) && cfg.Listen != "":
		return nil, fail("frameiofs sim --help", "--listen: %q: %w", cfg.Listen, err)
	case err != nil && cfg.Dir != "":
		return nil, fail("frameiofs sim --help", "--dir: %q: %w", cfg.Dir, err)
	case err != nil:
		return nil, fail("frameiofs sim --help", "%w", err)
	}
	srv.Start()
	return srv, nil
}
