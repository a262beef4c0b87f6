package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/world"
)

func isMissing(err error) bool { return errors.Is(err, iofs.ErrNotExist) }
func isRefusal(err error) bool { return errors.Is(err, remote.ErrRefused) }

func TestACreateWhoseAnswerIsLostMakesOneAsset(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		r.client = r.dial(r.srv.URL(), r.srv.Token("full"))
		theirs := r.dial(r.srv.URL(), r.srv.Token("assistant"))
		for i, fault := range []string{"lost", "reset", "502", "truncate", "html"} {
			r.fault(fault + "@api:assets.create*1")
			name := fmt.Sprint("shots ", i)
			folder, err := r.CreateFolder(t.Context(), root, name)
			if err != nil {
				t.Fatalf("%s: %v", fault, err)
			}
			if all := r.list(root); len(all) != i+1 {
				t.Errorf("%s: the folder was made %d times", fault, len(all)-i)
			}
			// Somebody else makes the same file at the same time, and we have one of the same kind on its way.
			file := remote.NewFile{Parent: folder.Ref, Name: "take.mp4", Size: 3000}
			other, err := theirs.CreateFile(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			mine, err := r.CreateFile(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			r.fault(fault + "@api:assets.create*1")
			got, err := r.CreateFile(t.Context(), file)
			if err != nil {
				t.Fatalf("%s: %v", fault, err)
			}
			var ids []remote.ID
			for _, it := range r.list(folder.Ref) {
				ids = append(ids, it.ID)
			}
			want := []remote.ID{other.File.ID, mine.File.ID, got.File.ID}
			slices.Sort(ids)
			slices.Sort(want)
			if !slices.Equal(ids, want) {
				t.Errorf("%s: there are %v, want %v: theirs, ours from before, and the one that was asked for", fault, ids, want)
			}
			r.putParts(got, film(1, 3000))
			r.uploaded(got.File.Ref)
		}
	})
}

func TestWhatIsOlderThanALostAttemptStays(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		file := remote.NewFile{Parent: root, Name: "take.mp4", Size: 3000}
		other, err := r.CreateFile(t.Context(), file) // the same user's, on another machine
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // clocks are compared to within 2 s
		r.client = r.dial(r.srv.URL(), r.srv.Token("full"))
		r.fault("lost@api:assets.create*2")
		if _, err := r.CreateFile(t.Context(), file); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Stat(t.Context(), other.File.Ref); err != nil || len(r.list(root)) != 2 {
			t.Errorf("the other machine's placeholder: %v; there are %v", err, r.names())
		}
	})
}

func TestACreateOfAnEarlierRunIsNotMadeTwice(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		file := remote.NewFile{Parent: root, Name: "take.mp4", Size: 3000}
		since := time.Now()
		before := r.put(root, "take.mp4", film(1, 3000)) // complete: no leftover
		lost, err := r.CreateFile(t.Context(), file)     // and then the program is killed
		if err != nil {
			t.Fatal(err)
		}
		made, err := r.CreateFolder(t.Context(), root, "shots")
		if err != nil {
			t.Fatal(err)
		}
		r.client = r.as("full")
		file.Since = since
		got, err := r.CreateFile(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		adopted, err := r.CreateFolder(remote.WithSince(t.Context(), since), root, "shots")
		if err != nil || adopted.ID != made.ID {
			t.Errorf("the folder made before is %s, got %s, %v", made.ID, adopted.ID, err)
		}
		if _, err := r.Stat(t.Context(), lost.File.Ref); !isMissing(err) {
			t.Errorf("the placeholder of the earlier run is still there: %v", err)
		}
		if len(r.list(root)) != 3 || got.File.ID == before.ID {
			t.Errorf("there are %v", r.names())
		}
		if got := r.read(before.Ref, 0, -1); !bytes.Equal(got, film(1, 3000)) {
			t.Error("the complete file was touched")
		}
	})
}

func TestAVersionWhoseAnswerIsLostIsAddedOnce(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		a, b, c := r.put(root, "a.mp4", film(1, 10)), r.put(root, "b.mp4", film(2, 20)), r.put(root, "c.mp4", film(3, 30))
		// The last part of the path tells the wires' calls that change a stack.
		lost := `lost@api:/^(POST|PATCH) .*\/(version|version_stacks|move)$/*1`
		r.fault(lost)
		stack, err := r.AddVersion(t.Context(), a.Ref, b.Ref)
		if err != nil || stack.Content != b.ID {
			t.Fatalf("%+v, %v", stack, err)
		}
		r.fault(lost)
		if stack, err = r.AddVersion(t.Context(), stack.Ref, c.Ref); err != nil || stack.Content != c.ID {
			t.Fatalf("%+v, %v", stack, err)
		}
		if n := len(r.list(stack.Ref)); n != 3 || len(r.list(root)) != 1 {
			t.Errorf("%d versions, and in the folder %v", n, r.names())
		}
	})
}

