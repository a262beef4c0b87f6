package world

import (
	"fmt"
	"time"
)

// Behaviour holds a switch for each thing the public documents do not settle. The zero value of every switch is the
// reading we hold most likely. Sections are those of frameio-v2.md and frameio-v4.md.
type Behaviour struct {
	// ZeroByte: what creating an empty file does (v2 §5.6: undocumented). V4 always refuses by its schema.
	ZeroByte ZeroByte `json:"zero_byte,omitempty"`
	// SizeMismatch: the bytes that came are not as many as announced (v2 §5.6; V4 enforces part sizes).
	SizeMismatch SizeMismatch `json:"size_mismatch,omitempty"`
	// PartSize: bytes per part in n = ceil(size / PartSize), evenly split (v2 §5.2). 0 = 20 MiB.
	PartSize int64 `json:"part_size,omitempty"`
	// UploadURLLife: how long an upload URL is good (v2 §5.4, v4 §5.1). 0 = 24 h.
	UploadURLLife Duration `json:"upload_url_life,omitempty"`
	// MediaURLLife: how long a media link is good. 0 = until the next 00:00 or 12:00 UTC that is at least
	// MediaURLMargin away (v2 §6, v4 §4.3).
	MediaURLLife Duration `json:"media_url_life,omitempty"`
	// MediaURLMargin: 0 = next boundary, be it a minute away (v4 §4.3); 12h = V2's captured 12–24 h (v2 §6).
	MediaURLMargin Duration `json:"media_url_margin,omitempty"`
	// NoRange: the media host ignores Range and answers 200 with everything (v4 §4.3: not promised for originals).
	NoRange bool `json:"no_range,omitempty"`

	// UploadedAfter: from the last part to status uploaded (v2 §4.2: stitching takes a while). 0 = at once.
	UploadedAfter Duration `json:"uploaded_after,omitempty"`
	// TranscodedAfter: from uploaded to transcoded, for media files.
	TranscodedAfter Duration `json:"transcoded_after,omitempty"`
	// ChecksumAfter: from uploaded to the checksum being shown (v2 §4.2: asynchronous).
	ChecksumAfter Duration `json:"checksum_after,omitempty"`
	// NoChecksum: the checksum never appears (v2 §4.2: it may not). Nothing is hashed then.
	NoChecksum bool `json:"no_checksum,omitempty"`
	// NoPartChecksum: the upload host's answer to a part has no x-amz-checksum-crc64nvme (v2 §5.4 tells of an ETag only; S3
	// finds one out of every object since December 2024).
	NoPartChecksum bool `json:"no_part_checksum,omitempty"`
	// Transcode: which files reach the status transcoded (v2 §16.18, v4 §13.4).
	Transcode Transcode `json:"transcode,omitempty"`

	// Names: whether siblings may have equal names (v2 §10: yes; v4 §6.2, §13.2: 409 is declared but unexplained).
	Names Names `json:"names,omitempty"`
	// ListOrder: default order of children (v2 §3.2, v4 §3.2: undocumented).
	ListOrder ListOrder `json:"list_order,omitempty"`
	// ListLag: listings show folders as they were this long ago (v4 §13.3: consistency after a write unknown).
	ListLag Duration `json:"list_lag,omitempty"`
	// Cursor: what a V4 cursor holds (v4 §3.1).
	Cursor Cursor `json:"cursor,omitempty"`
	// NoTotal: V4 listings tell no total_count even if asked (v4 §3.1: it may be null).
	NoTotal bool `json:"no_total,omitempty"`
	// Gzip: the API compresses answers for clients that accept it (not documented; services of its kind do).
	Gzip bool `json:"gzip,omitempty"`
	// MediaHosts: media links point at one of two names of the media host in turn, as if there were two (v4 §4.3: hosts are
	// not promised to stay).
	MediaHosts bool `json:"media_hosts,omitempty"`
	// MaxPage: largest V2 page; more is clamped silently (v2 §7). 0 = 100.
	MaxPage int `json:"max_page,omitempty"`
	// CreatedStatus: HTTP status of V2 creates, 200 or 201 (v2 §3.1, §16.14). 0 = 200.
	CreatedStatus int `json:"created_status,omitempty"`
	// TouchParents: a folder's updated_at moves when its children change (v2 §12, v4 §13.9: unknown).
	TouchParents bool `json:"touch_parents,omitempty"`
	// TrashCounts: deleted files still count against the quota (v2 §3.5: unknown).
	TrashCounts bool `json:"trash_counts,omitempty"`
	// QuotaStatus: HTTP status of a V4 create over quota, 403 or 422 (v4 §8). 0 = 403.
	QuotaStatus int `json:"quota_status,omitempty"`
	// AsyncFolderCopy: V4 folder copies answer 202 and are done CopyAfter later (v4 §6.1, §12.7).
	AsyncFolderCopy bool `json:"async_folder_copy,omitempty"`
	// AsyncFileCopy: so do V4 file copies (v4 §6.1 tells it of folders only).
	AsyncFileCopy bool `json:"async_file_copy,omitempty"`
	// CopyAfter: how much later; only with these two.
	CopyAfter Duration `json:"copy_after,omitempty"`
	// CopyName: what a copied file is called (v2 §3.7: undocumented; v4 §6.2: examples show a suffix).
	CopyName CopyName `json:"copy_name,omitempty"`
	// CopyComplete: from the copy to its bytes being there (v2 §16.11: its state is unknown). 0 = at once.
	CopyComplete Duration `json:"copy_complete,omitempty"`

	// AccessLife: how long an access token is good (v2 §1.3, v4 §1.4 and §13.6). 0 = as package token says.
	AccessLife Duration `json:"access_life,omitempty"`
	// RefreshLife: how long a refresh token is (v2 §1.3, v4 §1.4). 0 = as package token says.
	RefreshLife Duration `json:"refresh_life,omitempty"`
	// CodeLife: how long an authorization code is good; nobody tells. 0 = 10 min.
	CodeLife Duration `json:"code_life,omitempty"`
	// RefreshTokens: what using a refresh token does to it (v4 §1.4, §13.6; v2 §1.3: inferred only).
	RefreshTokens RefreshTokens `json:"refresh_tokens,omitempty"`
	// Consent: what the sign-in page does.
	Consent Consent `json:"consent,omitempty"`
	// NoLoopback: a redirect to this machine is refused; only what a client has registered by name is taken (v4 §1.3, §13.6: unknown).
	NoLoopback bool `json:"no_loopback,omitempty"`
	// NoRevoke: V2's OAuth has no way to revoke (v2 §1.3 names none; services built like it have /oauth2/revoke).
	NoRevoke bool `json:"no_revoke,omitempty"`
	// AnyScope: V4 takes an Adobe token whatever scopes it has (v4 §1.3: without additional_info.roles it answers a bare 401).
	AnyScope bool `json:"any_scope,omitempty"`

	// StackName: whether a version added on top gives the stack its name (v2 §11: unknown).
	StackName StackName `json:"stack_name,omitempty"`
	// StackAtOne: what becomes of a stack with one version left (v2 §11, v4 §6.3: unknown).
	StackAtOne StackAtOne `json:"stack_at_one,omitempty"`
	// StackDelete: what becomes of the files of a deleted stack (v2 §3.5: they are not deleted).
	StackDelete StackDelete `json:"stack_delete,omitempty"`
	// UnversionTo: where a file goes that is taken out of a stack (v2 §11: unstated).
	UnversionTo UnversionTo `json:"unversion_to,omitempty"`
}

