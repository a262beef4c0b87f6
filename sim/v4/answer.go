package v4

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/frameiofs/frameiofs/sim/limit"
)

// refusal is an answer that says no: {"errors":[…]} (spec: frameio-v4.md §8).
type refusal struct {
	status   int
	problems []problem
}

// problem is one entry of errors. Only detail is always there; title and source come with faults in the request.
type problem struct {
	Detail string  `json:"detail"`
	Title  string  `json:"title,omitempty"`
	Source *source `json:"source,omitempty"`
}

type source struct {
	Pointer string `json:"pointer"`
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.problems[0].Detail) }

func refuse(status int, detail string) *refusal {
	return &refusal{status: status, problems: []problem{{Detail: detail}}}
}

// phrase is the bare detail of a status, in Frame.io's spelling (spec: frameio-v4.md §8).
func phrase(status int) string {
	text := http.StatusText(status)
	if status == http.StatusUnprocessableEntity {
		text = "Unprocessable Content" // as HTTP calls it today
	}
	if text == "" {
		return fmt.Sprint("Status ", status)
	}
	return text[:1] + strings.ToLower(text[1:])
}

func notFound() *refusal { return refuse(http.StatusNotFound, "Not found") }

// invalid is a 422 about the value at pointer.
func invalid(pointer, detail string) *refusal {
	return &refusal{status: http.StatusUnprocessableEntity, problems: []problem{fault(pointer, detail)}}
}

func fault(pointer, detail string) problem {
	return problem{Detail: detail, Title: "Invalid value", Source: &source{Pointer: pointer}}
}

func writeError(rw http.ResponseWriter, err error) {
	answer := refuse(http.StatusInternalServerError, "Internal server error: "+err.Error())
	errors.As(err, &answer)
	writeJSON(rw, answer.status, map[string]any{"errors": answer.problems})
}

// writeJSON sends an answer; a nil one has no body.
func writeJSON(rw http.ResponseWriter, status int, answer any) {
	if answer == nil {
		rw.WriteHeader(status)
		return
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(answer); err != nil {
		http.Error(rw, "encode answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	rw.WriteHeader(status)
	_, _ = rw.Write(body.Bytes()) // fails only when the client is gone
}

// noRoute answers everything else under /v4. The words are Frame.io's (spec: frameio-v4.md §8).
func noRoute(rw http.ResponseWriter, r *http.Request) {
	full(rw.Header(), limit.PerMinute(100))
	writeError(rw, refuse(http.StatusNotFound, fmt.Sprintf("no route found for %s %s", r.Method, r.URL.Path)))
}

// full sets the limit headers of answers that count in nobody's bucket.
func full(h http.Header, r limit.Rate) {
	h.Set("x-ratelimit-limit", strconv.Itoa(r.Calls))
	h.Set("x-ratelimit-remaining", strconv.Itoa(r.Calls))
	h.Set("x-ratelimit-window", strconv.FormatInt(r.Window.Milliseconds(), 10))
}
