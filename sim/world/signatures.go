package world

import (
	"io"
	"log/slog"
	"os"
	"time"
)

type World struct{}

// Config says where a world lives and how it behaves.
type Config struct {
	Dir       string // empty: a temporary folder, removed by Close
	Seed      uint64 // ids and sample bytes follow from it; 0 = 1
	Behaviour Behaviour
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: silent
}

func Open(cfg Config) (*World, error) { panic("") }
func (w *World) Close() error         { panic("") }
func (w *World) Now() time.Time       { panic("") }

func (w *World) Behaviour() Behaviour                       { panic("") }
func (w *World) SetBehaviour(change func(*Behaviour)) error { panic("") }

// Caller is who asks.
type Caller struct {
	User   ID
	Kind   TokenKind
	Scopes []string // nil = all; V2 words such as "asset.create"
}

func Root() Caller                     { panic("") }
func (c Caller) Has(scope string) bool { panic("") }

// TokenKind tells what sort of bearer token it is.
type TokenKind string

const (
	Developer TokenKind = "developer" // fio-u-…; on V4 only with the header x-frameio-legacy-token-auth: true
	OAuth     TokenKind = "oauth"     // V2 OAuth access token
	IMS       TokenKind = "ims"       // Adobe IMS access token, V4
)

func (w *World) Authenticate(bearer string) (Caller, error) { panic("") }

func (w *World) User(id ID) (User, error)                                 { panic("") }
func (w *World) Accounts(by Caller) []Account                             { panic("") }
func (w *World) Account(by Caller, id ID) (Account, error)                { panic("") }
func (w *World) Teams(by Caller, account ID) ([]Team, error)              { panic("") } // "" = all accounts
func (w *World) Team(by Caller, id ID) (Team, error)                      { panic("") }
func (w *World) Projects(by Caller, team ID) ([]Project, error)           { panic("") } // of one team
func (w *World) AccountProjects(by Caller, account ID) ([]Project, error) { panic("") } // all the caller sees
func (w *World) SharedProjects(by Caller, account ID) ([]Project, error)  { panic("") } // collaborator only; "" = all
func (w *World) Project(by Caller, id ID) (Project, error)                { panic("") }
func (w *World) CanDownload(by Caller, projectID ID) bool                 { panic("") }
func (w *World) CanWrite(by Caller, projectID ID) bool                    { panic("") }

func (w *World) Asset(by Caller, id ID) (Asset, error)                             { panic("") } // alive only
func (w *World) AssetEvenDeleted(by Caller, id ID) (Asset, error)                  { panic("") }
func (w *World) List(by Caller, q Query) (Page, error)                             { panic("") }
func (w *World) Path(id ID) string                                                 { panic("") } // "Project/Folder/name", for people
func (w *World) CreateFolder(by Caller, parent ID, name string) (Asset, error)     { panic("") }
func (w *World) CreateFile(by Caller, parent ID, f NewFile) (Asset, Upload, error) { panic("") }
func (w *World) Update(by Caller, id ID, c Change) (Asset, error)                  { panic("") }
func (w *World) Move(by Caller, id, dest ID) (Asset, error)                        { panic("") } // dest a stack: becomes its head
func (w *World) Copy(by Caller, id, dest ID, o CopyOptions) (Asset, error)         { panic("") } // deep
func (w *World) Delete(by Caller, id ID) (Asset, error)                            { panic("") }
func (w *World) Restore(by Caller, id ID) (Asset, error)                           { panic("") }
func (w *World) NewStack(by Caller, folder ID, files []ID) (Asset, error)          { panic("") } // oldest first; ≥ 2 distinct files of that folder
func (w *World) AddVersion(by Caller, target, next ID) (Asset, error)              { panic("") } // V2: target a file (new stack) or stack; returns the stack
func (w *World) Unversion(by Caller, file ID) (Asset, error)                       { panic("") } // returns the file

func (w *World) Upload(asset ID) (Upload, error)                                { panic("") }
func (w *World) PutPart(asset ID, number int, size int64, body io.Reader) error { panic("") }
func (w *World) FailUpload(asset ID) error                                      { panic("") }
func (w *World) OpenBody(asset ID) (*os.File, Asset, error)                     { panic("") }

// MediaType is what the service makes of a name.
func MediaType(name string) string { panic("") }

func (w *World) Secret() []byte    { panic("") }
func (w *World) URLEpoch() int     { panic("") } // bumped by ExpireURLs
func (w *World) ExpireURLs() error { panic("") }

// Ext returns the extension of a name with its dot, in its own case.
func Ext(name string) string { panic("") }
