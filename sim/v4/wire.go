package v4

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/frameiofs/frameiofs/sim/hosts"
	"github.com/frameiofs/frameiofs/sim/limit"
	"github.com/frameiofs/frameiofs/sim/world"
)

// LegacyHeader must be "true" on requests with a developer token (fio-…), and must not be sent with an Adobe IMS token
// (spec: frameio-v4.md §1.5).
const LegacyHeader = "x-frameio-legacy-token-auth"

// Wire serves the V4 API of one world.
type Wire struct {
	world   *world.World
	hosts   *hosts.Hosts
	limiter *limit.Limiter
	mux     *http.ServeMux
	ops     map[string]operation // by mux pattern

	closing context.Context // done once Close is called: folder copies stop waiting
	close   context.CancelFunc
	copies  sync.WaitGroup // folder copies accepted with 202
}

// New returns the V4 wire of w. Upload and media links are signed by h; l keeps one bucket per user, account and
// operation.
func New(w *world.World, h *hosts.Hosts, l *limit.Limiter) *Wire {
	v := &Wire{world: w, hosts: h, limiter: l, mux: http.NewServeMux(), ops: make(map[string]operation)}
	v.closing, v.close = context.WithCancel(context.Background())
	for _, op := range operations() {
		v.ops[op.pattern] = op
		v.mux.HandleFunc(op.pattern, func(rw http.ResponseWriter, r *http.Request) { v.serve(rw, r, op) })
	}
	v.mux.HandleFunc("/", noRoute)
	return v
}

// Close carries out at once the folder copies that were accepted and not yet made, and waits for them.
func (v *Wire) Close() error {
	v.close()
	v.copies.Wait()
	return nil
}

// Operation names the operation r asks for in the words of the published document, such as
// "files.create_local_upload", or "" for an unknown route.
func (v *Wire) Operation(r *http.Request) string {
	_, pattern := v.mux.Handler(r)
	return v.ops[pattern].id
}

// Refuse answers r with status in the words of this wire. It is for refusals that are not the wire's own, such as faults
// on order; code is ignored, since V4 errors have none.
func (v *Wire) Refuse(rw http.ResponseWriter, r *http.Request, status int, code string) {
	rate := limit.PerMinute(100)
	if _, pattern := v.mux.Handler(r); v.ops[pattern].id != "" {
		rate = v.ops[pattern].rate
	}
	full(rw.Header(), rate)
	if status == http.StatusTooManyRequests {
		rw.Header().Set("x-ratelimit-remaining", "0")
	}
	writeError(rw, refuse(status, phrase(status)))
}

// ServeHTTP answers one V4 request.
func (v *Wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(rw, r) }

// serve takes a request through the same steps as Frame.io: who asks, how often, is it well formed, then what.
func (v *Wire) serve(rw http.ResponseWriter, r *http.Request, op operation) {
	by, err := v.authenticate(r)
	if err != nil {
		full(rw.Header(), op.rate)
		writeError(rw, err)
		return
	}
	// Buckets are per account_user: the user within the account (spec: frameio-v4.md §7).
	if !v.limiter.Take(string(by.User)+"/"+r.PathValue("account_id"), op.id, op.rate, rw.Header()) {
		writeError(rw, refuse(http.StatusTooManyRequests, "Too many requests"))
		return
	}
	c, err := v.parse(r, op, by)
	if err != nil {
		writeError(rw, err)
		return
	}
	status, answer, err := op.serve(c)
	if err != nil {
		writeError(rw, v.translate(err))
		return
	}
	writeJSON(rw, status, answer)
}

// authenticate finds out who asks. Every failure looks the same from outside, as it does on Frame.io.
func (v *Wire) authenticate(r *http.Request) (world.Caller, error) {
	unauthorized := refuse(http.StatusUnauthorized, "Unauthorized")
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return world.Caller{}, unauthorized
	}
	by, err := v.world.Authenticate(bearer)
	if err != nil {
		return world.Caller{}, unauthorized
	}
	wantLegacy := by.Kind == world.Developer
	if by.Kind == world.OAuth || wantLegacy != (r.Header.Get(LegacyHeader) == "true") {
		return world.Caller{}, unauthorized
	}
	if by.Kind == world.IMS && by.Scopes != nil && !v.world.Behaviour().AnyScope &&
		!by.Has("additional_info.roles") && !by.Has("frame.s2s.all") {
		return world.Caller{}, unauthorized // spec: frameio-v4.md §1.3
	}
	by.Scopes = nil // V4 ignores the scopes of developer tokens; roles decide (spec: frameio-v4.md §1.5)
	return by, nil
}

// translate puts what the world refuses into the words of this wire (spec: frameio-v4.md §8).
func (v *Wire) translate(err error) error {
	if answer := (*refusal)(nil); errors.As(err, &answer) {
		return answer
	}
	detail := err.Error()
	switch {
	case errors.Is(err, world.ErrNotFound):
		return notFound()
	case errors.Is(err, world.ErrForbidden), errors.Is(err, world.ErrLocked):
		return refuse(http.StatusForbidden, detail)
	case errors.Is(err, world.ErrConflict):
		return refuse(http.StatusConflict, detail)
	case errors.Is(err, world.ErrQuota):
		if v.world.Behaviour().QuotaStatus == http.StatusUnprocessableEntity {
			return refuse(http.StatusUnprocessableEntity, detail)
		}
		return refuse(http.StatusForbidden, detail)
	case errors.Is(err, world.ErrToken):
		return refuse(http.StatusUnauthorized, "Unauthorized")
	case errors.Is(err, world.ErrInvalid):
		return invalid(fieldOf(err), detail)
	}
	return fmt.Errorf("serve V4: %w", err)
}

// fieldOf returns the place in the request that the world complains about, as a JSON pointer.
func fieldOf(err error) string {
	var at *world.Error
	if !errors.As(err, &at) || at.Field == "" {
		return "/data"
	}
	words := map[string]string{"parent": "parent_id", "next": "parent_id", "size": "file_size"}
	if at.Field == "after" {
		return "/after"
	}
	if word, ok := words[at.Field]; ok {
		return "/data/" + word
	}
	return "/data/" + at.Field
}
