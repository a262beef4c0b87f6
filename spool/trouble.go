package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"mime"
	"path"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// verdict is what an error of Frame.io means for the entry it came for.
type verdict int

const (
	passing verdict = iota // waited out: the link, the limits, Frame.io's own trouble, a token to be renewed
	expired                // the upload URLs are too old: a new asset is needed
	final                  // only a person can help
)

// judge decides by the kinds of error that package remote documents. What it does not know is waited out: trying again loses
// nothing, giving up could.
func judge(err error) verdict {
	for _, row := range []struct {
		is   error
		what verdict
	}{ // the first that matches counts: an error may answer to several
		{errRevoked, passing}, {context.Canceled, passing}, {context.DeadlineExceeded, passing}, {errPark, final},
		{remote.ErrToken, passing}, {remote.ErrLimited, passing}, {remote.ErrNotFrameio, passing}, {remote.ErrOffline, passing},
		{remote.ErrExpired, expired}, {remote.ErrQuota, final}, {remote.ErrRefused, final},
		{fs.ErrExist, final}, {fs.ErrNotExist, final}, {fs.ErrPermission, final}, {errors.ErrUnsupported, final},
	} {
		if errors.Is(err, row.is) {
			return row.what
		}
	}
	return passing
}

// reason is why an entry is parked, for people, with what to do.
func reason(err error) string {
	for _, row := range []struct {
		is   error
		text string
	}{
		{errPark, ""},
		{remote.ErrQuota, "the Frame.io account has no storage left: make room there or enlarge the plan, then retry"},
		{remote.ErrRefused, "Frame.io refuses this file as it is: rename it, or mend what Frame.io complains about, then retry"},
		{fs.ErrExist, "Frame.io has something of this name already: rename the file, or retry"},
		{fs.ErrNotExist, "its folder is not on Frame.io any more: move the file to another folder"},
		{errors.ErrUnsupported, "Frame.io has the bytes, but cannot rename a file that has versions: give the file its old name"},
		{fs.ErrPermission, "no right to do this on Frame.io: ask for it, or move the file to a folder where you may upload, then retry"},
	} {
		if errors.Is(err, row.is) {
			if row.text == "" {
				return err.Error()
			}
			return fmt.Sprintf("%s (%v)", row.text, err)
		}
	}
	return err.Error()
}

// errPark marks errors of our own that only a person can help with.
var errPark = errors.New("needs a person")

type parkError string

func (p parkError) Error() string     { return string(p) }
func (p parkError) Is(err error) bool { return err == errPark }

var (
	errRevoked = errors.New("spool: the attempt was given up")
)

// The waits before the next try. Without a link the last one bounds how long after its return the upload goes on.
const (
	firstWait   = 250 * time.Millisecond
	longestWait = 30 * time.Second
	offlineWait = 2500 * time.Millisecond
)

// backoff is how long to wait before try number tries+1, with some chance in it so that not everybody comes back at once.
func backoff(tries int, err error) time.Duration {
	longest := longestWait
	if errors.Is(err, remote.ErrOffline) {
		longest = offlineWait
	}
	wait := min(longest, firstWait<<min(tries, 10))
	return wait - rand.N(wait/4)
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// filmTypes are media types that a machine's own table often lacks. A guess is enough: Frame.io's answer counts.
var filmTypes = map[string]string{
	".mov": "video/quicktime", ".mp4": "video/mp4", ".m4v": "video/x-m4v", ".mxf": "application/mxf", ".mkv": "video/x-matroska",
	".mts": "video/mp2t", ".avi": "video/x-msvideo", ".webm": "video/webm", ".wav": "audio/wav", ".aif": "audio/aiff",
	".mp3": "audio/mpeg", ".dpx": "image/x-dpx", ".exr": "image/x-exr", ".tif": "image/tiff", ".jpg": "image/jpeg", ".png": "image/png",
}

func mediaType(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t := filmTypes[ext]; t != "" {
		return t
	}
	if t, _, err := mime.ParseMediaType(mime.TypeByExtension(ext)); err == nil {
		return t
	}
	return "application/octet-stream"
}
