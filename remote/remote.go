// Package remote is Frame.io: our words for what it has, its errors, and how to talk to it.
//
// It is a leaf: nothing of ours is imported here. Package v2 and package v4 are the two wires; each has a Client with the
// same methods, one per call, in the words of this package. Everything that both wires share (authorization, retries,
// limits, sending a part, reading a range, making a thing only once) is here, on Conn: a wire calls NewConn, Conn.Do, Once,
// Conn.PutPart, Conn.Prepare and Conn.OpenRange. Whoever uses a wire gives it a Config with a StaticToken or a TokenFile, says with
// WithPriority who may go first, follows a part with WithProgress, and asks errors with errors.Is for the sentinels here.
package remote

import (
	"time"
)

// ID is Frame.io's name for something, a lower-case UUID. It is a type of its own so that an id cannot be taken for a name.
type ID string

// Kind tells what a Ref refers to.
type Kind uint8

// The kinds, from the top of the tree down.
const (
	Root      Kind = iota // all that one token can see; its children are accounts; has no ID
	Account               // its children are workspaces and Shared
	Workspace             // V2 calls it a team; its children are projects
	Shared                // projects of an account shared with the user without a workspace; ID is the account's
	Project               // ID is that of the project's root folder, so that a project is a folder to every call
	Folder                // a folder below a project
	File                  // one asset with bytes; its bytes never change
	Stack                 // a version stack: several files that share one place; its newest file is what people see
)

// String names the kind in the words of Frame.io's V4.
func (k Kind) String() string {
	names := [...]string{"root", "account", "workspace", "shared", "project", "folder", "file", "version stack"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Ref addresses something on Frame.io. V4 wants the account in every path and a route per kind; V2 only looks at ID.
// A Ref is comparable and is written as it is into the spool's entries.
type Ref struct {
	Kind    Kind `json:"kind"`
	ID      ID   `json:"id,omitempty"`
	Account ID   `json:"account,omitempty"`
}

// IsZero reports whether r refers to nothing. The Root is not zero's only meaning: a zero Ref is also Root's Ref, and
// which one is meant is clear from where it stands.
func (r Ref) IsZero() bool { return r == Ref{} }

// IsDir reports whether r has children.
func (r Ref) IsDir() bool { return r.Kind <= Folder }

// IsFolder reports whether files and folders can be created in r.
func (r Ref) IsFolder() bool { return r.Kind == Project || r.Kind == Folder }

// State tells how far the bytes of a File have come.
type State uint8

// The states of a File. Folders and everything above are always Uploaded.
const (
	Created    State = iota // a placeholder: the asset exists, its bytes are not all there
	Uploaded                // Frame.io has every byte
	Transcoded              // Frame.io has made its proxies too
	Failed                  // Frame.io gave the upload up
)

// String names the state as Frame.io does.
func (s State) String() string {
	names := [...]string{"created", "uploaded", "transcoded", "failed"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// Item is one thing as Frame.io describes it.
type Item struct {
	Ref
	Parent  ID     // the folder or version stack it is in; for a project its workspace
	Project ID     // the project's own id (not its root folder's); "" above projects
	Name    string // as Frame.io has it: any bytes but none at all; not unique among siblings

	Size      int64     // bytes of a File, or of a Stack's newest file
	MediaType string    // MIME type of a File, or of a Stack's newest file
	State     State     // of a File, or of a Stack's newest file
	Content   ID        // the File whose bytes these are: ID for a File, the newest file for a Stack. Bytes under one Content never change
	Checksum  string    // xxHash64 of the bytes, 16 lower-case hex digits; "" while unknown (always on V4)
	Created   time.Time // when it was made
	Updated   time.Time // when Frame.io last touched it
	Mtime     time.Time // modification time that the writer set, where Frame.io keeps one (V2 properties); else zero
	Creator   ID        // the user who made it; "" if not told
	URL       string    // its page on Frame.io; "" if not told
	Label     string    // review status, V2 only: none, in_progress, needs_review, approved
	Failed    bool      // Frame.io reports that the upload failed
}

// Complete reports whether Frame.io has every byte of a File or of a Stack's newest file.
func (it Item) Complete() bool { return it.State == Uploaded || it.State == Transcoded }

// User is whom a token speaks for.
type User struct {
	ID    ID     `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Usage is an account's storage in bytes. Limit 0 means that none is told.
type Usage struct {
	Used  int64 `json:"used"`
	Limit int64 `json:"limit"`
}

// NewFile describes a file to be created. Frame.io wants name and size before the first byte (spec: frameio-v4.md §5.1,
// frameio-v2.md §5.1).
type NewFile struct {
	Parent    Ref       // the folder
	Name      string    // 1 to 255 characters
	Size      int64     // bytes, at least 1 on V4
	MediaType string    // a guess; Frame.io's answer counts
	Mtime     time.Time // kept by Frame.io where it can (V2 properties)
	// Since is not zero if an earlier attempt's outcome is unknown: placeholders of ours with this parent, name and size
	// that were made at or after Since are deleted before a new one is made. (Their upload URLs were in the answer that was lost.)
	Since time.Time
}

// Upload is where the bytes of a newly created file go.
type Upload struct {
	File  Item   `json:"file"`
	Parts []Part `json:"parts"` // in order of Off; together exactly the file
}

// Part is one slice of a file and the URL to PUT it to. The URL is a secret for as long as it is valid.
type Part struct {
	Number    int       `json:"number"` // from 1
	URL       string    `json:"url"`
	MediaType string    `json:"media_type"` // exact Content-Type that the URL is signed for
	Off       int64     `json:"off"`        // bytes
	Size      int64     `json:"size"`       // bytes
	Expires   time.Time `json:"expires"`    // read from the URL itself; zero if it does not tell
}
