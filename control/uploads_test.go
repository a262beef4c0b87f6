package control

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
)

func (m *fakeMount) Pause(_ context.Context, paths []string) (Told, error) {
	m.paths = append([]string{"pause"}, paths...)
	return Told{Files: len(paths)}, nil
}

func (m *fakeMount) Resume(_ context.Context, paths []string) (Told, error) {
	m.paths = append([]string{"resume"}, paths...)
	return Told{Files: len(paths)}, nil
}

func (m *fakeMount) First(_ context.Context, paths []string) (Told, error) {
	m.paths = append([]string{"first"}, paths...)
	return Told{Files: len(paths)}, nil
}

func (m *fakeMount) Cancel(_ context.Context, paths []string) (Told, error) {
	m.paths = append([]string{"cancel"}, paths...)
	return Told{Files: len(paths), Names: 2 * len(paths)}, nil
}

func (m *fakeMount) SetLimits(_ context.Context, change LimitsChange) (Limits, error) {
	if change.Uploads != nil && *change.Uploads < 1 {
		return m.status.Limits, errors.New("uploads: 0 is less than 1")
	}
	if change.Parts != nil {
		m.status.Limits.Parts = *change.Parts
	}
	if change.Bandwidth != nil {
		m.status.Limits.Bandwidth = *change.Bandwidth
	}
	return m.status.Limits, nil
}

func TestWhatIsToldOfUploadsArrives(t *testing.T) {
	m := &fakeMount{}
	c := serve(t, t.TempDir(), m)
	for what, tell := range map[string]func(context.Context, []string) (Told, error){"pause": c.Pause, "resume": c.Resume, "first": c.First, "cancel": c.Cancel} {
		for _, paths := range [][]string{{"a b", "ü"}, nil, {""}} {
			told, err := tell(t.Context(), paths)
			if err != nil || told.Files != len(paths) || !slices.Equal(m.paths, append([]string{what}, paths...)) {
				t.Errorf("%s %q: %+v, %v; the mount heard %q", what, paths, told, err, m.paths)
			}
		}
	}
}

func TestLimitsAreChangedOneByOne(t *testing.T) {
	m := &fakeMount{status: Status{Limits: Limits{Uploads: 4, Parts: 16}}}
	c := serve(t, t.TempDir(), m)
	parts, zero, bandwidth := 3, 0, "10M:off"
	for _, step := range []struct {
		change LimitsChange
		want   Limits
		bad    bool
	}{
		{LimitsChange{}, Limits{Uploads: 4, Parts: 16}, false},
		{LimitsChange{Parts: &parts}, Limits{Uploads: 4, Parts: 3}, false},
		{LimitsChange{Bandwidth: &bandwidth}, Limits{Uploads: 4, Parts: 3, Bandwidth: "10M:off"}, false},
		{LimitsChange{Uploads: &zero}, Limits{Uploads: 4, Parts: 3, Bandwidth: "10M:off"}, true},
	} {
		got, err := c.SetLimits(t.Context(), step.change)
		if !reflect.DeepEqual(got, step.want) || (err != nil) != step.bad {
			t.Errorf("%+v gives %+v, %v; want %+v", step.change, got, err, step.want)
		}
	}
}
