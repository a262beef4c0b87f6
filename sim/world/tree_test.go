package world

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestListOrders(t *testing.T) {
	s := newScene(t, Behaviour{})
	root := s.project.RootID
	for _, name := range []string{"b", "a", "B", "a"} {
		s.file(root, name, name+name)
	}
	s.file(root, "c", "c")
	list := func(o ...Order) []string { return names(must(s.List(s.ann, Query{Parent: root, Order: o}))(t).Assets) }
	tests := []struct {
		what      string
		got, want []string
	}{
		{"by name", list(Order{Field: ByName}), []string{"B", "a", "a", "b", "c"}},
		{"by name, descending", list(Order{Field: ByName, Desc: true}), []string{"c", "b", "a", "a", "B"}},
		{"by time", list(Order{Field: ByCreated}), []string{"b", "a", "B", "a", "c"}},
		{"by size, then name", list(Order{Field: BySize}, Order{Field: ByName}), []string{"c", "B", "a", "a", "b"}},
		{"by default", s.names(root), []string{"B", "a", "a", "b", "c"}},
	}
	for _, tc := range tests {
		if !slices.Equal(tc.got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.what, tc.got, tc.want)
		}
	}
	s.SetBehaviour(func(b *Behaviour) { b.ListOrder = ListByCreated })
	if got := s.names(root); !slices.Equal(got, tests[2].want) {
		t.Errorf("with list_order created: %q", got)
	}
	s.SetBehaviour(func(b *Behaviour) { b.ListOrder = ListRandom })
	if a, b := s.names(root), s.names(root); !slices.Equal(a, b) || len(a) != 5 {
		t.Errorf("the shuffle is not stable: %q, %q", a, b)
	}
	if got := must(s.List(s.ann, Query{Parent: root, Kinds: []Kind{Folder}}))(t); got.Total != 0 {
		t.Errorf("folders among files: %+v", got)
	}
}

