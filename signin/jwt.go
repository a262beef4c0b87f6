package signin

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Expiry reads from a token that looks like a JWT when it ends. Adobe's have no exp but created_at and expires_in, in milliseconds as text
// (spec: frameio-v4.md §1.4). Nothing is verified: it is for telling the user, not for trusting.
func Expiry(token string) (time.Time, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		Exp     json.Number `json:"exp"`
		Created any         `json:"created_at"`
		Life    any         `json:"expires_in"`
	}
	if json.Unmarshal(text, &claims) != nil {
		return time.Time{}, false
	}
	if s, err := claims.Exp.Float64(); err == nil && s > 0 {
		return time.Unix(int64(s), 0), true
	}
	created, ok1 := millis(claims.Created)
	life, ok2 := millis(claims.Life)
	if !ok1 || !ok2 {
		return time.Time{}, false
	}
	return time.UnixMilli(created + life), true
}

func millis(v any) (int64, bool) {
	switch v := v.(type) {
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil && n > 0
	case float64:
		return int64(v), v > 0
	}
	return 0, false
}
