package world

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// copyBuffers are large enough that the http server's own small buffer is passed by.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 512<<10); return &b }}

func (w *World) bodyPath(media ID) string {
	return filepath.Join(w.dir, "bodies", string(media[:2]), string(media))
}

func (w *World) loosePath(asset ID, number int) string {
	return fmt.Sprintf("%s.part-%d", w.bodyPath(asset), number)
}

// writePart writes a part where place says; for one that does not go in place it returns the temporary file.
func (w *World) writePart(asset ID, place partPlace, size int64, body io.Reader) (tmp string, err error) {
	path := w.bodyPath(asset)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("write part: %w", err)
	}
	var f *os.File
	if place.inPlace {
		f, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	} else {
		f, err = os.CreateTemp(filepath.Dir(path), string(asset)+".put-*")
	}
	if err != nil {
		return "", fmt.Errorf("write part: %w", err)
	}
	if !place.inPlace {
		tmp = f.Name()
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	n, err := io.CopyBuffer(io.NewOffsetWriter(f, place.off), io.LimitReader(onlyReader{body}, size), *buf)
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	return tmp, errors.Join(wholeBody(err), f.Close())
}

// onlyReader hides WriteTo, so that io.CopyBuffer uses our buffer.
type onlyReader struct{ io.Reader }

func wholeBody(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// assembleIfWhole makes the original of an upload that has all its parts. When every part lies in place that is free;
// otherwise the parts are joined in the background.
func (w *World) assembleIfWhole(u *upload) {
	var total int64
	for _, p := range u.Parts {
		if !p.Received {
			return
		}
		total += p.Got
	}
	if u.assembling || len(u.settling) > 0 || u.Size == 0 && w.behaviour.ZeroByte == ZeroHang {
		return
	}
	if total != u.Size && w.behaviour.SizeMismatch == MismatchFail {
		w.failUpload(u)
		return
	}
	if len(u.loose) == 0 && total == u.Size {
		w.finishUpload(u, total)
		return
	}
	u.assembling = true
	w.work.Go(func() {
		err := w.join(u)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			w.log.Error("assemble upload", "asset", u.AssetID, "err", err)
			w.failUpload(u)
		} else {
			w.finishUpload(u, total)
		}
		if err := w.journal.flush(); err != nil {
			w.log.Error("assemble upload", "asset", u.AssetID, "err", err)
		}
	})
}

// copyInto writes a file into another at an offset.
func copyInto(path string, off int64, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("settle part: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("settle part: %w", err)
	}
	_, err = out.Seek(off, io.SeekStart)
	if err == nil {
		_, err = io.Copy(out, in)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("settle part: %w", err)
	}
	return nil
}

// join writes the parts one after the other into a new body. Nobody touches them meanwhile: u.assembling.
func (w *World) join(u *upload) error {
	path := w.bodyPath(u.AssetID)
	out, err := os.Create(path + ".joined")
	if err != nil {
		return err
	}
	for _, p := range u.Parts {
		if err = w.appendPart(out, u, p); err != nil {
			break
		}
	}
	if err = errors.Join(err, out.Close()); err != nil {
		removeFile(path + ".joined")
		return err
	}
	return os.Rename(path+".joined", path)
}

func (w *World) appendPart(out *os.File, u *upload, p Part) error {
	name, off := w.bodyPath(u.AssetID), p.Off
	if u.loose[p.Number] {
		name, off = w.loosePath(u.AssetID, p.Number), 0
	}
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.Seek(off, io.SeekStart); err != nil {
		return err
	}
	_, err = io.CopyN(out, in, p.Got)
	return err
}

// finishUpload turns a placeholder into a file of total bytes.
func (w *World) finishUpload(u *upload, total int64) {
	n := w.nodes[u.AssetID]
	a := *n.a
	a.UploadCompleted = w.stamp()
	if total != a.Size {
		size := Usage{Bytes: total - a.Size}
		if w.alive(n) {
			w.usage[a.ProjectID].live.add(size, 1)
		} else {
			w.usage[a.ProjectID].trash.add(size, 1)
		}
		a.Size = total
	}
	w.put(a)
	w.forgetUpload(u)
	w.hasher.add(a.MediaID)
}

// OpenBody opens the bytes of a complete file, deleted or not: a signed link outlives a deletion. The caller closes it.
func (w *World) OpenBody(asset ID) (*os.File, Asset, error) {
	w.mu.Lock()
	n := w.nodes[asset]
	if n == nil || n.a.Kind != File {
		w.mu.Unlock()
		return nil, Asset{}, fail(ErrNotFound, "id", "no such file")
	}
	a := w.fill(n)
	w.mu.Unlock()
	if a.Status == Created {
		return nil, a, fail(ErrNotFound, "id", "the file is not uploaded yet")
	}
	f, err := os.Open(w.bodyPath(a.MediaID))
	if errors.Is(err, fs.ErrNotExist) && a.Size == 0 {
		f, err = os.Open(os.DevNull)
	}
	if err != nil {
		return nil, a, fmt.Errorf("open body: %w", err)
	}
	return f, a, nil
}

// PutFile makes a complete file in one go, as another user's finished upload would.
func (w *World) PutFile(by Caller, parent ID, f NewFile, body io.Reader) (Asset, error) {
	a, u, err := w.CreateFile(by, parent, f)
	if err != nil {
		return Asset{}, err
	}
	for _, p := range u.Parts {
		if err := w.PutPart(a.ID, p.Number, p.Size, body); err != nil {
			return Asset{}, fmt.Errorf("put file %q: %w", f.Name, err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fill(w.nodes[a.ID]), nil
}

// LinkFile makes a complete file of one that lies on this machine, on the same file system as the world: a hard link, so that
// it costs no room and no time, whatever its size. Nobody may change that file any more.
func (w *World) LinkFile(by Caller, parent ID, name, path string) (Asset, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Asset{}, fmt.Errorf("link file: %w", err)
	}
	return w.each(func() (ID, error) {
		p, err := w.editFolder(by, parent)
		if err != nil {
			return "", err
		}
		f := NewFile{Name: name, Size: st.Size()}
		if err := w.mayCreate(p, f); err != nil {
			return "", err
		}
		a := w.newFile(by, p, f)
		a.MediaID, a.UploadCompleted = a.ID, a.Created
		body := w.bodyPath(a.ID)
		if err := errors.Join(os.MkdirAll(filepath.Dir(body), 0o755), os.Link(path, body)); err != nil {
			return "", fmt.Errorf("link file: %w", err)
		}
		w.put(a)
		w.count(a.ProjectID, unit(&a), 1)
		w.hasher.add(a.MediaID)
		return a.ID, nil
	})
}

// Clone makes a further file in parent that shares the bytes of a complete one: how thousands of files are had cheaply.
func (w *World) Clone(by Caller, source, parent ID, name string) (Asset, error) {
	return w.each(func() (ID, error) {
		n, err := w.see(by, source)
		if err != nil {
			return "", err
		}
		p, err := w.editFolder(by, parent)
		if err != nil {
			return "", err
		}
		if err := checkName(name); err != nil {
			return "", err
		}
		a := w.newFile(by, p, NewFile{Name: name, Size: n.a.Size})
		a.MediaID, a.UploadCompleted = n.a.MediaID, later(n.a.UploadCompleted, a.Created)
		w.put(a)
		w.count(a.ProjectID, unit(&a), 1)
		return a.ID, nil
	})
}

func renameFile(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("keep part: %w", err)
	}
	return nil
}

// removeFile takes away a leftover; one that stays costs room and nothing else.
func removeFile(path string) {
	if path != "" {
		os.Remove(path)
	}
}
