package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestWhatMountCalls(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"frameio /mnt", "frameiofs mount --daemon -- /mnt"},
		{"frameio: /mnt -o rw", "frameiofs mount --daemon -o rw -- /mnt"},
		{"frameio:/Acme/Films /mnt -o rw,_netdev,token_file=/t -v", "frameiofs mount --daemon --root=Acme/Films -o rw,_netdev,token_file=/t -- /mnt"},
		{"https://next.frame.io/project/x /mnt -r", "frameiofs mount --daemon --root=https://next.frame.io/project/x -o ro -- /mnt"},
		{"none /mnt -snwt fuse.frameiofs -o nosuid,sloth,uid=7,x-systemd.automount", "frameiofs mount --daemon -o nosuid,uid=7,x-systemd.automount -- /mnt"},
		{"frameio-like /mnt -ono", "frameiofs mount --daemon --root=frameio-like -o no -- /mnt"},
		{"-N 7 frameio /mnt", "frameiofs mount --daemon -- /mnt"},
	} {
		h, err := parseHelper(strings.Fields(tt.args))
		if got := strings.Join(h.command(), " "); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.args, got, err, tt.want)
		}
	}
	for _, bad := range []string{"", "/mnt", "a b c", "a b -o", "a b -q"} {
		var stderr bytes.Buffer
		if code := runHelper(append([]string{"mount.frameiofs"}, strings.Fields(bad)...), &stderr); code != helperUsage || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%q: code %d, %q", bad, code, stderr.String())
		}
	}
	if code := runHelper([]string{"mount.frameiofs", "frameio", "/nonexistent", "-f"}, nil); code != 0 {
		t.Errorf("a mount that is only tried: code %d", code)
	}
	for args, want := range map[string]bool{"/sbin/mount.frameiofs a b": true, "mount.fuse.frameiofs a b -o c": true, "frameiofs frameio /mnt -o rw": true,
		"frameiofs mount a -o rw": false, "frameiofs -x a -o b": false, "frameiofs status": false, "frameiofs ls a b c d": false} {
		if got := calledAsHelper(strings.Fields(args)); got != want {
			t.Errorf("%s is a call of mount(8): %v", args, got)
		}
	}
	for code, want := range map[int]int{0: 0, exitUsage: 1, exitFailure: 32, exitTimeout: 32, 130: 8} {
		if got := helperCode(code); got != want {
			t.Errorf("exit code %d is %d for mount(8), want %d", code, got, want)
		}
	}
}
