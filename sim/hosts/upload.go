package hosts

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/minio/crc64nvme"

	"github.com/frameiofs/frameiofs/sim/fault"
	"github.com/frameiofs/frameiofs/sim/record"
	"github.com/frameiofs/frameiofs/sim/world"
)

// maxObject is the largest single object S3 takes (spec: frameio-v2.md §5.6).
const maxObject = 5 << 30

// Upload takes the parts.
func (h *Hosts) Upload() http.Handler { return http.HandlerFunc(h.serveUpload) }

func (h *Hosts) serveUpload(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	asset := world.ID(q.Get("x-amz-meta-asset_id"))
	part, _ := strconv.Atoi(q.Get("x-amz-meta-part_number")) // 0 is refused by the signature or by the world
	record.Note(r, string(asset), part)
	if status, e := h.checkUpload(r, q); e != nil {
		refuse(w, status, *e)
		return
	}
	h.takePart(w, r, asset, part)
}

// checkUpload goes through S3's checks in S3's order.
func (h *Hosts) checkUpload(r *http.Request, q url.Values) (int, *refusal) {
	if r.Method != http.MethodPut {
		// The method is part of the signature.
		return http.StatusForbidden, signatureMismatch()
	}
	if r.Header.Get("Authorization") != "" {
		return http.StatusBadRequest, &refusal{Code: "InvalidArgument",
			Message: "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"}
	}
	if q.Get("X-Amz-Signature") == "" {
		return http.StatusForbidden, &refusal{Code: "AccessDenied", Message: "Access Denied"}
	}
	issued, err := time.Parse(amzTime, q.Get("X-Amz-Date"))
	life, err2 := strconv.ParseInt(q.Get("X-Amz-Expires"), 10, 64)
	if err != nil || err2 != nil {
		return http.StatusBadRequest, &refusal{Code: "AuthorizationQueryParametersError", Message: "X-Amz-Date or X-Amz-Expires is malformed"}
	}
	keyID, _, _ := strings.Cut(q.Get("X-Amz-Credential"), "/")
	expires := issued.Add(time.Duration(life) * time.Second)
	if !h.world.Now().Before(expires) || keyID != h.keyID() {
		return http.StatusForbidden, &refusal{Code: "AccessDenied", Message: "Request has expired",
			Expires: expires.Format(time.RFC3339), ServerTime: h.world.Now().Format(time.RFC3339)}
	}
	want := h.uploadSignature(r.Host, r.URL.Path, q, r.Header.Get("Content-Type"), r.Header.Get("x-amz-acl"))
	if !hmac.Equal([]byte(want), []byte(q.Get("X-Amz-Signature"))) || r.Header.Get("x-amz-acl") != acl {
		return http.StatusForbidden, signatureMismatch()
	}
	switch {
	case r.ContentLength < 0:
		return http.StatusLengthRequired, &refusal{Code: "MissingContentLength", Message: "You must provide the Content-Length HTTP header."}
	case r.ContentLength > maxObject:
		return http.StatusBadRequest, &refusal{Code: "EntityTooLarge", Message: "Your proposed upload exceeds the maximum allowed size"}
	}
	return 0, nil
}

func signatureMismatch() *refusal {
	return &refusal{Code: "SignatureDoesNotMatch",
		Message: "The request signature we calculated does not match the signature you provided. Check your key and signing method."}
}

