package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Config tells how to reach Frame.io.
type Config struct {
	BaseURL string      // address without version, "" means https://api.frame.io; http only for this machine's loopback
	Token   TokenSource // whom the calls speak for
	Logger  *slog.Logger
	// Patience is how long one call waits out an outage before it answers ErrOffline; 0 means 30 s. A context may end it
	// earlier. Parts are not bound by it: they try for as long as their context and their URL live.
	Patience time.Duration
	TLS      *tls.Config // nil means the system's roots
	// Observe is told what every request came to, from the goroutine that made it; nil: nobody wants to know.
	Observe func(Seen)
}

// Wire is what a wire tells its connection about itself.
type Wire struct {
	Prefix string // "/v2"
	Legacy bool   // developer tokens are announced by x-frameio-legacy-token-auth
	Fault  func(status int, body []byte) (code, detail string, cause error)
}

const (
	defaultBase     = "https://api.frame.io"
	defaultPatience = 30 * time.Second
	userAgent       = "frameiofs"
)

// Conn is one user's connection to Frame.io: the API host with its token, and the upload and media hosts without.
// A wire embeds one. It is safe for concurrent use.
type Conn struct {
	base     *url.URL
	wire     Wire
	api      http.RoundTripper // auth ⊃ retry ⊃ limit ⊃ HTTP
	limit    *limit
	data     http.RoundTripper // upload hosts; never sees a token
	media    http.RoundTripper // media hosts; no token either
	pool     *pool             // what media sends through
	idle     []*http.Transport
	log      *slog.Logger
	patience time.Duration

	skew  atomic.Int64 // nanoseconds by which Frame.io's clock is ahead of ours
	links links
	made  made

	up, down bandwidth

	mu     sync.Mutex // guards what follows
	warned map[string]bool
}

// NewConn prepares a connection; nothing is sent yet.
func NewConn(cfg Config, w Wire) (*Conn, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = defaultBase
	}
	base, err := url.Parse(strings.TrimRight(cfg.BaseURL, "/"))
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("API address is not of the form https://host")
	}
	if err := checkURL(base, true); err != nil {
		return nil, fmt.Errorf("API address %s: %w", base.Host, err)
	}
	if cfg.Token == nil {
		return nil, fmt.Errorf("%w: none was given", ErrToken)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	dial := newDialer()
	watch := newWatch(dial, cfg.TLS)
	api, data := apiTransport(cfg.TLS, dial), dataTransport(cfg.TLS, dial)
	media := dataTransport(cfg.TLS, dial)
	media.WriteBufferSize = 4 << 10 // only requests go that way
	limit, pool := newLimit(heard{watch.over(api)}), newPool(media)
	watch.idle = func() {
		api.CloseIdleConnections()
		data.CloseIdleConnections()
		pool.dropAll()
	}
	limit.observe = cfg.Observe
	return &Conn{
		base: base,
		wire: w,
		api: &auth{host: base.Host, legacy: w.Legacy, token: cfg.Token, next: &retry{
			patience: cfg.Patience, next: limit}},
		limit:    limit,
		data:     observe(OpSend, watch.over(data), cfg.Observe),
		media:    observe(OpRead, heard{watch.over(pool)}, cfg.Observe),
		pool:     pool,
		idle:     []*http.Transport{api, data},
		log:      cfg.Logger,
		patience: cfg.Patience,
		links:    links{entries: map[ID]*link{}},
		made:     made{open: map[string]time.Time{}, busy: map[string]*turn{}, known: newRecall()},
		warned:   map[string]bool{},
	}, nil
}

// Close drops idle connections. Calls that run are not cut; their contexts are for that.
func (c *Conn) Close() {
	for _, t := range c.idle {
		t.CloseIdleConnections()
	}
	c.pool.close()
}

// Log is the connection's logger, for its wire.
func (c *Conn) Log() *slog.Logger { return c.log }

// LogOnce logs what would otherwise be said for every listing.
func (c *Conn) LogOnce(key, msg string, args ...any) {
	key = clip(key)
	for i, a := range args {
		switch a := a.(type) { // words that came over the network
		case string:
			args[i] = clip(a)
		case ID:
			args[i] = clip(string(a))
		}
	}
	c.mu.Lock()
	said := c.warned[key] || len(c.warned) > 1000
	if !said {
		c.warned[key] = true
	}
	c.mu.Unlock()
	if !said {
		c.log.Warn(msg, args...)
	}
}

// Call is one request to the API.
type Call struct {
	Op       string   // verb and noun for errors: "list children"
	Ref      Ref      // what it is about
	Endpoint string   // bucket of the rate limit: Frame.io's name of the endpoint, and the account where limits are per account
	Rate     Rate     // its published limit, good until the headers tell
	Method   string   // of HTTP
	Path     []string // segments after the wire's prefix; none may be empty
	Query    url.Values
	Body     any  // sent as JSON if not nil
	Out      any  // where the JSON answer goes; nil: nobody wants it
	Repeat   bool // doing it twice comes to the same
}

