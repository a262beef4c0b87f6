package main

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// A process that was killed counts as dead, also while its parent has not looked and it is in the list.
func TestKilledProcesses(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if killed(pid) || killed(os.Getpid()) {
		t.Error("a process that runs counts as dead")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !killed(pid) && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if !killed(pid) {
		t.Error("a process that was killed, and not waited for, counts as alive")
	}
	if endKilled(mounted{Point: t.TempDir(), Dev: "0:0"}, os.Getpid()) {
		t.Error("the mount of a process that runs is ended")
	}
	cmd.Wait()
	if !killed(pid) {
		t.Error("a process that is not there counts as alive")
	}
}
