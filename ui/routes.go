package ui

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

//go:embed static
var static embed.FS

// What the page is told, and how often.
const (
	filesShown     = 200
	confirmedShown = 100
	tellEvery      = time.Second
	aliveEvery     = 15 * time.Second // so that a page whose mount has gone finds out
)

func (s *Server) routes() http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /confirmed", ask(s.confirmed))
	mux.HandleFunc("GET /projects", ask(func(ctx context.Context) (any, error) { return s.mount.Projects(ctx) }))
	mux.HandleFunc("GET /history", ask(func(context.Context) (any, error) { return s.history.points(), nil }))
	mux.HandleFunc("POST /retry", button(func(ctx context.Context, paths []string) error { _, err := s.mount.Retry(ctx, paths); return err }))
	for name, do := range map[string]func(context.Context, []string) (control.Told, error){"pause": s.mount.Pause, "resume": s.mount.Resume, "first": s.mount.First} {
		mux.HandleFunc("POST /"+name, button(func(ctx context.Context, paths []string) error { _, err := do(ctx, paths); return err }))
	}
	return mux
}

// ask answers with what a question of the mount comes to.
func ask(do func(context.Context) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := do(r.Context())
		answer(w, v, err)
	}
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// confirmed is the newest receipts, of each asset one.
func (s *Server) confirmed(ctx context.Context) (any, error) {
	told, err := s.mount.Receipts(ctx, control.ReceiptQuery{Limit: confirmedShown})
	newest, seen := []control.Receipt{}, map[string]bool{}
	for _, r := range told.Receipts {
		if !seen[r.ID] {
			newest = append(newest, r)
		}
		seen[r.ID] = true
	}
	return newest, err
}

// button does what is asked of some paths, or of all if none are named.
func button(do func(ctx context.Context, paths []string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var order struct{ Paths []string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&order); err != nil {
			http.Error(w, "not an order: "+err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, struct{}{}, do(r.Context(), order.Paths))
	}
}

// events tells the status whenever it has changed, until the page goes away.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	var last []byte
	for told := (time.Time{}); ; {
		now, err := s.status(r.Context())
		if err != nil {
			return
		}
		if !bytes.Equal(now, last) || time.Since(told) > aliveEvery {
			if _, err := fmt.Fprintf(w, "data: %s\n\n", now); err != nil {
				return
			}
			if err := out.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return
			}
			last, told = now, time.Now()
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Server) status(ctx context.Context) ([]byte, error) {
	st, err := s.mount.Status(ctx, control.Query{Limit: filesShown})
	if err != nil {
		return nil, err
	}
	return json.Marshal(st)
}
