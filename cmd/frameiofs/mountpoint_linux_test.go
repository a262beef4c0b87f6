package main

import (
	"reflect"
	"testing"
)

func TestParseMount(t *testing.T) {
	const line = `36 35 0:57 / /mnt/my\040disk\134 rw,nosuid shared:1 - fuse.frameiofs frameio rw,user_id=0`
	m, ok := parseMount(line)
	if want := (mounted{Point: `/mnt/my disk\`, Type: fuseType, Dev: "0:57"}); !ok || !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v, %v; want %+v", m, ok, want)
	}
	for _, bad := range []string{"", "1 2 3", "1 2 3 4 5 6", "a - b"} {
		if m, ok := parseMount(bad); ok {
			t.Errorf("parseMount(%q): got %+v", bad, m)
		}
	}
}
