package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/fs"
	"github.com/frameiofs/frameiofs/remote"
)

// metrics is what Prometheus is told of a mount (--metrics). Names and units follow its conventions.
type metrics struct {
	registry *prometheus.Registry

	calls   *prometheus.CounterVec   // by call, class and status
	took    *prometheus.HistogramVec // by call
	limited *prometheus.CounterVec   // by call and class

	ops      [fs.Kinds]prometheus.Observer
	errors   *prometheus.CounterVec
	read     [2]prometheus.Counter // bytes, of the cache and of the network
	reads    [2]prometheus.Counter
	written  prometheus.Counter
	shutdown func()
}

// buckets are from a tenth of a millisecond to half a minute: a look at the disk, and a call that waits for Frame.io's limits.
var buckets = []float64{.0001, .0005, .002, .01, .05, .2, 1, 5, 30}

func newMetrics(status func() (control.Status, bool)) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "frameiofs", Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "frameiofs", Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	m.calls = counter("api_requests_total", "Requests to Frame.io, tries of one call each for itself. status 0: there was no answer.", "call", "class", "status")
	m.took = histogram("api_request_seconds", "Time from sending a request to Frame.io to the head of its answer.", "call")
	m.limited = counter("api_limit_wait_seconds_total", "Time that requests waited for Frame.io's rate limits.", "call", "class")
	ops := histogram("fuse_request_seconds", "Time that the kernel waited for an answer. What it reads and writes by itself is not in it.", "op")
	for k := range m.ops {
		m.ops[k] = ops.WithLabelValues(fs.Kind(k).String())
	}
	m.errors = counter("fuse_errors_total", "Requests of the kernel that failed, but for names that are not there.", "op", "errno")
	read, reads := counter("read_bytes_total", "Bytes that programs read, by where they were.", "from"), counter("reads_total", "Reads of programs, by where their bytes were.", "from")
	for i, from := range []string{"cache", "network"} {
		m.read[i], m.reads[i] = read.WithLabelValues(from), reads.WithLabelValues(from)
	}
	m.written = counter("written_bytes_total", "Bytes that programs wrote, but for what the kernel writes by itself.").WithLabelValues()
	m.registry.MustRegister(statusCollector{status}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// call counts a request to Frame.io.
func (m *metrics) call(s remote.Seen) {
	class := classes[s.Priority]
	m.calls.WithLabelValues(s.Op, class, strconv.Itoa(s.Status)).Inc()
	m.took.WithLabelValues(s.Op).Observe(s.Took.Seconds())
	if s.Waited > 0 {
		m.limited.WithLabelValues(s.Op, class).Add(s.Waited.Seconds())
	}
}

// op counts a request of the kernel.
func (m *metrics) op(op fs.Op) {
	m.ops[op.Kind].Observe(op.Took.Seconds())
	switch op.Kind {
	case fs.Read:
		m.read[0].Add(float64(op.Bytes - op.Missing))
		m.read[1].Add(float64(op.Missing))
		m.reads[min(op.Missing, 1)].Inc()
	case fs.Write, fs.Copy:
		m.written.Add(float64(op.Bytes))
	}
	if op.Errno != 0 && !(op.Kind == fs.Lookup && op.Errno == syscall.ENOENT) {
		m.errors.WithLabelValues(op.Kind.String(), op.Errno.Error()).Inc()
	}
}

// statusCollector tells what status tells, when it is asked.
type statusCollector struct {
	status func() (control.Status, bool)
}

// gauge is one number of a status.
type gauge struct {
	name, help string
	value      func(control.Status) float64
}

var gauges = []gauge{
	{"uploads_pending", "Files on their way to Frame.io.", func(st control.Status) float64 { return float64(st.Totals.Files) }},
	{"uploads_pending_bytes", "Bytes that are still to be sent.", func(st control.Status) float64 { return float64(st.Totals.Bytes - st.Totals.Sent) }},
	{"uploads_active", "Files of which bytes are moving.", func(st control.Status) float64 { return float64(st.Totals.Uploading) }},
	{"uploads_writing", "Files that are open for writing.", func(st control.Status) float64 { return float64(st.Totals.Writing) }},
	{"uploads_held", "Files that stay on this machine until somebody decides.", func(st control.Status) float64 { return float64(st.Totals.Held) }},
	{"uploads_parked", "Files that Frame.io refuses: somebody has to decide.", func(st control.Status) float64 { return float64(st.Totals.Parked) }},
	{"download_bytes_per_second", "Bytes fetched a second to be read, mean of the last seconds.", func(st control.Status) float64 { return st.Totals.RateDown }},
	{"upload_bytes_per_second", "Bytes sent a second, mean of the last seconds.", func(st control.Status) float64 { return st.Totals.Rate }},
	{"names_pending", "Changes of names that Frame.io has not made yet.", func(st control.Status) float64 { return float64(st.Totals.Names) }},
	{"names_parked", "Changes of names that Frame.io refuses.", func(st control.Status) float64 { return float64(st.Totals.NamesParked) }},
	{"time_left_seconds", "Estimated time until all is on Frame.io; 0 if not known.", func(st control.Status) float64 { return st.Totals.TimeLeft }},
	{"link_up", "1 if Frame.io could be reached by the last call.", func(st control.Status) float64 { return yes(st.Link.State == "up") }},
	{"trouble", "1 if the mount is not as it should be; status tells why.", func(st control.Status) float64 { return yes(st.Trouble != "") }},
	{"cache_bytes", "Bytes in the cache.", func(st control.Status) float64 { return float64(st.Cache.Used) }},
	{"cache_limit_bytes", "Bytes that may be in the cache.", func(st control.Status) float64 { return float64(st.Cache.Limit) }},
	{"disk_free_bytes", "Bytes that can still be written.", func(st control.Status) float64 { return float64(st.DiskFree) }},
}

func yes(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

var (
	gaugeDescs = func() (all []*prometheus.Desc) {
		for _, g := range gauges {
			all = append(all, prometheus.NewDesc("frameiofs_"+g.name, g.help, nil, nil))
		}
		return all
	}()
	oldestDesc = prometheus.NewDesc("frameiofs_uploads_oldest_seconds", "Age of the file that has been on its way for longest.", nil, nil)
	infoDesc   = prometheus.NewDesc("frameiofs_info", "What is mounted; always 1.", []string{"version", "api", "mountpoint"}, nil)
)

// Describe implements prometheus.Collector.
func (c statusCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range append([]*prometheus.Desc{oldestDesc, infoDesc}, gaugeDescs...) {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c statusCollector) Collect(out chan<- prometheus.Metric) {
	st, ok := c.status()
	if !ok {
		return
	}
	for i, g := range gauges {
		out <- prometheus.MustNewConstMetric(gaugeDescs[i], prometheus.GaugeValue, g.value(st))
	}
	oldest := 0.0
	for _, f := range st.Files {
		if f.Closed != nil && f.Stage != "held" && f.Stage != "parked" {
			oldest = max(oldest, time.Since(*f.Closed).Seconds())
		}
	}
	out <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, oldest)
	out <- prometheus.MustNewConstMetric(infoDesc, prometheus.GaugeValue, 1, st.Version, st.API, st.MountPoint)
}

// metricsAddr is where metrics are served: of a port alone, on this machine only.
func metricsAddr(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	addr := text
	if !strings.Contains(addr, ":") {
		addr = ":" + addr
	}
	host, port, err := net.SplitHostPort(addr)
	n, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || perr != nil {
		return "", misuse("", "--metrics: %q is not a port, or an address with one, such as 9469 or 0.0.0.0:9469", text)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, fmt.Sprint(n)), nil
}

// serve answers at addr until shutdown is called.
func (m *metrics) serve(addr string, log *slog.Logger) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fail("another program may have that port", "--metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	srv := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go srv.Serve(l)
	m.shutdown = func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		srv.Shutdown(ctx)
		srv.Close()
	}
	return l.Addr().String(), nil
}
