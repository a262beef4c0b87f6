package intent

import "golang.org/x/sys/unix"

// bootID tells one run of the machine from the next: what was written in this one is still in the page cache.
func bootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}
