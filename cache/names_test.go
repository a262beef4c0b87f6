package cache

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/frameiofs/frameiofs/remote"
)

func TestShown(t *testing.T) {
	for _, c := range []struct{ remote, shown string }{
		{"A001_C002.mov", "A001_C002.mov"},
		{" blanks at the ends ", " blanks at the ends "},
		{"12:30 take 🎬", "12:30 take 🎬"},
		{"cafe\u0301.mov", "cafe\u0301.mov"}, // NFD stays as it is
		{"a/b", "a／b"},
		{"a／b", "a‛／b"},
		{"a‛/b", "a‛‛／b"},
		{"a‛／b", "a‛‛‛／b"},
		{"it‛s", "it‛s"}, // an escape that cannot be mistaken
		{"x\x00y", "x␀y"},
		{"␀", "‛␀"},
		{".", "．"},
		{"．", "‛．"},
		{"‛．", "‛‛．"},
		{"..", "．．"},
		{"...", "..."},
		{".frameio", "．frameio"},
		{"．frameio", "‛．frameio"},
		{".frameio2", ".frameio2"},
		{"", "‛unnamed"},
		{"‛unnamed", "‛‛unnamed"},
		{"unnamed", "unnamed"},
		{"caf\xe9", "caf‛E9"},
		{"caf‛E9", "caf‛‛E9"},
		{"cafE9", "cafE9"},
		{"‛\xe9", "‛‛‛E9"},
	} {
		if got := Shown(c.remote); got != c.shown {
			t.Errorf("Shown(%q) = %q, want %q", c.remote, got, c.shown)
		}
		if got := Actual(c.shown); got != c.remote {
			t.Errorf("Actual(%q) = %q, want %q", c.shown, got, c.remote)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"a/b", ".", "..", "", ".frameio", "‛", "‛‛／", "‛␀\x00", "\xff‛FF", "‛unnamed", "．．", "‛．", "a‛\xe2\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		shown := Shown(name)
		if back := Actual(shown); back != name {
			t.Fatalf("Actual(Shown(%q)) = %q (shown %q)", name, back, shown)
		}
		if err := canStand(shown); err != nil {
			t.Fatalf("Shown(%q): %v", name, err)
		}
		// A name that a program gives is shown as it was given. Only one that spells out bytes of good UTF-8 in the hex
		// form, which Shown never does, is not.
		if canStand(name) == nil {
			if back := Shown(Actual(name)); back != name && !strings.Contains(name, string(escape)) {
				t.Fatalf("Shown(Actual(%q)) = %q", name, back)
			}
		}
		items := []remote.Item{file(1, name), file(2, name), file(3, shown)}
		seen := map[string]bool{}
		for _, e := range newSiblings(items).list() {
			if err := canStand(e.Name); err != nil || len(e.Name) > maxName || seen[e.Name] {
				t.Fatalf("%q is shown as %q: %v, or too long, or twice", e.Item.Name, e.Name, err)
			}
			seen[e.Name] = true
		}
		if len(seen) != len(items) {
			t.Fatalf("%d names shown of %d", len(seen), len(items))
		}
	})
}

// canStand is what a kernel asks of a name, and what the mount keeps for itself.
func canStand(name string) error {
	if name == "" || name == "." || name == ".." || name == ".frameio" || strings.ContainsAny(name, "/\x00") || !utf8.ValidString(name) {
		return fmt.Errorf("%q cannot stand", name)
	}
	return nil
}

// file is an uploaded file. Its ID begins with n, and the greater n is the younger it is.
func file(n int, name string) remote.Item {
	id := remote.ID(fmt.Sprintf("%08x-0000-4000-8000-%012x", n, n))
	return remote.Item{
		Ref: remote.Ref{Kind: remote.File, ID: id, Account: "a"}, Name: name, Size: 1000 + int64(n), State: remote.Uploaded, Content: id,
		Created: time.Unix(1_700_000_000+int64(n), 0), Updated: time.Unix(1_700_000_000+int64(n), 0),
	}
}

