package control

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fieldsOf lists the JSON names of a type, those of the types in it with them.
func fieldsOf(t reflect.Type, under string) (all []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return nil
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all = append(all, under+name)
		all = append(all, fieldsOf(t.Field(i).Type, under+name+".")...)
	}
	return all
}

// What scripts read from status --json stays: names are added here, none is taken away or changed.
func TestStatusKeepsItsNames(t *testing.T) {
	stable := strings.Fields(`
		mountpoint state pid version since api url user profile root read_only state_dir log metrics trouble
		link link.state link.since link.error
		paused limits limits.uploads limits.parts limits.bandwidth limits.up limits.down
		totals totals.files totals.writing totals.uploading totals.bytes totals.sent totals.rate totals.rate_down totals.paused totals.settling totals.oldest totals.held totals.local
		totals.folders totals.verifying totals.transcoding totals.parked totals.names totals.names_parked totals.time_left totals.limited_by
		files files.path files.size files.sent files.missing files.copy_of files.parts files.parts_done files.stage files.reason files.local
		files.paused files.first files.rate files.writers files.attempts files.error files.next_try files.closed files.id
		left_out
		names names.what names.path names.since names.parked names.reason names.error names.next_try
		cache cache.used cache.limit disk_free last_error last_error_time`)
	has := fieldsOf(reflect.TypeFor[Status](), "")
	for _, name := range stable {
		if !slices.Contains(has, name) {
			t.Errorf("Status does not have %s any more", name)
		}
	}
	for _, name := range has {
		if !slices.Contains(stable, name) {
			t.Errorf("%s is new: add it to the list, so that it stays", name)
		}
	}
}
