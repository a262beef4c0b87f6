package fs

// FatalIn tells whether a task of that /proc/PID/status is being killed.
func FatalIn(status string) bool { return fatalIn(status) }