func TestSiblings(t *testing.T) {
	long := strings.Repeat("𝄞", 250) // 1000 bytes
	twin := file(3, "clip.mov")
	twin.Created = file(2, "").Created // as old as 2: the ID decides
	folder := file(1, "clip.mov")
	folder.Kind = remote.Folder
	for _, c := range []struct {
		name  string
		items []remote.Item
		want  []string // oldest first
	}{
		{"oldest keeps", []remote.Item{file(1, "clip.mov"), file(2, "clip.mov"), twin},
			[]string{"clip.mov", "clip (00000002).mov", "clip (00000003).mov"}},
		{"a folder is no better", []remote.Item{folder, file(2, "clip.mov")}, []string{"clip.mov", "clip (00000002).mov"}},
		{"no extension", []remote.Item{file(1, ".bashrc"), file(2, ".bashrc"), file(3, "a. b"), file(4, "a. b")},
			[]string{".bashrc", ".bashrc (00000002)", "a. b", "a. b (00000004)"}},
		{"a younger one really has such a name", []remote.Item{file(1, "clip.mov"), file(2, "clip.mov"), file(3, "clip (00000002).mov")},
			[]string{"clip.mov", "clip (00000002).mov", "clip (00000002) (00000003).mov"}},
		{"an older one really has such a name", []remote.Item{file(1, "clip.mov"), file(2, "clip (00000003).mov"), file(3, "clip.mov")},
			[]string{"clip.mov", "clip (00000003).mov", "clip (00000003-0000-4000-8000-000000000003).mov"}},
		{"case twins are two", []remote.Item{file(1, "a"), file(2, "A")}, []string{"a", "A"}},
		{"shown alike", []remote.Item{file(1, "a／b"), file(2, "a/b"), file(3, "a/b")}, []string{"a‛／b", "a／b", "a／b (00000003)"}},
		{"too long", []remote.Item{file(1, long+".mov"), file(2, long+".mov"), file(3, strings.Repeat("x", 300))},
			[]string{strings.Repeat("𝄞", 60) + "~00000001.mov", strings.Repeat("𝄞", 60) + "~00000002.mov", strings.Repeat("x", 246) + "~00000003"}},
		{"255 bytes fit", []remote.Item{file(1, strings.Repeat("x", 255)), file(2, strings.Repeat("x", 255))},
			[]string{strings.Repeat("x", 255), strings.Repeat("x", 244) + " (00000002)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 10 {
				rand.Shuffle(len(c.items), func(i, j int) { c.items[i], c.items[j] = c.items[j], c.items[i] })
				s := newSiblings(c.items)
				if got := namesOf(s.list()); !slices.Equal(got, c.want) {
					t.Fatalf("got  %q\nwant %q", got, c.want)
				}
				for _, e := range s.list() {
					if f, ok := s.find(e.Name); !ok || f.ID != e.ID {
						t.Errorf("find %q: %v %v, want %v", e.Name, f.ID, ok, e.ID)
					}
				}
			}
		})
	}
}

func TestSiblingsFindNormalForm(t *testing.T) {
	const nfc, nfd = "caf\u00e9", "cafe\u0301"
	s := newSiblings([]remote.Item{file(1, nfd)})
	if e, ok := s.find(nfc); !ok || e.Name != nfd {
		t.Errorf("NFC does not find NFD: %q %v", e.Name, ok)
	}
	s.put(file(2, nfc))
	if e, _ := s.find(nfc); e.Name != nfc {
		t.Errorf("NFC finds %q beside its own name", e.Name)
	}
	if e, _ := s.find(nfd); e.Name != nfd {
		t.Errorf("NFD finds %q beside its own name", e.Name)
	}
	s.remove(file(1, "").ID)
	if e, ok := s.find(nfd); !ok || e.Name != nfc {
		t.Errorf("NFD does not find NFC: %q %v", e.Name, ok)
	}
	if _, ok := s.find("cafe"); ok {
		t.Errorf("found a name that is not there")
	}
}

// Names after any changes are the names that the same items have in a fresh listing.
func TestSiblingsChanges(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "a", "a (00000002)", "b.mov", "b.mov", "caf\u00e9", "cafe\u0301", "c"}
	s := newSiblings(nil)
	have := map[remote.ID]remote.Item{}
	for i := range 3000 {
		it := file(r.IntN(12), names[r.IntN(len(names))])
		switch r.IntN(6) {
		case 0, 1:
			s.remove(it.ID)
			delete(have, it.ID)
		case 2:
			it.State = remote.Created // hides it
			s.put(it)
			delete(have, it.ID)
		case 3:
			stack := file(100+r.IntN(3), it.Name)
			stack.Kind, stack.Content = remote.Stack, it.ID
			s.put(stack)
			delete(have, it.ID)
			have[stack.ID] = stack
		default:
			it.Size = int64(i)
			s.put(it)
			have[it.ID] = it
		}
		var items []Entry
		for _, it := range have {
			items = append(items, Entry{Item: it})
		}
		fresh := newSiblings(nil)
		fresh.name(items)
		if got, want := s.list(), fresh.list(); !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
			t.Fatalf("step %d: got %q\nwant %q", i, namesOf(got), namesOf(want))
		}
		for _, n := range names {
			got, ok := s.find(n)
			want, wantOK := fresh.find(n)
			if got != want || ok != wantOK {
				t.Fatalf("step %d: find %q: %q %v, want %q %v", i, n, got.Name, ok, want.Name, wantOK)
			}
		}
	}
}

func namesOf(entries []Entry) (names []string) {
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names
}
