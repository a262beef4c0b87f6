package main

import (
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
	"github.com/frameiofs/frameiofs/spool/intent"
)

// What is to be done is limited by kind, each beside the others; the slowest is what people wait for.
func TestTimeLeftIsThatOfTheSlowest(t *testing.T) {
	folder := remote.Ref{Kind: remote.Folder, ID: "f", Account: "acc"}
	file := spool.Info{Stage: spool.Waiting, Target: spool.Target{Parent: folder}, Size: 1000}
	paused := file
	paused.Paused = true
	made := file
	made.Asset = remote.Ref{Kind: remote.File, ID: "x"}
	pace := func(account remote.ID) remote.Pace {
		if account != "acc" {
			t.Errorf("asked for account %q", account)
		}
		return remote.Pace{Files: 5, Folders: 3, Moves: 10. / 60, Deletes: 100. / 60}
	}
	change := func(what string, ref remote.Ref) intent.Info {
		return intent.Info{What: what, Ref: ref, Parent: folder}
	}
	for _, c := range []struct {
		name      string
		files     []spool.Info
		changes   []intent.Info
		deletions int
		totals    control.Totals
		up        int64
		want      float64
		by        string
	}{
		{"bytes", []spool.Info{made}, nil, 0, control.Totals{Bytes: 10_000, Sent: 4000, Rate: 100}, 0, 60, "bandwidth"},
		{"many files", repeat(file, 1000), nil, 0, control.Totals{Bytes: 10_000, Rate: 1000}, 0, 200, "Frame.io's limit of new files"},
		{"files that Frame.io has already", repeat(made, 1000), nil, 0, control.Totals{Bytes: 10_000, Rate: 1000}, 0, 10, "bandwidth"},
		{"what is held does not count", repeat(spool.Info{Stage: spool.Held, Target: file.Target}, 1000), nil, 0, control.Totals{}, 0, 0, ""},
		{"folders", nil, repeat(change(intent.MakeFolder, folder), 300), 0, control.Totals{}, 0, 100, "Frame.io's limit of new folders"},
		{"thousands of folders", nil, repeat(change(intent.MakeFolder, folder), 1000), 0, control.Totals{}, 0, 1000. / 3, "Frame.io's limit of new folders"},
		{"renamed folders", nil, repeat(change("rename", folder), 10), 0, control.Totals{}, 0, 60, "Frame.io's limit of moved folders"},
		{"deletions", nil, repeat(change(intent.Delete, made.Asset), 900), 500, control.Totals{}, 0, 300, "Frame.io's limit of deletions"},
		{"no limit", nil, repeat(change("rename", made.Asset), 500), 0, control.Totals{}, 0, 0, ""},
		{"parked", nil, repeat(intent.Info{What: intent.Delete, Parent: folder, Parked: true}, 500), 0, control.Totals{}, 0, 0, ""},
		{"at the limit", []spool.Info{made}, nil, 0, control.Totals{Bytes: 10_000, Sent: 4000, Rate: 90}, 100, 60, "--bwlimit"},
		{"below the limit", []spool.Info{made}, nil, 0, control.Totals{Bytes: 10_000, Sent: 4000, Rate: 50}, 100, 120, "bandwidth"},
		{"not begun, with a limit", []spool.Info{made}, nil, 0, control.Totals{Bytes: 10_000}, 100, 100, "--bwlimit"},
		{"one of two is paused", []spool.Info{made, paused}, nil, 0, control.Totals{Bytes: 2000, Rate: 10}, 0, 100, "bandwidth"},
		{"all is paused", repeat(paused, 100), nil, 0, control.Totals{Bytes: 100_000, Rate: 10}, 0, 0, ""},
	} {
		if got, by := left(c.files, c.changes, c.deletions, c.totals, c.up, pace); got < c.want-0.001 || got > c.want+0.001 || by != c.by {
			t.Errorf("%s: %v s by %q, want %v by %q", c.name, got, by, c.want, c.by)
		}
	}
}

func repeat[T any](v T, n int) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = v
	}
	return all
}

func TestStatusTellsOfNames(t *testing.T) {
	st := control.Status{MountPoint: "/m", API: "v4", Totals: control.Totals{Names: 2, NamesParked: 1, TimeLeft: 200, LimitedBy: "Frame.io's limit of deletions"},
		Names: []control.Name{{What: intent.Delete, Path: "A/b", Parked: true, Reason: "no right"}, {What: intent.MakeFolder, Path: "A/c"}}}
	text := strings.Join(statusLines(st, 40), "\n")
	for _, want := range []string{
		"1 change of names parked: frameiofs uploads retry", "2 changes of names on the way to Frame.io, 3 min left by Frame.io's limit of deletions",
		"parked     delete A/b: no right",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("status does not have %q in:\n%s", want, text)
		}
	}
	for _, never := range []string{"everything is on Frame.io", "A/c"} {
		if strings.Contains(text, never) {
			t.Errorf("status has %q in:\n%s", never, text)
		}
	}
}
