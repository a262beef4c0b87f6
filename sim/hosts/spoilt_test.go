package hosts

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/minio/crc64nvme"

	"github.com/frameiofs/frameiofs/sim/fault"
	"github.com/frameiofs/frameiofs/sim/world"
)

// The checksum in the answer to a part is that of the bytes that came, whatever is kept of them.
func TestPartChecksumAndItsFaults(t *testing.T) {
	const sent, spoilt = "hello world", "hello\x30world" // the byte in the middle
	sum := func(s string) string {
		h := crc64nvme.New()
		io.WriteString(h, s)
		return base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	for _, c := range []struct {
		name, fault string
		no          bool
		kept, told  string
		etag        bool
	}{
		{"as it should be", "", false, sent, sum(sent), true},
		{"no checksum", "", true, sent, "", true},
		{"kept wrong", "flip@upload", false, spoilt, sum(sent), true},
		{"kept wrong, no checksum", "flip@upload", true, spoilt, "", true},
		{"came wrong", "garble@upload", false, spoilt, sum(spoilt), true},
		{"no ETag", "noetag@upload", false, sent, sum(sent), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, world.Behaviour{NoPartChecksum: c.no})
			set := fault.NewSet(1)
			if c.fault != "" {
				if err := set.AddText(c.fault); err != nil {
					t.Fatal(err)
				}
			}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				set.Wrap(fault.Upload, nil, r.Upload()).ServeHTTP(w, q)
			}))
			defer srv.Close()
			r.Hosts = New(r.w, srv.URL, srv.URL)
			a, urls := r.create("a.txt", int64(len(sent)), true)
			got := r.do(r.request("PUT", urls[0], strings.NewReader(sent), good...))
			if got.status != 200 || got.header.Get("x-amz-checksum-crc64nvme") != c.told || (got.header.Get("ETag") != "") != c.etag {
				t.Errorf("status %d, headers %v", got.status, got.header)
			}
			f, _, err := r.w.OpenBody(a.ID)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if kept, _ := io.ReadAll(f); string(kept) != c.kept {
				t.Errorf("kept %q, want %q", kept, c.kept)
			}
		})
	}
}
