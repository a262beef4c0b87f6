package intent

import (
	"os"
	"strings"
)

// bootID tells one run of the machine from the next: what was written in this one is still in the page cache.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
