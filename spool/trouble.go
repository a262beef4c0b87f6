package spool

import (
	"context"
	"errors"
	"io/fs"
	"mime"
	"path"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// judge is remote.Judge, which does not know of our own errors. An attempt that was given up has nothing to tell, whatever went wrong beside.
func judge(err error) remote.Verdict {
	switch {
	case errors.Is(err, errRevoked), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return remote.Passing
	case errors.Is(err, errPark):
		return remote.Final
	}
	return remote.Judge(err)
}

// reason is why an entry is parked, for people, with what to do.
func reason(err error) string { return advice.For(err) }

var advice = remote.Advice{
	{errPark, ""},
	{remote.ErrQuota, "the Frame.io account has no storage left: make room there or enlarge the plan, then retry"},
	{remote.ErrRefused, "Frame.io refuses this file as it is: rename it, or mend what Frame.io complains about, then retry"},
	{fs.ErrExist, "Frame.io has something of this name already: rename the file, or retry"},
	{fs.ErrNotExist, "its folder is not on Frame.io any more: move the file to another folder"},
	{errors.ErrUnsupported, "Frame.io has the bytes, but cannot rename a file that has versions: give the file its old name"},
	{fs.ErrPermission, "no right to do this on Frame.io: ask for it, or move the file to a folder where you may upload, then retry"},
}

// errPark marks errors of our own that only a person can help with.
var errPark = errors.New("needs a person")

type parkError string

func (p parkError) Error() string     { return string(p) }
func (p parkError) Is(err error) bool { return err == errPark }

var (
	errRevoked = errors.New("spool: the attempt was given up")
)

// backoff is how long to wait before try number tries+1.
func backoff(tries int, err error) time.Duration {
	return remote.Backoff(tries, errors.Is(err, remote.ErrOffline) || errors.Is(err, remote.ErrNotFrameio) ||
		errors.Is(err, remote.ErrToken) || errors.Is(err, remote.ErrLimited))
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
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
