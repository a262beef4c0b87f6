// Frameiofs promises what SEMANTICS.md says, and this program looks whether the tests named there have run and passed:
//
//	go test -json ./... | go run ./proof [SEMANTICS.md]
//
// It prints a line for each package, as go test does, and at the end, where it is found, what the tests that failed said; its exit code is 1
// if a package failed, or if a named test failed, was skipped, or did not run.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

const module = "github.com/frameiofs/frameiofs/"

func main() {
	name := "SEMANTICS.md"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	text, err := os.ReadFile(name)
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
	ok, err := check(os.Stdin, os.Stdout, named(string(text)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// reference is how a sentence names a test.
var reference = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9_]+(?:/[a-z0-9-]+)?)`")

// test is one of a package of ours. A story is told by a subtest of TestStories for each generation of the API: its name is without that.
type test struct{ pkg, name string }

func (t test) String() string { return t.pkg + "." + t.name }

// named are the tests that a text names.
func named(text string) (all []test) {
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		if t := (test{m[1], m[2]}); !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	return all
}

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// name is whose event it is, as a sentence would name it.
func (e event) name() test {
	name := e.Test
	if parts := strings.Split(name, "/"); parts[0] == "TestStories" && len(parts) == 3 {
		name = parts[0] + "/" + parts[2]
	}
	return test{strings.TrimPrefix(e.Package, module), name}
}

// check reads what go test tells and prints it for people. ok is false if something failed, or a wanted test did not pass.
func check(r io.Reader, w io.Writer, wanted []test) (ok bool, err error) {
	ok = true
	came := map[test]map[string]bool{} // what became of each
	said := map[string]*strings.Builder{}
	var failed strings.Builder
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, readErr := lines.ReadBytes('\n')
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return false, readErr
		}
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil { // what go prints besides: it could not build
				fmt.Fprint(w, string(line))
			} else if !e.take(w, &failed, said, came) {
				ok = false
			}
		}
		if readErr != nil {
			break
		}
	}
	fmt.Fprint(w, failed.String())
	if len(came) == 0 {
		return false, errors.New("no test has run")
	}
	for _, t := range wanted {
		switch got := came[t]; {
		case got["fail"]:
			fmt.Fprintf(w, "proof: %s failed\n", t)
		case got["skip"]:
			fmt.Fprintf(w, "proof: %s was skipped, so it proves nothing\n", t)
		case !got["pass"]:
			fmt.Fprintf(w, "proof: %s did not run, so it proves nothing\n", t)
		default:
			continue
		}
		ok = false
	}
	if ok {
		fmt.Fprintf(w, "proof: %d tests that SEMANTICS.md names have passed\n", len(wanted))
	}
	return ok, nil
}

// take notes one event, prints what packages say, and keeps what tests that failed said; false: something failed.
func (e event) take(w, failed io.Writer, said map[string]*strings.Builder, came map[test]map[string]bool) bool {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		if e.Package == "" || e.Test == "" && !strings.HasPrefix(e.Output, "PASS") {
			fmt.Fprint(w, e.Output) // ok and FAIL of the package, and what it says besides
			return true
		}
		if said[key] == nil {
			said[key] = &strings.Builder{}
		}
		if !strings.HasPrefix(e.Output, "=== ") { // that a test runs, waits and goes on
			said[key].WriteString(e.Output)
		}
	case "pass", "fail", "skip":
		if e.Test != "" {
			if came[e.name()] == nil {
				came[e.name()] = map[string]bool{}
			}
			came[e.name()][e.Action] = true
		}
		for _, k := range slices.Sorted(maps.Keys(said)) { // of a package that died, also what unfinished tests said
			if k == key || e.Test == "" && strings.HasPrefix(k, key) {
				if e.Action == "fail" {
					fmt.Fprint(failed, said[k].String())
				}
				delete(said, k)
			}
		}
		return e.Action != "fail"
	case "build-fail":
		return false
	}
	return true
}