// ZeroByte is what creating an empty V2 file does.
type ZeroByte string

// Readings of frameio-v2.md §5.6.
const (
	ZeroOK     ZeroByte = ""       // one URL; completes on an empty PUT
	ZeroRefuse ZeroByte = "refuse" // 422
	ZeroHang   ZeroByte = "hang"   // accepted, never completes
)

// SizeMismatch is what too few or too many bytes do.
type SizeMismatch string

// Readings of frameio-v2.md §5.6.
const (
	MismatchComplete SizeMismatch = ""     // completes with the size that really came
	MismatchFail     SizeMismatch = "fail" // upload_failed_at is set
)

// Transcode tells which files get as far as transcoded.
type Transcode string

// Readings of frameio-v2.md §16.18.
const (
	TranscodeMedia Transcode = ""     // video, audio, images, pdf; others stay at uploaded
	TranscodeAll   Transcode = "all"  // everything
	TranscodeNone  Transcode = "none" // nothing: the farm is down
)

// Names tells whether siblings may share a name.
type Names string

// Readings of frameio-v2.md §10 and frameio-v4.md §13.2.
const (
	NamesAny      Names = ""         // equal names are fine
	NamesConflict Names = "conflict" // 409
)

// RefreshTokens is what using a refresh token does to it.
type RefreshTokens string

