package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// ErrNoRoute says that the document declares no such operation.
var ErrNoRoute = errors.New("the published document declares no such operation")

// CheckRequest says what the document has against r with the given body, or nil. It does not touch r. For an operation
// that is not declared the error is ErrNoRoute.
func (d *Doc) CheckRequest(r *http.Request, body []byte) error {
	route, params, err := d.route(r)
	if err != nil {
		return err
	}
	for name := range r.URL.Query() {
		if route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("%s takes no query parameter %q", route.Operation.OperationID, name)
		}
	}
	if route.Operation.RequestBody == nil && len(body) > 0 {
		return fmt.Errorf("%s takes no body", route.Operation.OperationID)
	}
	err = openapi3filter.ValidateRequest(r.Context(), d.input(r, body, route, params))
	if err != nil {
		return fmt.Errorf("%s: %w", route.Operation.OperationID, err)
	}
	return nil
}

// CheckResponse says what the document has against an answer to r: its status, headers or body. Answers of 500 and above
// are nobody's contract and pass; the answer to an operation that is not declared must be a 404 in the usual error shape.
func (d *Doc) CheckResponse(r *http.Request, status int, header http.Header, body []byte) error {
	if status >= 500 {
		return nil
	}
	route, params, err := d.route(r)
	if err != nil {
		return noRouteAnswer(status, body)
	}
	if status == http.StatusNoContent && len(body) > 0 {
		return fmt.Errorf("%s: 204 with a body of %d bytes", route.Operation.OperationID, len(body))
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: d.input(r, nil, route, params),
		Status:                 status,
		Header:                 header,
		Body:                   io.NopCloser(bytes.NewReader(body)),
		Options:                d.options(),
	}
	if err := openapi3filter.ValidateResponse(r.Context(), in); err != nil {
		return fmt.Errorf("%s answered %d: %w", route.Operation.OperationID, status, err)
	}
	return nil
}

func (d *Doc) route(r *http.Request) (*routers.Route, map[string]string, error) {
	route, params, err := d.routes.FindRoute(r)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, ErrNoRoute)
	}
	return route, params, nil
}

// input builds what the library checks, around a copy of r: the library reads the body and replaces it.
func (d *Doc) input(r *http.Request, body []byte, route *routers.Route, params map[string]string) *openapi3filter.RequestValidationInput {
	c := r.Clone(r.Context())
	c.Body, c.ContentLength = http.NoBody, int64(len(body))
	if len(body) > 0 {
		c.Body = io.NopCloser(bytes.NewReader(body))
	}
	return &openapi3filter.RequestValidationInput{
		Request: c, PathParams: params, Route: route, Options: d.options(),
	}
}

func (d *Doc) options() *openapi3filter.Options {
	o := &openapi3filter.Options{
		IncludeResponseStatus:   true,
		SkipSettingDefaults:     true,
		MultiError:              true,
		AuthenticationFunc:      hasBearer,
		SchemaValidationOptions: d.formats,
	}
	o.WithCustomSchemaErrorFunc(shortReason)
	return o
}

// hasBearer is all that can be checked of a security requirement from outside: a bearer token is there.
func hasBearer(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	got := in.RequestValidationInput.Request.Header.Values("Authorization")
	if len(got) != 1 || !strings.HasPrefix(got[0], "Bearer ") || len(got[0]) == len("Bearer ") {
		return errors.New("no Authorization: Bearer header")
	}
	return nil
}

// shortReason names the place and the rule; the library's own text adds the whole schema, hundreds of lines here, and
// for a failed part of allOf or oneOf hides which rule of the part it was.
func shortReason(err *openapi3.SchemaError) string {
	var part *openapi3.SchemaError
	if errors.As(err.Origin, &part) {
		return err.Origin.Error()
	}
	return fmt.Sprintf("/%s: %s", strings.Join(err.JSONPointer(), "/"), err.Reason)
}

func noRouteAnswer(status int, body []byte) error {
	allowed := []int{http.StatusNotFound, http.StatusUnauthorized}
	if !slices.Contains(allowed, status) || !bytes.Contains(body, []byte(`"errors"`)) {
		return fmt.Errorf("answered %d to an operation the document does not declare; want 404 with errors", status)
	}
	return nil
}
