package main

import (
	"cmp"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
	"github.com/frameiofs/frameiofs/spool/intent"
)

// countNames counts the changes that are on their way, and those that are parked.
func countNames(all []intent.Info) (onTheWay, parked int) {
	for _, in := range all {
		switch {
		case in.Stays:
		case in.Parked:
			parked++
		default:
			onTheWay++
		}
	}
	return onTheWay, parked
}

// work is how much of each kind is still to be asked of Frame.io.
type work struct{ files, stacks, folders, moves, renames, deletes int }

func workOf(files []spool.Info, changes []intent.Info, deletions int) (w work) {
	w.deletes = deletions
	for _, in := range files {
		if !onItsWay(in) || in.Paused {
			continue
		}
		if in.Asset.IsZero() {
			w.files++
		}
		if !in.Replaces.IsZero() {
			w.stacks++
		}
	}
	for _, in := range changes {
		switch {
		case in.Parked, in.Stays:
		case in.What == intent.MakeFolder:
			w.folders++
		case in.What == intent.Delete || in.What == intent.DeleteFolder: // of these many may go in one call
		case in.Ref.IsDir():
			w.moves++
		default:
			w.renames++
		}
	}
	return w
}

// left estimates the seconds until all is on Frame.io, and tells what they hang on. Bytes go at the rate of the last seconds; of
// everything else Frame.io lets only so much be done a second, of each kind beside the others. deletions is how many calls they take; up is
// the limit of bytes per second, if there is one. What is paused is left out. 0 if nothing can be said.
func left(files []spool.Info, changes []intent.Info, deletions int, t control.Totals, up int64, pace func(remote.ID) remote.Pace) (seconds float64, by string) {
	var account remote.ID
	for _, in := range files {
		account = cmp.Or(account, in.Parent.Account)
	}
	for _, in := range changes {
		account = cmp.Or(account, in.Parent.Account)
	}
	w, p := workOf(files, changes, deletions), pace(account)
	rest := t.Bytes - t.Sent
	for _, in := range files {
		if in.Paused && onItsWay(in) {
			rest -= in.Size - min(in.Sent, in.Size)
		}
	}
	switch {
	case rest <= 0:
	case up > 0 && (t.Rate < 1 || t.Rate > 0.7*float64(up)):
		seconds, by = float64(rest)/float64(up), "--bwlimit"
	case t.Rate >= 1:
		seconds, by = float64(rest)/t.Rate, "bandwidth"
	}
	for _, kind := range []struct {
		n         int
		perSecond float64
		by        string
	}{
		{w.files, p.Files, "new files"}, {w.stacks, p.Stacks, "new versions"}, {w.folders, p.Folders, "new folders"},
		{w.moves, p.Moves, "moved folders"}, {w.renames, p.Renames, "renamed files"}, {w.deletes, p.Deletes, "deletions"},
	} {
		if kind.n == 0 || kind.perSecond <= 0 {
			continue
		}
		if s := float64(kind.n) / kind.perSecond; s > seconds && s >= 1 {
			seconds, by = s, "Frame.io's limit of "+kind.by
		}
	}
	return seconds, by
}
