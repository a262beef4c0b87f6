package control

import (
	"context"
	"net/http"
	"time"
)

// Profiler is a mount that can tell what is asked of it.
type Profiler interface {
	// Profile watches for a time, or until ctx ends, and tells which programs asked for what. MaxProfile is the longest.
	Profile(ctx context.Context, d time.Duration) (Profile, error)
}

// MaxProfile is how long a mount is watched at most.
const MaxProfile = 24 * time.Hour

// Profile is what a mount was asked for. Its JSON form is as stable as that of Status. What the kernel reads and writes by itself
// (as root: files that are all here, and new ones) is not in it.
type Profile struct {
	MountPoint string    `json:"mountpoint"`
	Begun      time.Time `json:"begun"`
	Seconds    float64   `json:"seconds"`
	Programs   []Program `json:"programs"` // who waited longest first
	Calls      []APICall `json:"calls"`    // to Frame.io, the most frequent first
}

// Program is what all processes with one name asked for.
type Program struct {
	Name         string  `json:"name"`  // "kernel" for what no process waited for
	PIDs         []int   `json:"pids"`  // some of them
	Looks        int     `json:"looks"` // names looked up, and attributes asked for
	Listings     int     `json:"listings"`
	Opens        int     `json:"opens"`
	Reads        int     `json:"reads"`
	ReadBytes    int64   `json:"read_bytes"`
	NetworkReads int     `json:"network_reads"` // of Reads: that waited for Frame.io
	NetworkBytes int64   `json:"network_bytes"` // of ReadBytes: that were not here
	Writes       int     `json:"writes"`
	WriteBytes   int64   `json:"write_bytes"`
	Changes      int     `json:"changes"`           // of names and attributes
	Errors       int     `json:"errors"`            // but for names that are not there
	Waited       float64 `json:"waited"`            // seconds, of all its tasks together
	Busiest      string  `json:"busiest,omitempty"` // the file or folder it asked most for
}

// APICall is one kind of call to Frame.io.
type APICall struct {
	Call   string  `json:"call"`
	For    string  `json:"for"` // interactive, ahead, uploads, background
	N      int     `json:"n"`
	Failed int     `json:"failed"` // no answer, or a status from 400 on
	Limit  float64 `json:"limit"`  // seconds that they waited for Frame.io's limits
	Took   float64 `json:"took"`   // seconds until the answers
}

func profileRoutes(mux *http.ServeMux, m Profiler) {
	mux.HandleFunc("POST /v1/profile", func(w http.ResponseWriter, r *http.Request) {
		q, ok := request(w, r)
		if !ok {
			return
		}
		d := time.Duration(q.Seconds * float64(time.Second))
		if d <= 0 || d > MaxProfile {
			http.Error(w, "seconds must be more than 0 and at most a day", http.StatusBadRequest)
			return
		}
		stream(w, r, func(ctx context.Context, _ func(Profile)) (Profile, error) { return m.Profile(ctx, d) })
	})
}

// Profile watches the mount for a time.
func (c *Client) Profile(ctx context.Context, d time.Duration) (Profile, error) {
	return follow[Profile](ctx, c, "/v1/profile", order{Seconds: d.Seconds()}, nil)
}
