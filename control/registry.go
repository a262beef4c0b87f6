package control

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Registration tells where a mount can be asked. Each is a small JSON file, <hash of the mount point>.json, in the folder
// that all mounts of a user share.
type Registration struct {
	MountPoint string    `json:"mountpoint"` // absolute, without symbolic links
	Socket     string    `json:"socket"`
	PID        int       `json:"pid"`
	Since      time.Time `json:"since"`
}

// Bounds of the registry, so that a stray folder is no trouble.
const (
	maxRegistration  = 64 << 10 // bytes of one file
	maxRegistrations = 4096     // files
)

// Register writes r into the folder dir. unregister removes it, unless another process has taken the mount point since.
func Register(dir string, r Registration) (unregister func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make registry folder: %w", err)
	}
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("encode registration: %w", err)
	}
	path := registrationPath(dir, r.MountPoint)
	temp := fmt.Sprintf("%s.%d.new", path, os.Getpid())
	if err := os.WriteFile(temp, append(b, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("write registration: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return nil, fmt.Errorf("write registration: %w", err)
	}
	return func() error {
		if now, err := readRegistration(path); err != nil || now.PID != r.PID {
			return nil
		}
		return os.Remove(path)
	}, nil
}

func registrationPath(dir, mountPoint string) string {
	sum := sha256.Sum256([]byte(mountPoint))
	return filepath.Join(dir, hex.EncodeToString(sum[:8])+".json")
}

func readRegistration(path string) (r Registration, err error) {
	f, err := os.Open(path)
	if err != nil {
		return r, err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxRegistration)).Decode(&r); err != nil {
		return r, fmt.Errorf("read registration %s: %w", path, err)
	}
	if !filepath.IsAbs(r.MountPoint) || !filepath.IsAbs(r.Socket) {
		return r, fmt.Errorf("read registration %s: not absolute paths", path)
	}
	return r, nil
}

// Registered lists what is registered in dir, by mount point. A file that cannot be read is left out: it was being written,
// or is none of ours. Whether a process still answers is for its Client to find out.
func Registered(dir string) ([]Registration, error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read registry: %w", err)
	}
	defer d.Close()
	names, err := d.Readdirnames(maxRegistrations)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read registry: %w", err)
	}
	var all []Registration
	for _, name := range names {
		if strings.HasSuffix(name, ".json") {
			if r, err := readRegistration(filepath.Join(dir, name)); err == nil {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, func(a, b Registration) int { return strings.Compare(a.MountPoint, b.MountPoint) })
	return all, nil
}

// Forget removes what r left behind after its process was killed.
func Forget(dir string, r Registration) error {
	path := registrationPath(dir, r.MountPoint)
	if now, err := readRegistration(path); err != nil || now.PID != r.PID {
		return nil
	}
	return os.Remove(path)
}

// maxLinks is how many symbolic links Find follows, like the kernel.
const maxLinks = 40

// Find tells which of the mounts has path, and path's name below its mount point ("" for the mount point itself). ok is
// false if none has. Nothing at or below a mount point is touched, so that a mount that hangs cannot hang the question;
// above, symbolic links are followed.
func Find(mounts []Registration, path string) (r Registration, below string, ok bool) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Registration{}, "", false
	}
	byPoint := make(map[string]Registration, len(mounts))
	for _, m := range mounts {
		byPoint[m.MountPoint] = m
	}
	at, rest := "/", names(abs)
	for links := 0; ; {
		if _, is := byPoint[at]; is {
			break
		}
		if len(rest) == 0 {
			return Registration{}, "", false
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
		if _, is := byPoint[at]; is || links == maxLinks {
			continue
		}
		if to, err := os.Readlink(at); err == nil {
			links++
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(at), to)
			}
			at, rest = "/", append(names(filepath.Clean(to)), rest...)
		}
	}
	// A mount may lie inside another: the innermost has the path.
	full := filepath.Join(append([]string{at}, rest...)...)
	for point := full; ; point = filepath.Dir(point) {
		if r, is := byPoint[point]; is {
			return r, strings.TrimPrefix(strings.TrimPrefix(full, point), "/"), true
		}
	}
}

// names splits an absolute path.
func names(abs string) []string {
	return strings.FieldsFunc(abs, func(c rune) bool { return c == '/' })
}
