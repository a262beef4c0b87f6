package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxAnswer bounds an answer, or one line of a streamed one, in bytes. A Status with MaxFiles files fits.
const maxAnswer = 64 << 20

// Client asks one mount. It has the methods of [Mount].
type Client struct{ http *http.Client }

var _ Mount = (*Client)(nil)

// Dial gives a client for the socket at path. Nothing is sent before the first call.
func Dial(path string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return dial(path) },
		DisableKeepAlives: true, // one question per process mostly; an idle connection would delay the mount's exit
	}}}
}

// Status asks what is on its way.
func (c *Client) Status(ctx context.Context, q Query) (st Status, err error) {
	v := url.Values{"under": {q.Under}, "limit": {strconv.Itoa(q.Limit)}}
	err = c.get(ctx, "/v1/status?"+v.Encode(), &st)
	return st, err
}

// List asks what path holds.
func (c *Client) List(ctx context.Context, path string) (list []Entry, err error) {
	err = c.get(ctx, "/v1/list?"+url.Values{"path": {path}}.Encode(), &list)
	return list, err
}

// Retry has parked files tried again.
func (c *Client) Retry(ctx context.Context, paths []string) (n int, err error) {
	body, err := c.post(ctx, "/v1/retry", order{Paths: paths})
	if err != nil {
		return 0, err
	}
	defer body.Close()
	return n, decode(body, &n)
}

// Sync waits for uploads.
func (c *Client) Sync(ctx context.Context, paths []string, progress func(Status)) error {
	_, err := c.stream(ctx, "/v1/sync", order{Paths: paths}, progress)
	return err
}

// Unmount takes the mount away.
func (c *Client) Unmount(ctx context.Context, how How, progress func(Status)) (Status, error) {
	st, err := c.stream(ctx, "/v1/unmount", order{How: how}, progress)
	if st == nil {
		st = &Status{}
	}
	return *st, err
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	body, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	return decode(body, into)
}

func (c *Client) post(ctx context.Context, path string, q order) (io.ReadCloser, error) {
	b, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return c.do(ctx, http.MethodPost, path, b)
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://mount"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask mount: %w", err)
	}
	res, err := c.http.Do(req)
	switch {
	case err == nil:
	case isRefused(err), errors.Is(err, fs.ErrNotExist):
		return nil, ErrGone
	default:
		return nil, fmt.Errorf("ask mount: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return nil, fmt.Errorf("ask mount: %s: %s", res.Status, strings.TrimSpace(string(text)))
	}
	return res.Body, nil
}

func decode(body io.Reader, into any) error {
	var r reply
	if err := json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(&r); err != nil {
		return fmt.Errorf("read the mount's answer: %w", err)
	}
	if r.Error != nil {
		return r.Error.err()
	}
	if err := json.Unmarshal(r.Value, into); err != nil {
		return fmt.Errorf("read the mount's answer: %w", err)
	}
	return nil
}

// stream hands lines to progress until the last, and gives that one's Status.
func (c *Client) stream(ctx context.Context, path string, q order, progress func(Status)) (*Status, error) {
	body, err := c.post(ctx, path, q)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	// The whole answer may be long if it takes days; what one line may hold is bounded.
	limited := &io.LimitedReader{R: body}
	dec := json.NewDecoder(limited)
	for {
		limited.N = maxAnswer
		var r reply
		if err := dec.Decode(&r); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, fmt.Errorf("the mount's process ended before it said what became of the uploads: %w", err)
		}
		switch {
		case r.Error != nil:
			return r.Status, r.Error.err()
		case r.Done:
			return r.Status, nil
		case r.Status != nil && progress != nil:
			progress(*r.Status)
		}
	}
}
