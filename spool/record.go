package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// The disk layout is the state. An entry is a folder named by its key, and the folder it lies in is its stage:
//
//	LOCK  VERSION
//	drafts/<key>/      being written, or closed and still in its quiet time; only drafts' bytes are ever changed
//	outbox/<key>/      sealed: on its way to Frame.io
//	uploaded/<key>/    Frame.io has it under its name; the rest of the program is still to be told
//	held/<key>/        stays here until something changes
//	parked/<key>/      Frame.io refuses it
//	orphans/<id>.json  what is to be deleted on Frame.io: placeholders of attempts that were given up
//	verifying/<id>     the bytes of a file that has settled and whose checksum Frame.io is yet to tell: see awaited.go
//	receipts/          what was uploaded: see receipts.go; or elsewhere, see Config
//	young/<key>        the bytes of an entry without a folder: see journal.go. It is at one of the stages above all the same
//	journal            what would be in those folders
//	journal.torn       lines of it that could not be read
//
// and in an entry's folder:
//
//	data         the bytes, but for those that blocks says are base's
//	blocks       of a changed asset, which bytes are in data (blocks.go); once all of them are, which were written
//	entry.json   a record
//	entry.prev   the record before, kept while entry.json may not yet survive a loss of power
//	creating     an intent: CreateFile is about to be asked, its answer is not known yet
//	upload.json  CreateFile's answer, written before the first PUT; its URLs are secrets
//	parts.log    a line for every part that was sent (parts.go)
//	item.json    a placed: Frame.io has confirmed every byte
//
// A folder <key>.new is an entry being prepared: nothing of it was acknowledged, so it is removed at start. A folder
// <key>.gone was discarded: what it has on Frame.io becomes an orphan, then it is removed. <key>.done is removed.
// Every step is temp → fsync → rename → fsync dir and leaves a state that recovery (recover.go) carries on from.
const (
	drafts   = "drafts"
	outbox   = "outbox"
	uploaded = "uploaded"
	held     = "held"
	parked   = "parked"
	orphans  = "orphans"

	layoutVersion = "2\n"
	olderVersion  = "1\n" // without young and journal

	dataName     = "data"
	blocksName   = "blocks"
	recordName   = "entry.json"
	previousName = "entry.prev"
	creatingName = "creating"
	uploadName   = "upload.json"
	partsName    = "parts.log"
	itemName     = "item.json"
)

// hold is why an entry is held.
type hold string

const (
	holdName        hold = "name"        // a name that never leaves this machine
	holdEmpty       hold = "empty"       // no byte yet
	holdKilled      hold = "killed"      // the last writer died by a signal
	holdInterrupted hold = "interrupted" // the writer, or this program, died before it was closed
	holdPower       hold = "power"       // power was lost within a second after it was closed
	holdBroken      hold = "broken"      // a write failed: bytes are missing
	holdFolder      hold = "folder"      // in a folder that never leaves this machine; told, never written
	holdBase        hold = "base"        // what was not changed of an asset cannot be had from Frame.io any more
	holdCancelled   hold = "cancelled"   // a person said so
)

// say is the reason for people, with what to do.
func (h hold) say() string {
	switch h {
	case holdName:
		return "files of this name stay on this machine; rename it to have it uploaded"
	case holdFolder:
		return "its folder has a name that programs give for a moment, and stays on this machine; move it out, or rename the folder, to have it uploaded"
	case holdEmpty:
		return "empty files stay on this machine until they have a byte"
	case holdKilled:
		return "interrupted: the program writing it was killed, so it may not be complete; write it again, or retry it to upload it as it is"
	case holdInterrupted:
		return "interrupted: the program writing it, or this one, was killed before closing it; write it again, or retry it to upload it as it is"
	case holdPower:
		return "interrupted: the machine lost power just after it was closed, so bytes may be missing; write it again, or retry it to upload it as it is"
	case holdBroken:
		return "incomplete: a write failed (this disk or Frame.io's storage was full, or the disk failed); make room and write it again, or retry it to upload it as it is"
	case holdCancelled:
		return "cancelled by you: its bytes are kept on this machine; retry it to upload it, or remove it"
	case holdBase:
		return "incomplete: it was changed in part, and the rest is not to be had from Frame.io any more (deleted there, or no right to read it); what was written is kept: restore the file on Frame.io and retry, or write it anew as a whole"
	}
	return ""
}

// quiet reports whether being held is a matter of course.
func (h hold) quiet() bool { return h == holdName || h == holdEmpty }

