// Package frameiofs guards the house: who may import whom, and that every package says what it is for.
package frameiofs

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/frameiofs/frameiofs"

// mayImport names, for each folder, the folders of ours that it may import, and why no others. A folder's rule holds for
// the folders below it too.
var mayImport = map[string]struct {
	folders []string
	because string
}{
	"cmd/frameiofs": {[]string{"fs", "cache", "spool", "spool/intent", "remote", "remote/v2", "remote/v4", "signin", "sim", "control", "ui"}, "it is the only place where parts meet"},
	"fs":            {[]string{"cache", "spool", "spool/intent", "remote"}, "it sees no wire, no simulator, and nobody who asks for status"},
	"cache":         {[]string{"remote"}, "what is there does not know what is leaving"},
	"spool":         {[]string{"spool/platter", "remote"}, "what is leaving does not know what is there"},
	"spool/intent":  {[]string{"spool/platter", "remote"}, "names do not know the bytes that leave beside them"},
	"spool/platter": {nil, "it knows files and lines, not what they are for"},
	"remote":        {[]string{"remote"}, "it is a leaf; the wires use its words"},
	"signin":        {[]string{"remote"}, "it gets tokens, and knows only what a token is for"},
	"sim":           {[]string{"sim"}, "a misreading of the API must not hide in client and simulator alike"},
	"control":       {nil, "whoever asks a mount must not need the mount's parts"},
	"proof":         {nil, "it reads what go test says, and what is promised"},
	"ui":            {[]string{"control"}, "it shows what any client of a mount is told"},
}

type goPackage struct {
	ImportPath, Name, Doc, Dir string
	Imports                    []string
	GoFiles                    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Dir,Imports,GoFiles", "./...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v: %s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		if len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
	if len(all) < len(mayImport) {
		t.Fatalf("go list told only %d packages", len(all))
	}
	return all
}

// folder is the rule's folder that an import path lies in.
func folder(path string) (string, bool) {
	rel, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return "", false
	}
	for dir := rel; dir != "."; dir = filepath.Dir(dir) {
		if _, ok := mayImport[dir]; ok {
			return dir, true
		}
	}
	return rel, false
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		from, ok := folder(p.ImportPath)
		if !ok {
			t.Errorf("%s is in no room of the house: add it to mayImport, with a reason", p.ImportPath)
			continue
		}
		rule := mayImport[from]
		for _, imported := range p.Imports {
			rel, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			allowed := slices.ContainsFunc(rule.folders, func(f string) bool {
				// sim and remote import below themselves; the others exactly what is named.
				return rel == f || f == from && strings.HasPrefix(rel, f+"/")
			})
			if !allowed {
				t.Errorf("%s imports %s; it may not: %s", p.ImportPath, rel, rule.because)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Frameiofs "
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: the package comment is %q; it must begin with %q", p.ImportPath, p.Doc, want)
		}
	}
}
