package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/frameiofs/frameiofs/sim/world"
)

// browserMain is the browser of the stories: it opens an address and goes where it is sent, as long as that is by http.
func browserMain() {
	if _, err := browse(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// browse answers where the browser ends up.
func browse(address string) (string, error) {
	at := address
	c := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if at = r.URL.String(); r.URL.Scheme != "http" || os.Getenv("BROWSER_FAR_AWAY") != "" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := c.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return at, err
}

// expire tokens|refresh ends the life of all access or refresh tokens.
func cmdExpire(ts *testscript.TestScript, _ bool, args []string) {
	switch args[0] {
	case "tokens":
		ts.Check(simOf(ts).World().ExpireTokens())
	case "refresh":
		ts.Check(simOf(ts).World().ExpireRefresh())
	default:
		ts.Fatalf("expire what? %q", args[0])
	}
}

// behave NAME=JSON chooses a reading of what Frame.io's documents leave open.
func cmdBehave(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(simOf(ts).World().SetBehaviour(func(b *world.Behaviour) {
		for _, arg := range args {
			name, value, _ := strings.Cut(arg, "=")
			text, err := json.Marshal(map[string]json.RawMessage{name: json.RawMessage(value)})
			ts.Check(err)
			ts.Check(json.Unmarshal(text, b))
		}
	}))
}

var signInPage = regexp.MustCompile(`^https?://\S+client_id=\S+`)

// paste HOW ARGS… runs frameiofs, which is to print the address of a sign-in page, signs in there with a browser that cannot reach it, and
// types what the browser shows: the address, the code in it, or, if HOW is text, that. It wants success; ! paste a failure. What frameiofs printed is in
// the file pasted.
func cmdPaste(ts *testscript.TestScript, neg bool, args []string) {
	self, err := exec.LookPath("frameiofs")
	for _, dir := range strings.Split(ts.Getenv("PATH"), ":") {
		if at := dir + "/frameiofs"; fileThere(at) {
			self, err = at, nil
			break
		}
	}
	ts.Check(err)
	cmd := exec.Command(self, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "FRAMEIO_API", "FRAMEIO_API_URL", "FRAMEIO_AUTH_URL", "GORACE"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	in, err := cmd.StdinPipe()
	ts.Check(err)
	out, err := cmd.StderrPipe()
	ts.Check(err)
	var stdout strings.Builder
	cmd.Stdout = &stdout
	ts.Check(cmd.Start())
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		page := signInPage.FindString(lines.Text())
		if page == "" {
			continue
		}
		text := args[0]
		if text == "address" || text == "code" {
			os.Setenv("BROWSER_FAR_AWAY", "1")
			at, err := browse(page)
			ts.Check(err)
			if text == "code" {
				_, text, _ = strings.Cut(at, "code=")
				text, _, _ = strings.Cut(text, "&")
			} else {
				text = at
			}
		}
		fmt.Fprintln(in, text)
		in.Close()
	}
	err = cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("pasted"), []byte(said.String()+stdout.String()), 0o600))
	if (err != nil) != neg {
		ts.Fatalf("frameiofs %s: %v: %s%s", strings.Join(args[1:], " "), err, said.String(), stdout.String())
	}
}

func fileThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestSecretsOfSignInsAreKnown(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"token eyJhbGciOiJSUzI1NiJ9.eyJpZCI6IngifQ.c2ln failed", "token [secret] failed"},
		{"Bearer abc.def", "Bearer [secret]"},
		{"GET https://ims.example/ims/token/v3?client_id=x&code=y", "GET https://ims.example/ims/token/v3[secret]"},
	} {
		if got := withoutSecret(c.text); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}
