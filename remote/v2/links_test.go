package v2

import (
	"fmt"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func film(id string) asset {
	a := asset{ID: remote.ID(id), Type: "file", Size: 7, Original: "https://assets.frame.io/" + id}
	a.Completed.Set = true
	return a
}

func TestListedLinksAreTakenOnceAndWhileTheyAreGood(t *testing.T) {
	now := time.Now()
	until := func(_ string, got time.Time) time.Time { return got.Add(time.Hour) }
	watermarked, incomplete, forbidden, trashed := film("w"), film("i"), film("f"), film("t")
	watermarked.Watermarked, incomplete.Completed.Set, forbidden.Original, trashed.Deleted.Set = true, false, "", true
	cover := film("cover")
	var l listed
	l.note([]asset{film("a"), watermarked, incomplete, forbidden, trashed, {ID: "d", Type: "folder"},
		{ID: "s", Type: "version_stack", CoverID: "cover", Cover: &cover}}, now)
	for _, c := range []struct {
		id   remote.ID
		at   time.Time
		want bool
	}{
		{"a", now, true}, {"a", now, false}, {"w", now, false}, {"i", now, false}, {"f", now, false}, {"t", now, false},
		{"d", now, false}, {"s", now, false}, {"cover", now.Add(2 * time.Hour), false},
	} {
		link, ok := l.take(c.id, c.at, until)
		if ok != c.want || ok && (link.Size != 7 || link.URL != "https://assets.frame.io/"+string(c.id)) {
			t.Errorf("%s: got %+v, %v, want %v", c.id, link, ok, c.want)
		}
	}
}

func TestListedLinksAreBounded(t *testing.T) {
	now := time.Now()
	until := func(string, time.Time) time.Time { return now.Add(time.Hour) }
	var l listed
	for i := range 3 * maxListed {
		l.note([]asset{film(fmt.Sprint(i))}, now)
		if i%5 == 0 { // taken, and listed again
			l.take(remote.ID(fmt.Sprint(i)), now, until)
			l.note([]asset{film(fmt.Sprint(i))}, now)
		}
	}
	if len(l.links) != maxListed {
		t.Errorf("%d are kept, want %d", len(l.links), maxListed)
	}
	for i := range 3 * maxListed {
		if _, ok := l.take(remote.ID(fmt.Sprint(i)), now, until); ok != (i >= 2*maxListed) {
			t.Fatalf("%d of %d: there is %v", i, 3*maxListed, ok)
		}
	}
}
