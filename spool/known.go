package spool

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/frameiofs/frameiofs/remote"
)

const (
	knownName = "known.jsonl"
	maxKnown  = 4096 // files
)

// knownFile is a file on Frame.io that was sent from here.
type knownFile struct {
	Size int64 `json:"size"`
	origin
}

// known remembers what was sent, so that the same content need not be sent again. Its file has a line for each, the newest
// last, and is not brought to the disk: nothing but an upload hangs on it.
type known struct {
	path string

	mu    sync.Mutex
	files []knownFile // the newest last
	lines int
}

// load reads what earlier runs have sent.
func (k *known) load(dir string) {
	k.path = filepath.Join(dir, knownName)
	f, err := os.Open(k.path)
	if err != nil {
		return
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		k.lines++
		var one knownFile
		if json.Unmarshal(sc.Bytes(), &one) == nil && one.File.ID != "" {
			k.put(one)
		}
	}
}

func (k *known) put(one knownFile) {
	k.files = slices.DeleteFunc(k.files, func(f knownFile) bool { return f.File == one.File })
	if one.Size < 0 { // forgotten
		return
	}
	k.files = append(k.files, one)
	if over := len(k.files) - maxKnown; over > 0 {
		k.files = slices.Delete(k.files, 0, over)
	}
}

// add notes a file. Without a checksum it only tells that there is one of that size.
func (k *known) add(one knownFile) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.put(one)
	k.lines++
	write := k.append
	if k.lines > 2*maxKnown {
		write = k.rewrite
	}
	_ = write(one)
}

func (k *known) append(one knownFile) error {
	f, err := os.OpenFile(k.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	line, err := json.Marshal(one)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return err
}

func (k *known) rewrite(knownFile) error {
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	for _, f := range k.files {
		if err := w.Encode(f); err != nil {
			return err
		}
	}
	k.lines = len(k.files)
	return writeFile(filepath.Dir(k.path), knownName, b.Bytes(), lazily)
}

// learn remembers what was sent, or copied.
func (a *attempt) learn(file remote.Ref, name string) {
	if size := a.e.Size(); size >= minCopy {
		a.e.s.known.add(knownFile{size, origin{File: file, Name: name, Checksum: a.hash}})
	}
}

// forget strikes a file that is not what it was.
func (k *known) forget(file remote.Ref) { k.add(knownFile{Size: -1, origin: origin{File: file}}) }

// of lists the files of an account that have as many bytes, the newest first.
func (k *known) of(account remote.ID, size int64) (found []knownFile) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range slices.Backward(k.files) {
		if f.Size == size && f.File.Account == account {
			found = append(found, f)
		}
	}
	return found
}
