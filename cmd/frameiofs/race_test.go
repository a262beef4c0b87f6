//go:build race

package main

// raced tells that the race detector is at work. Starting a process costs ten times as much then, so the stories are told on
// one generation of the API only.
const raced = true
