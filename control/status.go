package control

import (
	"context"
	"time"
)

// Mount is what a running mount can be asked for. Every method is called from several goroutines at once.
type Mount interface {
	// Status tells what is on its way from below the path q.Under.
	Status(ctx context.Context, q Query) (Status, error)
	// List describes what path holds: the children of a folder, or the one file.
	List(ctx context.Context, path string) ([]Entry, error)
	// Sync returns once everything at or below paths (all, if none) has come as far as until says; ErrParked if something was given up.
	Sync(ctx context.Context, paths []string, until Until, progress func(Status)) error
	// Receipts tells what was uploaded.
	Receipts(ctx context.Context, q ReceiptQuery) (Receipts, error)
	// Retry tries again what is parked at or below paths (all, if none), and of what is named also what is held for a person, and tells how
	// many that are.
	Retry(ctx context.Context, paths []string) (int, error)
	// Unmount takes the mount away, then finishes the uploads, or keeps them for the next mount if how is Now. ErrBusy if files
	// are open; ErrParked if all is done but what was given up. It returns when another process may use the state folder. If
	// ctx ends before that the uploads go on.
	Unmount(ctx context.Context, how How, progress func(Status)) (Status, error)
	Uploads
	Cache
	Profiler
}

// How is how an unmount treats pending uploads.
type How string

// The ways to unmount.
const (
	Drain How = "drain" // finish them first
	Now   How = "now"   // they stay on this machine and go on at the next mount
)

// Query narrows Status.
type Query struct {
	Under string // path relative to the mount's root, "" for all
	Limit int    // most files wanted; 0 means DefaultFiles, and more than MaxFiles are never given
}

// Bounds of the files in one Status.
const (
	DefaultFiles = 1000
	MaxFiles     = 50_000
)

// Status is what a mount tells about itself. Its JSON form is stable: fields are added, never renamed.
type Status struct {
	MountPoint string    `json:"mountpoint"`
	State      State     `json:"state"`
	PID        int       `json:"pid"`
	Version    string    `json:"version"`
	Since      time.Time `json:"since"`
	API        string    `json:"api"` // v2 or v4
	URL        string    `json:"url"` // base address; never holds a secret
	User       string    `json:"user"`
	Profile    string    `json:"profile,omitempty"` // of frameiofs login, whose token is used
	Root       string    `json:"root"`              // what of Frame.io the mount shows, as a path of names; "/" is everything
	ReadOnly   bool      `json:"read_only"`
	StateDir   string    `json:"state_dir"`
	Log        string    `json:"log,omitempty"` // log file of a mount in the background

	Metrics string `json:"metrics,omitempty"` // address of --metrics

	Trouble  string `json:"trouble,omitempty"` // why it is not as it should be, and what to do
	Link     Link   `json:"link"`
	Paused   bool   `json:"paused,omitempty"` // uploads pause was said of everything
	Limits   Limits `json:"limits"`
	Totals   Totals `json:"totals"`
	Files    []File `json:"files"`              // parked first, then held, then oldest first
	LeftOut  int    `json:"left_out,omitempty"` // files that Files has no room for
	Names    []Name `json:"names,omitempty"`    // changes of names that Frame.io has not made yet, parked first, then oldest first
	Cache    Space  `json:"cache"`
	DiskFree int64  `json:"disk_free"` // bytes that writers may still use

	LastError     string     `json:"last_error,omitempty"`
	LastErrorTime *time.Time `json:"last_error_time,omitempty"`
}

// State is what a mount's process does.
type State string

// The states of a mount.
const (
	Mounted   State = "mounted"
	Finishing State = "finishing" // no longer mounted; pending uploads are being finished
)

// Link is what is known about the way to Frame.io.
type Link struct {
	State string     `json:"state"`           // "up", "down", or "unknown" before the first call
	Since *time.Time `json:"since,omitempty"` // of State
	Error string     `json:"error,omitempty"` // why it is down, or why calls wait though it is up: Frame.io limits them
}

