package control

import (
	"context"
	"net/http"
)

// Cache is what a mount can be asked about what it keeps of Frame.io on this machine's disk. Paths are below the mount's root; ""
// is the root. Folders count with all that is in them. Its JSON form is as stable as that of Status.
type Cache interface {
	// Cached tells how full the cache is, what is pinned, and how much of each of paths is here.
	Cached(ctx context.Context, paths []string) (CacheStatus, error)
	// Pin keeps paths here from now on, with what comes to be in them later, and fetches them in the background. It returns when that
	// is noted, and tells how much there is to fetch. ErrTooBig if there is no room: then nothing is pinned.
	Pin(ctx context.Context, paths []string) (Holding, error)
	// Unpin undoes Pin for paths and all that is pinned below them. What is here stays until it gives way.
	Unpin(ctx context.Context, paths []string) (Unpinned, error)
	// Warm fetches what is not here of paths; if ctx ends, what has come stays. ErrTooBig if not all of it can be here.
	Warm(ctx context.Context, paths []string, progress func(Holding)) (Holding, error)
	// Clear gives the disk back what paths take (everything, if none). What is open, pinned, or not on Frame.io yet stays; if a file
	// named in paths does, that is an error, when all else is done.
	Clear(ctx context.Context, paths []string) (Cleared, error)
}

// CacheStatus is what a mount tells about its cache.
type CacheStatus struct {
	MountPoint string    `json:"mountpoint"`
	Used       int64     `json:"used"`      // bytes on disk
	Limit      int64     `json:"limit"`     // bytes that may be: --cache-size, or less if others need the disk
	Pinned     int64     `json:"pinned"`    // bytes of all that is pinned, here or not
	Files      int       `json:"files"`     // of which there is something
	DiskFree   int64     `json:"disk_free"` // bytes
	Pins       []Holding `json:"pins"`      // what was pinned
	Paths      []Holding `json:"paths,omitempty"`
}

// Holding is how much of a file, or of all files in a folder, is here.
type Holding struct {
	Path    string `json:"path,omitempty"` // below the mount point
	Files   int    `json:"files"`
	Whole   int    `json:"whole"`             // of Files: all of it is here
	Pinned  int    `json:"pinned"`            // of Files
	Size    int64  `json:"size"`              // bytes of Files
	Here    int64  `json:"here"`              // bytes of Size
	Leaving int    `json:"leaving,omitempty"` // files that are not on Frame.io yet; they count in nothing else
	Error   string `json:"error,omitempty"`   // why it is not kept as it should be
}

// Unpinned is what Unpin did.
type Unpinned struct {
	Paths []string `json:"paths"`
}

// Cleared is what Clear did.
type Cleared struct {
	Freed  int64 `json:"freed"`            // bytes
	Pinned int   `json:"pinned,omitempty"` // files that stay because they are pinned
	Open   int   `json:"open,omitempty"`   // files that stay because a program reads them
}

func cacheRoutes(mux *http.ServeMux, m Cache) {
	post(mux, "/v1/cache/status", func(ctx context.Context, q order) (any, error) { return m.Cached(ctx, q.Paths) })
	post(mux, "/v1/cache/pin", func(ctx context.Context, q order) (any, error) { return m.Pin(ctx, q.Paths) })
	post(mux, "/v1/cache/unpin", func(ctx context.Context, q order) (any, error) { return m.Unpin(ctx, q.Paths) })
	post(mux, "/v1/cache/clear", func(ctx context.Context, q order) (any, error) { return m.Clear(ctx, q.Paths) })
	mux.HandleFunc("POST /v1/cache/warm", func(w http.ResponseWriter, r *http.Request) {
		if q, ok := request(w, r); ok {
			stream(w, r, func(ctx context.Context, progress func(Holding)) (Holding, error) {
				return m.Warm(ctx, q.Paths, progress)
			})
		}
	})
}

// post answers a call that takes an order.
func post(mux *http.ServeMux, path string, do func(context.Context, order) (any, error)) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		if q, ok := request(w, r); ok {
			value, err := do(r.Context(), q)
			answer(w, value, err)
		}
	})
}

// Cached asks how full the cache is.
func (c *Client) Cached(ctx context.Context, paths []string) (st CacheStatus, err error) {
	err = c.ask(ctx, "/v1/cache/status", order{Paths: paths}, &st)
	return st, err
}

// Pin keeps paths here.
func (c *Client) Pin(ctx context.Context, paths []string) (h Holding, err error) {
	err = c.ask(ctx, "/v1/cache/pin", order{Paths: paths}, &h)
	return h, err
}

// Unpin undoes Pin.
func (c *Client) Unpin(ctx context.Context, paths []string) (u Unpinned, err error) {
	err = c.ask(ctx, "/v1/cache/unpin", order{Paths: paths}, &u)
	return u, err
}

// Warm fetches paths.
func (c *Client) Warm(ctx context.Context, paths []string, progress func(Holding)) (Holding, error) {
	return follow(ctx, c, "/v1/cache/warm", order{Paths: paths}, progress)
}

// Clear gives the disk back.
func (c *Client) Clear(ctx context.Context, paths []string) (done Cleared, err error) {
	err = c.ask(ctx, "/v1/cache/clear", order{Paths: paths}, &done)
	return done, err
}
