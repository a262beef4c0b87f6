package fs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What may wait for the mount that it serves is not in the code (spec: fuse.md §3.2): no other program is started from where a call may
// be going on (its child would close our files), no file is mapped, nothing is done when the kernel forgets an inode, and the kernel is told
// something by goroutines of their own only, which hold no lock.
func TestNothingWaitsForItself(t *testing.T) {
	tells := 0
	for _, pattern := range []string{"*.go", "../cache/*.go", "../spool/*.go", "../spool/*/*.go", "../remote/*.go", "../remote/*/*.go"} {
		files, err := filepath.Glob(pattern)
		check(t, "glob", err)
		if len(files) == 0 {
			t.Errorf("nothing matches %s any more", pattern)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			check(t, "read", err)
			file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
			check(t, "parse", err)
			for _, i := range file.Imports {
				if i.Path.Value == `"os/exec"` {
					t.Errorf("%s starts other programs", name)
				}
			}
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if f.Name.Name == "OnForget" {
					t.Errorf("%s does something when the kernel forgets", name)
				}
				for _, call := range notifications(f) {
					if call == "Mmap" {
						t.Errorf("%s maps a file", name)
					} else if tells++; f.Name.Name != "forget" { // prune's goroutine
						t.Errorf("%s: %s sends %s from where a call may be going on", name, f.Name.Name, call)
					}
				}
			}
		}
	}
	if tells == 0 {
		t.Error("prune does not tell the kernel anything any more: this looks in the wrong place")
	}
}

// notifications are the calls in f that must not be made from a handler, but for those in what is given to tell.
func notifications(f *ast.FuncDecl) (found []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if sel.Sel.Name == "tell" {
			return false
		}
		if sel.Sel.Name == "NotifyContent" && len(call.Args) == 2 && negative(call.Args[0]) {
			return true // that attributes are others: the kernel takes no lock for it
		}
		if strings.HasPrefix(sel.Sel.Name, "Notify") || sel.Sel.Name == "Mmap" {
			found = append(found, sel.Sel.Name)
		}
		return true
	})
	return found
}

func negative(e ast.Expr) bool {
	u, ok := e.(*ast.UnaryExpr)
	return ok && u.Op == token.SUB
}
