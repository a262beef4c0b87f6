package sim

import (
	"encoding/json"
	"net/http"
	"strings"

	v2 "github.com/frameiofs/frameiofs/sim/v2"
)

// apiVoice words the refusals of package fault the way the wire in question would.
func apiVoice(rw http.ResponseWriter, r *http.Request, status int, code string) {
	if status == http.StatusTooManyRequests {
		// Some bucket is empty; which one is invented.
		h := rw.Header()
		h.Set("x-ratelimit-limit", "5")
		h.Set("x-ratelimit-remaining", "0")
		h.Set("x-ratelimit-window", "1000")
	}
	detail := http.StatusText(status)
	switch {
	case strings.HasPrefix(r.URL.Path, "/v2/"):
		v2.WriteError(rw, status, detail)
	case strings.HasPrefix(r.URL.Path, "/v4/"):
		writeJSON(rw, status, map[string]any{"errors": []map[string]string{{"detail": detail}}})
	default:
		writeJSON(rw, status, map[string]string{"error": "temporarily_unavailable"})
	}
}

func writeJSON(rw http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("sim: an answer always marshals: " + err.Error())
	}
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	// A client that went away is no news.
	_, _ = rw.Write(append(body, '\n'))
}
