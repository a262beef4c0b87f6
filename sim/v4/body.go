package v4

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxBody bounds a request body; the longest sensible one is a few KiB.
const maxBody = 1 << 20

// maxFileSize is the largest file_size (spec: frameio-v4.md §5.1).
const maxFileSize = 5_000_000_000_000

// body is the closed schema of a request's data object.
type body struct {
	optional bool // the request may come without a body
	fields   []field
}

type field struct {
	name     string
	required bool
	check    func(any) string // what is wrong with a value, or ""
}

// The schemas, after FolderCreateParams and so on in the published document. Where that leaves name or parent_id of a
// create, rename or move optional, the operation itself asks for it.
var (
	named        = &body{fields: []field{{"name", false, text(1, 255)}}}
	moved        = &body{fields: []field{{"parent_id", false, text(0, 1000)}}}
	copied       = &body{optional: true, fields: []field{{"parent_id", false, text(0, 1000)}}}
	localUpload  = &body{fields: []field{{"name", true, text(1, 255)}, {"file_size", true, fileSize}}}
	remoteUpload = &body{fields: []field{{"name", true, text(1, 255)}, {"source_url", true, text(0, 10_000)}}}
	fileImport   = &body{fields: []field{{"name", true, text(1, 255)}, {"key", true, text(1, 10_000)}, {"storage_location", true, location}}}
	stackCreate  = &body{fields: []field{{"file_ids", true, fileIDs}}}
	fileCreate   = &body{fields: []field{
		{"name", true, text(1, 255)}, {"file_size", true, fileSize},
		{"media_type", true, text(1, 255)}, {"source_url", false, text(0, 10_000)},
	}}
)

// read returns the data object of a request that fits the schema, as encoding/json makes it, with numbers as json.Number.
func (b *body) read(r *http.Request) (map[string]any, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "The request body was cut short")
	}
	if len(raw) > maxBody {
		return nil, refuse(http.StatusBadRequest, "The request body is too large")
	}
	if len(raw) == 0 && b.optional {
		return nil, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, refuse(http.StatusBadRequest, "Expected Content-Type application/json")
	}
	var value any
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		return nil, refuse(http.StatusBadRequest, "The request body is not valid JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse(http.StatusBadRequest, "The request body is not valid JSON")
	}
	data, wrong := b.check(value)
	if len(wrong) > 0 {
		return nil, &refusal{status: http.StatusUnprocessableEntity, problems: wrong}
	}
	return data, nil
}

// check holds value against the schema.
func (b *body) check(value any) (data map[string]any, wrong []problem) {
	outer, ok := value.(map[string]any)
	if !ok {
		return nil, []problem{fault("/", "Invalid object. Got: "+kindOf(value))}
	}
	wrong = unexpected("", outer, []string{"data"})
	inner, there := outer["data"]
	if !there {
		if b.optional {
			return nil, wrong
		}
		return nil, append(wrong, fault("/data", "Missing field: data"))
	}
	data, ok = inner.(map[string]any)
	if !ok {
		return nil, append(wrong, fault("/data", "Invalid object. Got: "+kindOf(inner)))
	}
	var names []string
	for _, f := range b.fields {
		names = append(names, f.name)
		v, there := data[f.name]
		if !there {
			if f.required {
				wrong = append(wrong, fault("/data/"+f.name, "Missing field: "+f.name))
			}
			continue
		}
		if complaint := f.check(v); complaint != "" {
			wrong = append(wrong, fault("/data/"+f.name, complaint))
		}
	}
	return data, append(wrong, unexpected("/data", data, names)...)
}

func unexpected(at string, object map[string]any, known []string) []problem {
	var wrong []problem
	for name := range object {
		if !slices.Contains(known, name) {
			wrong = append(wrong, fault(at+"/"+name, "Unexpected field: "+name))
		}
	}
	slices.SortFunc(wrong, func(a, b problem) int { return strings.Compare(a.Detail, b.Detail) })
	return wrong
}

// text checks a string of min to max characters.
func text(least, most int) func(any) string {
	return func(v any) string {
		s, ok := v.(string)
		n := utf8.RuneCountInString(s)
		switch {
		case !ok:
			return "Invalid string. Got: " + kindOf(v)
		case n < least:
			return fmt.Sprintf("String length is smaller than minLength: %d", least)
		case n > most:
			return fmt.Sprintf("String length is larger than maxLength: %d", most)
		}
		return ""
	}
}

// fileSize checks the size of a file to come. There are no empty files on V4 (spec: frameio-v4.md §5.1).
func fileSize(v any) string {
	n, ok := integer(v)
	switch {
	case !ok:
		return "Invalid integer. Got: " + kindOf(v)
	case n < 1:
		return fmt.Sprintf("%d is smaller than inclusive minimum 1", n)
	case n > maxFileSize:
		return fmt.Sprintf("%d is larger than inclusive maximum %d", n, int64(maxFileSize))
	}
	return ""
}

func integer(v any) (int64, bool) {
	number, _ := v.(json.Number)
	n, err := strconv.ParseInt(number.String(), 10, 64)
	return n, err == nil
}

// fileIDs checks the versions of a new stack (spec: frameio-v4.md §6.3).
func fileIDs(v any) string {
	list, ok := v.([]any)
	if !ok {
		return "Invalid array. Got: " + kindOf(v)
	}
	seen := map[string]bool{}
	for _, one := range list {
		id, ok := one.(string)
		if !ok {
			return "Invalid string. Got: " + kindOf(one)
		}
		if !uuidForm.MatchString(id) && !strings.HasPrefix(id, "adobe:") {
			return "Invalid format. Expected a Frame.io or Adobe id"
		}
		if seen[id] {
			return "Array items must be unique"
		}
		seen[id] = true
	}
	if len(list) < 2 {
		return fmt.Sprintf("Array length %d is smaller than minItems: 2", len(list))
	}
	if len(list) > 10 {
		return fmt.Sprintf("Array length %d is larger than maxItems: 10", len(list))
	}
	return ""
}

// location checks where Storage Connect is to import from: one UUID, or two joined by a hyphen.
func location(v any) string {
	s, ok := v.(string)
	if !ok {
		return "Invalid string. Got: " + kindOf(v)
	}
	const uuid = 36
	one := len(s) == uuid && uuidForm.MatchString(s)
	two := len(s) == 2*uuid+1 && s[uuid] == '-' && uuidForm.MatchString(s[:uuid]) && uuidForm.MatchString(s[uuid+1:])
	if s != strings.ToLower(s) || !one && !two {
		return "Invalid format"
	}
	return ""
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}
