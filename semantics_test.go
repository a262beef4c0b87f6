package frameiofs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// What fs/doc.go and the README's "What is safe when" promise stands in SEMANTICS.md word by word, with its proof.
func TestEveryPromiseHasItsProof(t *testing.T) {
	texts := []string{}
	for _, p := range promises(t) {
		texts = append(texts, p.text)
	}
	slices.SortFunc(texts, func(a, b string) int { return len(b) - len(a) }) // one may be a part of another
	for file, said := range map[string]string{"fs/doc.go": docPromises(t), "README.md": readmePromises(t)} {
		rest := said
		for _, text := range texts {
			rest = strings.ReplaceAll(rest, text, "\n")
		}
		for line := range strings.Lines(rest) {
			if line = plain(line); line != "" {
				t.Errorf("%s promises what SEMANTICS.md does not have with a test that proves it: %s", file, line)
			}
		}
	}
}

// docPromises are the sentences of fs/doc.go, without its section about locks, which promises nothing to programs.
func docPromises(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("fs/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, said, ok := strings.Cut(string(text), "// # What programs are promised\n")
	said, _, ok2 := strings.Cut(said, "// # Locks\n")
	if !ok || !ok2 {
		t.Fatal("fs/doc.go has not the headings that are looked for")
	}
	return plain(strings.ReplaceAll(strings.ReplaceAll("\n"+said, "\n// # Errors\n", "\n"), "\n//", "\n"))
}

// readmePromises are the table and the list under "What is safe when".
func readmePromises(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, said, ok := strings.Cut(string(text), "\n## What is safe when\n")
	said, _, ok2 := strings.Cut(said, "\nThe semantics of each call")
	if !ok || !ok2 {
		t.Fatal("README.md has not the words that are looked for")
	}
	var out []string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if cells := strings.Split(strings.Trim(line, "|"), "|"); strings.HasPrefix(line, "|") {
			if line = fmt.Sprint(strings.TrimSpace(cells[0]), " ", strings.TrimSpace(cells[len(cells)-1])); strings.HasPrefix(cells[0], "---") ||
				strings.TrimSpace(cells[0]) == "after" {
				continue
			}
		}
		out = append(out, strings.TrimPrefix(line, "- "))
	}
	return plain(strings.Join(out, " "))
}