// Readings of frameio-v4.md §1.4 and §13.6.
const (
	RefreshRotate RefreshTokens = ""       // it is spent, and the answer has another
	RefreshKeep   RefreshTokens = "keep"   // it stays good, and the answer has none
	RefreshFamily RefreshTokens = "family" // it is spent; using it again ends all that came of that sign-in
)

// Consent is what the sign-in page does.
type Consent string

// The ways to answer.
const (
	ConsentAuto Consent = ""     // it asks nobody and agrees
	ConsentAsk  Consent = "ask"  // it shows a page: who, and yes or no
	ConsentDeny Consent = "deny" // it refuses
)

// ListOrder is the order of children when none is asked for.
type ListOrder string

// Readings of frameio-v4.md §13.3.
const (
	ListByName    ListOrder = ""
	ListByCreated ListOrder = "created"
	ListRandom    ListOrder = "random" // no order a client could rely on, but stable
)

// Cursor is what a V4 cursor points with.
type Cursor string

// Readings of frameio-v4.md §3.1.
const (
	CursorOffset Cursor = ""       // a number: skips or repeats when the folder changes between pages
	CursorKeyset Cursor = "keyset" // the last entry's key: does not
)

// CopyName is what a copied file is called.
type CopyName string

// Readings of frameio-v2.md §3.7, §10 and frameio-v4.md §6.2.
const (
	CopyNameUsual  CopyName = ""       // on V4 with a suffix if the name is taken, on V2 the same
	CopyNameSame   CopyName = "same"   // the same, taken or not
	CopyNameSuffix CopyName = "suffix" // "cut (1).mov" if the name is taken
	CopyNameMark   CopyName = "mark"   // "cut.mov [COPY]", always
)

// StackName tells what a stack is called.
type StackName string

// Readings of frameio-v2.md §11.
const (
	StackNameFirst StackName = ""     // the name its cover had when it was made
	StackNameHead  StackName = "head" // always the head's: new versions and renames of the head rename the stack
)

// StackAtOne tells whether a stack survives with one version.
type StackAtOne string

// Readings of frameio-v2.md §11.
const (
	StackDissolves StackAtOne = ""     // the last version takes the stack's place in the folder
	StackStays     StackAtOne = "stay" // a stack of one
)

// StackDelete tells what happens to a deleted stack's files.
type StackDelete string

// Readings of frameio-v2.md §3.5.
const (
	StackFilesStay StackDelete = ""     // they land in the stack's folder
	StackFilesGo   StackDelete = "with" // they are deleted with it
)

// UnversionTo tells where unversioned files go.
type UnversionTo string

// Readings of frameio-v2.md §11.
const (
	ToFolder UnversionTo = ""     // the folder the stack lies in
	ToRoot   UnversionTo = "root" // the project's root folder
)

// Duration is a time.Duration written as "1.5s" in JSON.
type Duration time.Duration

// MarshalText writes d as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// Validate names the first switch with a value that does not exist.
func (b Behaviour) Validate() error {
	checks := []struct {
		name, value string
		ok          []string
	}{
		{"zero_byte", string(b.ZeroByte), []string{"", "refuse", "hang"}},
		{"size_mismatch", string(b.SizeMismatch), []string{"", "fail"}},
		{"transcode", string(b.Transcode), []string{"", "all", "none"}},
		{"names", string(b.Names), []string{"", "conflict"}},
		{"list_order", string(b.ListOrder), []string{"", "created", "random"}},
		{"cursor", string(b.Cursor), []string{"", "keyset"}},
		{"refresh_tokens", string(b.RefreshTokens), []string{"", "keep", "family"}},
		{"consent", string(b.Consent), []string{"", "ask", "deny"}},
		{"copy_name", string(b.CopyName), []string{"", "same", "suffix", "mark"}},
		{"stack_name", string(b.StackName), []string{"", "head"}},
		{"stack_at_one", string(b.StackAtOne), []string{"", "stay"}},
		{"stack_delete", string(b.StackDelete), []string{"", "with"}},
		{"unversion_to", string(b.UnversionTo), []string{"", "root"}},
		{"created_status", fmt.Sprint(b.CreatedStatus), []string{"0", "200", "201"}},
		{"quota_status", fmt.Sprint(b.QuotaStatus), []string{"0", "403", "422"}},
	}
next:
	for _, c := range checks {
		for _, ok := range c.ok {
			if c.value == ok {
				continue next
			}
		}
		return fmt.Errorf("behaviour %s: %q is not one of %q", c.name, c.value, c.ok)
	}
	if b.PartSize < 0 || b.MaxPage < 0 {
		return fmt.Errorf("behaviour: part_size and max_page must not be negative")
	}
	return nil
}
