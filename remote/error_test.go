package remote

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"strings"
	"testing"
)

func TestErrorAnswers(t *testing.T) {
	all := []error{iofs.ErrNotExist, iofs.ErrPermission, iofs.ErrExist, ErrToken, ErrQuota, ErrRefused, ErrLimited, ErrOffline,
		ErrExpired, ErrNotFrameio, ErrChanged, ErrIncomplete, ErrDownload, context.DeadlineExceeded}
	for _, c := range []struct {
		err  *Error
		want []error
	}{
		{&Error{Status: 400}, []error{ErrRefused}},
		{&Error{Status: 401}, []error{ErrToken, iofs.ErrPermission}},
		{&Error{Status: 402}, []error{ErrQuota}},
		{&Error{Status: 403}, []error{iofs.ErrPermission}},
		{&Error{Status: 403, Err: ErrQuota}, []error{ErrQuota}},
		{&Error{Status: 403, Err: ErrDownload}, []error{iofs.ErrPermission, ErrDownload}},
		{&Error{Err: ErrDownload}, []error{iofs.ErrPermission, ErrDownload}},
		{&Error{Status: 403, Err: ErrExpired}, []error{ErrExpired}},
		{&Error{Status: 404}, []error{iofs.ErrNotExist}},
		{&Error{Status: 404, Err: ErrNotFrameio}, []error{ErrNotFrameio}},
		{&Error{Status: 404, Err: ErrIncomplete}, []error{ErrIncomplete}},
		{&Error{Status: 409}, []error{iofs.ErrExist}},
		{&Error{Status: 422}, []error{ErrRefused}},
		{&Error{Status: 422, Err: ErrQuota}, []error{ErrQuota}},
		{&Error{Status: 429}, []error{ErrLimited}},
		{&Error{Status: 502}, []error{ErrOffline}},
		{&Error{Err: fmt.Errorf("%w: %w", ErrOffline, context.DeadlineExceeded)}, []error{ErrOffline, context.DeadlineExceeded}},
	} {
		for _, target := range all {
			want := false
			for _, w := range c.want {
				want = want || w == target
			}
			if got := errors.Is(fmt.Errorf("put: %w", c.err), target); got != want {
				t.Errorf("status %d, cause %v: Is(%v) = %v, want %v", c.err.Status, c.err.Err, target, got, want)
			}
		}
	}
}

func TestErrorText(t *testing.T) {
	ref := Ref{Kind: Folder, ID: "f1"}
	for _, c := range []struct {
		err  *Error
		want string
	}{
		{&Error{Op: "create file", Ref: ref, Status: 404, Detail: "Not found"},
			"create file (folder f1): Frame.io answers: Not found, status 404"},
		{&Error{Op: "create file", Ref: ref, Status: 422, Code: "Invalid value", Detail: "Unexpected field: foo at /data/foo"},
			"create file (folder f1): this is refused by Frame.io as asked (Invalid value, Unexpected field: foo at /data/foo, status 422)"},
		{&Error{Op: "list accounts", Err: fmt.Errorf("%w: connection refused", ErrOffline)},
			"list accounts: no connection to Frame.io: connection refused"},
		{&Error{Op: "put part 3", Status: 403, Code: "AccessDenied", Err: ErrExpired},
			"put part 3: the upload or download link has expired (AccessDenied, status 403)"},
		{&Error{Op: "rename"}, "rename: failed"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	if s := clip(strings.Repeat("né\n", 400)); len(s) > 310 || strings.Contains(s, "\n") {
		t.Errorf("a long detail was not clipped to one short line: %q", s)
	}
}
