package spool

import (
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Receipt is what is known of a file that Frame.io has confirmed. Its JSON form is a line of the receipts' log (receipts.go), and stays:
// fields are added, never renamed. A later one of the same ID replaces it.
type Receipt struct {
	ID       remote.ID `json:"id"`             // the asset with these bytes
	Path     string    `json:"path,omitempty"` // below the mount, when this was written; "" if that was not known
	Name     string    `json:"name"`
	Account  remote.ID `json:"account"`
	Parent   remote.ID `json:"parent"`          // the folder
	Stack    remote.ID `json:"stack,omitempty"` // the version stack that it is in, if it is a version
	Size     int64     `json:"size"`            // bytes
	Checksum string    `json:"xxh64,omitempty"` // xxHash64 of what was sent, 16 hex digits; "" if the bytes were never here
	Parts    int       `json:"parts,omitempty"`
	Attempts int       `json:"attempts,omitempty"` // how often sending was begun
	CopyOf   string    `json:"copy_of,omitempty"`  // the file that Frame.io has copied instead of being sent this one

	Modified time.Time `json:"modified"`          // of the bytes, as programs see it
	Sealed   time.Time `json:"sealed"`            // when it had rested after its last close
	Created  time.Time `json:"created,omitzero"`  // when Frame.io made the asset
	Uploaded time.Time `json:"uploaded"`          // when Frame.io had confirmed every byte
	Verified time.Time `json:"verified,omitzero"` // when that was proved as far as it was to be
	Proof    Proof     `json:"proof,omitempty"`   // the strongest proof there is so far
	Awaited  bool      `json:"awaited,omitempty"` // Frame.io's checksum is waited for: the bytes are kept
	Note     string    `json:"note,omitempty"`    // what is to be known besides
	Damaged  string    `json:"damaged,omitempty"` // Frame.io has other bytes: how that was found

	Folder remote.Ref `json:"-"` // Parent; told by Awaited only
}

// sent is what item.json keeps for the receipt.
type sent struct {
	Checksum string    `json:"xxh64,omitempty"`
	Proof    Proof     `json:"proof,omitempty"`
	Parts    int       `json:"parts,omitempty"`
	CopyOf   string    `json:"copy_of,omitempty"`
	Created  time.Time `json:"created,omitzero"`
	At       time.Time `json:"at"`
}

// described is what Frame.io has just confirmed.
func (a *attempt) described(it remote.Item) *sent {
	s := &sent{Checksum: a.hash, Proof: a.proof, Created: it.Created, At: time.Now()}
	a.mu.Lock()
	s.Parts = len(a.up.Parts)
	a.mu.Unlock()
	if a.from != nil {
		s.CopyOf = a.from.Name
		if s.Checksum == "" {
			s.Checksum = a.from.Checksum
		}
	}
	return s
}

// receipt is the entry's as it is placed; ok is false if nothing was sent.
func (e *Entry) receipt() (r Receipt, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.placed
	if p == nil || p.Sent == nil || p.Same {
		return Receipt{}, false
	}
	r = Receipt{
		ID: p.File.ID, Name: p.Name, Account: p.File.Account, Parent: p.Parent, Size: p.Item.Size, Checksum: p.Sent.Checksum, Parts: p.Sent.Parts,
		Attempts: e.rec.Attempts, CopyOf: p.Sent.CopyOf, Modified: e.attr().Mtime, Sealed: e.rec.Sealed, Created: p.Sent.Created,
		Uploaded: p.Sent.At, Verified: p.Sent.At, Proof: p.Sent.Proof,
	}
	if p.Item.Kind == remote.Stack {
		r.Stack = p.Item.ID
	}
	return r, true
}

// receive makes up what is to be kept of a file when it leaves the spool: its receipt, and its bytes, if its checksum is awaited. Nil if
// nothing was sent.
func (a *attempt) receive(data string) *awaited {
	s := a.e.s
	r, ok := a.e.receipt()
	if !ok {
		return nil
	}
	t := a.e.Target()
	if s.cfg.Where != nil {
		r.Path = s.cfg.Where(t.Parent, t.Name)
	}
	w := &awaited{Receipt: r, Parent: t.Parent, Attr: a.e.Attr(), Key: a.e.key}
	if data == "" || !s.awaits(&r) {
		return w
	}
	w.Receipt.Awaited, w.Receipt.Verified = true, time.Time{}
	if err := s.await(w, data); err != nil {
		s.log.Error("cannot keep a file until its checksum is told", "name", r.Name, "err", err)
		w.Receipt.Awaited = false
	}
	return w
}

// superseded keeps the receipt of a content that Frame.io has confirmed, and that was changed here before the rest of the program was told.
func (s *Spool) superseded(r Receipt) {
	r.Note = "it was changed here before it was in its place: newer bytes followed as a version"
	s.note(r)
}

// received keeps the receipt of what the rest of the program has been told of.
func (s *Spool) received(w *awaited) {
	if w == nil {
		return
	}
	s.note(w.Receipt)
	if w.Receipt.Awaited {
		s.expect(w)
	}
}
