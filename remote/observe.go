package remote

import (
	"net/http"
	"time"
)

// Seen is what one request to Frame.io came to. A call that is tried again is seen each time.
type Seen struct {
	// Op is the call's verb and noun, as errors have it ("list children"), or one of OpSend and OpRead.
	Op       string
	Endpoint string // bucket of the rate limit; "" of the hosts that have none
	Host     string
	Priority Priority
	Status   int           // of HTTP; 0 if there was no answer
	Err      error         // why there was none
	Waited   time.Duration // for the rate limit, before it was sent
	Took     time.Duration // from being sent to the answer's headers
	Header   http.Header   // of the answer; nil if there was none. It is not to be changed
}

// The Ops of what goes to other hosts than the API's.
const (
	OpSend = "send part"
	OpRead = "read range"
)

// observed tells about requests to hosts without a rate limit.
type observed struct {
	op   string
	next http.RoundTripper
	tell func(Seen)
}

func (o *observed) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := time.Now()
	resp, err := o.next.RoundTrip(req)
	o.tell(seen(Seen{Op: o.op, Took: time.Since(sent)}, req, resp, err))
	return resp, err
}

// seen fills in what request and answer tell.
func seen(s Seen, req *http.Request, resp *http.Response, err error) Seen {
	s.Host, s.Priority, s.Err = req.URL.Host, PriorityOf(req.Context()), err
	if resp != nil {
		s.Status, s.Header = resp.StatusCode, resp.Header
	}
	return s
}

// observe wraps next, if there is somebody to tell.
func observe(op string, next http.RoundTripper, tell func(Seen)) http.RoundTripper {
	if tell == nil {
		return next
	}
	return &observed{op, next, tell}
}
