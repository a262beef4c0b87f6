// Package v2 is the V2 wire of the simulated Frame.io: it puts a world.World into the routes, words and refusals of
// https://api.frame.io/v2, as far as a storage client needs them (spec: frameio-v2.md).
//
// New makes the Wire, an http.Handler to serve under /v2/. It is strict where the real service is known to be and
// forgiving where that is known: bodies on GET are ignored, creates may be form-encoded, page_size above the maximum is
// clamped, unknown body fields are ignored. Scopes of tokens count here (403), V4 ignores them.
//
// Not here, and answered 404: comments, review links, presentations, webhooks, search, batches, realtime uploads and
// imports from a URL.
package v2

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/frameiofs/frameiofs/sim/hosts"
	"github.com/frameiofs/frameiofs/sim/limit"
	"github.com/frameiofs/frameiofs/sim/world"
)

// Wire serves the V2 API of one world.
type Wire struct {
	world   *world.World
	hosts   *hosts.Hosts
	limiter *limit.Limiter
	mux     *http.ServeMux
}

// New returns the V2 wire of w. Upload and download links are signed by h; l keeps one bucket per user and endpoint.
func New(w *world.World, h *hosts.Hosts, l *limit.Limiter) *Wire {
	v := &Wire{world: w, hosts: h, limiter: l, mux: http.NewServeMux()}
	for _, e := range v.endpoints() {
		v.mux.HandleFunc(e.pattern, func(rw http.ResponseWriter, r *http.Request) { v.serve(rw, r, e) })
	}
	v.mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		writeError(rw, http.StatusNotFound, "Could not find the requested resource")
	})
	return v
}

// ServeHTTP answers one V2 request.
func (v *Wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(rw, r) }

// endpoint is one route. Its pattern is its bucket's name too.
type endpoint struct {
	pattern string
	scope   string // "" = any token
	rate    limit.Rate
	serve   func(*call) error
}

// call is one request by somebody we know.
type call struct {
	*Wire
	rw http.ResponseWriter
	r  *http.Request
	by world.Caller
}

// Rates of frameio-v2.md §8; what its table leaves out has the error page's default of 50 per second.
var (
	rateCreate  = limit.PerSecond(5)
	rateRead    = limit.PerSecond(5)
	rateUpdate  = limit.PerSecond(10)
	rateDefault = limit.PerSecond(50)
)

func (v *Wire) endpoints() []endpoint {
	return []endpoint{
		{"GET /v2/me", "", rateDefault, (*call).me},
		{"GET /v2/accounts", "account.read", rateDefault, (*call).accounts},
		{"GET /v2/accounts/{id}", "account.read", rateDefault, (*call).account},
		{"GET /v2/accounts/{id}/membership", "account.read", rateDefault, (*call).membership},
		{"GET /v2/accounts/{id}/teams", "team.read", rateDefault, (*call).accountTeams},
		{"GET /v2/teams", "team.read", rateDefault, (*call).teams},
		{"GET /v2/teams/{id}", "team.read", rateDefault, (*call).team},
		{"GET /v2/teams/{id}/projects", "project.read", rateDefault, (*call).teamProjects},
		{"GET /v2/projects/shared", "project.read", rateDefault, (*call).sharedProjects},
		{"GET /v2/projects/{id}", "project.read", rateDefault, (*call).project},

		{"GET /v2/assets/{id}", "asset.read", rateRead, (*call).asset},
		{"GET /v2/assets/{id}/children", "asset.read", rateRead, (*call).children},
		{"POST /v2/assets/{id}/children", "asset.create", rateCreate, (*call).create},
		{"PUT /v2/assets/{id}", "asset.update", rateUpdate, (*call).update},
		{"DELETE /v2/assets/{id}", "asset.delete", rateUpdate, (*call).remove},
		{"PUT /v2/assets/{id}/restore", "asset.update", rateUpdate, (*call).restore},
		{"POST /v2/assets/{id}/move", "asset.update", rateUpdate, (*call).move},
		{"POST /v2/assets/{id}/copy", "asset.create", rateCreate, (*call).copy},
		{"POST /v2/assets/{id}/version", "asset.update", rateUpdate, (*call).version},
		{"DELETE /v2/assets/{id}/unversion", "asset.update", rateUpdate, (*call).unversion},
		{"POST /v2/assets/{id}/label", "asset.update", rateUpdate, (*call).label},
	}
}