// Delay answers how long a call to an endpoint, with the context's priority, would wait now for Frame.io's limits, those
// included that wait already and would go first. 0: it would go at once.
func (c *Conn) Delay(ctx context.Context, endpoint string, published Rate) time.Duration {
	b := c.limit.bucket(&Call{Endpoint: endpoint, Rate: published})
	return b.forecast(PriorityOf(ctx))
}

func callOf(ctx context.Context) *Call {
	c, _ := ctx.Value(keyCall).(*Call)
	return c
}

// Do makes a call and answers the headers of its answer. Errors are *Error.
func (c *Conn) Do(ctx context.Context, call Call) (http.Header, error) {
	req, err := c.request(ctx, &call)
	if err != nil {
		return nil, &Error{Op: call.Op, Ref: call.Ref, Err: err}
	}
	sent := time.Now()
	resp, err := c.api.RoundTrip(req)
	if err != nil {
		return nil, c.failed(&call, err)
	}
	c.learnClock(resp.Header, sent)
	defer resp.Body.Close()
	return resp.Header, c.decode(&call, resp)
}

func (c *Conn) request(ctx context.Context, call *Call) (*http.Request, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path := c.base.EscapedPath() + c.wire.Prefix
	for _, s := range call.Path {
		// An id decides whose thing is touched: one that would change the path's shape is none.
		if s == "" || s == "." || s == ".." {
			return nil, fmt.Errorf("%w: %q is no id", ErrRefused, s)
		}
		path += "/" + url.PathEscape(s)
	}
	u := c.base.Scheme + "://" + c.base.Host + path
	if len(call.Query) > 0 {
		u += "?" + call.Query.Encode()
	}
	var body []byte
	if call.Body != nil {
		var err error
		if body, err = json.Marshal(call.Body); err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
	}
	ctx = context.WithValue(ctx, keyCall, call)
	req, err := http.NewRequestWithContext(ctx, call.Method, u, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	return req, nil
}

// failed turns an error of the transport into ours.
func (c *Conn) failed(call *Call, err error) error {
	var sent *sentError
	e := &Error{Op: call.Op, Ref: call.Ref, Err: err, Unknown: call.Method != http.MethodGet && errors.As(err, &sent)}
	if !errors.Is(err, ErrToken) && !errors.Is(err, ErrLimited) && !errors.Is(err, ErrNotFrameio) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, ErrOffline) {
		e.Err = fmt.Errorf("%w: %w", ErrOffline, bare(err))
	}
	return e
}

// bare takes the address off a url.Error, because its query may be a secret.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// lenient takes what odd names and careless servers may bring: a listing must not fail for one of them.
var lenient = jsonv2.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

func (c *Conn) decode(call *Call, resp *http.Response) error {
	body, err := bodyOf(resp)
	if err != nil {
		return c.failed(call, &sentError{err})
	}
	e := &Error{Op: call.Op, Ref: call.Ref, Status: resp.StatusCode}
	change := call.Method != http.MethodGet
	if foreign(resp) {
		e.Err = ErrNotFrameio
		if resp.StatusCode < 400 { // a captive portal: the link is what is missing
			e.Err = fmt.Errorf("%w: %w", ErrOffline, ErrNotFrameio)
			e.Unknown = change
		}
		return e
	}
	if resp.StatusCode < 300 {
		if call.Out == nil {
			return nil
		}
		if err := jsonv2.Unmarshal(body, call.Out, lenient); err != nil {
			e.Err, e.Unknown = fmt.Errorf("%w: %s", ErrNotFrameio, clip(err.Error())), change // it quotes what it could not read
			return e
		}
		return nil
	}
	e.Unknown = change && resp.StatusCode >= 500
	e.Code, e.Detail, e.Err = c.wire.Fault(resp.StatusCode, body)
	e.Code, e.Detail = clip(e.Code), clip(e.Detail)
	return e
}

// clip keeps a message that came over the network short, on one line, and without what a terminal would act upon.
func clip(s string) string {
	long := len(s) > maxSaid
	if long {
		s = s[:maxSaid]
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '.'
		}
		return r
	}, s)
	if long {
		s += "…"
	}
	return s
}

// maxSaid is how much of a message is told, in bytes.
const maxSaid = 300

// learnClock notes how far Frame.io's clock is from ours, because what was made "since" is asked in its time.
func (c *Conn) learnClock(h http.Header, sent time.Time) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	// The header has whole seconds: half a second is its middle.
	now := time.Now()
	middle := sent.Add(now.Sub(sent) / 2)
	c.skew.Store(int64(at.Add(500 * time.Millisecond).Sub(middle)))
}

// serverTime is what Frame.io's clock shows at our t. It is good to about a second.
func (c *Conn) serverTime(t time.Time) time.Time { return t.Add(time.Duration(c.skew.Load())) }

// From is when, by Frame.io's clock, what we asked for at our t was made at the earliest.
func (c *Conn) From(t time.Time) time.Time { return c.serverTime(t).Add(-slack) }
