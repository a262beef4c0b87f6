// Package v2 is Frame.io's V2 ("legacy") wire: assets below accounts, teams and projects. New gives a Client; it has one
// method per call, in the words of package remote, where a team is a workspace.
//
// Facts about the wire are from spec: frameio-v2.md.
package v2

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Client calls the V2 API for one user. It is safe for concurrent use.
type Client struct {
	conn   *remote.Conn
	listed listed

	mu   sync.Mutex // guards user
	user remote.User
}

// New prepares a client; nothing is sent yet.
func New(cfg remote.Config) (*Client, error) {
	conn, err := remote.NewConn(cfg, remote.Wire{Prefix: "/v2", Fault: fault})
	if err != nil {
		return nil, err
	}
	return &Client{conn: conn}, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.conn.Close() }

// The published limits (spec: frameio-v2.md §8). They contradict each other and hold only until the headers of a first
// answer tell; what is not named has 100 per minute.
var rates = map[string]remote.Rate{
	"assets.create":  {N: 5, Window: time.Second},
	"assets.update":  {N: 10, Window: time.Second},
	"assets.read":    {N: 5, Window: time.Second},
	"assets.list":    {N: 5, Window: time.Second},
	"assets.move":    {N: 5, Window: time.Second},
	"assets.delete":  {N: 5, Window: time.Second},
	"assets.version": {N: 5, Window: time.Second},
}

// ask is what the methods of Client fill in of a call.
type ask struct {
	op       string // for people
	ref      remote.Ref
	endpoint string
	method   string
	path     []string
	query    url.Values
	body     any
	repeat   bool
}

// do makes a call. V2 answers bare objects and arrays, and pages in headers.
func (c *Client) do(ctx context.Context, a ask, out any) (http.Header, error) {
	rate, ok := rates[a.endpoint]
	if !ok {
		rate = remote.Rate{N: 100, Window: time.Minute}
	}
	return c.conn.Do(ctx, remote.Call{
		Op: a.op, Ref: a.ref,
		Endpoint: a.endpoint, Rate: rate, // per user, whatever the account
		Method: a.method, Path: a.path, Query: a.query, Body: a.body, Out: out,
		Repeat: a.repeat || a.method == http.MethodGet,
	})
}

// fault reads an error's body: {"code","message","errors":[{"status","title","detail"}]}, or {"error":"…"} where tokens are
// concerned (spec: frameio-v2.md §9).
func fault(_ int, body []byte) (code, detail string, cause error) {
	var e struct {
		Message string
		Error   json.RawMessage
		Errors  []struct{ Title, Detail string }
	}
	if json.Unmarshal(body, &e) != nil {
		if !bytes.ContainsAny(body, "<{") {
			detail = string(body) // the limiter's 429 is plain text
		}
		return "", detail, nil
	}
	var said []string
	for _, one := range e.Errors {
		if s := firstOf(one.Detail, one.Title); s != "" {
			said = append(said, s)
		}
	}
	var short string
	json.Unmarshal(e.Error, &short)
	return "", firstOf(strings.Join(said, "; "), e.Message, short), nil
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// Me answers whom the token speaks for.
func (c *Client) Me(ctx context.Context) (remote.User, error) {
	var u struct {
		ID    remote.ID `json:"id"`
		Name  string    `json:"name"`
		Email string    `json:"email"`
	}
	if _, err := c.do(ctx, ask{op: "ask who I am", endpoint: "me", method: http.MethodGet, path: []string{"me"}}, &u); err != nil {
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

// Usage answers an account's storage (spec: frameio-v2.md §13). Members who are no admins may not see a limit.
func (c *Client) Usage(ctx context.Context, id remote.ID) (remote.Usage, error) {
	a, err := c.account(ctx, id)
	if err != nil {
		return remote.Usage{}, err
	}
	u := remote.Usage{Used: int64(a.Storage)}
	if s := a.Subscription; s != nil {
		u.Limit = int64(s.Limit)
		if u.Limit == 0 && s.Plan != nil {
			u.Limit = int64(s.Plan.Limit)
		}
	}
	if u.Limit == 0 && a.Plan != nil {
		u.Limit = int64(a.Plan.Limit)
	}
	return u, nil
}

func (c *Client) account(ctx context.Context, id remote.ID) (account, error) {
	var a account
	ref := remote.Ref{Kind: remote.Account, ID: id, Account: id}
	_, err := c.do(ctx, ask{op: "stat account", ref: ref, endpoint: "accounts.read", method: http.MethodGet,
		path: []string{"accounts", string(id)}}, &a)
	if err == nil && a.ID == "" {
		err = &remote.Error{Op: "stat account", Ref: ref, Err: remote.ErrNotFrameio}
	}
	return a, err
}
