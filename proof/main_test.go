package main

import (
	"strings"
	"testing"
)

const story = `{"Action":"start","Package":"github.com/frameiofs/frameiofs/spool"}
{"Action":"run","Package":"github.com/frameiofs/frameiofs/spool","Test":"TestGood"}
{"Action":"output","Package":"github.com/frameiofs/frameiofs/spool","Test":"TestGood","Output":"a good one speaks\n"}
{"Action":"pass","Package":"github.com/frameiofs/frameiofs/spool","Test":"TestGood","Elapsed":0.1}
{"Action":"output","Package":"github.com/frameiofs/frameiofs/spool","Test":"TestSkipped","Output":"not here\n"}
{"Action":"skip","Package":"github.com/frameiofs/frameiofs/spool","Test":"TestSkipped"}
{"Action":"output","Package":"github.com/frameiofs/frameiofs/spool","Output":"PASS\n"}
{"Action":"output","Package":"github.com/frameiofs/frameiofs/spool","Output":"ok  \tgithub.com/frameiofs/frameiofs/spool\t1.2s\n"}
{"Action":"pass","Package":"github.com/frameiofs/frameiofs/spool","Elapsed":1.2}
{"Action":"pass","Package":"github.com/frameiofs/frameiofs/cmd/frameiofs","Test":"TestStories/v2-testdata/killed"}
{"Action":"pass","Package":"github.com/frameiofs/frameiofs/cmd/frameiofs","Test":"TestStories/v4-testdata/killed"}
`

const failed = `{"Action":"output","Package":"github.com/frameiofs/frameiofs/fs","Test":"TestBad","Output":"    it broke\n"}
{"Action":"fail","Package":"github.com/frameiofs/frameiofs/fs","Test":"TestBad"}
{"Action":"output","Package":"github.com/frameiofs/frameiofs/fs","Output":"FAIL\n"}
{"Action":"fail","Package":"github.com/frameiofs/frameiofs/fs"}
`

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name, events, text string
		ok                 bool
		says, doesNot      string
	}{
		{"all there", story, "- A. → `spool.TestGood` `cmd/frameiofs.TestStories/killed`", true, "2 tests that", "a good one speaks"},
		{"skipped", story, "`spool.TestSkipped`", false, "spool.TestSkipped was skipped", ""},
		{"not run", story, "`spool.TestOther`", false, "spool.TestOther did not run", ""},
		{"another story", story, "`cmd/frameiofs.TestStories/other`", false, "did not run", ""},
		{"failed", story + failed, "`fs.TestBad`", false, "    it broke\n", ""},
		{"another failed", story + failed, "`spool.TestGood`", false, "it broke", ""},
		{"one generation failed", story + `{"Action":"fail","Package":"github.com/frameiofs/frameiofs/cmd/frameiofs","Test":"TestStories/v4-testdata/killed"}` + "\n",
			"`cmd/frameiofs.TestStories/killed`", false, "killed failed", ""},
		{"died", story + `{"Action":"output","Package":"github.com/frameiofs/frameiofs/fs","Test":"TestLong","Output":"panic: test timed out\n"}` + "\n" +
			`{"Action":"fail","Package":"github.com/frameiofs/frameiofs/fs"}` + "\n", "", false, "panic: test timed out", ""},
		{"not built", story + "# github.com/frameiofs/frameiofs/fs\n" + `{"ImportPath":"x","Action":"build-output","Output":"fs.go:1: undefined\n"}` + "\n" +
			`{"ImportPath":"x","Action":"build-fail"}` + "\n", "", false, "fs.go:1: undefined", ""},
	} {
		var out strings.Builder
		ok, err := check(strings.NewReader(c.events), &out, named(c.text))
		if err != nil || ok != c.ok || !strings.Contains(out.String(), c.says) || c.doesNot != "" && strings.Contains(out.String(), c.doesNot) {
			t.Errorf("%s: %v, %v, %q", c.name, ok, err, out.String())
		}
	}
	if _, err := check(strings.NewReader(""), &strings.Builder{}, nil); err == nil {
		t.Error("nothing at all passes")
	}
}
