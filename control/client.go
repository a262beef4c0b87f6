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
	err = c.ask(ctx, "/v1/retry", order{Paths: paths}, &n)
	return n, err
}

// Sync waits for uploads.
func (c *Client) Sync(ctx context.Context, paths []string, until Until, progress func(Status)) error {
	_, err := follow(ctx, c, "/v1/sync", order{Paths: paths, Until: until}, progress)
	return err
}

// Unmount takes the mount away.
func (c *Client) Unmount(ctx context.Context, how How, progress func(Status)) (Status, error) {
	return follow(ctx, c, "/v1/unmount", order{How: how}, progress)
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	body, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	return decode(body, into)
}

// ask posts q; into gets the answer's value, also beside an error.
func (c *Client) ask(ctx context.Context, path string, q order, into any) error {
	body, err := c.post(ctx, path, q)
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
	return r.open(into)
}

// open gives into the value, and answers the error.
func (r reply) open(into any) error {
	if len(r.Value) > 0 {
		if err := json.Unmarshal(r.Value, into); err != nil && r.Error == nil {
			return fmt.Errorf("read the mount's answer: %w", err)
		}
	}
	if r.Error != nil {
		return r.Error.err()
	}
	return nil
}

// follow hands lines to progress until the last, and gives that one's value.
func follow[T any](ctx context.Context, c *Client, path string, q order, progress func(T)) (value T, err error) {
	body, err := c.post(ctx, path, q)
	if err != nil {
		return value, err
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
				return value, context.Cause(ctx)
			}
			return value, fmt.Errorf("the mount's process ended before it said what became of it: %w", err)
		}
		var said T
		if err := r.open(&said); err != nil || r.Done {
			return said, err
		}
		if progress != nil {
			progress(said)
		}
	}
}
