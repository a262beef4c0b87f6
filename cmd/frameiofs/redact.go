package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// redaction takes out of a report what is nobody's business. What is secret is known in two ways: by its form, and because it is this
// user's token. Names are known by where they stand: in the fields of status and of log lines that hold names and paths. Whatever was
// found to be a name somewhere is replaced everywhere, also in the middle of a message.
type redaction struct {
	keep   bool // names stay
	key    []byte
	secret []string
	home   string
	names  map[string]string // and what stands for each
	order  []string          // of names, the longest first
}

func newRedaction(x examination, keep bool) *redaction {
	r := &redaction{keep: keep, key: make([]byte, 16), names: map[string]string{}}
	rand.Read(r.key)
	if t := os.Getenv("FRAMEIO_TOKEN"); t != "" {
		r.secret = append(r.secret, t)
	}
	if acc, err := accountOf(x.c); err == nil {
		if t, err := acc.token.Token(context.Background()); err == nil {
			r.secret = append(r.secret, t)
		}
		acc.done()
	}
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		r.home = home
	}
	return r
}

// nameFields are the fields of status, and of log lines, whose values are names or paths of what is on the mount, or people.
var nameFields = map[string]bool{
	"path": true, "name": true, "file": true, "folder": true, "copy_of": true, "user": true, "root": true, "from": true, "to": true, "at": true,
	"mountpoint": true, "title": true, "target": true, "parent": true, "who": true, "old": true, "new": true, "is": true, "was": true,
}

// learn finds the names in a file.
func (r *redaction) learn(f bundled) {
	if r.keep {
		return
	}
	if strings.HasPrefix(f.name, "status-") {
		var v any
		if json.Unmarshal(f.text, &v) == nil {
			r.learnValue("", v)
		}
	}
	if strings.HasPrefix(f.name, "log-") {
		for line := range strings.Lines(string(f.text)) {
			for key, value := range logFields(line) {
				if nameFields[key] {
					r.learnName(value)
				}
			}
			// What a message quotes is a name, or may be one.
			for _, q := range quoted.FindAllStringSubmatch(strings.ReplaceAll(line, `\"`, "\x00"), -1) {
				r.learnName(q[1])
			}
		}
	}
}

// quoted is a quotation within a quoted value of a log line.
var quoted = regexp.MustCompile("\x00([^\x00\"]+)\x00")

func (r *redaction) learnValue(key string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, v := range v {
			r.learnValue(k, v)
		}
	case []any:
		for _, v := range v {
			r.learnValue(key, v)
		}
	case string:
		if nameFields[key] {
			r.learnName(v)
		}
	}
}

// common are parts of paths that say nothing about anybody.
var common = []string{"", ".", "..", "…", "home", "mnt", "media", "tmp", "root", "Users", "Volumes", "run", "var", "srv", "etc", "frameio", "folder", "file", "project"}

// learnName takes each part of a path for a name.
func (r *redaction) learnName(value string) {
	if r.keep || strings.Contains(value, "://") {
		return // what of an address is secret is known by its form
	}
	for _, part := range strings.Split(value, "/") {
		if slices.Contains(common, part) || len(part) < 2 || r.names[part] != "" {
			continue
		}
		sum := hmac.New(sha256.New, r.key)
		sum.Write([]byte(part))
		ext := path.Ext(part)
		if len(ext) > 6 || strings.ContainsAny(ext, " \"") {
			ext = ""
		}
		r.names[part] = "name-" + hex.EncodeToString(sum.Sum(nil)[:4]) + ext
		r.order = append(r.order, part)
	}
}

// clean is the file as it may be seen.
func (r *redaction) clean(f bundled) []byte {
	text := string(f.text)
	for _, s := range r.secret {
		text = strings.ReplaceAll(text, s, "[secret]")
	}
	text = withoutSecret(text)
	text = secretSetting.ReplaceAllString(text, `$1"[secret]"`)
	if r.keep || f.name == "version.txt" || strings.HasPrefix(f.name, "goroutines-") {
		return []byte(text)
	}
	slices.SortFunc(r.order, func(a, b string) int { return len(b) - len(a) })
	if r.home != "" {
		text = strings.ReplaceAll(text, r.home, "~")
	}
	for _, name := range r.order {
		text = strings.ReplaceAll(text, name, r.names[name])
		if q, err := json.Marshal(name); err == nil { // as it stands in JSON and in a quoted log value
			text = strings.ReplaceAll(text, strings.Trim(string(q), `"`), r.names[name])
		}
	}
	text = settingName.ReplaceAllString(text, `$1"[name]"`)
	return []byte(mail.ReplaceAllString(text, "[mail]"))
}

var (
	mail          = regexp.MustCompile(`[\w.+-]+@[\w-]+\.[\w.-]+`)
	secretSetting = regexp.MustCompile(`(?mi)^(\s*"?[\w-]*(?:token|secret|password)"?\s*=\s*).+$`)
	settingName   = regexp.MustCompile(`(?m)^(\s*"?(?:root)"?\s*=\s*).+$`)
)

// logFields reads a line of either format of the log.
func logFields(line string) map[string]string {
	out := map[string]string{}
	var v map[string]any
	if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &v) == nil {
		for k, v := range v {
			if s, ok := v.(string); ok {
				out[k] = s
			}
		}
		return out
	}
	for _, m := range logField.FindAllStringSubmatch(line, -1) {
		value := m[2]
		if strings.HasPrefix(value, `"`) {
			var s string
			if json.Unmarshal([]byte(value), &s) == nil {
				value = s
			}
		}
		out[m[1]] = value
	}
	return out
}

var logField = regexp.MustCompile(`(?:^|\s)([\w.]+)=("(?:[^"\\]|\\.)*"|\S*)`)
