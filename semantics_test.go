package frameiofs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// promise is a sentence of SEMANTICS.md with the tests that it names.
type promise struct {
	text  string
	tests []string // package.Test
}

var reference = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9_]+)(/[a-z0-9-]+)?`")

// promises are the items of SEMANTICS.md: "- A sentence." and below it "→ `package.Test` …".
func promises(t *testing.T) (all []promise) {
	t.Helper()
	text, err := os.ReadFile("SEMANTICS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "\n## ")
	for _, item := range regexp.MustCompile(`(?m)^(- |## .*$)`).Split(body, -1)[1:] {
		said, proof, _ := strings.Cut(item, "→")
		if said = plain(said); said == "" {
			continue
		}
		p := promise{text: said}
		for _, m := range reference.FindAllStringSubmatch(proof, -1) {
			p.tests = append(p.tests, m[1]+"."+m[2]+m[3])
		}
		all = append(all, p)
	}
	if len(all) < 50 {
		t.Fatalf("SEMANTICS.md has only %d sentences", len(all))
	}
	return all
}

func plain(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestEveryPromiseNamesTestsThatExist(t *testing.T) {
	sources := map[string]string{} // of each package's tests
	for _, p := range promises(t) {
		if len(p.tests) == 0 {
			t.Errorf("no test is named for: %s", p.text)
		}
		for _, test := range p.tests {
			pkg, name, _ := strings.Cut(test, ".")
			name, story, isStory := strings.Cut(name, "/")
			if _, read := sources[pkg]; !read {
				files, _ := filepath.Glob(filepath.Join(pkg, "*_test.go"))
				for _, file := range files {
					text, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					sources[pkg] += string(text)
				}
			}
			if !strings.Contains(sources[pkg], "\nfunc "+name+"(") {
				t.Errorf("there is no %s.%s, which SEMANTICS.md names for: %s", pkg, name, p.text)
			}
			if isStory {
				if found, _ := filepath.Glob(filepath.Join(pkg, "testdata", story+".txt")); len(found) == 0 {
					if found, _ = filepath.Glob(filepath.Join(pkg, "testdata", "*", story+".txt")); len(found) == 0 {
						t.Errorf("there is no story %s, which SEMANTICS.md names for: %s", story, p.text)
					}
				}
			}
		}
	}
}
