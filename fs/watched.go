package fs

import (
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// watched passes every request on, and tells the watchers what came of it.
type watched struct {
	fuse.RawFileSystem
	fs *FS
}

// begin is when a request came, or zero if nobody watches.
func (w *watched) begin() time.Time {
	if w.fs.watchers.now.Load() == nil {
		return time.Time{}
	}
	return time.Now()
}

// end tells of a request, if it was watched from its beginning.
func (w *watched) end(begun time.Time, in *fuse.InHeader, st fuse.Status, op Op) {
	if begun.IsZero() {
		return
	}
	op.PID, op.node, op.fs, op.Errno = in.Pid, in.NodeId, w.fs, syscall.Errno(st)
	op.Begun, op.Took = begun, time.Since(begun)
	for _, tell := range w.fs.watchers.list() {
		(*tell)(op)
	}
}

// made is end of a request that has told the kernel a node.
func (w *watched) made(begun time.Time, in *fuse.InHeader, st fuse.Status, out *fuse.EntryOut, op Op) {
	switch {
	case begun.IsZero():
		return
	case st.Ok() && out.NodeId == 0: // so the kernel is told, and keeps, that nothing is there
		st = fuse.ENOENT
	case st.Ok():
		w.fs.watchers.learn(out)
	}
	w.end(begun, in, st, op)
}

func (w *watched) Lookup(cancel <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.Lookup(cancel, in, name, out)
	w.made(begun, in, st, out, Op{Kind: Lookup, Name: name})
	return st
}

func (w *watched) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.GetAttr(cancel, in, out)
	w.end(begun, &in.InHeader, st, Op{Kind: GetAttr})
	return st
}

func (w *watched) SetAttr(cancel <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.SetAttr(cancel, in, out)
	w.end(begun, &in.InHeader, st, Op{Kind: SetAttr})
	return st
}

func (w *watched) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.Open(cancel, in, out)
	w.end(begun, &in.InHeader, st, Op{Kind: Open})
	return st
}

func (w *watched) Create(cancel <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.Create(cancel, in, name, out)
	w.made(begun, &in.InHeader, st, &out.EntryOut, Op{Kind: Create, Name: name})
	return st
}

func (w *watched) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	begun := w.begin()
	if begun.IsZero() {
		return w.RawFileSystem.Read(cancel, in, buf)
	}
	op := Op{Kind: Read, Off: int64(in.Offset)}
	w.fs.watchers.reading.Store(cancel, &op.Missing)
	res, st := w.RawFileSystem.Read(cancel, in, buf)
	w.fs.watchers.reading.Delete(cancel)
	if res != nil {
		op.Bytes = int64(res.Size())
	}
	op.Missing = min(op.Missing, op.Bytes)
	w.end(begun, &in.InHeader, st, op)
	return res, st
}

func (w *watched) Write(cancel <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	begun := w.begin()
	n, st := w.RawFileSystem.Write(cancel, in, data)
	w.end(begun, &in.InHeader, st, Op{Kind: Write, Off: int64(in.Offset), Bytes: int64(n)})
	return n, st
}

func (w *watched) Writev(cancel <-chan struct{}, in *fuse.WriteIn, data [][]byte) (uint32, fuse.Status) {
	begun := w.begin()
	n, st := w.RawFileSystem.Writev(cancel, in, data)
	if st != fuse.ENOSYS { // upon which it comes again, as Write
		w.end(begun, &in.InHeader, st, Op{Kind: Write, Off: int64(in.Offset), Bytes: int64(n)})
	}
	return n, st
}

func (w *watched) Flush(cancel <-chan struct{}, in *fuse.FlushIn) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.Flush(cancel, in)
	w.end(begun, &in.InHeader, st, Op{Kind: Flush})
	return st
}

func (w *watched) Release(cancel <-chan struct{}, in *fuse.ReleaseIn) {
	begun := w.begin()
	w.RawFileSystem.Release(cancel, in)
	w.end(begun, &in.InHeader, fuse.OK, Op{Kind: Release}) // the kernel may forget it now: see path
}

func (w *watched) Fsync(cancel <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.Fsync(cancel, in)
	w.end(begun, &in.InHeader, st, Op{Kind: Fsync})
	return st
}

func (w *watched) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.ReadDir(cancel, in, out)
	w.end(begun, &in.InHeader, st, Op{Kind: List, Off: int64(in.Offset)})
	return st
}

func (w *watched) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.ReadDirPlus(cancel, in, out)
	w.end(begun, &in.InHeader, st, Op{Kind: List, Off: int64(in.Offset)})
	return st
}

func (w *watched) Mkdir(cancel <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.Mkdir(cancel, in, name, out)
	w.made(begun, &in.InHeader, st, out, Op{Kind: Mkdir, Name: name})
	return st
}

func (w *watched) Rmdir(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.Rmdir(cancel, in, name)
	w.end(begun, in, st, Op{Kind: Rmdir, Name: name})
	return st
}

func (w *watched) Unlink(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.Unlink(cancel, in, name)
	w.end(begun, in, st, Op{Kind: Unlink, Name: name})
	return st
}

func (w *watched) Rename(cancel <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.Rename(cancel, in, from, to)
	w.end(begun, &in.InHeader, st, Op{Kind: Rename, Name: from, To: to, toNode: in.Newdir})
	return st
}

func (w *watched) CopyFileRange(cancel <-chan struct{}, in *fuse.CopyFileRangeIn) (uint32, fuse.Status) {
	begun := w.begin()
	n, st := w.RawFileSystem.CopyFileRange(cancel, in)
	w.end(begun, &in.InHeader, st, Op{Kind: Copy, Off: int64(in.OffIn), Bytes: int64(n)})
	return n, st
}

func (w *watched) Fallocate(cancel <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.Fallocate(cancel, in)
	w.end(begun, &in.InHeader, st, Op{Kind: Allocate, Off: int64(in.Offset)})
	return st
}

func (w *watched) GetXAttr(cancel <-chan struct{}, in *fuse.InHeader, attr string, dest []byte) (uint32, fuse.Status) {
	begun := w.begin()
	n, st := w.RawFileSystem.GetXAttr(cancel, in, attr, dest)
	w.end(begun, in, st, Op{Kind: XAttr})
	return n, st
}

func (w *watched) StatFs(cancel <-chan struct{}, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	begun := w.begin()
	st := w.RawFileSystem.StatFs(cancel, in, out)
	w.end(begun, in, st, Op{Kind: StatFS})
	return st
}
