package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/fs"
	"github.com/frameiofs/frameiofs/remote"
)

func profileVerb() *cli.Command {
	return &cli.Command{
		Name:      "profile",
		Usage:     "watch a mount for a while, and tell which programs cause which calls",
		ArgsUsage: "[MOUNTPOINT]",
		Description: `Who reads what, and how much of it had to come from Frame.io; who lists and looks; and which calls to Frame.io that took. Ctrl-C
ends it sooner, and tells what was seen. What the kernel reads and writes by itself (a mount of root's: files that are all here) is not seen.

   frameiofs profile
   frameiofs profile --for 5m ~/frameio
   frameiofs profile --json | jq '.programs[0]'`,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "for", Value: 30 * time.Second, Usage: "watch for `TIME`"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		},
		Action: profileAction,
	}
}

func profileAction(c *cli.Context) error {
	if c.NArg() > 1 {
		return misuse("frameiofs profile --help", "profile wants one mount point at most, not %d", c.NArg())
	}
	d := c.Duration("for")
	if d <= 0 || d > control.MaxProfile {
		return misuse("", "--for: %s is not more than 0 and at most %s", d, shortSpan(control.MaxProfile.String()))
	}
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return fail("", "%w", err)
	}
	switch {
	case c.NArg() == 1:
		r, _, err := findRegistered(mounts, c.Args().First())
		if err != nil {
			return err
		}
		mounts = []control.Registration{r}
	case len(mounts) == 0:
		return fail("", nothingMounted)
	case len(mounts) > 1:
		return misuse("frameiofs status lists them", "there are %d mounts: say which", len(mounts))
	}
	fmt.Fprintf(c.App.ErrWriter, "watching %s for %s; Ctrl-C ends it sooner\n", mounts[0].MountPoint, shortSpan(d.String()))
	begun := time.Now()
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt)
	defer stop()
	p, err := profileUntil(ctx, control.Dial(mounts[0].Socket), d)
	if err != nil {
		return fail("", "after %s: %w", span(time.Since(begun)), err)
	}
	if c.Bool("json") {
		return json.NewEncoder(c.App.Writer).Encode(p)
	}
	return printProfile(c.App.Writer, p)
}

// profilePiece is how long the mount is watched at once, so that who ends it early still hears of what there was.
const profilePiece = time.Second

// profileUntil watches piece by piece, until d is over or ctx ends.
func profileUntil(ctx context.Context, m control.Profiler, d time.Duration) (all control.Profile, err error) {
	for end := time.Now().Add(d); ; {
		left := min(time.Until(end), profilePiece)
		if ctx.Err() != nil || left <= 0 && all.Seconds > 0 {
			return all, nil
		}
		p, err := m.Profile(context.WithoutCancel(ctx), max(left, time.Millisecond))
		if err != nil {
			return all, err
		}
		all = joined(all, p)
	}
}

// joined is two profiles, one after the other.
func joined(a, b control.Profile) control.Profile {
	if a.Seconds == 0 {
		return b
	}
	a.Seconds += b.Seconds
	for _, p := range b.Programs {
		i := slices.IndexFunc(a.Programs, func(q control.Program) bool { return q.Name == p.Name })
		if i < 0 {
			a.Programs = append(a.Programs, p)
			continue
		}
		q := &a.Programs[i]
		for _, pid := range p.PIDs {
			if !slices.Contains(q.PIDs, pid) && len(q.PIDs) < maxPIDs {
				q.PIDs = append(q.PIDs, pid)
			}
		}
		if p.Reads+p.Opens+p.Listings > q.Reads+q.Opens+q.Listings {
			q.Busiest = p.Busiest
		}
		q.Looks, q.Listings, q.Opens, q.Reads, q.ReadBytes = q.Looks+p.Looks, q.Listings+p.Listings, q.Opens+p.Opens, q.Reads+p.Reads, q.ReadBytes+p.ReadBytes
		q.NetworkReads, q.NetworkBytes, q.Writes, q.WriteBytes = q.NetworkReads+p.NetworkReads, q.NetworkBytes+p.NetworkBytes, q.Writes+p.Writes, q.WriteBytes+p.WriteBytes
		q.Changes, q.Errors, q.Waited = q.Changes+p.Changes, q.Errors+p.Errors, q.Waited+p.Waited
	}
	for _, p := range b.Calls {
		i := slices.IndexFunc(a.Calls, func(q control.APICall) bool { return q.Call == p.Call && q.For == p.For })
		if i < 0 {
			a.Calls = append(a.Calls, p)
			continue
		}
		q := &a.Calls[i]
		q.N, q.Failed, q.Limit, q.Took = q.N+p.N, q.Failed+p.Failed, q.Limit+p.Limit, q.Took+p.Took
	}
	sortProfile(&a)
	return a
}

func sortProfile(p *control.Profile) {
	slices.SortStableFunc(p.Programs, func(a, b control.Program) int { return cmp.Compare(b.Waited, a.Waited) })
	slices.SortStableFunc(p.Calls, func(a, b control.APICall) int { return cmp.Compare(b.N, a.N) })
}

