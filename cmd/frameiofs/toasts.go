package main

import (
	"context"
	"fmt"
	"html"
	"log/slog"
	"os"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/frameiofs/frameiofs/control"
)

// toasts are the desktop's notifications of what a person should hear of without looking: that something is parked, that Frame.io cannot be
// used, and that what took long is there. Where there is no session bus it is silent.
type toasts struct {
	mount string
	log   *slog.Logger
	send  func(ctx context.Context, title, text string, urgent bool) error

	// Of the one goroutine that calls see:
	looked  time.Time // when it was time last
	parked  int
	busy    time.Time // since when something is on its way; zero: nothing is
	files   int       // the most that were on their way since
	trouble string    // that was told
	down    bool      // that was told
}

const (
	toastEvery = 2 * time.Second  // between two looks
	longBatch  = 30 * time.Second // what took so long is worth to be told when it is there
	longDown   = time.Minute      // a link that is away for so long is
	toastTime  = 2 * time.Second  // that a desktop may take
)

func newToasts(mount string, log *slog.Logger) *toasts {
	return &toasts{mount, log, toast, time.Time{}, 0, time.Time{}, 0, "", false}
}

// due reports whether it is time to see how things stand. A nil toasts has nothing to tell.
func (d *toasts) due(now time.Time) bool {
	if d == nil || now.Sub(d.looked) < toastEvery {
		return false
	}
	d.looked = now
	return true
}

// see tells what has changed since it looked last.
func (d *toasts) see(st control.Status, now time.Time) {
	t := st.Totals
	if parked := t.Parked + t.NamesParked; parked > d.parked {
		d.say(count(parked-d.parked, "file")+" not taken by Frame.io", firstParked(st), true)
		d.parked = parked
	} else {
		d.parked = parked
	}
	switch {
	case st.Trouble != "" && st.Trouble != d.trouble:
		d.say("Frame.io needs you", st.Trouble, true)
	case st.Link.State == "down" && !d.down && st.Link.Since != nil && now.Sub(*st.Link.Since) >= longDown:
		d.down = true
		d.say("Frame.io cannot be used", st.Link.Error+". What is written is kept and goes on by itself", true)
	}
	d.trouble = st.Trouble
	d.down = d.down && st.Link.State == "down"
	switch moving := t.Files - t.Paused + t.Verifying; {
	case moving > 0:
		if d.busy.IsZero() {
			d.busy = now
		}
		d.files = max(d.files, moving)
	case !d.busy.IsZero():
		if now.Sub(d.busy) >= longBatch && t.Parked == 0 && t.Held == 0 && t.Paused == 0 {
			d.say(count(d.files, "file")+" on Frame.io", "Everything that was written to "+shown(d.mount)+" is there.", false)
		}
		d.busy, d.files = time.Time{}, 0
	}
}

// firstParked says what it is, and why.
func firstParked(st control.Status) string {
	for _, f := range st.Files {
		if f.Stage == "parked" {
			return lastName(f.Path) + ": " + f.Reason
		}
	}
	for _, n := range st.Names {
		if n.Parked {
			return n.What + " " + lastName(n.Path) + ": " + n.Reason
		}
	}
	return "frameiofs status tells more"
}

func (d *toasts) say(title, text string, urgent bool) {
	ctx, cancel := context.WithTimeout(context.Background(), toastTime)
	defer cancel()
	if err := d.send(ctx, title, html.EscapeString(oneLine(text)), urgent); err != nil {
		d.log.Debug("the desktop was not told", "err", err)
	}
}

// toast asks the desktop to show something (org.freedesktop.Notifications). A bus is never started for that.
func toast(ctx context.Context, title, text string, urgent bool) error {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" {
		return fmt.Errorf("there is no session bus")
	}
	bus, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return err
	}
	defer bus.Close()
	urgency := byte(1)
	if urgent {
		urgency = 2
	}
	return bus.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").CallWithContext(ctx, "org.freedesktop.Notifications.Notify", 0,
		"frameiofs", uint32(0), "drive-harddisk", title, text, []string{}, map[string]dbus.Variant{"urgency": dbus.MakeVariant(urgency)}, int32(-1)).Err
}
