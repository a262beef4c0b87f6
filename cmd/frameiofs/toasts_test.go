package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/frameiofs/frameiofs/control"
)

// What is told, and that nothing is told twice, or of what nobody waited for.
func TestTheDesktopHearsWhatMatters(t *testing.T) {
	var said []string
	d := newToasts("/mnt", slog.New(slog.DiscardHandler))
	d.send = func(_ context.Context, title, text string, urgent bool) error {
		said = append(said, fmt.Sprintf("%s|%s|%v", title, text, urgent))
		return nil
	}
	since := noon
	parked := control.Status{Totals: control.Totals{Parked: 1}, Files: []control.File{{Path: "A/b<i>.mov", Stage: "parked", Reason: "no\nright"}}}
	many := control.Status{Totals: control.Totals{Files: 5}}
	down := control.Status{Link: control.Link{State: "down", Since: &since, Error: "no route"}}
	for i, step := range []struct {
		st    control.Status
		after time.Duration
		want  string // "" is silence
	}{
		{control.Status{}, 0, ""},
		{many, time.Second, ""},
		{control.Status{Totals: control.Totals{Files: 2}}, 20 * time.Second, ""},
		{control.Status{}, 25 * time.Second, ""}, // it was soon done
		{many, 30 * time.Second, ""},
		{control.Status{Totals: control.Totals{Verifying: 1}}, 90 * time.Second, ""},
		{control.Status{}, 95 * time.Second, "5 files on Frame.io|Everything that was written to /mnt is there.|false"},
		{parked, 100 * time.Second, "1 file not taken by Frame.io|b&lt;i&gt;.mov: no right|true"},
		{parked, 102 * time.Second, ""},
		{control.Status{}, 104 * time.Second, ""},
		{parked, 106 * time.Second, "1 file not taken by Frame.io|b&lt;i&gt;.mov: no right|true"},
		{control.Status{}, 108 * time.Second, ""},
		{control.Status{Trouble: "the token is refused"}, 110 * time.Second, "Frame.io needs you|the token is refused|true"},
		{control.Status{Trouble: "the token is refused"}, 112 * time.Second, ""},
		{control.Status{}, 114 * time.Second, ""},
		{down, 30 * time.Second, ""},
		{down, 61 * time.Second, "Frame.io cannot be used|no route. What is written is kept and goes on by itself|true"},
		{down, 63 * time.Second, ""},
	} {
		said = nil
		d.see(step.st, noon.Add(step.after))
		if got := strings.Join(said, "; "); got != step.want {
			t.Errorf("step %d: said %q, want %q", i, got, step.want)
		}
	}
	var off *toasts
	if off.due(noon) {
		t.Error("who is off wants to look")
	}
}

// desk is a desktop that shows notifications.
type desk struct{ shown chan []string }

// Notify is what desktops have.
func (d desk) Notify(app string, _ uint32, _, title, text string, _ []string, hints map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	d.shown <- []string{app, title, text, hints["urgency"].String()}
	return 7, nil
}

// A bus of our own, and on it a desktop.
func TestADesktopIsTold(t *testing.T) {
	daemon := exec.Command("dbus-daemon", "--session", "--nofork", "--print-address", "--address=unix:dir="+t.TempDir())
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatalf("this test starts a bus; run: sudo apt-get install -y dbus   (%v)", err)
	}
	t.Cleanup(func() { daemon.Process.Kill(); daemon.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	if err := toast(t.Context(), "a", "b", false); err == nil {
		t.Error("told without a bus")
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", strings.TrimSpace(address))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := toast(ctx, "a", "b", false); err == nil {
		t.Error("told where no desktop is")
	}
	bus, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	d := desk{make(chan []string, 1)}
	if err := bus.Export(d, "/org/freedesktop/Notifications", "org.freedesktop.Notifications"); err != nil {
		t.Fatal(err)
	}
	if got, err := bus.RequestName("org.freedesktop.Notifications", 0); err != nil || got != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(got, err)
	}
	if err := toast(ctx, "2 files on Frame.io", "all", true); err != nil {
		t.Fatal(err)
	}
	if got := <-d.shown; !slices.Equal(got, []string{"frameiofs", "2 files on Frame.io", "all", "2"}) && !strings.Contains(got[3], "2") {
		t.Errorf("shown: %q", got)
	}
}
