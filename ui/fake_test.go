package ui

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

// hostile is a name that would be markup, if it were not text.
const hostile = `<b>bold<i onclick="x()">.mov`

// fake is a mount with two films that are leaving, one parked and one held.
type fake struct {
	mu     sync.Mutex
	again  []string
	orders []string // of the other buttons
	paused bool
	odd    string // the name of one film
}

func newFake() *fake { return &fake{odd: hostile} }

func (m *fake) asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.again)
}

func (m *fake) Status(context.Context, control.Query) (control.Status, error) {
	held := file("Sandbox/killed.wav", "held", 48_000_000, 0)
	held.Reason = "its writer was killed; uploads retry sends it as it is"
	grade := file("Sandbox/grade.mov", "parked", 2_000_000_000, 0)
	grade.Reason = "no right to upload here; ask the account's administrator, then try again"
	st := control.Status{
		MountPoint: "/home/kim/frameio", State: control.Mounted, PID: 4711, Version: "v1", Since: time.Now().Add(-time.Hour), API: "v4", User: "kim@example.com", Root: "/",
		Link: control.Link{State: "up"}, Cache: control.Space{Used: 12_000_000_000, Limit: 21_000_000_000}, DiskFree: 300_000_000_000,
		Totals: control.Totals{Files: 2, Uploading: 1, Bytes: 5_000_000_000, Sent: 2_000_000_000, Rate: 42_000_000, RateDown: 7_000_000, Held: 1, Parked: 1, TimeLeft: 71, LimitedBy: "bandwidth"},
		Files:  []control.File{grade, held, file("Dailies/cut_12.mov", "uploading", 4_000_000_000, 2_000_000_000), file(m.odd, "settling", 1_000_000_000, 0)},
		Names:  []control.Name{{What: "make folder", Path: "Northlight/Post/Day 02", Since: time.Now()}},
	}
	if len(m.asked()) > 0 {
		st.Files[0].Stage, st.Totals.Parked, st.Totals.Files = "waiting", 0, 3
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	st.Paused = m.paused
	return st, nil
}

func (m *fake) told(what string, paths []string) (control.Told, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paused = what == "pause" || m.paused && what != "resume"
	m.orders = append(m.orders, what+" "+strings.Join(paths, ","))
	return control.Told{Files: len(paths)}, nil
}

func (m *fake) Pause(_ context.Context, paths []string) (control.Told, error) {
	return m.told("pause", paths)
}

func (m *fake) Resume(_ context.Context, paths []string) (control.Told, error) {
	return m.told("resume", paths)
}

func (m *fake) First(_ context.Context, paths []string) (control.Told, error) {
	return m.told("first", paths)
}

func (m *fake) Retry(_ context.Context, paths []string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.again = append(m.again, paths...)
	return len(paths), nil
}

func (m *fake) Receipts(context.Context, control.ReceiptQuery) (control.Receipts, error) {
	now := time.Now()
	sure := control.Receipt{ID: "1", Path: "Northlight/Post/Dailies/cut_11.mov", Size: 3_900_000_000, Checksum: "a1b2c3d4e5f60718", Proof: control.ProofChecksum, Uploaded: now, Verified: &now}
	early := sure
	early.Proof, early.Verified, early.Awaited = control.ProofSize, nil, true
	other := control.Receipt{ID: "2", Path: "Northlight/Post/Dailies/cut_10.mov", Size: 3_700_000_000, Proof: control.ProofParts, Uploaded: now.Add(-time.Minute)}
	return control.Receipts{Receipts: []control.Receipt{sure, early, other}}, nil
}

func (m *fake) Projects(context.Context) ([]Project, error) {
	return []Project{{Path: "Northlight/Post/Dailies", Files: 120, Size: 480e9, Here: 12e9, Pinned: 3}, {Path: "Northlight/Post/Sandbox", Files: 4, Size: 2e9, Here: 1e9}}, nil
}