// takePart stores the body. The checksum of the original is found out later, in the background; here are the two of the part:
// Content-MD5, if it came with the request, and the one that S3 finds out by itself and tells in its answer (S3's PutObject:
// x-amz-checksum-crc64nvme, of objects that came without a checksum).
func (h *Hosts) takePart(w http.ResponseWriter, r *http.Request, asset world.ID, part int) {
	body := io.Reader(r.Body)
	var sum hash.Hash
	wantSum, err := base64.StdEncoding.DecodeString(r.Header.Get("Content-MD5"))
	if err != nil || len(wantSum) != 0 && len(wantSum) != md5.Size {
		refuse(w, http.StatusBadRequest, refusal{Code: "InvalidDigest", Message: "The Content-MD5 you specified is not valid."})
		return
	}
	if len(wantSum) > 0 {
		sum = md5.New()
		body = &checkedReader{r: r.Body, h: sum, want: wantSum, left: r.ContentLength}
	}
	what := fault.UploadFault(r)
	if what == fault.Garble {
		body = &spoiler{r: body, at: r.ContentLength / 2}
	}
	crc := (hash.Hash64)(nil)
	if !h.world.Behaviour().NoPartChecksum {
		crc = crc64nvme.New()
		body = io.TeeReader(body, crc)
	}
	if what == fault.Flip {
		body = &spoiler{r: body, at: r.ContentLength / 2}
	}
	switch what {
	case fault.Lose:
		_, err = io.CopyN(io.Discard, body, r.ContentLength)
	case fault.Fail:
		if _, err = io.CopyN(io.Discard, body, r.ContentLength); err == nil {
			err = h.world.FailUpload(asset)
		}
	default:
		err = h.world.PutPart(asset, part, r.ContentLength, body)
	}
	if err != nil {
		h.refusePart(w, err)
		return
	}
	if what != fault.NoETag {
		w.Header().Set("ETag", etag(asset, part, r.ContentLength, sum))
	}
	if crc != nil {
		w.Header().Set("x-amz-checksum-crc64nvme", base64.StdEncoding.EncodeToString(crc.Sum(nil)))
		w.Header().Set("x-amz-checksum-type", "FULL_OBJECT")
	}
	w.Header().Set("x-amz-request-id", requestID())
	w.WriteHeader(http.StatusOK)
}

func (h *Hosts) refusePart(w http.ResponseWriter, err error) {
	var e *world.Error
	switch {
	case errors.Is(err, errBadDigest):
		refuse(w, http.StatusBadRequest, refusal{Code: "BadDigest", Message: "The Content-MD5 you specified did not match what we received."})
	case errors.Is(err, io.ErrUnexpectedEOF):
		refuse(w, http.StatusBadRequest, refusal{Code: "IncompleteBody", Message: "You did not provide the number of bytes specified by the Content-Length HTTP header"})
	case errors.Is(err, world.ErrRange) && errors.As(err, &e):
		refuse(w, http.StatusBadRequest, refusal{Code: "EntityTooLarge", Message: e.Detail})
	case errors.Is(err, world.ErrNotFound):
		refuse(w, http.StatusNotFound, refusal{Code: "NoSuchKey", Message: err.Error()})
	default:
		refuse(w, http.StatusInternalServerError, refusal{Code: "InternalError", Message: err.Error()})
	}
}

// etag is the MD5 if it was computed, else something that also differs from part to part. Clients must not read more
// into it: S3's is no checksum either once objects are encrypted or stitched.
func etag(asset world.ID, part int, size int64, sum hash.Hash) string {
	if sum != nil {
		return `"` + hex.EncodeToString(sum.Sum(nil)) + `"`
	}
	return fmt.Sprintf(`"%016x%016x"`, xxhash.Sum64String(string(asset)), xxhash.Sum64String(fmt.Sprint(asset, part, size)))
}

// spoiler makes one byte wrong.
type spoiler struct {
	r  io.Reader
	at int64
}

func (s *spoiler) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if s.at >= 0 && s.at < int64(n) {
		b[s.at] ^= 0x10
	}
	s.at -= int64(n)
	return n, err
}

var errBadDigest = errors.New("bad digest")

// checkedReader fails in place of the last bytes if they do not match the digest, so that the part is not kept.
type checkedReader struct {
	r    io.Reader
	h    hash.Hash
	want []byte
	left int64
}

func (c *checkedReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.h.Write(b[:n])
	c.left -= int64(n)
	if c.left <= 0 && !hmac.Equal(c.h.Sum(nil), c.want) {
		return 0, errBadDigest
	}
	return n, err
}
