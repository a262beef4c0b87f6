// Package v4 is Frame.io's V4 wire: files, folders and version stacks below accounts and workspaces. New gives a Client; it
// has one method per call, in the words of package remote.
//
// Facts about the wire are from spec: frameio-v4.md and the published OpenAPI document.
package v4

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Client calls the V4 API for one user. It is safe for concurrent use.
type Client struct {
	conn *remote.Conn

	mu   sync.Mutex // guards user
	user remote.User
}

// New prepares a client; nothing is sent yet.
func New(cfg remote.Config) (*Client, error) {
	conn, err := remote.NewConn(cfg, remote.Wire{Prefix: "/v4", Legacy: true, Fault: fault})
	if err != nil {
		return nil, err
	}
	return &Client{conn: conn}, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.conn.Close() }

// The published limits (spec: frameio-v4.md §7), by the names of the OpenAPI document. They hold only until the headers of
// a first answer tell; what is not named has 100 per minute.
var rates = map[string]remote.Rate{
	"folders.list":                  {N: 5, Window: time.Second},
	"files.list":                    {N: 5, Window: time.Second},
	"version_stacks.list":           {N: 5, Window: time.Second},
	"files.show":                    {N: 10, Window: time.Second},
	"files.show_file_upload_status": {N: 5, Window: time.Second},
	"files.create_local_upload":     {N: 5, Window: time.Second},
	"folders.create":                {N: 3, Window: time.Second},
	"folders.update":                {N: 10, Window: time.Minute},
	"folders.move":                  {N: 10, Window: time.Minute},
	"folders.delete":                {N: 60, Window: time.Minute},
	"version_stacks.create":         {N: 10, Window: time.Minute},
	"version_stacks.move":           {N: 10, Window: time.Minute},
}

// ask is what the methods of Client fill in of a call.
type ask struct {
	op       string // for people
	ref      remote.Ref
	endpoint string // operationId of the OpenAPI document
	method   string
	path     []string // below /v4/accounts/{account}, or below /v4 if there is no account
	account  remote.ID
	query    url.Values
	data     any // sent in the envelope
	repeat   bool
}

// envelope is what every body is wrapped in (spec: frameio-v4.md §1.1).
type envelope[T any] struct {
	Data T `json:"data"`
}

// do makes a call and answers what is in the envelope of its answer.
func do[T any](ctx context.Context, c *Client, a ask) (T, error) {
	var out envelope[T]
	err := c.send(ctx, a, &out)
	return out.Data, err
}

// bucket names what limits the call: an endpoint, for each account (spec: frameio-v4.md §7).
func (a ask) bucket() string { return a.endpoint + " " + string(a.account) }

func (a ask) rate() remote.Rate {
	if rate, ok := rates[a.endpoint]; ok {
		return rate
	}
	return remote.Rate{N: 100, Window: time.Minute}
}

// delay answers how long a call would wait for its turn now.
func (c *Client) delay(ctx context.Context, a ask) time.Duration {
	return c.conn.Delay(ctx, a.bucket(), a.rate())
}

func (c *Client) send(ctx context.Context, a ask, out any) error {
	path := a.path
	if a.account != "" {
		path = append([]string{"accounts", string(a.account)}, path...)
	} else if a.endpoint != "users.show" && a.endpoint != "accounts.index" {
		return &remote.Error{Op: a.op, Ref: a.ref, Err: fmt.Errorf("%w: V4 needs the account of everything", remote.ErrRefused)}
	}
	call := remote.Call{
		Op: a.op, Ref: a.ref,
		Endpoint: a.bucket(), Rate: a.rate(),
		Method: a.method, Path: path, Query: a.query, Out: out,
		Repeat: a.repeat || a.method == http.MethodGet,
	}
	if a.data != nil {
		call.Body = envelope[any]{a.data}
	}
	_, err := c.conn.Do(ctx, call)
	return err
}

// overQuota finds out whether a refusal speaks of storage; no code of its own is documented (spec: frameio-v4.md §8).
var overQuota = regexp.MustCompile(`(?i)\b(storage|quota)\b`)

// fault reads an error's body: {"errors":[{"detail","title","source":{"pointer"}}]}.
func fault(status int, body []byte) (code, detail string, cause error) {
	var e struct {
		Errors []struct {
			Title, Detail string
			Source        struct{ Pointer string }
		}
	}
	if json.Unmarshal(body, &e) != nil || len(e.Errors) == 0 {
		if !bytes.ContainsAny(body, "<{") {
			detail = string(body)
		}
		return "", detail, nil
	}
	var said []string
	for _, one := range e.Errors {
		s := one.Detail
		if one.Source.Pointer != "" {
			s += " at " + one.Source.Pointer
		}
		said = append(said, s)
	}
	detail = strings.Join(said, "; ")
	if (status == http.StatusForbidden || status == http.StatusUnprocessableEntity || status == http.StatusBadRequest) &&
		overQuota.MatchString(detail) {
		cause = remote.ErrQuota
	}
	return e.Errors[0].Title, detail, cause
}

// Me answers whom the token speaks for.
func (c *Client) Me(ctx context.Context) (remote.User, error) {
	u, err := do[user](ctx, c, ask{op: "ask who I am", endpoint: "users.show", method: http.MethodGet, path: []string{"me"}})
	if err != nil {
		return remote.User{}, err
	}
	if u.ID == "" {
		return remote.User{}, &remote.Error{Op: "ask who I am", Err: remote.ErrNotFrameio}
	}
	me := remote.User{ID: u.ID, Name: u.Name, Email: u.Email}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user = me
	return me, nil
}

// self is Me, asked once.
func (c *Client) self(ctx context.Context) (remote.User, error) {
	c.mu.Lock()
	me := c.user
	c.mu.Unlock()
	if me.ID != "" {
		return me, nil
	}
	return c.Me(ctx)
}

// Usage answers an account's storage, without what is archived (spec: frameio-v4.md §9).
func (c *Client) Usage(ctx context.Context, account remote.ID) (remote.Usage, error) {
	a, err := c.account(ctx, account)
	return remote.Usage{Used: int64(a.Used), Limit: int64(a.Limit)}, err
}

// account looks one account up in the list: V4 has no call that shows one.
func (c *Client) account(ctx context.Context, id remote.ID) (account, error) {
	for a, err := range list[account](ctx, c, accountsAsk()) {
		if err != nil {
			return account{}, err
		}
		if a.ID == id {
			return a, nil
		}
	}
	return account{}, &remote.Error{Op: "look up account", Ref: remote.Ref{Kind: remote.Account, ID: id}, Status: http.StatusNotFound}
}
