package cache

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/frameiofs/frameiofs/remote"
)

func openIndex(t *testing.T, path string) *Index {
	t.Helper()
	x, err := OpenIndex(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func TestIndexAttr(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "index.db")
	x := openIndex(t, path)
	if a := x.Attr("nobody"); a != (Attr{}) {
		t.Errorf("nothing was set, got %+v", a)
	}
	mtime := time.Date(2024, 2, 29, 12, 0, 0, 123456789, time.UTC)
	early := time.Date(1903, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, a := range []Attr{{Mode: 0o640}, {Mtime: mtime, UID: new(uint32(0))}, {GID: new(uint32(7)), Atime: early}, {Ctime: mtime}, {Mode: 0o600}} {
		if err := x.SetAttr("id", a); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.SetAttr("", Attr{Mode: 0o755}); err != nil { // the root has no ID
		t.Fatal(err)
	}
	check := func(when string, x *Index) {
		t.Helper()
		a := x.Attr("id")
		if a.Mode != 0o600 || a.UID == nil || *a.UID != 0 || a.GID == nil || *a.GID != 7 || !a.Mtime.Equal(mtime) || !a.Atime.Equal(early) || !a.Ctime.Equal(mtime) {
			t.Errorf("%s: got %+v", when, a)
		}
		if a := x.Attr(""); a.Mode != 0o755 {
			t.Errorf("%s: the root's mode is %o", when, a.Mode)
		}
	}
	check("at once", x)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := x.SetAttr("id", Attr{Mode: 1}); err == nil {
		t.Error("a closed index keeps what is set")
	}
	check("opened again", openIndex(t, path))
	if fi, err := os.Stat(path); err != nil || fi.Mode() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
}

// What was set is in the file within a second without any Close, as a kill -9 would find it.
func TestIndexSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "index.db")
	x := openIndex(t, path)
	if err := x.SetAttr("id", Attr{Mode: 0o640}); err != nil {
		t.Fatal(err)
	}
	if err := x.Alias("id", 77, 88); err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		left := filepath.Join(dir, "left.db")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left, b, 0o600); err != nil {
			t.Fatal(err)
		}
		y := openIndex(t, left)
		a := y.Attr("id")
		ino, gen := y.Inode(remote.Ref{Kind: remote.File, ID: "id"})
		if err := y.Close(); err != nil {
			t.Fatal(err)
		}
		if a.Mode == 0o640 && ino == 77 && gen == 88 {
			return
		}
		if time.Since(begin) > time.Second {
			t.Fatalf("after %v: %+v, inode %d %d", time.Since(begin), a, ino, gen)
		}
	}
}

func TestIndexInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	openIndex(t, path)
	if _, err := OpenIndex(path); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second one: %v", err)
	}
}

func TestIndexDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no index ", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenIndex(path); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
}

