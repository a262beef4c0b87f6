package sim

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

var packers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic("sim: the level exists: " + err.Error())
	}
	return z
}}

// compressed packs the answers of next with Behaviour.Gzip for those who accept that.
func (s *Server) compressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !s.world.Behaviour().Gzip || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			next.ServeHTTP(rw, r)
			return
		}
		p := &packer{ResponseWriter: rw, status: http.StatusOK}
		next.ServeHTTP(p, r)
		p.send()
	})
}

// packer holds an answer back until it is whole: package fault spoils answers whose length is announced.
type packer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (p *packer) WriteHeader(status int) { p.status = status }

func (p *packer) Write(b []byte) (int, error) { return p.body.Write(b) }

func (p *packer) send() {
	if p.body.Len() == 0 {
		p.ResponseWriter.WriteHeader(p.status)
		return
	}
	var packed bytes.Buffer
	z := packers.Get().(*gzip.Writer)
	defer packers.Put(z)
	z.Reset(&packed)
	z.Write(p.body.Bytes()) // into memory: cannot fail
	z.Close()
	p.Header().Set("Content-Encoding", "gzip")
	p.Header().Set("Content-Length", strconv.Itoa(packed.Len()))
	p.ResponseWriter.WriteHeader(p.status)
	_, _ = p.ResponseWriter.Write(packed.Bytes()) // fails only when the client is gone
}
