package control

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
)

func (m *fakeMount) Cached(_ context.Context, paths []string) (CacheStatus, error) {
	st := CacheStatus{Used: 1 << 40, Pins: []Holding{{Path: "a", Files: 3}}}
	for _, p := range paths {
		st.Paths = append(st.Paths, Holding{Path: p, Size: 7, Here: 3})
	}
	return st, nil
}

func (m *fakeMount) Pin(_ context.Context, paths []string) (Holding, error) {
	if paths[0] == "big" {
		return Holding{}, fmt.Errorf("big: %w", ErrTooBig)
	}
	return Holding{Files: len(paths)}, nil
}

func (m *fakeMount) Unpin(_ context.Context, paths []string) (Unpinned, error) {
	return Unpinned{paths}, nil
}

func (m *fakeMount) Warm(ctx context.Context, paths []string, progress func(Holding)) (Holding, error) {
	m.paths = paths
	return m.warm(ctx, progress)
}

func (m *fakeMount) Clear(_ context.Context, paths []string) (Cleared, error) {
	return Cleared{Freed: 5}, fmt.Errorf("%s: %w", paths[0], ErrOpen)
}

func TestCacheCallsArriveWhole(t *testing.T) {
	c := serve(t, t.TempDir(), &fakeMount{})
	st, err := c.Cached(t.Context(), []string{"x y", "ü"})
	want := CacheStatus{Used: 1 << 40, Pins: []Holding{{Path: "a", Files: 3}}, Paths: []Holding{{Path: "x y", Size: 7, Here: 3}, {Path: "ü", Size: 7, Here: 3}}}
	if err != nil || !reflect.DeepEqual(st, want) {
		t.Errorf("status: %+v, %v", st, err)
	}
	if h, err := c.Pin(t.Context(), []string{"a", "b"}); err != nil || h.Files != 2 {
		t.Errorf("pin: %+v, %v", h, err)
	}
	if _, err := c.Pin(t.Context(), []string{"big"}); !errors.Is(err, ErrTooBig) || err.Error() != "big: "+ErrTooBig.Error() {
		t.Errorf("pin of too much: %v", err)
	}
	if u, err := c.Unpin(t.Context(), []string{"a"}); err != nil || !reflect.DeepEqual(u.Paths, []string{"a"}) {
		t.Errorf("unpin: %+v, %v", u, err)
	}
	if done, err := c.Clear(t.Context(), []string{"a"}); !errors.Is(err, ErrOpen) || done.Freed != 5 {
		t.Errorf("clear: %+v, %v; what was done must arrive beside the error", done, err)
	}
}

func TestWarmTellsHowFarAndEndsWithItsClient(t *testing.T) {
	m := &fakeMount{warm: func(_ context.Context, progress func(Holding)) (Holding, error) {
		progress(Holding{Here: 1})
		progress(Holding{Here: 2})
		return Holding{Here: 3}, nil
	}}
	c := serve(t, t.TempDir(), m)
	var seen []int64
	h, err := c.Warm(t.Context(), []string{"a"}, func(h Holding) { seen = append(seen, h.Here) })
	if err != nil || h.Here != 3 || !reflect.DeepEqual(seen, []int64{1, 2}) || !reflect.DeepEqual(m.paths, []string{"a"}) {
		t.Errorf("warm: %+v, %v, after %v", h, err, seen)
	}
	left := make(chan struct{})
	m.warm = func(ctx context.Context, progress func(Holding)) (Holding, error) {
		defer close(left)
		progress(Holding{})
		<-ctx.Done()
		return Holding{}, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := c.Warm(ctx, nil, func(Holding) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("warm that was stopped: %v", err)
	}
	<-left
}
