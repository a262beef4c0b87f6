package v4

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func names(t *testing.T, h http.Handler) []string {
	t.Helper()
	var got []string
	for _, it := range collect(t, client(t, h).Children(t.Context(), ref(remote.Folder, "f1"))) {
		got = append(got, it.Name)
	}
	return got
}

// mixed is a folder of n, of all types.
func mixed(n int) []string {
	ids := numbered(n)
	for i := range ids {
		switch {
		case i%11 == 3:
			ids[i] = fmt.Sprintf("folder-%04d", i)
		case i%17 == 4:
			ids[i] = fmt.Sprintf("version_stack-%04d", i)
		}
	}
	return ids
}

func TestALongListingIsWalkedFromBothEnds(t *testing.T) {
	f := &folder{ids: mixed(6000)}
	// Each page of the children takes as long as the others' do together, so that it is the helpers that come through.
	pace := func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "children") && r.URL.Query().Get("after") != "" {
			time.Sleep(100 * time.Millisecond)
		}
		f.ServeHTTP(w, r)
	}
	got := names(t, http.HandlerFunc(pace))
	slices.Sort(got)
	want := slices.Sorted(slices.Values(f.ids))
	if !slices.Equal(got, want) {
		t.Errorf("got %d things, want %d", len(got), len(want))
	}
	if f.calls()["children"] > 6 {
		t.Errorf("%d pages of the children were fetched, want fewer: %v", f.calls()["children"], f.calls())
	}
}

func TestHelpersThatFailAreNotMissed(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusForbidden, http.StatusInternalServerError, http.StatusTooManyRequests} {
		f := &folder{ids: mixed(2600), typed: status}
		if got := names(t, f); !slices.Equal(got, f.ids) {
			t.Errorf("%d: got %d things, want %d in order", status, len(got), len(f.ids))
		}
	}
}

func TestHelpersDoNotHideWhatTheyDoNotList(t *testing.T) {
	f := &folder{ids: mixed(2600)}
	f.ids = append(f.ids, "hologram-1", "file-last")
	if got := names(t, f); len(got) != 2601 || !slices.Contains(got, "file-last") {
		t.Errorf("got %d things, want 2601 of a known type", len(got))
	}
}

// TestChangesWhileHelpersWalk has something come and go at each page, the worst for counts: as many come as go.
func TestChangesWhileHelpersWalk(t *testing.T) {
	for at := 1; at <= 6; at++ {
		for name, change := range map[string]func(f *folder){
			"goes":           func(f *folder) { f.ids = f.ids[1:] },
			"comes in front": func(f *folder) { f.ids = append([]string{"file-new"}, f.ids...) },
			"comes last":     func(f *folder) { f.ids = append(f.ids, "file-new") },
		} {
			f := &folder{ids: mixed(3300)}
			stay := f.ids[1:]
			f.after = func(f *folder, page int) {
				if page == at {
					change(f)
				}
			}
			got := names(t, f)
			told := map[string]bool{}
			for _, n := range got {
				if told[n] {
					t.Errorf("%s at page %d: %s came twice", name, at, n)
				}
				told[n] = true
			}
			for _, n := range stay {
				if !told[n] {
					t.Errorf("%s at page %d: %s was there all the time and is missing", name, at, n)
				}
			}
		}
	}
}

func TestWithoutACountOrAHurryThereAreNoHelpers(t *testing.T) {
	f := &folder{ids: numbered(1700)}
	f.uncounted = true
	if got := names(t, f); !slices.Equal(got, f.ids) || len(f.calls()) != 1 {
		t.Errorf("uncounted: got %d things by %v", len(got), f.calls())
	}
	f = &folder{ids: numbered(1700)}
	ctx := remote.WithPriority(t.Context(), remote.Uploads)
	if got := collect(t, client(t, f).Children(ctx, ref(remote.Folder, "f1"))); len(got) != 1700 || len(f.calls()) != 1 {
		t.Errorf("nobody waits: got %d things by %v", len(got), f.calls())
	}
}

func TestHelpersComeWhenSomebodyComesToWait(t *testing.T) {
	f := &folder{ids: mixed(6000)}
	ctx, raise := remote.WithRise(t.Context(), remote.Background)
	n := 0
	for _, err := range client(t, f).Children(ctx, ref(remote.Folder, "f1")) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 600 {
			if calls := f.calls(); len(calls) != 1 {
				t.Errorf("before: %v", calls)
			}
			raise(remote.Interactive)
		}
	}
	if calls := f.calls(); n != 6000 || calls["filescreated_at_desc"] == 0 {
		t.Errorf("got %d things by %v", n, calls)
	}
}

func TestAUsedUpLimitIsWalkedAround(t *testing.T) {
	f := &folder{ids: mixed(700)}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "children") { // the next one would have to wait
			w.Header().Set("x-ratelimit-limit", "100")
			w.Header().Set("x-ratelimit-window", "60000")
			w.Header().Set("x-ratelimit-remaining", "0")
		}
		f.ServeHTTP(w, r)
	})
	c := client(t, h)
	list := func(ctx string, n int) {
		t.Helper()
		begun := time.Now()
		if got := collect(t, c.Children(t.Context(), ref(remote.Folder, "f1"))); len(got) != n {
			t.Errorf("%s: got %d things, want %d", ctx, len(got), n)
		}
		if took := time.Since(begun); took > 400*time.Millisecond {
			t.Errorf("%s: it took %v, as long as the limit", ctx, took)
		}
	}
	short := f.ids
	f.ids = mixed(20)
	list("first", 20)
	f.ids = short
	list("a second one", 700)
	if f.calls()["children"] != 1 || f.calls()["files"] != 2 || f.calls()["folders"] != 1 || f.calls()["version_stacks"] != 1 {
		t.Errorf("asked for %v", f.calls())
	}
	f.typed = http.StatusNotFound
	got := collect(t, c.Children(t.Context(), ref(remote.Folder, "f1")))
	if len(got) != 700 || f.calls()["children"] != 3 {
		t.Errorf("without lists by type: %d things, asked for %v", len(got), f.calls())
	}
}

func TestListingEndsWithItsReader(t *testing.T) {
	f := &folder{ids: mixed(5000)}
	s := httptest.NewServer(f)
	defer s.Close()
	c, err := New(remote.Config{BaseURL: s.URL, Token: remote.StaticToken("t")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, stop := range []int{1, 499, 501, 1200} {
		n := 0
		for _, err := range c.Children(t.Context(), ref(remote.Folder, "f1")) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == stop {
				break
			}
		}
	}
}

func TestListingEndsWithItsContext(t *testing.T) {
	f := &folder{ids: mixed(5000)}
	hang := make(chan struct{})
	c := client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") != "" {
			<-hang
		}
		f.ServeHTTP(w, r)
	}))
	defer close(hang)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := 0
		var last error
		for _, err := range c.Children(ctx, ref(remote.Folder, "f1")) {
			if last = err; err != nil {
				continue
			}
			if n++; n == 300 {
				time.AfterFunc(time.Millisecond, cancel)
			}
		}
		if !errors.Is(last, context.Canceled) || n < 500 {
			t.Fatalf("after %d things: %v, want Canceled", n, last)
		}
	}
}
