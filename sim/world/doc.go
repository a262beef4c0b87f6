// Package world is Frame.io without any wire: accounts, people, projects, assets, uploads, tokens and their rules.
//
// Open a World, ask Authenticate who a bearer token is, and pass that Caller to everything else; Root() may do
// anything. Every method is safe for concurrent use and returns copies. Failures are *Error values that answer
// errors.Is for ErrNotFound, ErrForbidden, ErrConflict, ErrInvalid, ErrQuota, ErrToken, ErrLocked and ErrRange.
// The two wires (sim/v2, sim/v4) put these into their own words; the upload and media hosts (sim/hosts) bring bytes
// in with PutPart and out with OpenBody.
//
// What the public documents leave open is a switch in Behaviour, so that a client can be tried against each reading.
//
// On disk a world is one folder:
//
//	journal      one JSON record per line, each the whole new state of one thing; the last one counts
//	bodies/xx/   the bytes of originals, one file per media id, written in place part by part
//	lock         held while a process has the world open
//
// A change appends its records with a single write, so a killed process loses at most the change under way, and a torn
// last line is cut off when the world is opened. The journal is rewritten at opening when most of it is history.
package world
