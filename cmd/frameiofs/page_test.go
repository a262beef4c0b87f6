package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// page STATE PATH FILE gets what lies at PATH below the address of the page that the mount with the state folder STATE serves; of events the first.
func cmdPage(ts *testscript.TestScript, _ bool, args []string) {
	url := strings.TrimSpace(ts.ReadFile(args[0] + "/" + pageFile))
	res, err := http.Get(url + strings.TrimPrefix(args[1], "."))
	ts.Check(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		ts.Fatalf("page %s: %s", args[1], res.Status)
	}
	var body []byte
	if args[1] == "events" {
		line, err := bufio.NewReader(res.Body).ReadString('\n')
		ts.Check(err)
		body = []byte(line)
	} else if body, err = io.ReadAll(res.Body); err != nil {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), body, 0o600))
}