// Between two pages somebody deletes an entry of the first and adds one before it: by number a listing then skips or
// repeats, by key it does not.
func TestPagesWhileChanging(t *testing.T) {
	for _, byKey := range []bool{false, true} {
		s := newScene(t, Behaviour{})
		root := s.project.RootID
		var ids []ID
		for i := range 9 {
			ids = append(ids, s.folder(root, fmt.Sprintf("f%d", i)).ID)
		}
		page := must(s.List(s.ann, Query{Parent: root, Limit: 3}))(t)
		must(s.Delete(s.ann, ids[0]))(t)
		must(s.Delete(s.ann, ids[2]))(t) // the very entry the key names
		q := Query{Parent: root, Limit: 3, Offset: page.NextOffset}
		if byKey {
			q = Query{Parent: root, Limit: 3, After: page.NextKey}
		}
		got := names(must(s.List(s.ann, q))(t).Assets)
		want := []string{"f5", "f6", "f7"} // skips f3 and f4
		if byKey {
			want = []string{"f3", "f4", "f5"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("by key %v: got %q, want %q", byKey, got, want)
		}
	}
	s := newScene(t, Behaviour{})
	if _, err := s.List(s.ann, Query{Parent: s.project.RootID, After: "nonsense"}); !errors.Is(err, ErrInvalid) {
		t.Errorf("nonsense for a key: %v", err)
	}
}

func TestListLag(t *testing.T) {
	clock := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := newScene(t, Behaviour{})
	s.Close()
	s.cfg.Now = func() time.Time { return clock }
	s.World = must(Open(s.cfg))(t)
	root := s.project.RootID
	stays, renamed, moved, gone := s.folder(root, "stays"), s.folder(root, "renamed"), s.folder(root, "moved"), s.folder(root, "gone")
	old := s.names(root)

	s.SetBehaviour(func(b *Behaviour) { b.ListLag = Duration(2 * time.Second) })
	clock = clock.Add(time.Hour)
	name := "new name"
	must(s.Update(s.ann, renamed.ID, Change{Name: &name}))(t)
	must(s.Move(s.ann, moved.ID, stays.ID))(t)
	must(s.Delete(s.ann, gone.ID))(t)
	s.folder(root, "young")
	clock = clock.Add(time.Second)
	if got := s.names(root); !slices.Equal(got, old) {
		t.Errorf("a second later: got %q, want what was: %q", got, old)
	}
	if got := must(s.Asset(s.ann, renamed.ID))(t).Name; got != name {
		t.Errorf("asked for by id: %q", got)
	}
	clock = clock.Add(time.Second)
	if got, want := s.names(root), []string{"new name", "stays", "young"}; !slices.Equal(got, want) {
		t.Errorf("two seconds later: got %q, want %q", got, want)
	}
}

func TestNamesConflict(t *testing.T) {
	s := newScene(t, Behaviour{Names: NamesConflict})
	root := s.project.RootID
	a, d := s.file(root, "a.txt", "a"), s.folder(root, "d")
	inner := s.file(d.ID, "a.txt", "other")
	for what, err := range map[string]error{
		"folder": second(s.CreateFolder(s.ann, root, "a.txt")),
		"file":   third(s.CreateFile(s.ann, root, NewFile{Name: "a.txt", Size: 1})),
		"rename": second(s.Update(s.ann, d.ID, Change{Name: &a.Name})),
		"move":   second(s.Move(s.ann, inner.ID, root)),
		"copy":   second(s.Copy(s.ann, inner.ID, root, CopyOptions{})),
	} {
		if !errors.Is(err, ErrConflict) {
			t.Errorf("%s onto a taken name: %v", what, err)
		}
	}
	if _, err := s.Update(s.ann, a.ID, Change{Name: &a.Name}); err != nil {
		t.Errorf("rename to its own name: %v", err)
	}
	if c, err := s.Copy(s.ann, inner.ID, root, CopyOptions{Suffix: true}); err != nil || c.Name != "a (1).txt" {
		t.Errorf("copy with a suffix: %q, %v", c.Name, err)
	}
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

func TestCopyIsDeepAndSharesBytes(t *testing.T) {
	s := newScene(t, Behaviour{})
	root := s.project.RootID
	src := s.folder(root, "src")
	f := s.file(src.ID, "f.txt", "bytes")
	v1 := s.file(src.ID, "cut.mov", "1")
	must(s.AddVersion(s.ann, v1.ID, s.file(src.ID, "cut 2.mov", "2").ID))(t)
	c := must(s.Copy(s.ann, src.ID, root, CopyOptions{Suffix: true}))(t)
	if c.Name != "src (1)" || c.Items != 2 {
		t.Fatalf("copy: %+v", c)
	}
	kids := must(s.List(s.ann, Query{Parent: c.ID}))(t).Assets
	if kids[0].Kind != VersionStack || len(kids[0].Versions) != 2 || kids[1].Name != "f.txt" || kids[1].ID == f.ID {
		t.Errorf("copied children: %+v", kids)
	}
	must(s.Delete(s.ann, src.ID))(t)
	if got := s.body(kids[1].ID); got != "bytes" {
		t.Errorf("the copy's bytes after its source is deleted: %q", got)
	}
	if _, err := s.Copy(s.ann, c.ID, c.ID, CopyOptions{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("copy into itself: %v", err)
	}
	if u := must(s.Project(s.ann, s.project.ID))(t).Usage; u != (Usage{Bytes: 7, Files: 3, Folders: 1}) {
		t.Errorf("usage: %+v", u)
	}
}

func TestStackSwitches(t *testing.T) {
	build := func(b Behaviour) (s *scene, dir Asset, stack Asset, v []Asset) {
		s = newScene(t, b)
		dir = s.folder(s.project.RootID, "dir")
		v = []Asset{s.file(dir.ID, "v1.mov", "1"), s.file(dir.ID, "v2.mov", "2"), s.file(dir.ID, "v3.mov", "3")}
		stack = must(s.NewStack(s.ann, dir.ID, []ID{v[0].ID, v[1].ID}))(t)
		return s, dir, stack, v
	}
	t.Run("name stays", func(t *testing.T) {
		s, _, stack, v := build(Behaviour{})
		if got := must(s.Move(s.ann, v[2].ID, stack.ID))(t); got.ParentID != stack.ID {
			t.Errorf("moved onto the stack: parent %s", got.ParentID)
		}
		if got := must(s.Asset(s.ann, stack.ID))(t); got.Name != "v2.mov" || got.Head() != v[2].ID {
			t.Errorf("stack: %q, head %s", got.Name, got.Head())
		}
	})
	t.Run("name follows the head", func(t *testing.T) {
		s, dir, stack, v := build(Behaviour{StackName: StackNameHead})
		must(s.AddVersion(s.ann, stack.ID, v[2].ID))(t)
		name := "final.mov"
		must(s.Update(s.ann, v[2].ID, Change{Name: &name}))(t)
		if got := s.names(dir.ID); !slices.Equal(got, []string{"final.mov"}) {
			t.Errorf("after renaming the head: %q", got)
		}
	})
	t.Run("dissolves", func(t *testing.T) {
		s, dir, stack, v := build(Behaviour{})
		must(s.Move(s.ann, v[1].ID, s.project.RootID))(t)
		if got := s.names(dir.ID); !slices.Equal(got, []string{"v1.mov", "v3.mov"}) {
			t.Errorf("after taking out one of two: %q", got)
		}
		if _, err := s.Asset(s.ann, stack.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("the stack: %v", err)
		}
	})
	t.Run("stays with one", func(t *testing.T) {
		s, _, stack, v := build(Behaviour{StackAtOne: StackStays})
		must(s.Delete(s.ann, v[1].ID))(t)
		if got := must(s.Asset(s.ann, stack.ID))(t); len(got.Versions) != 1 || got.Head() != v[0].ID {
			t.Errorf("stack of one: %+v", got)
		}
		must(s.Delete(s.ann, v[0].ID))(t)
		if _, err := s.Asset(s.ann, stack.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("stack of none: %v", err)
		}
	})
	t.Run("delete leaves the files", func(t *testing.T) {
		s, dir, stack, _ := build(Behaviour{})
		must(s.Delete(s.ann, stack.ID))(t)
		if got := s.names(dir.ID); !slices.Equal(got, []string{"v1.mov", "v2.mov", "v3.mov"}) {
			t.Errorf("after deleting the stack: %q", got)
		}
	})
	t.Run("delete takes the files", func(t *testing.T) {
		s, dir, stack, v := build(Behaviour{StackDelete: StackFilesGo})
		must(s.Delete(s.ann, stack.ID))(t)
		if got := s.names(dir.ID); !slices.Equal(got, []string{"v3.mov"}) {
			t.Errorf("after deleting the stack: %q", got)
		}
		must(s.Restore(s.ann, stack.ID))(t)
		if got := must(s.Asset(s.ann, v[1].ID))(t); got.ParentID != stack.ID {
			t.Errorf("restored with its stack: %+v", got)
		}
	})
	t.Run("unversion to root", func(t *testing.T) {
		s, _, _, v := build(Behaviour{UnversionTo: ToRoot})
		if got := must(s.Unversion(s.ann, v[1].ID))(t); got.ParentID != s.project.RootID {
			t.Errorf("unversioned to %s", got.ParentID)
		}
	})
	t.Run("a deleted version comes back", func(t *testing.T) {
		s, dir, stack, v := build(Behaviour{})
		must(s.AddVersion(s.ann, stack.ID, v[2].ID))(t)
		must(s.Delete(s.ann, v[2].ID))(t)
		must(s.Restore(s.ann, v[2].ID))(t)
		if got := must(s.Asset(s.ann, stack.ID))(t); got.Head() != v[2].ID {
			t.Errorf("head after restore: %s", got.Head())
		}
		must(s.Delete(s.ann, v[2].ID))(t)
		must(s.Unversion(s.ann, v[1].ID))(t) // the stack dissolves
		if got := must(s.Restore(s.ann, v[2].ID))(t); got.ParentID != dir.ID {
			t.Errorf("restored after its stack dissolved: in %s", got.ParentID)
		}
	})
}

func TestRestoreWithoutParent(t *testing.T) {
	s := newScene(t, Behaviour{})
	d := s.folder(s.project.RootID, "d")
	f := s.file(d.ID, "f", "f")
	must(s.Delete(s.ann, f.ID))(t)
	must(s.Delete(s.ann, d.ID))(t)
	if got := must(s.Restore(s.ann, f.ID))(t); got.ParentID != s.project.RootID {
		t.Errorf("restored into %s", got.ParentID)
	}
	if _, err := s.Restore(s.ann, f.ID); !errors.Is(err, ErrInvalid) {
		t.Errorf("restore of a living asset: %v", err)
	}
}

func TestMoveBetweenProjects(t *testing.T) {
	s := newScene(t, Behaviour{})
	other := must(s.AddProject(Project{TeamID: s.project.TeamID, Name: "Other"}))(t)
	d := s.folder(s.project.RootID, "d")
	f := s.file(d.ID, "f", "12345")
	must(s.Move(s.ann, d.ID, other.RootID))(t)
	if got := must(s.Asset(s.ann, f.ID))(t); got.ProjectID != other.ID {
		t.Errorf("the file's project: %s", got.ProjectID)
	}
	for id, want := range map[ID]Usage{s.project.ID: {}, other.ID: {Bytes: 5, Files: 1, Folders: 1}} {
		if got := must(s.Project(s.ann, id))(t).Usage; got != want {
			t.Errorf("usage: got %+v, want %+v", got, want)
		}
	}
	if got := s.Path(f.ID); got != "Other/d/f" {
		t.Errorf("path: %q", got)
	}
}

// Whatever happens, the counts and the listings are those of a world built anew from the journal.
func TestRandomChangesSurviveRestart(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { randomChanges(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func randomChanges(t *testing.T, rng *rand.Rand) {
	s := newScene(t, Behaviour{})
	ids := []ID{s.project.RootID}
	pick := func() ID { return ids[rng.IntN(len(ids))] }
	note := func(a Asset, err error) {
		var e *Error
		if err == nil {
			ids = append(ids, a.ID)
		} else if !errors.As(err, &e) {
			t.Fatal(err)
		}
	}
	for i := range 1500 {
		switch name := fmt.Sprintf("n%d.mov", i%40); rng.IntN(9) {
		case 0:
			note(s.CreateFolder(s.ann, pick(), name))
		case 1, 2:
			a, _, err := s.CreateFile(s.ann, pick(), NewFile{Name: name, Size: int64(i)})
			note(a, err)
		case 3:
			note(s.Move(s.ann, pick(), pick()))
		case 4:
			if len(ids) < 500 {
				note(s.Copy(s.ann, pick(), pick(), CopyOptions{Suffix: i%2 == 0}))
			}
		case 5:
			if i%3 == 0 {
				note(s.Delete(s.ann, pick()))
			}
		case 6:
			note(s.Restore(s.ann, pick()))
		case 7:
			note(s.AddVersion(s.ann, pick(), pick()))
		case 8:
			note(s.Unversion(s.ann, pick()))
		}
	}
	state := func() (out []string) {
		out = append(out, fmt.Sprintf("%+v %+v", must(s.Project(s.ann, s.project.ID))(t).Usage, s.usage[s.project.ID].trash))
		for _, id := range ids {
			p, err := s.List(s.ann, Query{Parent: id})
			a, err2 := s.AssetEvenDeleted(s.ann, id)
			out = append(out, fmt.Sprint(id, names(p.Assets), err, a.Name, a.ParentID, a.Versions, a.Items, a.Deleted, err2))
			if a.Kind == VersionStack && err == nil && len(a.Versions) != p.Total {
				t.Errorf("a stack of %d versions lists %d", len(a.Versions), p.Total)
			}
		}
		return out
	}
	before := state()
	s.reopen()
	for i, got := range state() {
		if got != before[i] {
			t.Fatalf("after restart:\n got %s\nwant %s", got, before[i])
		}
	}
}

func TestTouchParents(t *testing.T) {
	clock := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := newScene(t, Behaviour{})
	s.Close()
	s.cfg.Now = func() time.Time { return clock }
	s.World = must(Open(s.cfg))(t)
	d := s.folder(s.project.RootID, "d")
	for _, touch := range []bool{false, true} {
		s.SetBehaviour(func(b *Behaviour) { b.TouchParents = touch })
		clock = clock.Add(time.Minute)
		s.file(d.ID, "f", "f")
		if got := must(s.Asset(s.ann, d.ID))(t).Updated.Equal(clock); got != touch {
			t.Errorf("touch_parents %v: the folder's time moved: %v", touch, got)
		}
	}
}
