// Package ui is a mount's page in a browser: what is on its way, what is parked and can be tried again, what was confirmed, how fast it went
// within the last hour, and what of each project is on this disk.
//
// [Listen] answers at an address of this machine only, below a path that nobody can guess: who has the page's address may see the names of
// files and try uploads again, and nobody else. The page asks for nothing from anywhere else, and is told of changes by server-sent events.
//
// It asks what it is given as a [Mount], in the words of package control.
package ui
