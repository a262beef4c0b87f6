package main

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

// A manifest in the form of ASC MHL 2.0 (ASCMHL.xsd in github.com/ascmitc/mhl): what was transferred, with the hash that was found out while
// it was sent. It is the first generation of a history, so each hash is "original".

type mhl struct {
	XMLName xml.Name `xml:"urn:ASC:MHL:v2.0 hashlist"`
	Version string   `xml:"version,attr"`
	Creator struct {
		Created string `xml:"creationdate"`
		Host    string `xml:"hostname"`
		Tool    struct {
			Version string `xml:"version,attr"`
			Name    string `xml:",chardata"`
		} `xml:"tool"`
	} `xml:"creatorinfo"`
	Process string    `xml:"processinfo>process"`
	Hashes  []mhlHash `xml:"hashes>hash,omitempty"`
}

type mhlHash struct {
	Path struct {
		Size     int64  `xml:"size,attr"`
		Created  string `xml:"creationdate,attr,omitempty"` // on Frame.io
		Modified string `xml:"lastmodificationdate,attr,omitempty"`
		Name     string `xml:",chardata"`
	} `xml:"path"`
	Sum struct {
		Action string `xml:"action,attr"`
		Found  string `xml:"hashdate,attr,omitempty"`
		Text   string `xml:",chardata"`
	} `xml:"xxh64"`
}

// mhlTime is an xs:dateTime.
func mhlTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000-07:00")
}

// mhlOf is the manifest of the newest receipts below a path, and the names of those that cannot stand in it.
func mhlOf(all []control.Receipt, root string, now time.Time, host string) (m mhl, left []string) {
	m.Version, m.Process = "2.0", "transfer"
	m.Creator.Created, m.Creator.Host = mhlTime(now), host
	m.Creator.Tool.Name, m.Creator.Tool.Version = "frameiofs", version()
	newest := map[string]bool{}
	for _, r := range all { // the newest first
		name := relative(r.Path, root)
		switch {
		case name == "" || newest[name]:
			continue
		case r.Damaged != "" || r.Checksum == "" || !fitsXML(name):
			newest[name] = true
			left = append(left, name)
			continue
		}
		newest[name] = true
		var h mhlHash
		h.Path.Size, h.Path.Created, h.Path.Modified, h.Path.Name = r.Size, mhlTime(r.Created), mhlTime(r.Modified), name
		h.Sum.Action, h.Sum.Found, h.Sum.Text = "original", mhlTime(r.Uploaded), r.Checksum
		m.Hashes = append(m.Hashes, h)
	}
	slices.SortFunc(m.Hashes, func(a, b mhlHash) int { return cmp.Compare(a.Path.Name, b.Path.Name) })
	return m, left
}

// relative is a path below root, "" if it is not; for a file that root names, its own name.
func relative(name, root string) string {
	root = strings.Trim(root, "/")
	switch {
	case root == "":
		return name
	case name == root:
		return path.Base(name)
	}
	rest, below := strings.CutPrefix(name, root+"/")
	if !below {
		return ""
	}
	return rest
}

// fitsXML reports whether a name can stand in XML as it is: some characters cannot, however they are written.
func fitsXML(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	})
}

func (m *mhl) write(w io.Writer) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(m); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func printMHL(c *cli.Context, all []control.Receipt, root string) error {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	m, left := mhlOf(all, root, time.Now(), host)
	if len(m.Hashes) == 0 && len(left) == 0 {
		return fail("frameiofs receipts tells what there is", "there are no receipts of files there")
	}
	if err := m.write(c.App.Writer); err != nil {
		return fail("", "write manifest: %w", err)
	}
	if n := slices.IndexFunc(all, func(r control.Receipt) bool { return r.Awaited }); n >= 0 {
		fmt.Fprintln(c.App.ErrWriter, "some of them are not verified yet: frameiofs sync --until verified waits for that")
	}
	if len(left) > 0 {
		for _, name := range left[:min(len(left), mostNeeds)] {
			fmt.Fprintln(c.App.ErrWriter, "left out: "+shown(name))
		}
		return &failure{exitParked, errors.New(count(len(left), "file") + " left out of the manifest: damaged on Frame.io, never here, or named as XML cannot tell"), "frameiofs receipts tells more"}
	}
	return nil
}
