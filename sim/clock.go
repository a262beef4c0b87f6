package sim

import (
	"net/http"
	"time"
)

// clock is Frame.io's: what now tells, or the machine's, and as much ahead as SetAhead said.
func (s *Server) clock(now func() time.Time) func() time.Time {
	if now == nil {
		now = time.Now
	}
	return func() time.Time { return now().Add(time.Duration(s.ahead.Load())) }
}

// SetAhead lets Frame.io's clock be ahead of the machine's, or behind if d is negative: to a client that is a wrong clock of its own.
func (s *Server) SetAhead(d time.Duration) { s.ahead.Store(int64(d)) }

// dated puts Frame.io's time into the answers' Date, if it is not the machine's.
func (s *Server) dated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if s.ahead.Load() != 0 {
			rw.Header().Set("Date", s.world.Now().UTC().Format(http.TimeFormat))
		}
		next.ServeHTTP(rw, r)
	})
}
