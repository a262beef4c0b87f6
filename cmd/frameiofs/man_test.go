package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestManualPages(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Fatal("groff is needed: sudo apt-get install -y groff-base")
	}
	app := newApp(nil, nil)
	dir := t.TempDir()
	if code, _, stderr := asCommand(t, "man", "--all", dir); code != 0 {
		t.Fatal(stderr)
	}
	pages, _ := filepath.Glob(filepath.Join(dir, "*.1"))
	if len(pages) != len(manPages(app)) || len(pages) < 12 {
		t.Fatalf("pages: %v", pages)
	}
	out, err := exec.Command(groff, append([]string{"-man", "-Tascii", "-ww", "-z"}, pages...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "warning: macro") || strings.Contains(string(out), "error") {
		t.Errorf("groff: %v\n%s", err, out)
	}
	// Every verb and flag that --help has is in them.
	for _, v := range verbs(app.Commands) {
		text := manPages(app)["frameiofs-"+v.words[0]]
		for _, f := range v.cmd.Flags {
			if name := f.Names()[0]; name != "help" && !strings.Contains(text, `\fB`+esc(dashed(name))+`\fR`) {
				t.Errorf("the page of %s does not have %s", v.words[0], dashed(name))
			}
		}
		if !strings.Contains(text, esc(v.cmd.Name)) {
			t.Errorf("the page of %s does not have %s", v.words[0], v.cmd.Name)
		}
	}
	if got := plainLine(esc(".a-b \\c 'd… é")); got != `\&.a\-b \ec \(aqd\[u2026] \[u00E9]` {
		t.Errorf("escaped: %s", got)
	}
}
