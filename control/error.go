package control

import "errors"

// What a mount can answer but success. They keep their identity on the way through the socket.
var (
	ErrParked    = errors.New("some files were given up and need you")
	ErrBusy      = errors.New("files are open on the mount")
	ErrNotExist  = errors.New("no such file or folder")
	ErrTooBig    = errors.New("the cache is too small")
	ErrOpen      = errors.New("a program has it open")
	ErrPinned    = errors.New("it is pinned")
	ErrNotPinned = errors.New("it is not pinned")
	ErrLeaving   = errors.New("it is not on Frame.io yet")
)

// ErrGone is the error of a Client whose mount's process is not there any more.
var ErrGone = errors.New("the mount's process is not running")

// codes are the errors' names on the wire.
var codes = map[string]error{"parked": ErrParked, "busy": ErrBusy, "not_exist": ErrNotExist, "too_big": ErrTooBig, "open": ErrOpen,
	"pinned": ErrPinned, "not_pinned": ErrNotPinned, "leaving": ErrLeaving}

// failure is an error on the wire.
type failure struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

func failureOf(err error) *failure {
	f := &failure{Message: err.Error()}
	for code, sentinel := range codes {
		if errors.Is(err, sentinel) {
			f.Code = code
		}
	}
	return f
}

// remoteError is a mount's error at the client: its text, and what errors.Is may ask.
type remoteError struct {
	text     string
	sentinel error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.sentinel }

func (f *failure) err() error { return &remoteError{f.Message, codes[f.Code]} }
