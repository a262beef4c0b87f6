package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

// maxLogTail is how much of the end of a log goes into a bundle, in bytes.
const maxLogTail = 512 << 10

// writeBundle writes what a bug report needs into one file. Secrets are taken out in any case, and names of files, folders and people are
// replaced, unless they are to stay: by words that are the same for the same name, so that what belongs together can be seen.
func writeBundle(ctx context.Context, path string, x examination, all []finding, names bool) error {
	files, r := gather(ctx, x, all), newRedaction(x, names)
	for _, f := range all {
		for _, name := range f.names {
			r.learnName(name)
		}
	}
	for _, f := range files {
		r.learn(f)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already; choose another name", path)
	}
	if err != nil {
		return err
	}
	zip := gzip.NewWriter(f)
	out := tar.NewWriter(zip)
	for _, file := range files {
		text := r.clean(file)
		err = errors.Join(err, out.WriteHeader(&tar.Header{Name: "frameiofs-report/" + file.name, Mode: 0o600, Size: int64(len(text)), ModTime: time.Now().Truncate(time.Second)}))
		_, werr := out.Write(text)
		err = errors.Join(err, werr)
	}
	if err = errors.Join(err, out.Close(), zip.Close(), f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}

// bundled is one file of a bundle.
type bundled struct {
	name string
	text []byte
}

// gather collects the files as they are.
func gather(ctx context.Context, x examination, all []finding) []bundled {
	var text bytes.Buffer
	printFindings(&text, all, false)
	files := []bundled{{"doctor.txt", text.Bytes()}, {"doctor.json", asJSON(all)}, {"version.txt", versions()}, {"environment.txt", environment()}}
	if b, err := os.ReadFile(settingsPath()); err == nil {
		files = append(files, bundled{"config.toml", b})
	}
	mounts, _ := control.Registered(registryDir())
	logs := map[string]bool{}
	for i, r := range mounts {
		st, err := askStatus(ctx, r, control.Query{})
		if err != nil {
			files = append(files, bundled{fmt.Sprintf("status-%d.json", i+1), asJSON(map[string]string{"mountpoint": r.MountPoint, "error": err.Error()})})
			continue
		}
		files = append(files, bundled{fmt.Sprintf("status-%d.json", i+1), asJSON(st)})
		if st.Log != "" {
			logs[st.Log] = true
		}
		if b, err := control.Dial(r.Socket).Goroutines(ctx); err == nil {
			files = append(files, bundled{fmt.Sprintf("goroutines-%d.txt", i+1), b})
		}
	}
	found, _ := filepath.Glob(filepath.Join(stateHome(), "*", "frameiofs.log"))
	own, _ := filepath.Glob(filepath.Join(x.stateDir, "frameiofs.log"))
	for _, path := range append(found, own...) {
		logs[path] = true
	}
	var paths []string
	for path := range logs {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for i, path := range paths {
		if b, err := tail(path, maxLogTail); err == nil {
			files = append(files, bundled{fmt.Sprintf("log-%d.txt", i+1), b})
		}
	}
	return files
}

func asJSON(v any) []byte {
	b, _ := json.MarshalIndent(v, "", "  ")
	return append(b, '\n')
}

// versions tells what runs here.
func versions() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "frameiofs %s\n%s %s/%s\nkernel %s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, thisMachine().release)
	if text, err := os.ReadFile("/etc/os-release"); err == nil {
		b.Write(text)
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			fmt.Fprintf(&b, "%s %s\n", m.Path, m.Version)
		}
	}
	return b.Bytes()
}

// environment tells which variables are set that matter here, and only whether those are that hold secrets or addresses.
func environment() []byte {
	var b bytes.Buffer
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "FRAMEIO_") && !strings.Contains(name, "TOKEN") && !strings.Contains(name, "SECRET"),
			strings.HasPrefix(name, "FRAMEIO_TOKEN_FILE"), strings.HasPrefix(name, "XDG_"), strings.HasPrefix(name, "LC_"),
			name == "LANG", name == "GOGC", name == "GOMEMLIMIT", name == "TERM":
			fmt.Fprintf(&b, "%s=%s\n", name, value)
		case strings.HasPrefix(name, "FRAMEIO"), strings.HasSuffix(strings.ToUpper(name), "_PROXY"):
			fmt.Fprintf(&b, "%s is set\n", name)
		}
	}
	return b.Bytes()
}

// tail is the end of a file, from the beginning of a line on.
func tail(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, fi.Size()-most)
	b, err := io.ReadAll(io.NewSectionReader(f, from, most))
	if from > 0 {
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			b = b[i+1:]
		}
	}
	return b, err
}