// Totals sums up all files that are not on Frame.io yet, whatever Query asked for. Bytes count in the files on their way.
type Totals struct {
	Files       int        `json:"files"`                 // on their way: closed, settling, uploading
	Writing     int        `json:"writing"`               // open for writing
	Uploading   int        `json:"uploading"`             // of Files: bytes are moving
	Bytes       int64      `json:"bytes"`                 // of Files
	Sent        int64      `json:"sent"`                  // of Bytes, already at Frame.io
	Rate        float64    `json:"rate"`                  // bytes per second, mean of the last seconds
	RateDown    float64    `json:"rate_down,omitempty"`   // bytes per second that come from Frame.io to be read, mean of the last seconds
	Settling    int        `json:"settling"`              // of Files: closed a moment ago
	Oldest      *time.Time `json:"oldest,omitempty"`      // when the first of Files was closed, but for those that are paused
	Paused      int        `json:"paused,omitempty"`      // of Files: they rest until uploads resume
	Held        int        `json:"held"`                  // kept here until a person decides
	Local       int        `json:"local"`                 // names that never leave this machine, and empty files
	Parked      int        `json:"parked"`                // given up; need a person
	Verifying   int        `json:"verifying"`             // on Frame.io, and their bytes kept here until its checksums have come
	Transcoding int        `json:"transcoding,omitempty"` // what sync waits for: on Frame.io, and its proxies not made yet
	Folders     int        `json:"folders"`               // of names that programs give for a moment: they stay on this machine

	Names       int     `json:"names"`                // folders to be made, and items to be renamed, moved or deleted on Frame.io
	NamesParked int     `json:"names_parked"`         // of them more, that Frame.io refuses; need a person
	TimeLeft    float64 `json:"time_left,omitempty"`  // seconds until all is there, by Rate and by Frame.io's limits; 0: not known
	LimitedBy   string  `json:"limited_by,omitempty"` // what TimeLeft hangs on: bandwidth, --bwlimit, or what Frame.io limits; or a pause
}

// Name is one change of a name that Frame.io has not made yet.
type Name struct {
	What    string     `json:"what"` // make folder, rename, move, delete
	Path    string     `json:"path"` // below the mount point
	Since   time.Time  `json:"since"`
	Parked  bool       `json:"parked,omitempty"`
	Reason  string     `json:"reason,omitempty"` // why it is parked and what to do, or what it waits for
	Error   string     `json:"error,omitempty"`  // of the last attempt
	NextTry *time.Time `json:"next_try,omitempty"`
}

// Space is how much of something is used.
type Space struct {
	Used  int64 `json:"used"`  // bytes
	Limit int64 `json:"limit"` // bytes
}

// File is one file that Frame.io does not have yet.
type File struct {
	Path      string     `json:"path"`              // below the mount point
	Size      int64      `json:"size"`              // bytes
	Sent      int64      `json:"sent"`              // bytes
	Missing   int64      `json:"missing,omitempty"` // bytes that were not changed in it and are still to be fetched before it is sent
	CopyOf    string     `json:"copy_of,omitempty"` // name of the file that Frame.io is to copy instead of being sent it
	Parts     int        `json:"parts,omitempty"`
	PartsDone int        `json:"parts_done,omitempty"`
	Stage     string     `json:"stage"`            // writing, settling, waiting, uploading, confirming, held, parked
	Reason    string     `json:"reason,omitempty"` // why it is held or parked, and what to do
	Local     bool       `json:"local,omitempty"`  // held because of what it is: nothing needs doing
	Paused    bool       `json:"paused,omitempty"` // it rests until uploads resume
	First     bool       `json:"first,omitempty"`  // it was put before the others
	Rate      float64    `json:"rate,omitempty"`   // bytes per second, mean of the last seconds
	Writers   int        `json:"writers,omitempty"`
	Attempts  int        `json:"attempts,omitempty"`
	Error     string     `json:"error,omitempty"` // of the last attempt
	NextTry   *time.Time `json:"next_try,omitempty"`
	Closed    *time.Time `json:"closed,omitempty"`
	ID        string     `json:"id,omitempty"` // of the asset, once there is one
}

// Entry is one name of a folder and where its bytes are safe.
type Entry struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind"` // account, workspace, project, folder, file, version stack, shared
	Size      int64     `json:"size"`
	Time      time.Time `json:"time"`
	Safe      string    `json:"safe"` // see the constants
	Detail    string    `json:"detail,omitempty"`
	Sent      int64     `json:"sent,omitempty"`
	ID        string    `json:"id,omitempty"`
	URL       string    `json:"url,omitempty"` // its page on Frame.io
	State     string    `json:"state,omitempty"`
	MediaType string    `json:"media_type,omitempty"`
	Label     string    `json:"label,omitempty"`
	Checksum  string    `json:"checksum,omitempty"` // xxHash64, hexadecimal

	// Of what was uploaded from here, as in its Receipt.
	Proof    string     `json:"proof,omitempty"`
	Awaited  bool       `json:"awaited,omitempty"`
	Verified *time.Time `json:"verified,omitempty"`
	Damaged  string     `json:"damaged,omitempty"`
}

// Where an Entry's bytes are safe.
const (
	SafeRemote    = "on Frame.io"
	SafeUploading = "uploading"
	SafeHere      = "on this machine only"
)
