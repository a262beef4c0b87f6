package seed

import (
	"bytes"
	"image/png"
	"io"
	"slices"
	"testing"

	"github.com/frameiofs/frameiofs/sim/world"
)

func plant(t *testing.T, kind string) (*world.World, world.Caller) {
	t.Helper()
	w, err := world.Open(world.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	if err := Plant(w, kind, 1); err != nil {
		t.Fatal(err)
	}
	by, err := w.Authenticate(Tokens[0].Secret)
	if err != nil {
		t.Fatal(err)
	}
	return w, by
}

func find(t *testing.T, w *world.World, by world.Caller, parent world.ID, name string) world.Asset {
	t.Helper()
	p, err := w.List(by, world.Query{Parent: parent})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p.Assets, func(a world.Asset) bool { return a.Name == name })
	if i < 0 {
		t.Fatalf("no %q among %d assets", name, len(p.Assets))
	}
	return p.Assets[i]
}

func TestSample(t *testing.T) {
	w, by := plant(t, "sample")
	teams, err := w.Teams(by, "")
	if err != nil || len(teams) != 1 {
		t.Fatalf("teams: %v, %v", teams, err)
	}
	projects, err := w.Projects(by, teams[0].ID)
	if err != nil || len(projects) != 3 {
		t.Fatalf("projects: %v, %v", projects, err)
	}
	if shared, err := w.SharedProjects(by, ""); err != nil || len(shared) != 1 {
		t.Errorf("shared projects: %v, %v", shared, err)
	}
	cuts := find(t, w, by, projects[0].RootID, "02 Cuts")
	if s := find(t, w, by, cuts.ID, "Trailer v2.mp4"); s.Kind != world.VersionStack || len(s.Versions) != 3 {
		t.Errorf("the stack: %+v", s)
	}
	odd := find(t, w, by, projects[2].RootID, "Odd names")
	p, err := w.List(by, world.Query{Parent: odd.ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range OddNames {
		if !slices.ContainsFunc(p.Assets, func(a world.Asset) bool { return a.Name == want && a.Complete() }) {
			t.Errorf("odd name %q is missing or incomplete", want)
		}
	}
	stills := find(t, w, by, projects[1].RootID, "Stills")
	f, _, err := w.OpenBody(find(t, w, by, stills.ID, "packshot_01.png").ID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Errorf("a still is no picture: %v", err)
	}
}

// Two worlds from one number are the same; that is what makes a failing test repeatable.
func TestSameNumberSameWorld(t *testing.T) {
	body := func() (world.ID, []byte) {
		w, by := plant(t, "sample")
		ps, err := w.AccountProjects(by, w.Accounts(by)[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		a := find(t, w, by, ps[0].RootID, "Camera original.mxf")
		f, _, err := w.OpenBody(a.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return a.ID, b
	}
	id1, b1 := body()
	id2, b2 := body()
	if id1 != id2 || !bytes.Equal(b1, b2) || len(b1) != 24<<20 {
		t.Errorf("ids %s and %s; %d and %d bytes, equal: %v", id1, id2, len(b1), len(b2), bytes.Equal(b1, b2))
	}
}

func TestMeasuredSeeds(t *testing.T) {
	w, by := plant(t, "many:3000")
	ps, _ := w.AccountProjects(by, w.Accounts(by)[0].ID)
	if many := find(t, w, by, ps[0].RootID, "Many"); many.Items != 3000 {
		t.Errorf("many:3000 has %d", many.Items)
	}
	w, by = plant(t, "tree:2x3")
	ps, _ = w.AccountProjects(by, w.Accounts(by)[0].ID)
	if u := ps[0].Usage; u.Folders != 3+9 || u.Files != 27 {
		t.Errorf("tree:2x3 has %+v", u)
	}
	w, by = plant(t, "empty+folders:4x5+many:1")
	ps, _ = w.AccountProjects(by, w.Accounts(by)[0].ID)
	if len(ps) != 3 || ps[1].Name != "4x5" || ps[1].Usage.Folders != 4 || ps[1].Usage.Files != 20 || ps[2].Usage.Files != 1 {
		t.Errorf("three seeds in one: %+v", ps)
	}
	for _, bad := range []string{"", "samples", "many:", "many:-1", "many:x", "tree:3", "tree:0x1", "tree:20x20", "folders:3", "folders:1001x1000", "empty+"} {
		if Check(bad) == nil {
			t.Errorf("seed %q was accepted", bad)
		}
	}
}

// Every token of the list does what it says.
func TestTokens(t *testing.T) {
	w, _ := plant(t, "empty")
	for _, tc := range []struct {
		name                    string
		create, write, download bool
	}{
		{"full", true, true, true}, {"read-only", false, false, true}, {"no-create", false, true, true},
		{"no-download", true, true, false}, {"assistant", true, true, true},
	} {
		i := slices.IndexFunc(Tokens, func(k Token) bool { return k.Name == tc.name })
		by, err := w.Authenticate(Tokens[i].Secret)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		ps, err := w.AccountProjects(by, w.Accounts(by)[0].ID)
		if err != nil || len(ps) != 1 {
			t.Errorf("%s sees %v, %v", tc.name, ps, err)
			continue
		}
		got := []bool{by.Has("asset.create"), w.CanWrite(by, ps[0].ID), w.CanDownload(by, ps[0].ID)}
		if want := []bool{tc.create, tc.write, tc.download}; !slices.Equal(got, want) {
			t.Errorf("%s: create, write, download: got %v, want %v", tc.name, got, want)
		}
	}
}
