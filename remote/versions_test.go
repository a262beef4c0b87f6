package remote_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/world"
)

func TestVersions(t *testing.T) {
	for name, b := range map[string]world.Behaviour{
		"stack keeps name, dissolves":        {},
		"stack takes its newest file's name": {StackName: world.StackNameHead, StackAtOne: world.StackStays, StackDelete: world.StackFilesGo},
	} {
		t.Run(name, func(t *testing.T) {
			onBothWires(t, sim.Config{NoLimits: true, Seed: "empty", Behaviour: b}, func(t *testing.T, r *rig) { versions(t, r, b) })
		})
	}
}

func versions(t *testing.T, r *rig, b world.Behaviour) {
	root := r.project()
	var files []remote.Ref
	for i := range 4 {
		files = append(files, r.put(root, fmt.Sprintf("cut v%d.mp4", i+1), film(byte(i), 1000+i)).Ref)
	}
	add := func(target, file remote.Ref) remote.Item {
		t.Helper()
		it, err := r.AddVersion(t.Context(), target, file)
		if err != nil {
			t.Fatal(err)
		}
		if it.Kind != remote.Stack || it.Content != file.ID || it.Parent != root.ID || !it.Complete() {
			t.Errorf("after adding %s: %+v", file.ID, it)
		}
		return it
	}
	stack := add(files[0], files[1])
	if again := add(files[0], files[1]); again.ID != stack.ID {
		t.Errorf("adding the same again made another stack")
	}
	if third := add(stack.Ref, files[2]); third.ID != stack.ID || third.Size != 1002 {
		t.Errorf("third version: %+v", third)
	}
	add(stack.Ref, files[2])
	// To the caller a file is a file, even if somebody has put it into a stack meanwhile.
	if fourth := add(files[0], files[3]); fourth.ID != stack.ID {
		t.Errorf("fourth version made another stack: %+v", fourth)
	}
	var order []remote.ID
	for _, it := range r.list(stack.Ref) {
		order = append(order, it.ID)
	}
	if want := []remote.ID{files[3].ID, files[2].ID, files[1].ID, files[0].ID}; !slices.Equal(order, want) {
		t.Errorf("versions %v, want the newest first: %v", order, want)
	}
	listed := r.list(root)
	if len(listed) != 1 || listed[0].Ref != stack.Ref || listed[0].Content != files[3].ID || listed[0].Size != 1003 {
		t.Errorf("the folder shows %+v, want the stack alone", listed)
	}
	if got := r.read(files[1], 0, -1); !bytes.Equal(got, film(1, 1001)) {
		t.Error("an older version has other bytes")
	}

	it, err := r.Rename(t.Context(), stack.Ref, "final.mp4")
	head, headErr := r.Stat(t.Context(), files[3])
	switch follows := r.wire == "v2" || b.StackName == world.StackNameHead; {
	case headErr != nil:
		t.Error(headErr)
	case follows && (err != nil || it.Name != "final.mp4" || it.Kind != remote.Stack):
		t.Errorf("rename: %+v, %v", it, err)
	case !follows && (!errors.Is(err, errors.ErrUnsupported) || head.Name != "cut v4.mp4"):
		t.Errorf("rename: %v, and the newest file is called %q; want it undone", err, head.Name)
	}
	folder, err := r.CreateFolder(t.Context(), root, "old")
	if err != nil {
		t.Fatal(err)
	}
	if it, err := r.Move(t.Context(), stack.Ref, folder.Ref); err != nil || it.Parent != folder.ID || it.Kind != remote.Stack {
		t.Errorf("move: %+v, %v", it, err)
	}
	if err := r.Delete(t.Context(), stack.Ref); err != nil {
		t.Error(err)
	}
	if left := r.list(folder.Ref); r.wire == "v2" && len(left) != 0 || slices.ContainsFunc(left, func(it remote.Item) bool { return it.Kind == remote.File }) {
		t.Errorf("a deleted stack left %+v", left)
	}
	if err := r.Delete(t.Context(), stack.Ref); err != nil {
		t.Errorf("deleting it again: %v", err)
	}
}
