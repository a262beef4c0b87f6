package cache

// Shown returns how a name of Frame.io's is shown, without regard to siblings and length: Tree alone knows those.
func Shown(remoteName string) string { return remoteName }

// Actual returns the name on Frame.io of which name is Shown's answer. Every name that a program may create has one.
func Actual(shownName string) string { return shownName }
