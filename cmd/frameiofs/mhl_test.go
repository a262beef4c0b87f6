package main

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

func manifestOf(t *testing.T, all []control.Receipt, root string) (text string, m mhl, left []string) {
	t.Helper()
	is, left := mhlOf(all, root, time.Date(2026, 11, 25, 22, 0, 0, 0, time.UTC), "host & co")
	var b bytes.Buffer
	if err := is.write(&b); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(b.Bytes(), &m); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	return b.String(), m, left
}

func TestMHL(t *testing.T) {
	at := time.Date(2026, 11, 25, 21, 30, 0, 123456789, time.FixedZone("CET", 3600))
	receipt := func(path, sum string) control.Receipt {
		return control.Receipt{Path: path, Size: 5, Checksum: sum, Modified: at, Created: at, Uploaded: at}
	}
	damaged := receipt("A/film/bad.mov", "0000000000000004")
	damaged.Damaged = "checksum"
	all := []control.Receipt{
		receipt("A/film/b.mov", "0000000000000001"), // the newest first
		receipt("A/film/b.mov", "0000000000000002"),
		receipt("A/film/Day <1> & \"x\"/ä 'q'.mov", "0000000000000003"),
		damaged,
		receipt("A/film/bad.mov", "0000000000000005"), // what was there before says nothing about what is there
		receipt("A/film/copied.mov", ""),
		receipt("A/film/\x01.mov", "0000000000000006"),
		receipt("A/filmed.mov", "0000000000000007"),
		receipt("", "0000000000000008"),
	}
	text, m, left := manifestOf(t, all, "A/film/")
	got := []string{}
	for _, h := range m.Hashes {
		got = append(got, h.Path.Name+" "+h.Sum.Text)
	}
	if want := []string{"Day <1> & \"x\"/ä 'q'.mov 0000000000000003", "b.mov 0000000000000001"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := []string{"bad.mov", "copied.mov", "\x01.mov"}; !slices.Equal(left, want) {
		t.Errorf("left out %q, want %q", left, want)
	}
	for _, want := range []string{
		`<hashlist xmlns="urn:ASC:MHL:v2.0" version="2.0">`, "<hostname>host &amp; co</hostname>", "<process>transfer</process>",
		`<path size="5" creationdate="2026-11-25T20:30:00.123456+00:00" lastmodificationdate="2026-11-25T20:30:00.123456+00:00">b.mov</path>`,
		`<xxh64 action="original" hashdate="2026-11-25T20:30:00.123456+00:00">0000000000000001</xxh64>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if _, m, _ = manifestOf(t, all, "A/filmed.mov"); len(m.Hashes) != 1 || m.Hashes[0].Path.Name != "filmed.mov" {
		t.Errorf("of one file: %+v", m.Hashes)
	}
	if _, m, _ = manifestOf(t, all, ""); len(m.Hashes) != 3 {
		t.Errorf("of all: %+v", m.Hashes)
	}
}

// Whatever is in names, the manifest is XML that reads back as it was meant.
func FuzzMHL(f *testing.F) {
	f.Add("a/b.mov", "a")
	f.Add("]]>&<\"'", "")
	f.Fuzz(func(t *testing.T, path, root string) {
		_, m, left := manifestOf(t, []control.Receipt{{Path: path, Checksum: "0123456789abcdef"}}, root)
		name := relative(path, root)
		switch {
		case len(m.Hashes) == 1 && m.Hashes[0].Path.Name != strings.ReplaceAll(strings.ReplaceAll(name, "\r\n", "\n"), "\r", "\n") && m.Hashes[0].Path.Name != name:
			t.Errorf("%q reads back as %q", name, m.Hashes[0].Path.Name)
		case len(m.Hashes)+len(left) == 0 && name != "":
			t.Errorf("%q is in neither", name)
		}
	})
}

// The structure as it is published: what stands in ASCMHL.xsd of a hashlist with files only.
func TestMHLFollowsTheSchema(t *testing.T) {
	text, _, _ := manifestOf(t, []control.Receipt{{Path: "a.mov", Checksum: "0123456789abcdef", Uploaded: time.Now(), Modified: time.Now()}}, "")
	want := strings.Fields(`hashlist creatorinfo creationdate hostname tool processinfo process hashes hash path xxh64`)
	var got []string
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		tok, err := d.Token()
		if err != nil {
			break
		}
		if e, ok := tok.(xml.StartElement); ok {
			if e.Name.Space != "urn:ASC:MHL:v2.0" {
				t.Errorf("%s is in %q", e.Name.Local, e.Name.Space)
			}
			got = append(got, e.Name.Local)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("elements %v, want %v", got, want)
	}
}
