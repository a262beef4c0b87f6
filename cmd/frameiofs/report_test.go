package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// Thousands of files are told of in the time in which a person sees no delay: the best of some tries, since the machine does other things.
func TestThousandsOfFilesAreToldOfAtOnce(t *testing.T) {
	folder := remote.Ref{Kind: remote.Folder, ID: "f", Account: "acc"}
	s := &session{places: newPlaces(filepath.Join(t.TempDir(), "folders.json"), nil, nil, folder, slog.New(slog.DiscardHandler))}
	all := make([]spool.Info, 5000)
	for i := range all {
		all[i] = spool.Info{Key: spool.NewKey(), Target: spool.Target{Parent: folder, Name: fmt.Sprintf("clip_%05d.mov", i)}, Size: 3000, Stage: spool.Waiting, Closed: noon}
	}
	all[4999].Stage, all[4998].Stage, all[4997].First, all[0].Paused = spool.Parked, spool.Uploading, true, true
	best, st := time.Hour, control.Status{}
	for range 10 {
		begin := time.Now()
		st = control.Status{Totals: totals(all, false)}
		st.Files, st.LeftOut = s.filesUnder(all, control.Query{Limit: boardFiles})
		b, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(bytes.NewReader(b)).Decode(&st); err != nil {
			t.Fatal(err)
		}
		newBoard(&bytes.Buffer{}, 80, 24).lines([]control.Status{st}, nil)
		best = min(best, time.Since(begin))
	}
	if best > 100*time.Millisecond {
		t.Errorf("it takes %v at best", best)
	}
	if len(st.Files) != boardFiles || st.LeftOut != 5000-boardFiles {
		t.Fatalf("%d files, %d left out", len(st.Files), st.LeftOut)
	}
	for i, want := range []string{"clip_04999.mov", "clip_04998.mov", "clip_04997.mov", "clip_00001.mov"} {
		if st.Files[i].Path != want {
			t.Errorf("file %d is %s, not %s", i, st.Files[i].Path, want)
		}
	}
	under, left := s.filesUnder(all, control.Query{Limit: 2, Under: "clip_00000.mov"})
	if len(under) != 1 || left != 0 || !under[0].Paused {
		t.Errorf("under one path: %+v, %d left out", under, left)
	}
}
