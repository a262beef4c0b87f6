package contract

import (
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// mend changes the document where it cannot be meant as it stands. Every function below is one line of the list in the
// package comment.
func mend(doc *openapi3.T) {
	doc.Servers = nil // tests talk to 127.0.0.1, whatever host the document names
	sealed := map[*openapi3.Schema]bool{}
	for _, s := range doc.Components.Schemas {
		sealParts(s, sealed)
	}
	if s := doc.Components.Schemas["FrameOrAdobeId"]; s != nil && s.Value != nil {
		s.Value.Pattern = `^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|adobe:.+)$`
	}
	for _, path := range doc.Paths.Map() {
		for _, op := range path.Operations() {
			emptyNoContent(op)
			listIncludes(op)
		}
	}
}

// sealParts gives a schema that says additionalProperties:false beside allOf the properties of its parts by name, so that
// the words mean "nothing but these". It visits every schema below s once.
func sealParts(s *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if s == nil || s.Value == nil || seen[s.Value] {
		return
	}
	v := s.Value
	seen[v] = true
	for _, group := range []openapi3.SchemaRefs{v.AllOf, v.AnyOf, v.OneOf, {v.Items, v.Not}} {
		for _, part := range group {
			sealParts(part, seen)
		}
	}
	for _, p := range v.Properties {
		sealParts(p, seen)
	}
	if closed := v.AdditionalProperties.Has; closed == nil || *closed || len(v.AllOf) == 0 {
		return
	}
	known := openapi3.Schemas{}
	for _, part := range v.AllOf {
		collect(part.Value, known)
	}
	maps.Copy(known, v.Properties)
	v.Properties = known
}

// collect adds the properties of s and of its parts. The values are left open here: the parts check them.
func collect(s *openapi3.Schema, into openapi3.Schemas) {
	for name := range s.Properties {
		into[name] = &openapi3.SchemaRef{Value: &openapi3.Schema{Nullable: true}}
	}
	for _, part := range s.AllOf {
		collect(part.Value, into)
	}
}

// emptyNoContent drops the body that the document declares for 204.
func emptyNoContent(op *openapi3.Operation) {
	if r := op.Responses.Status(204); r != nil && r.Value != nil {
		r.Value.Content = nil
	}
}

// listIncludes turns the enum of the include parameter into a comma-separated list of that enum's values.
func listIncludes(op *openapi3.Operation) {
	for _, p := range op.Parameters {
		if p.Value == nil || p.Value.Name != "include" || p.Value.In != openapi3.ParameterInQuery {
			continue
		}
		one := *p.Value.Schema.Value
		one.Enum = slices.Clone(one.Enum)
		if slices.Contains(one.Enum, any("project")) {
			one.Enum = append(one.Enum, "project.owner")
		}
		list := openapi3.NewArraySchema()
		list.Items = &openapi3.SchemaRef{Value: &one}
		list.MinItems = 1
		explode := false
		p.Value.Style, p.Value.Explode = openapi3.SerializationForm, &explode
		p.Value.Schema = &openapi3.SchemaRef{Value: list}
	}
}
