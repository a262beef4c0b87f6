package world

import "errors"

// What can be wrong. Errors from this package answer errors.Is for exactly one of these.
var (
	ErrNotFound  = errors.New("not found")       // unknown, deleted, or not the caller's to see
	ErrForbidden = errors.New("forbidden")       // seen, but the caller's role does not allow it
	ErrConflict  = errors.New("conflict")        // Behaviour.Names is NamesConflict and the name is taken
	ErrInvalid   = errors.New("invalid")         // an argument that can never work
	ErrQuota     = errors.New("over quota")      // the account's storage limit
	ErrLocked    = errors.New("account locked")  // Account.Locked
	ErrToken     = errors.New("token not valid") // unknown, expired or revoked
	ErrRange     = errors.New("wrong size")      // a part that is not as long as it has to be
)

// Error is one of the above with a sentence for people.
type Error struct {
	Kind   error  // one of the Err values
	Field  string // the argument at fault, in the words of this package ("name", "parent"), or ""
	Detail string
}

func (e *Error) Error() string { return e.Detail }

func (e *Error) Unwrap() error { return e.Kind }

func fail(kind error, field, detail string) error {
	return &Error{Kind: kind, Field: field, Detail: detail}
}
