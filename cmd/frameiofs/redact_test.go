package main

import (
	"strings"
	"testing"
)

func TestAReportHasNoSecretsAndNames(t *testing.T) {
	r := &redaction{key: []byte("k"), secret: []string{"ey.my.token"}, home: "/home/ann", names: map[string]string{}}
	files := []bundled{
		{"status-1.json", []byte(`{"mountpoint":"/home/ann/fio","user":"Ann Li <ann@studio.example>","files":[{"path":"Acme/Secret Film/cut \"7\".mov","size":7,` +
			`"error":"create cut \"7\".mov: refused","reason":"Secret Film is gone"}],"state_dir":"/home/ann/.local/x"}`)},
		{"log-1.txt", []byte(`time=2026-11-25 level=WARN msg="put part" err="Put \"https://s3.example/p/1?X-Amz-Signature=topsecret\": reset" name="Secret Film"` + "\n" +
			`time=2026-11-25 level=INFO msg="the folder \"Hidden Title\" is gone" token=fio-u-abcdef` + "\n" +
			`{"time":"x","level":"INFO","msg":"renamed","from":"Old Name.mxf","to":"Acme/New Name.mxf","auth":"Bearer abc.def"}` + "\n")},
		{"config.toml", []byte("root = \"Acme/Secret Film\"\nclient-secret = \"hush-hush\"\ntoken-file = \"/home/ann/t\"\nuploads = 4\n")},
		{"doctor.txt", []byte("ok  left  ey.my.token of ann@studio.example in Hidden Title\n")},
	}
	for _, f := range files {
		r.learn(f)
	}
	all := ""
	for _, f := range files {
		all += string(r.clean(f))
	}
	for _, no := range []string{"ey.my.token", "topsecret", "abcdef", "abc.def", "hush-hush", "Acme", "Secret Film", "cut ", "Hidden Title", "Old Name", "New Name", "Ann Li",
		"ann@", "/home/ann"} {
		if strings.Contains(all, no) {
			t.Errorf("the report has %q:\n%s", no, all)
		}
	}
	for _, yes := range []string{`"size":7`, "uploads = 4", "put part", "https://s3.example/p/1", ".mxf", ".mov", "refused"} {
		if !strings.Contains(all, yes) {
			t.Errorf("the report has lost %q:\n%s", yes, all)
		}
	}
	if name := r.names["Secret Film"]; strings.Count(all, name) < 3 {
		t.Errorf("one name has become several: %q in\n%s", name, all)
	}

	r = &redaction{keep: true, secret: []string{"ey.my.token"}, names: map[string]string{}}
	for _, f := range files {
		r.learn(f)
		kept := string(r.clean(f))
		if strings.Contains(kept, "ey.my.token") || strings.Contains(kept, "topsecret") || strings.Contains(kept, "hush-hush") {
			t.Errorf("with names, %s has secrets: %s", f.name, kept)
		}
		if f.name == "status-1.json" && !strings.Contains(kept, "Secret Film") {
			t.Errorf("with names, %s has lost them", f.name)
		}
	}
}
