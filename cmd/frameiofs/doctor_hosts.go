package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

// hostFindings try the hosts of bytes, where it is known which these are: of Frame.io itself.
func hostFindings(ctx context.Context, api string, noFile bool) []finding {
	media := skipped("media host", "only Frame.io's own is known; %s is not", api)
	if noFile {
		media = skipped("media host", "there is no file to be found soon of which a byte could be asked for")
	}
	if api == defaultURL {
		media = hostFinding(ctx, "media host", "https://"+mediaHost)
	}
	return []finding{media, uploadFinding(ctx, api)}
}

func uploadFinding(ctx context.Context, api string) finding {
	if api != defaultURL {
		return skipped("upload host", "only Frame.io's own is known; that of %s is told with the first upload", api)
	}
	return hostFinding(ctx, "upload host", "https://"+uploadHost)
}

// hostFinding connects to a host and shakes hands, which needs no token.
func hostFinding(ctx context.Context, check, raw string) finding {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return skipped(check, "it is not known where that is")
	}
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	if proxy, _ := http.ProxyFromEnvironment(&http.Request{URL: u}); proxy != nil {
		return skipped(check, "%s is reached through the proxy %s", u.Host, proxy.Host)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	begun := time.Now()
	dial := (&net.Dialer{}).DialContext
	if u.Scheme == "https" {
		dial = (&tls.Dialer{}).DialContext
	}
	c, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		remedy := "let " + u.Host + ":" + port + " through"
		var unknown *tls.CertificateVerificationError
		if errors.As(err, &unknown) {
			remedy = "somebody stands in between; install the certificate of your proxy, or: sudo apt-get install -y ca-certificates"
		}
		return wrong(check, remedy, "%s", unreachable{u.Host, err})
	}
	c.Close()
	return fine(check, "%s answers (%d ms)", u.Host, time.Since(begun).Milliseconds())
}
