// Package fs is names and handles for the kernel: the mounted tree, what each file operation means, and the one table from
// errors to errno. Call New with the parts, Mount, and hand Settled to the spool.
//
// # What programs are promised
//
// Names. Accounts, workspaces, projects and folders are folders; a file is a file; a version stack is one file with the newest
// version's bytes. What is being uploaded by somebody else is not shown; what is leaving from here is, from the moment it is
// created, and it hides what it is about to replace. Two equal names: the oldest keeps the name (package cache). Names that
// Frame.io allows and a file system does not are shown in a reversible encoding. A name that is written in another Unicode form (NFC, NFD)
// than what is there leads to that all the same, if nothing has exactly that name, and a save keeps the name that is there; but on
// Linux what is made here under both forms stays two files. ".frameio" is reserved in every folder.
//
// write(2) puts bytes into the spool's file. If this runs as root and the disk has room, the kernel does that by itself for new files
// (passthrough): at the disk's speed, and so that what exceeds the room or the account's storage is told by close(2), or by the disk. What
// is written through a mapping that outlives its descriptor is waited for. close(2) returns when bytes and intent survive the death of every process, and
// within a second power loss (from the last close on, if several have the file open for writing); they will be uploaded. fsync(2) returns when they, and all changes of names before, survive power loss now. With SyncClose both
// return when Frame.io has every byte, or fail: while uploads are paused, at once.
//
// Upload begins when the last descriptor open for writing is closed and the file has rested: not at a close (FLUSH), because
// programs close duplicates, reopen, and rename. A writer that a signal killed has not finished; its file is held.
//
// Overwriting, truncating, appending, or renaming over a file makes one new version in its stack. Nothing on Frame.io is
// destroyed by saving. Writing the bytes that were there, in place or by a rename over them, makes none, and neither does opening for writing and leaving it alone.
//
// The bytes of a file stay in the spool until Frame.io has said that it has all of them, and as many; what the upload host tells of each part is
// compared with what was sent. How much more is done is spool.Config.Verify. Where Frame.io tells a checksum (V2; minutes later, or
// never) that is awaited: the file is an ordinary one of Frame.io's meanwhile, and its bytes are kept beside the cache, taking no room as long as
// that has them too. They are let go when the checksum has come and is right; without it after half an hour, or when less
// than 4 GiB are left to writers, but then only after some of what Frame.io has was read back (not if there is no right to read it). Where
// none is told (V4) some or all of the bytes are read back, if that is asked for, before the file settles. If Frame.io has other bytes before the
// file has settled, they are sent again, and after three times a person is asked. If that is found later nothing is deleted there: what
// was written is a file here again, parked, in the place of the damaged one, and becomes a version above it when it is retried.
//
// A change of a part of what is on Frame.io waits for nothing but a block (128 KiB) of which it leaves more than one piece changed; what
// was not changed is read from there. Frame.io takes whole files only, so before the upload the rest is fetched, while nobody has the
// file open for writing. Until then the change needs what it was made of: if that is deleted on Frame.io the file is held, and
// what was written is kept; reading the rest fails. Moving such a file over another waits for the rest, since its old place goes.
//
// copy_file_range(2), and so cp, of a file on Frame.io (1 MiB or more) from its beginning into a new or emptied file of the same
// account moves no byte and waits for nothing: if it is the whole file, and is left so, Frame.io copies it. Until it has, the copy's
// bytes are the source's: rm of the source through this mount waits for the copy, and if somebody else deletes it meanwhile, the copy is
// held until it is restored. What Frame.io does not copy, and a copy that is changed, is fetched and uploaded. Anything else is copied by
// reading and writing, and so is all that goes into a file that the kernel writes by itself.
//
// fallocate(2) reserves room, punches holes and zeroes; what shifts bytes is refused (EOPNOTSUPP). SEEK_DATA and SEEK_HOLE tell the
// holes of what is leaving; on Frame.io they are zeros, and a file is all data.
//
// A file that is renamed, and deleted within a minute while what took its name has not reached Frame.io yet, was put aside by a safe
// save (Word, Excel, many editors): it is not deleted but becomes the older version. So does one that is deleted just before a new file takes
// its name (Photoshop, zip): what is deleted where something new is being written is accepted at once and sent a second later.
//
// A file that is renamed to a name that stays on this machine (x~) and then made anew (Emacs, vim) keeps its asset: what was made is its next
// version, and the backup a copy of what it was, here. So it is under an ordinary name (x.bak) if one process does both within two
// seconds in one folder; that copy Frame.io makes. In all other cases, and if a file of the backup's name is on Frame.io already, a rename is
// taken literally: the asset, its versions and comments go with the new name. V4 may refuse to rename a stack (EPERM); then these programs
// copy.
//
// mkdir, rename, unlink and rmdir of what is on Frame.io return when Frame.io has done it or refused. If it gives no answer in time
// (its limits, the link) the call succeeds all the same: the change is then as durable as a close, is shown from here on, also after a
// restart, and is carried out in order when that can be. The time is a budget of all calls together (package spool/intent), so a single
// rm hears what Frame.io says, and rm -r of thousands waits about a second. A refusal that comes later is parked: told by status,
// and what stands on Frame.io is shown again. A folder that is not there yet can be filled, renamed and removed; what cancels out
// costs no call, and deletions that a folder's covers go with that one. Of what is still leaving, changes cost no call, and the room of
// small files that are removed comes back within a second. A rename that
// changes folder and name takes two calls; if the second is refused the first is undone. Before a folder is deleted Frame.io is asked what is
// in it: what was not removed here keeps it (ENOTEMPTY, or parked if that was found later). Making a version of what is on
// Frame.io by a rename over it waits for Frame.io (ETIMEDOUT). RENAME_NOREPLACE works; RENAME_EXCHANGE
// swaps two names that are both on Frame.io, folders too, in two relocations of which the first is undone if the second is refused; or
// two that are both still leaving. Between the one and the other it is refused (EINVAL), so that who saves that way falls back on
// a rename, which keeps the versions.
//
// Folders that programs make for a moment, to fill them and move out what is whole (rsync's .~tmp~ and .rsync-partial, macOS'
// *.sb-????????-??????), are not made on Frame.io while they have such a name (spool.LocalFolder), and what is in them stays on this machine
// too. A file or folder of Frame.io's that is moved into one stays where it is there until it has left that again.
//
// open(2) for reading waits for nothing. read(2) fetches the range and, when a file is read in order, what follows; of a film its
// head and its end come along, because players look there first. An open file keeps the version it was opened on; the next
// open finds the newest. What is written through this mount is seen by those who have the file open, as on a disk, unless the kernel
// serves them straight from the cache's file, as it does, if this runs as root, when all bytes are here: they keep their version too. A
// version that comes while another is open is an inode of its own, with the same number.
//
// What others change is seen within 30 s in folders that somebody looks at or has something open in, and usually sooner. A
// folder that was not looked at for long may be shown as it was known, up to the listing's age, for as long as it takes to ask; what
// is about to be changed there is asked for first (create, mkdir, rename, unlink, rmdir, open for writing).
//
// chmod, chown, times and, with XAttr, extended attributes (user.*; on macOS all) are kept on this machine, with the bytes they were
// set on: up to 64 KiB a value and 1 MiB a file; times from the year 1 to 9999. user.frameio.{id,url,state,version,label,checksum,receipt}
// tell of a file, and are not listed,
// so that nobody copies them. security.*, system.* and trusted.* are not supported. V2 keeps modification times too. Symbolic
// links, hard links, devices, sockets and fifos are refused (EPERM): Frame.io has none. So are files without a name (O_TMPFILE: EOPNOTSUPP).
//
// On macOS the volume is called by what it shows, Finder's attributes and ._ files stay on this machine, and Spotlight and QuickLook are
// kept out by marks in the root. Nowhere can a folder be made that desktops want for themselves: .Trashes, .Trash-1000,
// .Spotlight-V100 and the like (EPERM).
//
// Locks, of whole files and of ranges, are the kernel's own and local to this machine.
//
// # Errors
//
// ENOENT, EEXIST, EACCES (token or rights), EPERM (never possible), EROFS, ENOSPC (this disk), EDQUOT (Frame.io's storage),
// ENAMETOOLONG, ENOTEMPTY, EINVAL, EILSEQ (a name that is not UTF-8), EINTR (the caller is being killed), EXDEV (cannot be
// done there; mv copies), ETIMEDOUT (the link), EIO. Rate limits, server errors, cut connections and expired links are waited
// out below, for at most Config.Timeout a call. When the link is back, what waited goes on within 3 s: connections that died without a word
// are found out by trying another beside them (package remote, watch.go).
//
// A mistake of ours in a request is that request's (EIO) and is logged; one on the way of an upload has it tried again, and then parked.
//
// # Locks
//
// dir.mu and file.mu are leaves among themselves. The lock of the nodes by identity (live.mu) is taken alone. The spool's and
// the cache's locks come after file.mu. No lock of this package is held while Frame.io is asked, or the kernel told something.
package fs
