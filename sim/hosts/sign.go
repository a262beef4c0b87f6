package hosts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// acl is what every part PUT must say in x-amz-acl (spec: frameio-v2.md §5.4).
const acl = "private"

// signedHeaders is what goes into the signature of an upload URL, besides method, path and query.
const signedHeaders = "content-type;host;x-amz-acl"

const amzTime = "20060102T150405Z"

// Disposition says what a browser is told to do with an original.
type Disposition string

// The two forms of media link (spec: frameio-v4.md §4.3).
const (
	Attachment Disposition = "attachment"
	Inline     Disposition = "inline"
)

// UploadURLs returns the signed URL of each part of u, in order. The first answer to a create carries them; nothing
// issues them again.
func (h *Hosts) UploadURLs(u world.Upload) []string {
	urls := make([]string, len(u.Parts))
	for i, p := range u.Parts {
		urls[i] = h.uploadURL(u, p)
	}
	return urls
}

func (h *Hosts) uploadURL(u world.Upload, p world.Part) string {
	path := fmt.Sprintf("/parts/%s/part_%d", u.AssetID, p.Number)
	if len(u.Parts) == 1 {
		path = fmt.Sprintf("/uploads/%s/original%s", u.AssetID, u.Ext)
	}
	issued := u.Issued.UTC()
	q := url.Values{
		"x-amz-meta-asset_id":           {string(u.AssetID)},
		"x-amz-meta-extension":          {u.Ext},
		"x-amz-meta-is_realtime_upload": {"false"},
		"x-amz-meta-part_number":        {strconv.Itoa(p.Number)},
		"x-amz-meta-project_id":         {string(u.ProjectID)},
		"x-amz-meta-request_id":         {requestID()},
		"x-amz-meta-resource_id":        {string(u.AssetID)},
		"x-amz-meta-resource_type":      {"asset"},
		"x-amz-meta-total_parts":        {strconv.Itoa(len(u.Parts))},
		"X-Amz-Algorithm":               {"AWS4-HMAC-SHA256"},
		"X-Amz-Credential":              {h.keyID() + issued.Format("/20060102") + "/us-east-1/s3/aws4_request"},
		"X-Amz-Date":                    {issued.Format(amzTime)},
		"X-Amz-Expires":                 {strconv.FormatInt(int64(u.Expires.Sub(u.Issued)/time.Second), 10)},
		"X-Amz-SignedHeaders":           {signedHeaders},
	}
	base := h.uploadBase
	q.Set("X-Amz-Signature", h.uploadSignature(hostOf(base), path, q, u.MediaType, acl))
	return base + path + "?" + q.Encode()
}

// uploadSignature is over what the client will really send, so that a wrong header shows as a wrong signature, the way
// S3 reports it. It is not AWS's own canonical form: nobody but this host can check it.
func (h *Hosts) uploadSignature(host, path string, q url.Values, contentType, aclHeader string) string {
	unsigned := cloneWithout(q, "X-Amz-Signature")
	mac := hmac.New(sha256.New, h.world.Secret())
	fmt.Fprintf(mac, "PUT\n%s\n%s\n%s\n%s\n%s\n", host, path, unsigned.Encode(), contentType, aclHeader)
	return hex.EncodeToString(mac.Sum(nil))
}

// MediaURL returns a signed link to the bytes of a. It is issued whether or not the upload is complete; before that
// the media host refuses it (spec: frameio-v2.md §6).
func (h *Hosts) MediaURL(a world.Asset, d Disposition) string {
	path := fmt.Sprintf("/uploads/%s/original%s", a.MediaID, world.Ext(a.Name))
	name := url.PathEscape(a.Name)
	q := url.Values{
		"response-content-disposition": {fmt.Sprintf(`%s; filename="%s"; filename*=UTF-8''%s`, d, asciiName(a.Name), name)},
		"x-amz-meta-project_id":        {string(a.ProjectID)},
		"x-amz-meta-request_id":        {requestID()},
		"x-amz-meta-resource_id":       {string(a.ID)},
		"x-amz-meta-resource_type":     {"asset"},
		"Expires":                      {strconv.FormatInt(h.mediaExpiry().Unix(), 10)},
		"Key-Pair-Id":                  {h.keyID()},
	}
	base, unsigned := h.mediaHost(), q.Encode()
	return base + path + "?" + unsigned + "&Signature=" + h.mediaSignature(hostOf(base), path, unsigned)
}

// mediaHost is the address of the media host, or with Behaviour.MediaHosts one of its two in turn.
func (h *Hosts) mediaHost() string {
	if !h.world.Behaviour().MediaHosts || h.links.Add(1)%2 == 0 {
		return h.mediaBase
	}
	return strings.Replace(h.mediaBase, "127.0.0.1", "localhost", 1)
}

// signatureAlphabet is CloudFront's, for signatures in URLs; "~" and "_" need no escape there.
var signatureAlphabet = strings.NewReplacer("+", "-", "/", "~", "=", "_")

// mediaSignature is over the query, sorted, without the signature. A page of a listing has up to a thousand of them.
func (h *Hosts) mediaSignature(host, path, unsigned string) string {
	mac := hmac.New(sha256.New, h.world.Secret())
	fmt.Fprintf(mac, "GET\n%s\n%s\n%s\n", host, path, unsigned)
	return signatureAlphabet.Replace(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// mediaExpiry is the next noon or midnight UTC at least Behaviour.MediaURLMargin away, or a fixed life from now.
func (h *Hosts) mediaExpiry() time.Time {
	b, now := h.world.Behaviour(), h.world.Now().UTC()
	if b.MediaURLLife > 0 {
		return now.Add(time.Duration(b.MediaURLLife))
	}
	return now.Add(time.Duration(b.MediaURLMargin)).Truncate(12 * time.Hour).Add(12 * time.Hour)
}

// keyID changes whenever all outstanding URLs are to be refused.
func (h *Hosts) keyID() string { return fmt.Sprintf("SIMKEY%06d", h.world.URLEpoch()) }

func hostOf(base string) string { return strings.TrimPrefix(base, "http://") }

func cloneWithout(q url.Values, key string) url.Values {
	c := make(url.Values, len(q))
	for k, v := range q {
		if k != key {
			c[k] = v
		}
	}
	return c
}

func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '/' {
			return '_'
		}
		return r
	}, name)
}