func printProfile(w io.Writer, p control.Profile) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "PROGRAM\tLOOKS\tLISTINGS\tOPENS\tREADS\tREAD\tFROM NETWORK\tWRITES\tWRITTEN\tCHANGES\tERRORS\tWAITED\t")
	for _, q := range p.Programs {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%d\t%s\t%d\t%d\t%.2f s\t\n", shown(q.Name), q.Looks, q.Listings, q.Opens, q.Reads, size(q.ReadBytes), size(q.NetworkBytes),
			q.Writes, size(q.WriteBytes), q.Changes, q.Errors, q.Waited)
	}
	if len(p.Programs) == 0 {
		fmt.Fprintln(t, "nobody asked for anything\t")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, q := range p.Programs {
		if q.Busiest != "" && q.Reads+q.Opens+q.Listings > 0 {
			fmt.Fprintf(w, "%s: most of it in %s\n", shown(q.Name), shown(q.Busiest))
		}
	}
	fmt.Fprintln(w)
	fmt.Fprintln(t, "CALL\tFOR\tN\tFAILED\tLIMIT\tTOOK\t")
	for _, q := range p.Calls {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%.2f s\t%.2f s\t\n", q.Call, q.For, q.N, q.Failed, q.Limit, q.Took)
	}
	if len(p.Calls) == 0 {
		fmt.Fprintln(t, "no call to Frame.io\t")
	}
	return t.Flush()
}

// Bounds of a profile.
const (
	maxPIDs  = 8
	maxFiles = 10_000 // paths that are counted for one program
)

// profiler counts for Profile.
type profiler struct {
	names programNames

	mu       sync.Mutex // guards what follows
	programs map[string]*countedProgram
	calls    map[[2]string]*control.APICall
}

type countedProgram struct {
	control.Program
	paths map[string]int
}

// Profile watches for a time.
func (s *session) Profile(ctx context.Context, d time.Duration) (control.Profile, error) {
	if !s.use() {
		return control.Profile{}, errEnding
	}
	p := &profiler{programs: map[string]*countedProgram{}, calls: map[[2]string]*control.APICall{}}
	begun := time.Now()
	endOps, endCalls := s.fs.Watch(p.op), s.requests.watch(p.call)
	s.parts.RUnlock() // the mount may end meanwhile
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-s.gone:
	}
	endOps()
	endCalls()
	return p.profile(s.point, begun), nil
}

// op counts a request of the kernel.
func (p *profiler) op(op fs.Op) {
	name := p.names.of(op.PID, op.Begun)
	path := ""
	switch op.Kind {
	case fs.Open, fs.Create, fs.Read, fs.Write, fs.List:
		path, _ = op.Path()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.programs[name]
	if c == nil {
		c = &countedProgram{Program: control.Program{Name: name}, paths: map[string]int{}}
		p.programs[name] = c
	}
	if pid := int(op.PID); pid != 0 && len(c.PIDs) < maxPIDs && !slices.Contains(c.PIDs, pid) {
		c.PIDs = append(c.PIDs, pid)
	}
	c.Waited += op.Took.Seconds()
	if op.Errno != 0 && op.Errno != syscall.ENOENT {
		c.Errors++
	}
	if _, ok := c.paths[path]; path != "" && (ok || len(c.paths) < maxFiles) {
		c.paths[path]++
	}
	switch op.Kind {
	case fs.Lookup, fs.GetAttr, fs.XAttr, fs.StatFS:
		c.Looks++
	case fs.List:
		c.Listings++
	case fs.Open, fs.Create:
		c.Opens++
	case fs.Read:
		c.Reads++
		c.ReadBytes += op.Bytes
		c.NetworkBytes += op.Missing
		if op.Missing > 0 {
			c.NetworkReads++
		}
	case fs.Write, fs.Copy:
		c.Writes++
		c.WriteBytes += op.Bytes
	case fs.SetAttr, fs.Mkdir, fs.Rmdir, fs.Unlink, fs.Rename:
		c.Changes++
	}
}

// call counts a request to Frame.io.
func (p *profiler) call(s remote.Seen) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := [2]string{s.Op, classes[s.Priority]}
	c := p.calls[key]
	if c == nil {
		c = &control.APICall{Call: key[0], For: key[1]}
		p.calls[key] = c
	}
	c.N++
	if failed(s) {
		c.Failed++
	}
	c.Limit += s.Waited.Seconds()
	c.Took += s.Took.Seconds()
}

func (p *profiler) profile(point string, begun time.Time) control.Profile {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := control.Profile{MountPoint: point, Begun: begun, Seconds: time.Since(begun).Seconds(), Programs: []control.Program{}, Calls: []control.APICall{}}
	for _, c := range p.programs {
		most := 0
		for path, n := range c.paths {
			if n > most || n == most && strings.Compare(path, c.Busiest) < 0 {
				most, c.Busiest = n, path
			}
		}
		out.Programs = append(out.Programs, c.Program)
	}
	slices.SortFunc(out.Programs, func(a, b control.Program) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range p.calls {
		out.Calls = append(out.Calls, *c)
	}
	slices.SortFunc(out.Calls, func(a, b control.APICall) int {
		return cmp.Or(strings.Compare(a.Call, b.Call), strings.Compare(a.For, b.For))
	})
	sortProfile(&out)
	return out
}
