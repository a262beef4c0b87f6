package remote

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"net/http"

	"github.com/minio/crc64nvme"
)

// ErrGarbled: the upload host got other bytes than were sent to it. Sending the part again does not mend that for sure: if it was the last,
// Frame.io may have put the file together before.
var ErrGarbled = errors.New("the upload host got other bytes than were sent")

// S3 finds a CRC-64/NVME out of every object that comes without a checksum of its own, and tells it in its answer (its PutObject; spec:
// frameio-v2.md §5.4 knows of the ETag only, which is no checksum once objects are encrypted). Nothing can be asked for: the URL's
// signature allows no further x-amz- header, and a Content-MD5, which it would, costs ten times what all else does.
const sumHeader = "X-Amz-Checksum-Crc64nvme"

// WithMatched has PutPart call f once the upload host has told a checksum of the part, and it is that of what was sent. Of a body that
// is an *os.File it is not known, because the kernel sends that.
func WithMatched(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, keyMatched, f)
}

func matchedOf(ctx context.Context) func() {
	f, _ := ctx.Value(keyMatched).(func())
	if f == nil {
		return func() {}
	}
	return f
}

func newSum() hash.Hash64 { return crc64nvme.New() }

// matches compares what the upload host says of a part with what was sent: false if it says nothing that can be compared.
func matches(h http.Header, sum hash.Hash64) (bool, error) {
	told, err := base64.StdEncoding.DecodeString(h.Get(sumHeader))
	if err != nil || len(told) != 8 || sum == nil {
		return false, nil
	}
	if got, sent := binary.BigEndian.Uint64(told), sum.Sum64(); got != sent {
		return false, fmt.Errorf("%w: checksum %016x, and of what was sent %016x", ErrGarbled, got, sent)
	}
	return true, nil
}
