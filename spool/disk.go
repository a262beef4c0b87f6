package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/spool/platter"
)

// How long a write may be lost for. A write that is not durable survives the end of every process, but not a loss of power.
const (
	durable = true
	lazily  = false
)

// writeFile replaces dir/name by b in one step: temp → fsync → rename → fsync dir, the fsyncs only if durable.
func writeFile(dir, name string, b []byte, durable bool) error {
	tmp := filepath.Join(dir, name+".tmp")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil && durable {
		err = platter.Sync(f)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	if durable {
		return platter.SyncDir(dir)
	}
	return nil
}

// writeJSON is writeFile of v.
func writeJSON(dir, name string, v any, durable bool) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return writeFile(dir, name, append(b, '\n'), durable)
}

// maxJSON bounds what is read back: upload.json holds a URL of about 1 KiB for every part.
const maxJSON = 64 << 20

func readJSON(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxJSON+1))
	if err != nil {
		return err
	}
	if len(b) > maxJSON {
		return fmt.Errorf("%s is larger than %d MiB", filepath.Base(path), maxJSON>>20)
	}
	return json.Unmarshal(b, v)
}

// removeFile removes what may not be there.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// free tells how many bytes an ordinary user may still put on dir's disk.
func free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// lock takes the state folder for this process. The lock goes with the process, however it ends.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		who := make([]byte, 32)
		n, _ := f.ReadAt(who, 0)
		f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		by := ""
		if pid := strings.TrimSpace(string(who[:n])); pid != "" {
			by = " (process " + pid + ")"
		}
		return nil, fmt.Errorf("%w%s: %s; unmount that one first, or give this one another --state-dir", ErrLocked, by, dir)
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0) // only for the message above
		if err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}