// written is the number of the last transaction.
func written(t *testing.T, x *Index) (id int) {
	t.Helper()
	if err := x.flush(); err != nil {
		t.Fatal(err)
	}
	if err := x.db.View(func(tx *bbolt.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

// A listing that is told again and stays the same costs no write; its age does now and then.
func TestIndexWritesWhatIsNew(t *testing.T) {
	x := openIndex(t, filepath.Join(t.TempDir(), "index.db"))
	var mu sync.Mutex
	s := newSiblings([]remote.Item{file(1, "a"), file(2, "b")})
	s.at = time.Unix(1_800_000_000, 0)
	x.setListing("k", &mu, s)
	id := written(t, x)
	for _, c := range []struct {
		what  string
		do    func()
		wants int
	}{
		{"set again", func() { x.setListing("k", &mu, s) }, 0},
		{"a little later", func() { s.at = s.at.Add(ageGrain / 2); x.setAge("k", &mu, s) }, 0},
		{"much later", func() { s.at = s.at.Add(ageGrain); x.setAge("k", &mu, s) }, 1},
		{"the clock was set back", func() { s.at = s.at.Add(-ageGrain); x.setAge("k", &mu, s) }, 1},
		{"to be asked for", func() { s.at = time.Time{}; x.setAge("k", &mu, s) }, 1},
		{"a change", func() { s.put(file(3, "c")); x.setListing("k", &mu, s); x.setAge("k", &mu, s) }, 1},
		{"gone", func() { x.setListing("k", &mu, nil) }, 1},
		{"still gone", func() { x.setListing("k", &mu, nil) }, 0},
	} {
		c.do()
		now := written(t, x)
		if now-id != c.wants {
			t.Errorf("%s: %d writes, want %d", c.what, now-id, c.wants)
		}
		id = now
		switch got := x.listing("k"); {
		case strings.HasSuffix(c.what, "gone"):
			if got != nil {
				t.Errorf("%s: it is there", c.what)
			}
		case got == nil || !slices.Equal(namesOf(got.list()), namesOf(s.list())) || s.at.Sub(got.at) >= ageGrain || got.at.IsZero() != s.at.IsZero():
			t.Errorf("%s: got %+v", c.what, got)
		}
	}
}

func TestIndexDropsListingsOfEarlierVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x := openIndex(t, path)
	err := x.db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket(outdated[0])
		if err != nil {
			return err
		}
		return b.Put([]byte("k"), make([]byte, 1<<20))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.SetAttr("id", Attr{Mode: 0o640}); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = openIndex(t, path)
	_ = x.db.View(func(tx *bbolt.Tx) error {
		if tx.Bucket(outdated[0]) != nil {
			t.Error("dead weight stays")
		}
		return nil
	})
	if x.Attr("id").Mode != 0o640 {
		t.Error("attributes went with it")
	}
}

func TestInode(t *testing.T) {
	x := openIndex(t, filepath.Join(t.TempDir(), "index.db"))
	const id = "0f8fad5b-d9cb-469f-a165-70867728950e"
	type inode struct{ ino, gen uint64 }
	of := func(k remote.Kind, id remote.ID) inode {
		ino, gen := x.Inode(remote.Ref{Kind: k, ID: id})
		return inode{ino, gen}
	}
	if of(remote.Account, id).ino == of(remote.Shared, id).ino {
		t.Error("an account and what is shared in it have one inode number: find takes that for a loop")
	}
	if of(remote.Project, id) != of(remote.Folder, id) {
		t.Error("a project is not its root folder")
	}
	ids := map[inode]remote.ID{}
	for _, id := range []remote.ID{"", "x", "y", id, "0f8fad5b-d9cb-469f-a165-70867728950f", "00000000-0000-0000-0000-000000000000",
		"ffffffff-ffff-ffff-ffff-ffffffffffff", "ffffffff-ffff-ffff-0000-000000000000", "0F8FAD5B-D9CB-469F-A165-70867728950E"} {
		for _, k := range []remote.Kind{remote.Root, remote.Folder} {
			n := of(k, id)
			if !usableIno(n.ino) {
				t.Errorf("%v %q has ino %d", k, id, n.ino)
			}
			if other, ok := ids[n]; ok {
				t.Errorf("%q and %q have one identity", id, other)
			}
			ids[n] = id
			if n != of(k, id) {
				t.Errorf("%q has two identities", id)
			}
		}
	}
	if err := x.Alias(id, 5, 6); err != nil {
		t.Fatal(err)
	}
	if got := of(remote.Stack, id); got != (inode{5, 6}) {
		t.Errorf("alias: got %v", got)
	}
	for _, ino := range []uint64{0, 1, 1<<64 - 1} {
		if x.Alias("other", ino, 0) == nil {
			t.Errorf("an alias of ino %d was taken", ino)
		}
	}
}

func TestListingKeepsItems(t *testing.T) {
	in := remote.Item{
		Ref: remote.Ref{Kind: remote.Stack, ID: "i", Account: "a"}, Parent: "p", Project: "j", Name: "n\xff", Size: 1 << 40, MediaType: "video/mp4",
		State: remote.Transcoded, Content: "c", Checksum: "x", Created: time.Unix(1, 2).UTC(), Updated: time.Unix(3, 4).UTC(), Mtime: time.Unix(5, 6).UTC(),
		Creator: "u", URL: "https://", Label: "approved", Failed: true,
	}
	for i := range reflect.TypeOf(in).NumField() {
		if reflect.ValueOf(in).Field(i).IsZero() {
			t.Errorf("the test leaves %s out", reflect.TypeOf(in).Field(i).Name)
		}
	}
	plain := file(7, "plain") // most that can be left out is
	next := in
	next.ID, next.Name, next.Mtime, next.Failed = "k", "", time.Time{}, false
	want := []Entry{{Item: in}, {Item: plain}, {Item: next}, {Item: next}, {}}
	for i := range want {
		want[i].Created, want[i].Updated = want[i].Created.UTC(), want[i].Updated.UTC()
	}
	v := encodeListing(want)
	out, err := decodeListing(v)
	if err != nil || !reflect.DeepEqual(out, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, out, want)
	}
	for i := range v {
		bad := append([]byte(nil), v...)
		bad[i] ^= 0x55
		_, _ = decodeListing(bad) // an error or not, but no panic
		if got, err := decodeListing(v[:i]); err == nil {
			t.Errorf("cut after %d bytes: %d items", i, len(got))
		}
	}
}
