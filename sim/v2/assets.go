package v2

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/frameiofs/frameiofs/sim/world"
)

// maxBody bounds a request body; the largest honest one carries a description and properties.
const maxBody = 1 << 20

// get looks an asset up, deleted ones too if ?include_deleted=true.
func (c *call) get(id world.ID) (world.Asset, error) {
	if c.flag("include_deleted") {
		return c.world.AssetEvenDeleted(c.by, id)
	}
	return c.world.Asset(c.by, id)
}

func (c *call) asset() error {
	a, err := c.get(c.id())
	if err != nil {
		return err
	}
	return c.answer(c.full(a))
}

func (c *call) children() error {
	order, err := c.order()
	if err != nil {
		return err
	}
	page, size := c.paging()
	deleted := c.flag("include_deleted")
	p, err := c.world.List(c.by, world.Query{
		Parent: c.id(), Order: order, Deleted: deleted, Limit: size, Offset: (page - 1) * size,
	})
	if err != nil {
		return err
	}
	c.pageHeaders(page, size, p.Total)
	out := make([]*assetJSON, 0, len(p.Assets))
	for _, a := range p.Assets {
		j := c.render(a)
		if c.includes("creator") {
			c.addCreator(j, a)
		}
		if c.includes("children") && a.Kind == world.Folder {
			// At most three; item_count tells how many there are (spec: frameio-v2.md §3.2).
			few, err := c.world.List(c.by, world.Query{Parent: a.ID, Limit: 3, Deleted: deleted})
			if err == nil {
				j.Children = c.renderAll(few.Assets)
			}
		}
		out = append(out, j)
	}
	return c.answer(out)
}

// body reads a JSON object or a form (spec: frameio-v2.md §1.1) into values by name. An empty body is an empty object.
func (c *call) body() (map[string]json.RawMessage, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(c.rw, c.r.Body, maxBody))
	if err != nil {
		return nil, badRequest("the request body could not be read: " + err.Error())
	}
	fields := map[string]json.RawMessage{}
	media, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if media == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil, badRequest("the form is malformed")
		}
		for k := range form {
			quoted, _ := json.Marshal(form.Get(k)) // a string always marshals
			fields[k] = quoted
		}
		return fields, nil
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return fields, nil
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, badRequest("the request body is not a JSON object")
	}
	return fields, nil
}

func unprocessable(field, detail string) error {
	return &world.Error{Kind: world.ErrInvalid, Field: field, Detail: detail}
}

// text reads an optional string; null and absence are nil.
func text(fields map[string]json.RawMessage, name string) (*string, error) {
	raw, ok := fields[name]
	if !ok || string(raw) == "null" {
		return nil, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, unprocessable(name, name+" is invalid")
	}
	return &s, nil
}

// required reads a string that has to be there.
func required(fields map[string]json.RawMessage, name string) (string, error) {
	s, err := text(fields, name)
	if err != nil {
		return "", err
	}
	if s == nil {
		return "", unprocessable(name, name+" can't be blank")
	}
	return *s, nil
}

// number reads a byte count, as a number or, from forms, in digits.
func number(fields map[string]json.RawMessage, name string) (int64, error) {
	raw, ok := fields[name]
	if !ok || string(raw) == "null" {
		return 0, unprocessable(name, name+" can't be blank")
	}
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	if err != nil || n < 0 {
		return 0, unprocessable(name, name+" is invalid")
	}
	return n, nil
}

func (c *call) create() error {
	fields, err := c.body()
	if err != nil {
		return err
	}
	kind, err := required(fields, "type")
	if err != nil {
		return err
	}
	name, err := required(fields, "name")
	if err != nil {
		return err
	}
	switch world.Kind(kind) {
	case world.Folder:
		a, err := c.world.CreateFolder(c.by, c.id(), name)
		if err != nil {
			return err
		}
		return c.created(c.render(a))
	case world.File:
		return c.createFile(fields, name)
	}
	return unprocessable("type", "type is invalid")
}

