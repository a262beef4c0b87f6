package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/frameiofs/frameiofs/control"
)

// supervisor tells systemd how it stands, if that has started us (sd_notify(3)). Its methods are called by one goroutine at a time.
type supervisor struct {
	log      *slog.Logger
	watchdog time.Duration // how often it wants to hear that we live; 0: it does not
	alive    time.Time     // when it heard that last
	said     string
	asked    time.Time // when wants has last said yes
}

func newSupervisor(log *slog.Logger) *supervisor {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("what systemd says about its watchdog cannot be understood", "err", err)
	}
	return &supervisor{log: log, watchdog: every}
}

func (s *supervisor) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Debug("tell systemd", "err", err)
	}
}

// ready says that the mount can be used.
func (s *supervisor) ready() { s.tell(daemon.SdNotifyReady) }

// stopping says that it is about to end.
func (s *supervisor) stopping() { s.tell(daemon.SdNotifyStopping) }

// superviseEvery is how often a mount tells of itself: a report of many files costs.
const superviseEvery = 2 * time.Second

// wants reports whether somebody listens, and it is time for a report.
func (s *supervisor) wants(now time.Time) bool {
	every := superviseEvery
	if s.watchdog > 0 {
		every = min(every, s.watchdog/6)
	}
	if os.Getenv("NOTIFY_SOCKET") == "" || now.Sub(s.asked) < every {
		return false
	}
	s.asked = now
	return true
}

// report passes on what a mount has just told of itself. That it could is the sign of life: a mount of which a lock is stuck cannot, and
// is started anew; nothing that was acknowledged is lost by that.
func (s *supervisor) report(st control.Status, now time.Time) {
	if text := "STATUS=" + statusWord(st); text != s.said {
		s.said = text
		s.tell(text)
	}
	if s.watchdog > 0 && now.Sub(s.alive) >= s.watchdog/3 {
		s.alive = now
		s.tell(daemon.SdNotifyWatchdog)
	}
}

// statusWord is a status in one line.
func statusWord(st control.Status) string {
	t := st.Totals
	text := "everything is on Frame.io"
	if t.Files+t.Names > 0 {
		text = fmt.Sprintf("%s on the way, %s to send", count(t.Files+t.Names, "thing"), size(t.Bytes-t.Sent))
	}
	if t.Parked+t.NamesParked > 0 {
		text = fmt.Sprintf("%d parked, need you; %s", t.Parked+t.NamesParked, text)
	}
	if st.Link.State == "down" {
		text = "no link; " + text
	}
	if st.Trouble != "" {
		text = oneLine(st.Trouble)
	}
	return text
}
