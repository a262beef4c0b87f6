package main

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
)

// openBrowser shows a web address to the person at this machine.
func openBrowser(address string) error {
	opener := "xdg-open"
	switch {
	case runtime.GOOS == "darwin":
		opener = "open"
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" && os.Getenv("BROWSER") == "":
		return errors.New("there is no screen here")
	}
	path, err := exec.LookPath(opener)
	if err != nil {
		return errors.New("there is no " + opener + " here")
	}
	cmd := exec.Command(path, address)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // it ends when it likes
	return nil
}
