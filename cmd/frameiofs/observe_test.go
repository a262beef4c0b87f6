package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/fs"
	"github.com/frameiofs/frameiofs/remote"
)

func init() { commands["scrape"] = cmdScrape }

// scrape DIR FILE writes the metrics of the mount at DIR into FILE.
func cmdScrape(ts *testscript.TestScript, _ bool, args []string) {
	r, _ := mountOf(ts, args[0])
	st, err := control.Dial(r.Socket).Status(context.Background(), control.Query{})
	ts.Check(err)
	if !strings.HasPrefix(st.Metrics, "http://127.0.0.1:") {
		ts.Fatalf("metrics are at %q", st.Metrics)
	}
	res, err := http.Get(st.Metrics)
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o644))
}

func TestMetricsAreWellFormed(t *testing.T) {
	closed := time.Now().Add(-time.Hour)
	m := newMetrics(func() (control.Status, bool) {
		return control.Status{Version: "v1", API: "v4", MountPoint: "/m", Link: control.Link{State: "up"}, Cache: control.Space{Used: 7, Limit: 70},
			Totals: control.Totals{Files: 3, Bytes: 100, Sent: 40, Parked: 2}, Files: []control.File{{Stage: "uploading", Closed: &closed}, {Stage: "parked"}}}, true
	})
	m.call(remote.Seen{Op: "list children", Priority: remote.Uploads, Status: 429, Waited: time.Second, Took: 20 * time.Millisecond})
	m.call(remote.Seen{Op: remote.OpSend, Priority: remote.Uploads})
	m.op(fs.Op{Kind: fs.Read, Bytes: 100, Missing: 30, Took: time.Millisecond})
	m.op(fs.Op{Kind: fs.Read, Bytes: 50})
	m.op(fs.Op{Kind: fs.Write, Bytes: 11})
	m.op(fs.Op{Kind: fs.Lookup, Errno: syscall.ENOENT})
	m.op(fs.Op{Kind: fs.Rename, Errno: syscall.EPERM})
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	err = testutil.GatherAndCompare(m.registry, strings.NewReader(`
# HELP frameiofs_api_requests_total Requests to Frame.io, tries of one call each for itself. status 0: there was no answer.
# TYPE frameiofs_api_requests_total counter
frameiofs_api_requests_total{call="list children",class="uploads",status="429"} 1
frameiofs_api_requests_total{call="send part",class="uploads",status="0"} 1
# HELP frameiofs_api_limit_wait_seconds_total Time that requests waited for Frame.io's rate limits.
# TYPE frameiofs_api_limit_wait_seconds_total counter
frameiofs_api_limit_wait_seconds_total{call="list children",class="uploads"} 1
# HELP frameiofs_read_bytes_total Bytes that programs read, by where they were.
# TYPE frameiofs_read_bytes_total counter
frameiofs_read_bytes_total{from="cache"} 120
frameiofs_read_bytes_total{from="network"} 30
# HELP frameiofs_reads_total Reads of programs, by where their bytes were.
# TYPE frameiofs_reads_total counter
frameiofs_reads_total{from="cache"} 1
frameiofs_reads_total{from="network"} 1
# HELP frameiofs_fuse_errors_total Requests of the kernel that failed, but for names that are not there.
# TYPE frameiofs_fuse_errors_total counter
frameiofs_fuse_errors_total{errno="operation not permitted",op="rename"} 1
# HELP frameiofs_uploads_pending_bytes Bytes that are still to be sent.
# TYPE frameiofs_uploads_pending_bytes gauge
frameiofs_uploads_pending_bytes 60
# HELP frameiofs_link_up 1 if Frame.io could be reached by the last call.
# TYPE frameiofs_link_up gauge
frameiofs_link_up 1
# HELP frameiofs_uploads_parked Files that Frame.io refuses: somebody has to decide.
# TYPE frameiofs_uploads_parked gauge
frameiofs_uploads_parked 2
`), "frameiofs_api_requests_total", "frameiofs_api_limit_wait_seconds_total", "frameiofs_read_bytes_total", "frameiofs_reads_total",
		"frameiofs_fuse_errors_total", "frameiofs_uploads_pending_bytes", "frameiofs_link_up", "frameiofs_uploads_parked")
	if err != nil {
		t.Error(err)
	}
	for in, want := range map[string]string{"": "", "9469": "127.0.0.1:9469", ":9469": "127.0.0.1:9469", "0.0.0.0:1": "0.0.0.0:1", "[::1]:7": "[::1]:7"} {
		if got, err := metricsAddr(in); got != want || err != nil {
			t.Errorf("--metrics %q: %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{"here", "1.2.3.4", "a:b", "70000", "::"} {
		if got, err := metricsAddr(bad); err == nil {
			t.Errorf("--metrics %q is %q", bad, got)
		}
	}
}

func TestTheAccessLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	r, err := openRotating(path, 1000)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 99) + "\n"
	for i := range 35 {
		if _, err := fmt.Fprintf(r, "%02d%s", i, line[2:]); err != nil {
			t.Fatal(err)
		}
	}
	now, err := os.ReadFile(path)
	old, err1 := os.ReadFile(path + ".1")
	if err != nil || err1 != nil || len(now) != 500 || len(old) != 1000 || !strings.HasPrefix(string(now), "30") || !strings.HasPrefix(string(old), "20") {
		t.Errorf("%d and %d bytes, %v, %v", len(now), len(old), err, err1)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Write([]byte("late\n")); err == nil {
		t.Error("it is written after it was closed")
	}
	if _, err := openRotating("/dev/null", 1000); err == nil {
		t.Error("a device is taken for a file")
	}
}

func TestProfilesAreJoined(t *testing.T) {
	a := control.Profile{Seconds: 1, Programs: []control.Program{{Name: "cat", PIDs: []int{1}, Reads: 1, ReadBytes: 10, Waited: 1, Busiest: "a"}},
		Calls: []control.APICall{{Call: "stat", For: "ahead", N: 1}}}
	b := control.Profile{Seconds: 2, Programs: []control.Program{{Name: "ls", Looks: 3, Waited: 5}, {Name: "cat", PIDs: []int{1, 2}, Reads: 5, ReadBytes: 7, NetworkBytes: 7, Busiest: "b"}},
		Calls: []control.APICall{{Call: "stat", For: "ahead", N: 2, Failed: 1}, {Call: "list", N: 9}}}
	got := joined(joined(control.Profile{}, a), b)
	if got.Seconds != 3 || got.Programs[0].Name != "ls" || got.Programs[1].ReadBytes != 17 || len(got.Programs[1].PIDs) != 2 || got.Programs[1].Busiest != "b" ||
		got.Calls[0].N != 9 || got.Calls[1].N != 3 || got.Calls[1].Failed != 1 {
		t.Errorf("joined: %+v", got)
	}
	var out strings.Builder
	if err := printProfile(&out, got); err != nil || !strings.Contains(out.String(), "cat: most of it in b") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
