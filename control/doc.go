// Package control is how a running mount is asked: what is safe where, wait for it, try again, let go.
//
// A mount's process gives its [Mount] to [Listen] and is then answered for at a unix socket in its state folder, HTTP with
// JSON bodies. It leaves a [Registration] in a folder that all mounts of one user share, so that [Find] leads from a mount
// point, or any path below one, to the socket without touching the mount itself: a mount whose process hangs must not hang
// the question what it is doing. [Dial] gives the [Client].
//
// It is a leaf: it imports nothing of ours, so that what it tells stays a promise to scripts and not a view of a struct
// that changes. `frameiofs status --json` prints [Status] as it is.
//
// Who may ask: the socket has mode 0600 in a folder with mode 0700, and on Linux the peer's user is checked too; only the
// user of the mount and root get an answer.
package control
