package hosts

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/frameiofs/frameiofs/sim/record"
	"github.com/frameiofs/frameiofs/sim/world"
)

// Media hands out originals.
func (h *Hosts) Media() http.Handler { return http.HandlerFunc(h.serveMedia) }

func (h *Hosts) serveMedia(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	asset := world.ID(q.Get("x-amz-meta-resource_id"))
	record.Note(r, string(asset), 0)
	switch {
	case r.Header.Get("Authorization") != "":
		refuse(w, http.StatusBadRequest, refusal{Code: "InvalidArgument", Message: "Only one auth mechanism allowed"})
		return
	case r.Method != http.MethodGet:
		// Signed for GET: HEAD is no exception (spec: frameio-v4.md §4.3).
		refuse(w, http.StatusForbidden, refusal{Code: "AccessDenied", Message: "Access Denied"})
		return
	case q.Get("Signature") == "" || q.Get("Key-Pair-Id") == "":
		refuse(w, http.StatusForbidden, refusal{Code: "MissingKey", Message: "Missing Key-Pair-Id query parameter or cookie value"})
		return
	}
	want := h.mediaSignature(r.Host, r.URL.Path, cloneWithout(q, "Signature").Encode())
	expires, err := strconv.ParseInt(q.Get("Expires"), 10, 64)
	if err != nil || !hmac.Equal([]byte(want), []byte(q.Get("Signature"))) {
		refuse(w, http.StatusForbidden, refusal{Code: "AccessDenied", Message: "Access denied"})
		return
	}
	if at := time.Unix(expires, 0); !h.world.Now().Before(at) || q.Get("Key-Pair-Id") != h.keyID() {
		h.refuseExpired(w, at)
		return
	}
	h.sendOriginal(w, r, asset, q.Get("response-content-disposition"))
}

func (h *Hosts) sendOriginal(w http.ResponseWriter, r *http.Request, asset world.ID, disposition string) {
	f, a, err := h.world.OpenBody(asset)
	if errors.Is(err, world.ErrNotFound) {
		// S3 tells those who may not list a bucket that they are denied, not that there is nothing.
		refuse(w, http.StatusForbidden, refusal{Code: "AccessDenied", Message: "Access Denied"})
		return
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, refusal{Code: "InternalError", Message: err.Error()})
		return
	}
	defer f.Close()
	hd := w.Header()
	hd.Set("Content-Type", a.MediaType)
	hd.Set("Content-Disposition", disposition)
	hd.Set("ETag", etag(a.MediaID, 0, a.Size, nil))
	hd.Set("x-amz-request-id", requestID())
	if h.world.Behaviour().NoRange || a.Size == 0 {
		hd.Set("Content-Length", fmt.Sprint(a.Size))
		hd.Set("Last-Modified", a.UploadCompleted.UTC().Format(http.TimeFormat))
		// A client that went away is no news.
		_, _ = io.Copy(w, f)
		return
	}
	http.ServeContent(w, r, "", a.UploadCompleted, f) // ranges, If-Range, 206, 416; by sendfile where it can
}