// record is what entry.json says.
type record struct {
	Format int    `json:"format"` // formatWhole or formatPartial
	Key    Key    `json:"key"`
	Target Target `json:"target"`
	Attr   Attr   `json:"attr,omitzero"`

	Size     int64     `json:"size"`              // bytes; while not closed only a hint
	Modified time.Time `json:"modified"`          // last modification of the bytes
	Closed   time.Time `json:"closed,omitzero"`   // zero: some writer has not closed it yet
	Closer   Closing   `json:"closer,omitzero"`   // who closed it last
	Past     bool      `json:"past,omitempty"`    // closed, but written past us by who may still write: see past
	Broken   bool      `json:"broken,omitempty"`  // a write failed and was not made good
	Synced   bool      `json:"synced,omitempty"`  // this record was written after the bytes it speaks of were on the disk
	Boot     string    `json:"boot,omitempty"`    // unless Synced: the machine's run in which Closed can be believed
	Sealed   time.Time `json:"sealed,omitzero"`   // when it went to the outbox: the order of sending
	SealTime time.Time `json:"seal_at,omitzero"`  // modification time of data when sealed: whoever changes data later is found out
	Hold     hold      `json:"hold,omitempty"`    // why it is in held/
	Reason   string    `json:"reason,omitempty"`  // why it is in parked/
	Pause    pause     `json:"pause,omitempty"`   // what was said of it alone
	First    time.Time `json:"first,omitzero"`    // when it was put first
	Attempts int       `json:"attempts,omitzero"` // how often sending was begun
	Failures int       `json:"failures,omitzero"` // how often Frame.io did not confirm what was sent; reset by a person or by new bytes
	Own      *own      `json:"own,omitempty"`
	// Base is the asset that was changed or emptied, as it was then. Its Content has the bytes that are not in data.
	Base *remote.Item `json:"base,omitempty"`
	// Clone: Base is not what was changed, but what was copied into this; Uncopied: Frame.io does not copy it.
	Clone    bool `json:"clone,omitempty"`
	Uncopied bool `json:"uncopied,omitempty"`
	// Shared: the bytes may be the cache's too, see damaged.
	Shared bool `json:"shared,omitempty"`
	// Over is the asset that it was renamed over, as it was then.
	Over *remote.Item `json:"over,omitempty"`
	// Supersedes is the entry whose name this one took over by a rename: if the program dies before that one is discarded,
	// recovery does it.
	Supersedes Key   `json:"supersedes,omitempty"`
	Swap       *swap `json:"swap,omitempty"` // Exchange; replaced, never changed
}

// What record.Format tells of data. A program that knows nothing of blocks must not take partial data for a file.
const (
	formatWhole   = 1
	formatPartial = 2 // some bytes may be base's: see blocks
)

// own is what an earlier content of this entry has become on Frame.io: the next one becomes a newer version of it.
type own struct {
	File remote.Ref `json:"file"`           // the file with the earlier content
	Ref  remote.Ref `json:"ref"`            // File, or the stack it is in
	Over remote.Ref `json:"over,omitzero"`  // if not zero, File is still to become a version of this first
	Name string     `json:"name,omitempty"` // that File was given last, as long as it is alone
}

// replaces is what the entry becomes a version of.
func (r *record) replaces() remote.Ref {
	if r.Own != nil {
		return r.Own.Ref
	}
	return r.Target.Replaces
}

// intent is what the file creating says: that a file was about to be created. If the answer never came, a placeholder may
// be on Frame.io of which only this is known.
type intent struct {
	Parent    remote.Ref `json:"parent"`
	Name      string     `json:"name"`
	Size      int64      `json:"size"`
	MediaType string     `json:"media_type"`
	Mtime     time.Time  `json:"mtime,omitzero"`
	Began     time.Time  `json:"began"`
	Origin    *origin    `json:"origin,omitempty"` // not to be created but copied from this, by whatever name
}

// placed is what item.json says: Frame.io has all bytes as File, and how far it has been brought to where it belongs.
type placed struct {
	File   remote.Ref  `json:"file"`
	Item   remote.Item `json:"item"`           // the file, or the stack it is in, as last told
	Over   remote.Ref  `json:"over,omitzero"`  // what File was made a version of
	Born   remote.Ref  `json:"born,omitzero"`  // the folder that File was made in
	Parent remote.ID   `json:"parent"`         // folder and name that were asked for last. Not Item's: Frame.io may
	Name   string      `json:"name"`           // have its own idea of them, and asking again would not change it
	Same   bool        `json:"same,omitempty"` // File was there before, with these very bytes: nothing was uploaded
	Sent   *sent       `json:"sent,omitempty"` // for the receipt
}

// parse reads a record and refuses one that cannot be acted upon.
func parse(path string, key Key) (record, error) {
	var r record
	if err := readJSON(path, &r); err != nil {
		return record{}, err
	}
	if err := r.unfit(key); err != nil {
		return record{}, err
	}
	return r, nil
}

// unfit tells why a record cannot be acted upon.
func (r *record) unfit(key Key) error {
	switch {
	case r.Format != formatWhole && r.Format != formatPartial:
		return fmt.Errorf("entry.json has format %d; this program knows 1 and 2", r.Format)
	case r.Key != key:
		return fmt.Errorf("entry.json speaks of %q", r.Key)
	case r.Target.Name == "":
		return errors.New("entry.json has no name")
	}
	return nil
}

// load reads the record in an entry's folder, or the one before if that was not yet safe when power went.
func load(dir string, key Key) (record, error) {
	r, err := parse(filepath.Join(dir, recordName), key)
	if err == nil {
		return r, nil
	}
	if prev, perr := parse(filepath.Join(dir, previousName), key); perr == nil {
		return prev, nil
	}
	return record{}, err
}

// store writes the record. Lazily, it may come to the disk after its name: keep then has the one before stay beside it.
func (r *record) store(dir string, safe, keep bool) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if keep {
		err := os.Link(filepath.Join(dir, recordName), filepath.Join(dir, previousName))
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return writeFile(dir, recordName, b, safe)
}