func TestWhatTheLinkDoesIsWaitedOut(t *testing.T) {
	for _, fault := range []string{
		"429@api*1", "500@api*1", "503@api%3", "reset@api%4", "truncate@api:assets.children*2", "html@api*1",
		"429@media*1", "503@media*2", "reset@media*3", "truncate@media*3", "expired@media*1", "html@media*1",
		"slowdown@upload*2", "500@upload*2", "reset@upload*3", "html@upload*1", "504@upload%3",
	} {
		t.Run(fault, func(t *testing.T) {
			onBothWires(t, sim.Config{NoLimits: true, Seed: "empty", Behaviour: world.Behaviour{PartSize: 300_000}}, func(t *testing.T, r *rig) {
				root := r.project()
				r.fault(fault)
				data := film(9, 1_000_000)
				it := r.put(root, "a.mp4", data)
				if got := r.read(it.Ref, 0, -1); !bytes.Equal(got, data) {
					t.Errorf("read back %d bytes that differ", len(got))
				}
				if got := r.read(it.Ref, 400_000, 500_000); !bytes.Equal(got, data[400_000:900_000]) {
					t.Error("a range differs")
				}
				if _, err := r.Rename(t.Context(), it.Ref, "b.mp4"); err != nil {
					t.Error(err)
				}
				if all := r.list(root); len(all) != 1 || all[0].Name != "b.mp4" {
					t.Errorf("there are %v", r.names())
				}
				if hit := r.srv.Faults().List(); len(hit) != 1 || hit[0].Fired == 0 {
					t.Errorf("the fault never struck: %+v", hit)
				}
			})
		})
	}
}

func TestReadsWithoutRanges(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty", Behaviour: world.Behaviour{NoRange: true}}, func(t *testing.T, r *rig) {
		data := film(3, 400_000)
		it := r.put(r.project(), "a.mp4", data)
		if got := r.read(it.Ref, 123_456, 1000); !bytes.Equal(got, data[123_456:124_456]) {
			t.Error("a range differs")
		}
	})
}

func TestLinksThatEndAreRenewed(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		data := film(3, 10_000)
		root := r.project()
		it := r.put(root, "a.mp4", data)
		u, err := r.CreateFile(t.Context(), remote.NewFile{Parent: root, Name: "late.mp4", Size: 10})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if got := r.read(it.Ref, 5000, 100); !bytes.Equal(got, data[5000:5100]) {
				t.Error("a range differs")
			}
			if err := r.srv.World().ExpireURLs(); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.PutPart(t.Context(), u.Parts[0], bytes.NewReader(data)); !errors.Is(err, remote.ErrExpired) {
			t.Errorf("a part after its URL has expired: %v", err)
		}
		links := 0
		r.srv.Log().Quiet(5 * time.Second)
		for _, e := range r.srv.Log().Entries(0) {
			if e.Host == "media" && e.Status == http.StatusForbidden {
				links++
			}
		}
		if links != 2 {
			t.Errorf("%d refused reads, want one for each time that the link ended", links)
		}
	})
}

func TestRefusalsHaveTheirNames(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		it := r.put(root, "a.mp4", film(1, 100))
		create := func(c client) error {
			_, err := c.CreateFile(t.Context(), remote.NewFile{Parent: root, Name: "b.mp4", Size: 1 << 40})
			return err
		}
		if _, err := r.dial(r.srv.URL(), "fio-u-wrong").Me(t.Context()); !errors.Is(err, remote.ErrToken) {
			t.Errorf("wrong token: %v", err)
		}
		if err := create(r.as("read-only")); !errors.Is(err, iofs.ErrPermission) {
			t.Errorf("create with a token that may only read: %v", err)
		}
		if _, err := r.as("no-download").OpenRange(t.Context(), it.Ref, 0, 10); !errors.Is(err, iofs.ErrPermission) || !errors.Is(err, remote.ErrDownload) {
			t.Errorf("read without the right to download: %v", err)
		}
		account := world.ID(it.Account)
		if err := r.srv.World().ChangeAccount(account, func(a *world.Account) { a.StorageLimit = 1 << 30 }); err != nil {
			t.Fatal(err)
		}
		if err := create(r); !errors.Is(err, remote.ErrQuota) || errors.Is(err, iofs.ErrPermission) {
			t.Errorf("create over quota: %v", err)
		}
		if r.wire == "v4" {
			r.behave(func(b *world.Behaviour) { b.QuotaStatus = http.StatusUnprocessableEntity })
			if err := create(r); !errors.Is(err, remote.ErrQuota) {
				t.Errorf("create over quota, told as 422: %v", err)
			}
		}
		// This request is meant to be wrong, so it does not go past the document's check.
		long := r.dial(r.srv.URL(), r.srv.Token("full"))
		if _, err := long.CreateFolder(t.Context(), root, strings.Repeat("x", 256)); !isRefusal(err) {
			t.Errorf("a name of 256 characters: %v", err)
		}
		if _, err := r.Stat(t.Context(), remote.Ref{Kind: remote.File, ID: "00000000-0000-4000-8000-000000000000", Account: it.Account}); !isMissing(err) {
			t.Errorf("stat of nothing: %v", err)
		}
	})
}

func TestLimitsAreKeptWithoutBeingTold(t *testing.T) {
	onBothWires(t, sim.Config{Seed: "many:12"}, func(t *testing.T, r *rig) {
		r.client = r.dial(r.srv.URL(), r.srv.Token("full")) // the checking proxy would slow it down
		files := r.list(r.list(r.project())[0].Ref)
		var wg sync.WaitGroup
		for _, f := range files {
			wg.Go(func() {
				if _, err := r.Stat(remote.WithPriority(context.Background(), remote.Uploads), f.Ref); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := r.srv.Log().Stats()["api"].ByStatus[429]; n > 0 || len(files) != 12 {
			t.Errorf("%d calls about %d files were refused; headers tell the limit, so they could have waited", n, len(files))
		}
	})
}
