package spool

import "testing"

func TestForm(t *testing.T) {
	const nfc, nfd, half = "caf\u00e9\u0323", "cafe\u0323\u0301", "cafe\u0301\u0323" // three ways to write the same
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		expect := func(moment string, want map[string]*Entry) {
			t.Helper()
			for _, name := range []string{nfc, nfd, half, "cafe", "caf\u00e9"} {
				if got := r.Form(folderA.ID, name); got != want[name] {
					t.Errorf("%s: %+q leads to %v, want %v", moment, name, got, want[name])
				}
			}
			if e := r.Form(folderB.ID, nfc); e != nil {
				t.Errorf("%s: it is in another folder", moment)
			}
		}
		expect("nothing is there", nil)
		e := r.create(nfd)
		expect("one form is there", map[string]*Entry{nfc: e, half: e})
		r.must(e.Retarget(Target{Parent: folderA, Name: "cafe"}))
		expect("renamed", nil)
		r.must(e.Retarget(Target{Parent: folderA, Name: nfd}))
		other := r.create(half)
		for _, name := range []string{nfd, half} {
			if got := r.Form(folderA.ID, name); got == nil || got.Target().Name == name {
				t.Errorf("%+q leads to %v", name, got)
			}
		}
		r.must(other.Discard())
		expect("the other is gone", map[string]*Entry{nfc: e, half: e})
		r.must(e.Discard())
		expect("all is gone", nil)
	})
}
