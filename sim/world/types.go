package world

import (
	"encoding/json"
	"time"
)

// ID names anything in the world: a lower-case UUID. The empty ID names nothing.
type ID string

// Kind says what an asset is; the values are the ones on both wires.
type Kind string

// The kinds of asset.
const (
	File         Kind = "file"
	Folder       Kind = "folder"
	VersionStack Kind = "version_stack"
)

// Status is how far a file has come. Source: spec frameio-v2.md §4.2, frameio-v4.md §4.1.
type Status string

// The states of a file, in order.
const (
	Created    Status = "created"    // a placeholder: parts are missing, or not yet stitched together
	Uploaded   Status = "uploaded"   // the original is complete and can be downloaded
	Transcoded Status = "transcoded" // proxies are there too; without Behaviour.Transcode files stay at Uploaded
)

// Account is a customer of Frame.io.
type Account struct {
	ID           ID
	Name         string
	OwnerID      ID
	StorageLimit int64 // bytes; 0 = no limit
	Locked       bool  // a locked account refuses every change (frameio-v4.md §8, 403)
	Created      time.Time
	Updated      time.Time

	Usage Usage // filled on reading
}

// Usage counts what is stored, deleted things apart (unless Behaviour.TrashCounts).
type Usage struct {
	Bytes   int64
	Files   int
	Folders int // root folders not counted
}

// User is a person.
type User struct {
	ID         ID
	AccountID  ID // the user's own account; others are reached through teams and shared projects
	Name       string
	Email      string
	Role       Role // in every account the user can see
	NoDownload bool // sees everything, gets no originals
	Created    time.Time
	Updated    time.Time
}

// Role is what a user may do.
type Role string

// The roles, weakest first.
const (
	Viewer Role = "viewer" // reads only
	Member Role = "member" // reads and writes
	Admin  Role = "admin"
	Owner  Role = "owner"
)

// Team is called a workspace on the V4 wire.
type Team struct {
	ID        ID
	AccountID ID
	Name      string
	CreatorID ID
	Members   []ID
	Created   time.Time
	Updated   time.Time

	Usage        Usage // filled on reading
	ProjectCount int   // filled on reading
}

// Project has one root folder, which is an asset without a parent; the project's own id is not an asset id.
type Project struct {
	ID            ID
	AccountID     ID
	TeamID        ID
	RootID        ID
	OwnerID       ID
	Name          string
	Description   string
	Private       bool
	Archived      bool
	Collaborators []ID // users who see the project without being in its team
	Created       time.Time
	Updated       time.Time
	Deleted       time.Time // zero = alive

	Usage Usage // filled on reading
}

// Asset is a folder, a file, or a version stack. Files inside a stack have the stack as their parent.
type Asset struct {
	ID        ID
	Kind      Kind
	Name      string
	ParentID  ID // empty for a project's root folder
	ProjectID ID
	TeamID    ID
	AccountID ID
	CreatorID ID

	Created time.Time
	Updated time.Time
	Deleted time.Time // zero = alive; set on the asset that was deleted, not on what lies below it

	Description string
	Properties  json.RawMessage // free key/values (V2); nil = none
	Label       string          // "none", "in_progress", "needs_review", "approved"
	Index       float64         // place in the grid; -1 for new assets (frameio-v2.md §4.1)
	Private     bool
	Copied      bool // made by a copy; then MediaID is the source's

	// Files.
	Size            int64
	MediaType       string
	MediaID         ID     // whose bytes these are: the file's own id, or the source's for a copy
	Status          Status // filled on reading from the clock and the delays
	UploadStarted   time.Time
	UploadCompleted time.Time // zero until the original is whole
	UploadFailed    time.Time // zero unless the upload failed
	TranscodedAt    time.Time // zero until Status is Transcoded
	Checksum        string    // XXH64 of the original, lower-case hex; empty until it is known and due

	// Version stacks.
	Versions []ID // oldest first; the last is the head, or cover

	Items int   // filled on reading: direct children, for a stack its versions
	Views int64 // filled on reading: how often the asset was asked for by id (frameio-v2.md §4.6)
}

// Head returns the id of a stack's newest version, or "".
func (a Asset) Head() ID {
	if len(a.Versions) == 0 {
		return ""
	}
	return a.Versions[len(a.Versions)-1]
}

// Complete tells whether the asset has all its bytes: files from Uploaded on, folders and stacks always.
func (a Asset) Complete() bool { return a.Kind != File || a.Status != Created }

// NewFile describes a file to be uploaded.
type NewFile struct {
	Name        string
	Size        int64
	MediaType   string // empty: MediaType(Name)
	ExactParts  bool   // each part must have exactly its size (V4); false: parts are joined as they come (V2)
	Description string
	Properties  json.RawMessage
	VersionOf   ID // make the new file the next version of this file or stack (auto_version_id on V2)
}

// Upload is what an unfinished file waits for. The hosts turn it into signed URLs.
type Upload struct {
	AssetID   ID
	ProjectID ID
	Ext       string // of the name, with its dot and in its own case; may be empty
	MediaType string // the Content-Type each PUT has to carry
	Size      int64
	Exact     bool
	Parts     []Part // in order
	Issued    time.Time
	Expires   time.Time
}

// Part is one piece of an upload: a consecutive slice of the file, PUT as an object of its own.
type Part struct {
	Number   int // from 1
	Off      int64
	Size     int64 // the expected size; Upload.Exact tells whether it is enforced
	Received bool
	Got      int64 // bytes of the object that was PUT; only with Received
}

// Change lists what Update is to change; nil fields stay.
type Change struct {
	Name        *string
	Description *string
	Properties  *json.RawMessage // replaces the whole map (frameio-v2.md §3.4)
	Label       *string
	Private     *bool
}

// Field is something a listing can be ordered by.
type Field string

// The fields. Ties are always broken by creation time and then by id, so that every order is total.
const (
	ByName      Field = "name"
	ByCreated   Field = "created"
	ByUpdated   Field = "updated"
	BySize      Field = "size"
	ByMediaType Field = "media_type"
	ByLabel     Field = "label"
	ByID        Field = "id"
	ByRandom    Field = "random" // shuffled, but the same shuffle every time
)

// Order is one key of an ordering.
type Order struct {
	Field Field
	Desc  bool
}

// Query asks for a page of the children of a folder or a version stack.
type Query struct {
	Parent  ID
	Kinds   []Kind  // empty: all
	Order   []Order // empty: Behaviour.ListOrder, for a stack newest first
	Deleted bool    // include deleted children, and allow a deleted parent
	Limit   int     // 0 = everything
	Offset  int     // skip so many; ignored with After
	After   string  // Page.NextKey of the page before: go on behind that child even if the folder has changed
}

// Page is the answer to a Query.
type Page struct {
	Assets     []Asset
	Total      int // children matching Kinds, over all pages
	NextOffset int // Offset of the next page; 0 = this is the last
	NextKey    string
}

// CopyOptions tells Copy what a wire wants.
type CopyOptions struct {
	Suffix bool // make the name free among its new siblings: "cut (1).mov" (frameio-v4.md §6.2)
}
