package token

import (
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"

	"github.com/frameiofs/frameiofs/sim/world"
)

// authorize sends the browser back with a code, or asks first.
func (s *service) authorize(rw http.ResponseWriter, r *http.Request, f flavour) {
	q := r.URL.Query()
	client, ok := s.client(q.Get("client_id"))
	redirect, err := url.Parse(q.Get("redirect_uri"))
	if !ok || err != nil || !s.mayRedirect(client, redirect) {
		// Without both there is no one to send the browser back to.
		http.Error(rw, "unknown client_id, or a redirect_uri that it has not registered", http.StatusBadRequest)
		return
	}
	back := url.Values{}
	if st := q.Get("state"); st != "" {
		back.Set("state", st)
	}
	scopes := splitScopes(q.Get("scope"))
	user, found := s.user(q.Get("login_hint"))
	consent := s.world.Behaviour().Consent
	if consent == world.ConsentAsk {
		consent = map[string]world.Consent{"yes": world.ConsentAuto, "no": world.ConsentDeny, "": world.ConsentAsk}[q.Get("sim_consent")]
	}
	switch {
	case q.Get("response_type") != "code":
		back.Set("error", "unsupported_response_type")
	case client.Server, !found:
		back.Set("error", "unauthorized_client")
	case !known(scopes, f):
		back.Set("error", "invalid_scope")
	case client.Secret == "" && (q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256"):
		back.Set("error", "invalid_request")
		back.Set("error_description", "public clients have to use PKCE with S256")
	case consent == world.ConsentDeny:
		back.Set("error", "access_denied")
		back.Set("error_description", "The user said no")
	case consent == world.ConsentAsk:
		s.ask(rw, q, client)
		return
	default:
		back.Set("code", s.world.AddCode(world.Code{
			Kind: f.kind, User: user, Client: client.ID, Redirect: q.Get("redirect_uri"),
			Challenge: q.Get("code_challenge"), Scopes: scopes, Offline: slices.Contains(scopes, f.offline),
		}).Code)
	}
	rq := redirect.Query()
	for k, v := range back {
		rq[k] = v
	}
	redirect.RawQuery = rq.Encode()
	http.Redirect(rw, r, redirect.String(), http.StatusFound)
}

// mayRedirect tells whether a client may be sent back to an address.
func (s *service) mayRedirect(c Client, to *url.URL) bool {
	if slices.Contains(c.Redirects, to.String()) {
		return true
	}
	ip := net.ParseIP(to.Hostname())
	loopback := to.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return to.Scheme == "http" && loopback && to.User == nil && to.Fragment == "" && !s.world.Behaviour().NoLoopback
}

var page = template.Must(template.New("").Parse(`<!doctype html><meta charset="utf-8"><title>Sign in (simulated)</title>
<body style="font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:4em auto;padding:0 1em">
<h1>Sign in</h1><p>This is not Adobe, nor Frame.io: it is a simulation on your own machine.</p>
<p><b>{{.Client}}</b> asks for:</p><ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<form method="get">{{range $k, $v := .Keep}}<input type="hidden" name="{{$k}}" value="{{index $v 0}}">{{end}}
<p><label>You are <select name="login_hint">{{range .Users}}<option value="{{.Email}}">{{.Name}} ({{.Email}})</option>{{end}}</select></label></p>
<button name="sim_consent" value="yes">Allow</button> <button name="sim_consent" value="no">Refuse</button></form>
`))

// ask shows the page that a person would see.
func (s *service) ask(rw http.ResponseWriter, q url.Values, client Client) {
	scopes := splitScopes(q.Get("scope"))
	q.Del("login_hint")
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	// A browser that went away is no news.
	_ = page.Execute(rw, map[string]any{"Client": client.ID, "Scopes": scopes, "Keep": q, "Users": s.world.Users()})
}
