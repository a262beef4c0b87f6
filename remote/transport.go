package remote

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// apiTransport speaks to the API host; HTTP/2 lets small calls share a connection.
func apiTransport(cfg *tls.Config, d *dialer) *http.Transport {
	t := dataTransport(cfg, d)
	t.Protocols = nil
	t.ForceAttemptHTTP2 = true
	t.DisableCompression = false
	t.MaxIdleConnsPerHost = 32
	// A connection that died while the machine slept is found out by a ping, not by the next call's patience.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second}
	return t
}

// dataTransport speaks HTTP/1.1 only: parallel parts want a connection each, not one that they share.
func dataTransport(cfg *tls.Config, d *dialer) *http.Transport {
	if cfg == nil {
		cfg = &tls.Config{}
	}
	cfg = cfg.Clone()
	if cfg.ClientSessionCache == nil {
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(64)
	}
	h1 := new(http.Protocols)
	h1.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            d.DialContext,
		TLSClientConfig:        cfg,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  60 * time.Second, // Frame.io gives up at 30 s itself (spec: frameio-v2.md §9)
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    128,
		MaxResponseHeaderBytes: 256 << 10,
		WriteBufferSize:        64 << 10,
		ReadBufferSize:         64 << 10,
		DisableCompression:     true,
		Protocols:              h1,
	}
}

// checkURL refuses addresses over which secrets would travel openly.
func checkURL(u *url.URL, loopback bool) error {
	if u.Scheme == "https" && u.Host != "" || u.Scheme == "http" && loopback && isLoopback(u.Hostname()) {
		return nil
	}
	return errInsecure
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// parseLink parses an address from an answer and checks that it may be followed: over TLS, without a name and password in it, and not
// to an address of this machine's or its network's. Only a Frame.io on this machine may send us to this machine. (A name that
// leads to such an address is followed, because TLS has the host prove that it is the one named, and some networks do have
// Frame.io's hosts behind addresses of their own.)
func (c *Conn) parseLink(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%w: a link in it is no address", ErrNotFrameio)
	}
	if u.User != nil {
		return nil, fmt.Errorf("link to %s: %w: it has a password in it", clip(u.Host), errInsecure)
	}
	local := isLoopback(c.base.Hostname())
	if err := checkURL(u, local); err != nil {
		return nil, fmt.Errorf("link to %s: %w", clip(u.Host), err)
	}
	if !local && isInside(u.Hostname()) {
		return nil, fmt.Errorf("link to %s: %w: that is an address in this network", clip(u.Host), errInsecure)
	}
	return u, nil
}

// isInside reports whether host is an address that only this machine or its network has.
func isInside(host string) bool {
	host, _, _ = strings.Cut(host, "%")
	ip := net.ParseIP(host)
	return isLoopback(host) || strings.HasSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), "localhost") ||
		ip != nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() || ip.IsInterfaceLocalMulticast())
}