// serve takes a request through the steps all endpoints share: who asks, how often, with which scope.
func (v *Wire) serve(rw http.ResponseWriter, r *http.Request, e endpoint) {
	by, err := v.authenticate(r)
	// Buckets are per user, over all tokens (spec: frameio-v2.md §8). Strangers share one, for the headers.
	admitted := v.limiter.Take(string(by.User), e.pattern, e.rate, rw.Header())
	switch {
	case err != nil:
		writeError(rw, http.StatusUnauthorized, "The access token is invalid, expired or missing")
		return
	case !admitted:
		writeError(rw, http.StatusTooManyRequests, "Rate Limit Exceeded")
		return
	case e.scope != "" && !by.Has(e.scope):
		writeError(rw, http.StatusForbidden, "The token lacks the scope "+e.scope)
		return
	}
	c := &call{Wire: v, rw: rw, r: r, by: by}
	if err := e.serve(c); err != nil {
		status, detail := translate(err)
		writeError(rw, status, detail)
	}
}

// authenticate accepts developer and V2 OAuth tokens; Adobe's are for V4.
func (v *Wire) authenticate(r *http.Request) (world.Caller, error) {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return world.Caller{}, world.ErrToken
	}
	by, err := v.world.Authenticate(bearer)
	if err != nil || by.Kind == world.IMS {
		return world.Caller{}, world.ErrToken
	}
	return by, nil
}

// id is the asset, team, project or account of the path.
func (c *call) id() world.ID { return world.ID(strings.ToLower(c.r.PathValue("id"))) }

// badRequest is a body that cannot be read.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// translate puts what the world refuses into this wire's statuses (spec: frameio-v2.md §9).
func translate(err error) (status int, detail string) {
	var bad badRequest
	switch detail = err.Error(); {
	case errors.As(err, &bad):
		return http.StatusBadRequest, detail
	case errors.Is(err, world.ErrNotFound):
		return http.StatusNotFound, "Could not find the requested resource"
	case errors.Is(err, world.ErrForbidden), errors.Is(err, world.ErrLocked):
		return http.StatusForbidden, detail
	case errors.Is(err, world.ErrQuota):
		return http.StatusPaymentRequired, detail
	case errors.Is(err, world.ErrConflict):
		return http.StatusConflict, detail
	case errors.Is(err, world.ErrInvalid):
		return http.StatusUnprocessableEntity, detail
	}
	return http.StatusInternalServerError, detail
}

type errorBody struct {
	Code    int         `json:"code"`
	Message string      `json:"message"`
	Errors  []errorItem `json:"errors"`
}

type errorItem struct {
	Code   int    `json:"code"`
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// WriteError answers in V2's detailed error form (spec: frameio-v2.md §9).
func WriteError(rw http.ResponseWriter, status int, detail string) { writeError(rw, status, detail) }

func writeError(rw http.ResponseWriter, status int, detail string) {
	title := http.StatusText(status)
	if status == http.StatusNotFound {
		title = "Not found"
	}
	writeJSON(rw, status, errorBody{status, title, []errorItem{{status, status, title, detail}}})
}

func writeJSON(rw http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("v2: an answer always marshals: " + err.Error())
	}
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	// A client that went away is no news.
	_, _ = rw.Write(body)
}

// answer writes a plain 200.
func (c *call) answer(v any) error {
	writeJSON(c.rw, http.StatusOK, v)
	return nil
}
