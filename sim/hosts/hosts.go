package hosts

import (
	"encoding/binary"
	"encoding/xml"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/frameiofs/frameiofs/sim/fault"
	"github.com/frameiofs/frameiofs/sim/world"
)

// Hosts are both storage hosts.
type Hosts struct {
	world                 *world.World
	uploadBase, mediaBase string
	links                 atomic.Int64 // media links signed with Behaviour.MediaHosts
}

// New returns the hosts of w. The bases are where the handlers will be reached, such as "http://127.0.0.1:8402".
func New(w *world.World, uploadBase, mediaBase string) *Hosts {
	return &Hosts{world: w, uploadBase: uploadBase, mediaBase: mediaBase}
}

// requestID is a UUID like any other, but not worth asking the kernel for randomness: thousands are made for a listing.
func requestID() string {
	var id uuid.UUID
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4, as RFC 9562 wants it
	return id.String()
}

// refusal is an S3 error body (spec: frameio-v2.md §5.6).
type refusal struct {
	XMLName    xml.Name `xml:"Error"`
	Code       string
	Message    string
	Expires    string `xml:",omitempty"`
	ServerTime string `xml:",omitempty"`
	RequestID  string `xml:"RequestId"`
	HostID     string `xml:"HostId"`
}

// refuse answers in XML. The connection is closed when the request's body is still on its way, as S3 does.
func refuse(w http.ResponseWriter, status int, e refusal) {
	e.RequestID, e.HostID = requestID(), "sim"
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-amz-request-id", e.RequestID)
	body, err := xml.Marshal(e)
	if err != nil {
		panic("hosts: a refusal always marshals: " + err.Error())
	}
	w.WriteHeader(status)
	w.Write([]byte(xml.Header))
	w.Write(body)
}

func (h *Hosts) refuseExpired(w http.ResponseWriter, expires time.Time) {
	refuse(w, http.StatusForbidden, refusal{
		Code: "AccessDenied", Message: "Request has expired",
		Expires: expires.UTC().Format(time.RFC3339), ServerTime: h.world.Now().Format(time.RFC3339),
	})
}

// s3Words are the codes S3 uses with a status.
var s3Words = map[int][2]string{
	http.StatusBadRequest:          {"RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period."},
	http.StatusForbidden:           {"AccessDenied", "Access Denied"},
	http.StatusNotFound:            {"NoSuchKey", "The specified key does not exist."},
	http.StatusTooManyRequests:     {"SlowDown", "Please reduce your request rate."},
	http.StatusInternalServerError: {"InternalError", "We encountered an internal error. Please try again."},
	http.StatusServiceUnavailable:  {"ServiceUnavailable", "Service is unable to handle request."},
}

// Voice is how both hosts word the refusals of package fault.
func (h *Hosts) Voice(w http.ResponseWriter, r *http.Request, status int, code string) {
	switch code {
	case fault.Expired:
		h.refuseExpired(w, h.world.Now().Add(-time.Second))
		return
	case fault.SlowDown:
		refuse(w, status, refusal{Code: "SlowDown", Message: "Please reduce your request rate."})
		return
	case fault.Token:
		status = http.StatusForbidden // there is no token here; the key was withdrawn
	}
	words, ok := s3Words[status]
	if !ok {
		words = [2]string{"InternalError", http.StatusText(status)}
	}
	refuse(w, status, refusal{Code: words[0], Message: words[1]})
}
