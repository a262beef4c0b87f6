package world

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Limits of the service. Sources: frameio-v2.md §5.2 (20 MiB fits every captured example), §5.6 (S3's 5 GiB per
// object), §5.7 (10,000 parts).
const (
	defaultPartSize = 20 << 20
	maxParts        = 10_000
	maxPart         = 5 << 30

	defaultUploadURLLife = 24 * time.Hour
)

// upload is an Upload with what is known of its bytes on disk.
type upload struct {
	Upload
	writing    map[int]bool // parts being written in place
	settling   map[int]bool // repeated parts being copied into place
	loose      map[int]bool // received parts that lie in a file of their own
	assembling bool
}

func newUpload(u Upload) *upload {
	return &upload{Upload: u, writing: map[int]bool{}, settling: map[int]bool{}, loose: map[int]bool{}}
}

// CreateFile makes a placeholder and says which parts it waits for.
func (w *World) CreateFile(by Caller, parent ID, f NewFile) (a Asset, up Upload, err error) {
	a, err = w.each(func() (ID, error) {
		p, err := w.editFolder(by, parent)
		if err != nil {
			return "", err
		}
		if err := w.mayCreate(p, f); err != nil {
			return "", err
		}
		a := w.newFile(by, p, f)
		a.MediaID = a.ID
		if f.VersionOf != "" {
			if err := w.mayVersion(by, f.VersionOf); err != nil {
				return "", err
			}
		}
		w.put(a)
		w.count(a.ProjectID, unit(&a), 1)
		u := newUpload(w.planUpload(a, f))
		w.uploads[a.ID] = u
		w.journal.add("upload", u.Upload)
		up = u.Upload
		up.Parts = slices.Clone(u.Parts)
		if f.VersionOf != "" {
			_, err = w.addVersion(by, f.VersionOf, a.ID)
		}
		return a.ID, err
	})
	return a, up, err
}

func (w *World) mayCreate(p *node, f NewFile) error {
	if err := checkName(f.Name); err != nil {
		return err
	}
	if f.Size < 0 {
		return fail(ErrInvalid, "size", "the file size is negative")
	}
	if f.Size == 0 && w.behaviour.ZeroByte == ZeroRefuse {
		return fail(ErrInvalid, "size", "the file size must be greater than 0")
	}
	if err := w.roomFor(p.a.AccountID, f.Size); err != nil {
		return err
	}
	return w.nameFree(p, f.Name, "")
}

// mayVersion checks what addVersion would refuse after the file is made.
func (w *World) mayVersion(by Caller, target ID) error {
	t, err := w.edit(by, target)
	if err != nil {
		return err
	}
	if t.a.Kind == Folder || t.a.Kind == File && w.nodes[t.a.ParentID].a.Kind == VersionStack {
		return fail(ErrInvalid, "target", "that asset cannot get versions")
	}
	return nil
}

func (w *World) newFile(by Caller, p *node, f NewFile) Asset {
	a := w.newAsset(by, p, File, f.Name)
	a.Size, a.MediaType, a.Description, a.Properties = f.Size, f.MediaType, f.Description, f.Properties
	if a.MediaType == "" {
		a.MediaType = MediaType(f.Name)
	}
	return a
}

// roomFor refuses what the account has no room for.
func (w *World) roomFor(account ID, size int64) error {
	acc := w.fillAccount(w.accounts[account])
	if acc.StorageLimit > 0 && acc.Usage.Bytes+size > acc.StorageLimit {
		return fail(ErrQuota, "size", fmt.Sprintf("the account's storage limit of %d bytes is reached: %d bytes are in use",
			acc.StorageLimit, acc.Usage.Bytes))
	}
	return nil
}

// planUpload cuts a file into n = ceil(size / PartSize) even parts, the last one shorter.
func (w *World) planUpload(a Asset, f NewFile) Upload {
	size := w.behaviour.PartSize
	if size == 0 {
		size = defaultPartSize
	}
	n := int(max(1, min((a.Size+size-1)/size, maxParts)))
	life := time.Duration(w.behaviour.UploadURLLife)
	if life == 0 {
		life = defaultUploadURLLife
	}
	now := w.now().UTC().Truncate(time.Second) // X-Amz-Date has no fractions
	u := Upload{
		AssetID: a.ID, ProjectID: a.ProjectID, Ext: Ext(a.Name), MediaType: a.MediaType, Size: a.Size, Exact: f.ExactParts,
		Issued: now, Expires: now.Add(life),
	}
	each := (a.Size + int64(n) - 1) / int64(n)
	for i := range n {
		off := min(int64(i)*each, a.Size)
		u.Parts = append(u.Parts, Part{Number: i + 1, Off: off, Size: min(each, a.Size-off)})
	}
	return u
}

// Upload tells how far an unfinished upload has come. Finished ones are forgotten: ErrNotFound.
func (w *World) Upload(asset ID) (Upload, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.uploads[asset]
	if u == nil {
		return Upload{}, fail(ErrNotFound, "id", "no upload is under way for this asset")
	}
	up := u.Upload
	up.Parts = slices.Clone(u.Parts)
	return up, nil
}

// PutPart takes one part from body, which has size bytes. Parts come in any order, at the same time, and more than
// once; each is an object of its own that counts when it is whole, and the last whole one counts. What comes after the
// file is assembled is read and forgotten: the original stays.
func (w *World) PutPart(asset ID, number int, size int64, body io.Reader) error {
	place, err := w.beginPart(asset, number, size)
	if err != nil {
		return err
	}
	if place.discard {
		_, err := io.CopyN(io.Discard, body, size)
		return wholeBody(err)
	}
	tmp, err := w.writePart(asset, place, size, body)
	return w.endPart(asset, number, size, place, tmp, err)
}

// partPlace is where a part goes.
type partPlace struct {
	discard bool
	inPlace bool // straight to its offset in the body
	off     int64
}

func (w *World) beginPart(asset ID, number int, size int64) (partPlace, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.uploads[asset]
	switch {
	case w.closed:
		return partPlace{}, fail(ErrNotFound, "id", "the simulated Frame.io is shutting down")
	case u == nil && w.nodes[asset] == nil:
		return partPlace{}, fail(ErrNotFound, "id", "no such upload")
	case u == nil || u.assembling:
		return partPlace{discard: true}, nil
	case number < 1 || number > len(u.Parts):
		return partPlace{}, fail(ErrNotFound, "number", "no such part")
	case size > maxPart:
		return partPlace{}, fail(ErrRange, "size", "a part can have at most 5 GiB")
	}
	p := u.Parts[number-1]
	if u.Exact && size != p.Size {
		return partPlace{}, fail(ErrRange, "size", fmt.Sprintf("part %d must have %d bytes, not %d", number, p.Size, size))
	}
	if size != p.Size || p.Received || u.writing[number] || u.settling[number] {
		return partPlace{}, nil
	}
	u.writing[number] = true
	return partPlace{inPlace: true, off: p.Off}, nil
}

// endPart books a part that was written, or forgets one that was not.
func (w *World) endPart(asset ID, number int, size int64, place partPlace, tmp string, failed error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { removeFile(tmp) }()
	u := w.uploads[asset]
	if u != nil && place.inPlace {
		delete(u.writing, number)
	}
	if failed != nil || u == nil || u.assembling || w.closed {
		return failed
	}
	if !place.inPlace {
		settled, err := w.settle(u, number, size, tmp)
		if err != nil || w.uploads[asset] != u || w.closed { // the lock was let go
			return err
		}
		place.inPlace = settled
	}
	if !place.inPlace {
		if err := renameFile(tmp, w.loosePath(asset, number)); err != nil {
			return err
		}
		tmp = ""
	}
	rec := partRecord{Asset: asset, Number: number, Got: size, Loose: !place.inPlace}
	w.putPart(rec)
	w.journal.add("part", rec)
	w.assembleIfWhole(u)
	return w.journal.flush()
}

// settle copies a repeated part from its own file into place, so that a retry does not cost a copy of the whole file at
// the end. It cannot if the part has another size than planned or somebody else is writing it. The lock is let go
// meanwhile; settling keeps the upload from being assembled.
func (w *World) settle(u *upload, number int, size int64, tmp string) (bool, error) {
	p := u.Parts[number-1]
	if size != p.Size || u.writing[number] || u.settling[number] {
		return false, nil
	}
	u.settling[number] = true
	w.mu.Unlock()
	err := copyInto(w.bodyPath(u.AssetID), p.Off, tmp)
	w.mu.Lock()
	delete(u.settling, number)
	if u.loose[number] {
		removeFile(w.loosePath(u.AssetID, number))
	}
	return true, err
}

// putPart applies a part's record.
func (w *World) putPart(r partRecord) {
	u := w.uploads[r.Asset]
	if u == nil || r.Number < 1 || r.Number > len(u.Parts) {
		return
	}
	p := &u.Parts[r.Number-1]
	p.Received, p.Got = true, r.Got
	if r.Loose {
		u.loose[r.Number] = true
	} else {
		delete(u.loose, r.Number)
	}
}

// FailUpload makes an unfinished upload fail, as when the service cannot stitch it together.
func (w *World) FailUpload(asset ID) error {
	return w.change(func() error {
		u := w.uploads[asset]
		if u == nil || u.assembling {
			return fail(ErrNotFound, "id", "no upload is under way for this asset")
		}
		w.failUpload(u)
		return nil
	})
}

func (w *World) failUpload(u *upload) {
	a := *w.nodes[u.AssetID].a
	a.UploadFailed = w.stamp()
	a.Updated = a.UploadFailed
	w.put(a)
	w.forgetUpload(u)
}

func (w *World) forgetUpload(u *upload) {
	delete(w.uploads, u.AssetID)
	w.journal.add("uploaded", u.AssetID)
	for n := range u.loose {
		removeFile(w.loosePath(u.AssetID, n))
	}
}
