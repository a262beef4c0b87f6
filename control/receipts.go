package control

import (
	"context"
	"net/http"
	"time"
)

// Until is what Sync waits for. Each has those before it.
type Until string

// What can be waited for.
const (
	Uploaded   Until = "uploaded"   // Frame.io has confirmed every byte
	Verified   Until = "verified"   // and that they are the right ones is proved as far as the mount was told to
	Transcoded Until = "transcoded" // and Frame.io has made its proxies of what can be played, also of what was there before
)

// Untils are all of them.
func Untils() []string { return []string{string(Uploaded), string(Verified), string(Transcoded)} }

// Receipt is what a mount knows of a file that it has uploaded and Frame.io has confirmed. Its JSON form is stable: fields are added,
// never renamed.
type Receipt struct {
	ID       string `json:"id"`             // the asset with these bytes
	Path     string `json:"path,omitempty"` // below the mount point, when it was uploaded
	Name     string `json:"name"`
	Account  string `json:"account"`
	Parent   string `json:"parent"`          // the folder's id
	Stack    string `json:"stack,omitempty"` // the version stack's id, if it is a version
	Size     int64  `json:"size"`            // bytes
	Checksum string `json:"xxh64,omitempty"` // xxHash64 of what was sent, 16 hex digits
	Parts    int    `json:"parts,omitempty"`
	Attempts int    `json:"attempts,omitempty"` // how often sending was begun
	CopyOf   string `json:"copy_of,omitempty"`  // the file that Frame.io has copied instead of being sent this one

	Modified time.Time  `json:"modified"`           // of the bytes
	Sealed   time.Time  `json:"sealed"`             // when it had rested after its last close
	Created  time.Time  `json:"created"`            // when Frame.io made the asset
	Uploaded time.Time  `json:"uploaded"`           // when Frame.io had confirmed every byte
	Verified *time.Time `json:"verified,omitempty"` // when that these are the right ones was proved as far as it was to be
	Proof    string     `json:"proof,omitempty"`    // the strongest there is: see the constants
	Awaited  bool       `json:"awaited,omitempty"`  // Frame.io's checksum is waited for
	Note     string     `json:"note,omitempty"`     // what is to be known besides
	Damaged  string     `json:"damaged,omitempty"`  // Frame.io has other bytes: how that was found
}

// What proves that Frame.io has the bytes of a file, from the strongest.
const (
	ProofChecksum = "checksum" // Frame.io's own checksum of the file
	ProofFull     = "full"     // all bytes were read back
	ProofSample   = "sample"   // some were
	ProofParts    = "parts"    // the upload host's checksum of every part, and the size
	ProofSize     = "size"     // the size
)

// ReceiptQuery narrows Receipts.
type ReceiptQuery struct {
	Paths  []string  `json:"paths,omitempty"`  // at or below these; none: all
	Since  time.Time `json:"since,omitzero"`   // uploaded then or later
	Before string    `json:"before,omitempty"` // go on where an answer has ended: its Next
	Limit  int       `json:"limit,omitempty"`  // most; 0 means MaxReceipts, and more are never given
}

// MaxReceipts is the most in one answer.
const MaxReceipts = 10_000

// Receipts is one answer, the newest first. Of one asset there may be several: the newest counts.
type Receipts struct {
	Receipts []Receipt `json:"receipts"`
	Next     string    `json:"next,omitempty"` // there are more: ask again with this as Before
}

func receiptRoutes(mux *http.ServeMux, m Mount) {
	post(mux, "/v1/receipts", func(ctx context.Context, q order) (any, error) {
		if q.Receipts == nil {
			q.Receipts = &ReceiptQuery{}
		}
		if n := q.Receipts.Limit; n <= 0 || n > MaxReceipts {
			q.Receipts.Limit = MaxReceipts
		}
		return m.Receipts(ctx, *q.Receipts)
	})
}

// Receipts asks what was uploaded.
func (c *Client) Receipts(ctx context.Context, q ReceiptQuery) (r Receipts, err error) {
	err = c.ask(ctx, "/v1/receipts", order{Receipts: &q}, &r)
	return r, err
}

// AllReceipts asks until there are no more. Of each asset it gives the newest receipt, the last uploaded first.
func (c *Client) AllReceipts(ctx context.Context, q ReceiptQuery) (all []Receipt, err error) {
	seen := map[string]bool{}
	for {
		r, err := c.Receipts(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, one := range r.Receipts {
			if !seen[one.ID] {
				seen[one.ID] = true
				all = append(all, one)
			}
		}
		if q.Before = r.Next; r.Next == "" {
			return all, nil
		}
	}
}