func (c *call) createFile(fields map[string]json.RawMessage, name string) error {
	for _, unsupported := range []string{"source", "is_realtime_upload"} {
		if raw := string(fields[unsupported]); raw != "" && raw != "null" && strings.Trim(raw, `"`) != "false" {
			return unprocessable(unsupported, unsupported+" is not offered by this simulator")
		}
	}
	f := world.NewFile{Name: name}
	var err error
	if f.Size, err = number(fields, "filesize"); err != nil {
		return err
	}
	for key, into := range map[string]*string{"filetype": &f.MediaType, "description": &f.Description,
		"auto_version_id": (*string)(&f.VersionOf)} {
		s, err := text(fields, key)
		if err != nil {
			return err
		}
		if s != nil {
			*into = *s
		}
	}
	if f.Properties, err = properties(fields); err != nil {
		return err
	}
	a, u, err := c.world.CreateFile(c.by, c.id(), f)
	if err != nil {
		return err
	}
	j := c.full(a)
	j.UploadURLs = c.hosts.UploadURLs(u)
	j.OriginalUpload = j.UploadURLs[0]
	return c.created(j)
}

func (c *call) created(v any) error {
	status := c.world.Behaviour().CreatedStatus
	if status == 0 {
		status = http.StatusOK
	}
	writeJSON(c.rw, status, v)
	return nil
}

// properties reads the free key/values; they replace what was there.
func properties(fields map[string]json.RawMessage) (json.RawMessage, error) {
	raw, ok := fields["properties"]
	if !ok || string(raw) == "null" {
		return nil, nil
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, unprocessable("properties", "properties is invalid")
	}
	return raw, nil
}

func (c *call) update() error {
	fields, err := c.body()
	if err != nil {
		return err
	}
	var ch world.Change
	for key, into := range map[string]**string{"name": &ch.Name, "description": &ch.Description, "label": &ch.Label} {
		if *into, err = text(fields, key); err != nil {
			return err
		}
	}
	if _, given := fields["properties"]; given {
		p, err := properties(fields)
		if err != nil {
			return err
		}
		ch.Properties = &p
	}
	if raw, given := fields["private"]; given {
		var b bool
		if err := json.Unmarshal(raw, &b); err != nil {
			return unprocessable("private", "private is invalid")
		}
		ch.Private = &b
	}
	return c.done(c.world.Update(c.by, c.id(), ch))
}

// done answers with the asset an operation leaves behind.
func (c *call) done(a world.Asset, err error) error {
	if err != nil {
		return err
	}
	return c.answer(c.full(a))
}

// other reads the asset a body names.
func (c *call) other(field string) (world.ID, error) {
	fields, err := c.body()
	if err != nil {
		return "", err
	}
	id, err := required(fields, field)
	return world.ID(strings.ToLower(id)), err
}

func (c *call) remove() error { return c.done(c.world.Delete(c.by, c.id())) }

func (c *call) restore() error { return c.done(c.world.Restore(c.by, c.id())) }

func (c *call) unversion() error { return c.done(c.world.Unversion(c.by, c.id())) }

// move has the destination in the path and the asset in the body (spec: frameio-v2.md §3.6).
func (c *call) move() error {
	id, err := c.other("id")
	if err != nil {
		return err
	}
	dest, err := c.world.Asset(c.by, c.id())
	if err != nil {
		return err
	}
	if dest.Kind != world.Folder {
		return unprocessable("id", "the destination is not a folder")
	}
	return c.done(c.world.Move(c.by, id, dest.ID))
}

func (c *call) copy() error {
	id, err := c.other("id")
	if err != nil {
		return err
	}
	return c.done(c.world.Copy(c.by, id, c.id(), world.CopyOptions{}))
}

func (c *call) version() error {
	next, err := c.other("next_asset_id")
	if err != nil {
		return err
	}
	return c.done(c.world.AddVersion(c.by, c.id(), next))
}

func (c *call) label() error {
	fields, err := c.body()
	if err != nil {
		return err
	}
	label, err := required(fields, "label")
	if err != nil {
		return err
	}
	return c.done(c.world.Update(c.by, c.id(), world.Change{Label: &label}))
}
