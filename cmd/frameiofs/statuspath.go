package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

// pathStatus is what status tells of a file or folder. --json prints it.
type pathStatus struct {
	MountPoint string `json:"mountpoint"`
	Path       string `json:"path"` // below the mount point
	control.Entry
	Leaving []control.File `json:"leaving"`            // what of it, or in it, Frame.io does not have yet
	Names   []control.Name `json:"names,omitempty"`    // changes of names there that Frame.io has not made yet
	LeftOut int            `json:"left_out,omitempty"` // files that Leaving has no room for
}

// statusPathAction tells of one file, or of what is in a folder, where it is safe; so does the exit code.
func statusPathAction(c *cli.Context, r control.Registration, below string) error {
	if c.Bool("watch") {
		return misuse("frameiofs status --watch "+r.MountPoint, "status --watch shows mounts, and %s is in one", below)
	}
	st, err := pathStatusOf(c.Context, r, below)
	switch {
	case errors.Is(err, control.ErrNotExist):
		return fail("", "%s: %w", path.Join(r.MountPoint, below), control.ErrNotExist)
	case err != nil:
		return fail("", "%s: %w", r.MountPoint, err)
	}
	if c.Bool("json") {
		err = json.NewEncoder(c.App.Writer).Encode(st)
	} else {
		err = printPath(c.App.Writer, st)
	}
	if err != nil {
		return err
	}
	return st.verdict()
}

func pathStatusOf(ctx context.Context, r control.Registration, below string) (st pathStatus, err error) {
	all, err := askStatus(ctx, r, control.Query{Under: below})
	if err != nil {
		return st, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	in, name := path.Split(below)
	list, err := control.Dial(r.Socket).List(ctx, in)
	if err != nil {
		return st, err
	}
	st = pathStatus{MountPoint: r.MountPoint, Path: below, Names: all.Names, LeftOut: all.LeftOut, Leaving: []control.File{}}
	for _, e := range list {
		if e.Name == name {
			st.Entry = e
		}
	}
	if st.Entry.Name == "" {
		return st, control.ErrNotExist
	}
	for _, f := range all.Files {
		if !f.Local || f.Path == below {
			st.Leaving = append(st.Leaving, f)
		}
	}
	return st, nil
}

// verdict is the exit code: 0 if Frame.io has it all, 3 if something needs a person, 4 if it is only not there yet.
func (st pathStatus) verdict() error {
	needy, waiting := 0, 0
	for _, f := range st.Leaving {
		if needsSomebody(f) {
			needy++
		} else {
			waiting++
		}
	}
	for _, n := range st.Names {
		if n.Parked {
			needy++
		} else {
			waiting++
		}
	}
	switch {
	case needy > 0:
		return &failure{exitParked, errors.New("it is not on Frame.io as it is here, and needs you"), ""}
	case waiting > 0 || st.LeftOut > 0:
		return &failure{exitTimeout, errors.New("it is not on Frame.io as it is here yet"), "frameiofs sync waits for it"}
	}
	return nil
}

func printPath(w io.Writer, st pathStatus) error {
	say := func(format string, args ...any) { fmt.Fprintf(w, "  "+format+"\n", args...) }
	fmt.Fprintln(w, shown(path.Join(st.MountPoint, st.Path)))
	if len(st.Leaving) == 0 && len(st.Names) == 0 {
		switch {
		case st.State == "": // a folder
			say("on Frame.io, with all that is in it")
		default:
			say("on Frame.io: every byte, %s, %s", size(st.Size), oneLine(st.State))
		}
	}
	for i, f := range st.Leaving {
		if i == mostLines {
			st.LeftOut += len(st.Leaving) - i
			break
		}
		say("%s", fileLine(f))
		if f.Path != st.Path {
			continue
		}
		safe := "on this machine only, until Frame.io has confirmed it"
		if f.Stage == "parked" || f.Stage == "held" {
			safe = "on this machine only"
		}
		say("its bytes are %s", safe)
		if f.Closed != nil {
			say("closed %s", f.Closed.Local().Format("2006-01-02 15:04:05"))
		}
		if f.Rate >= 1 {
			say("%s/s, %s left", size(int64(f.Rate)), span(time.Duration(float64(f.Size-f.Sent)/f.Rate*float64(time.Second))))
		}
		if f.Parts > 0 {
			say("%d of %s done, %s", f.PartsDone, count(f.Parts, "part"), count(f.Attempts, "attempt"))
		}
	}
	if st.LeftOut > 0 {
		say("… and %d more", st.LeftOut)
	}
	for _, n := range st.Names {
		say("%s", nameLine(n))
	}
	for _, l := range []struct{ name, value string }{{"checksum", st.Checksum}, {"label", st.Label}, {"id", st.ID}, {"page", st.URL}} {
		if l.value != "" {
			say("%s %s", l.name, oneLine(l.value))
		}
	}
	return nil
}
