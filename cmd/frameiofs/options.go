package main

import (
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"
)

// Options of mount(8) that mean nothing to a mount that is being made, or only to mount(8) itself.
var ignoredOptions = map[string]bool{
	"_netdev": true, "nofail": true, "auto": true, "noauto": true, "user": true, "nouser": true, "users": true, "owner": true, "group": true,
	"defaults": true, "rw": true, "default_permissions": true, "async": true,
}

// passedOptions go to the kernel as they are.
var passedOptions = map[string]bool{
	"nosuid": true, "suid": true, "nodev": true, "dev": true, "noexec": true, "exec": true, "noatime": true, "atime": true, "sync": true, "dirsync": true,
}

// macOptions go to macFUSE as they are.
var macOptions = map[string]bool{
	"volname": true, "volicon": true, "local": true, "nobrowse": true, "noappledouble": true, "noapplexattr": true, "defer_permissions": true,
	"novncache": true, "noubc": true, "nolocalcaches": true, "noautonotify": true, "allow_recursion": true, "jail_symlinks": true,
	"fstypename": true, "fssubtype": true, "slow_statfs": true, "sparse": true,
}

// passed reports whether an option goes to the kernel of a system as it is.
func passed(system, name string) bool {
	return passedOptions[name] || system == "darwin" && macOptions[name]
}

// applyOptions gives c's flags what -o holds, and answers the options that go to the kernel. A flag's name may be written with
// underscores, as is usual there.
func applyOptions(c *cli.Context) (pass []string, err error) {
	for _, list := range c.StringSlice("o") {
		for _, opt := range strings.Split(list, ",") {
			name, value, hasValue := strings.Cut(opt, "=")
			flag := strings.ReplaceAll(name, "_", "-")
			switch {
			case opt == "", ignoredOptions[name], strings.HasPrefix(name, "x-"), name == "comment":
				continue
			case passed(runtime.GOOS, name):
				pass = append(pass, opt)
				continue
			case name == "ro":
				flag = "read-only"
			case !hasFlag(c, flag) || unsettable[flag]:
				return nil, misuse("frameiofs mount --help lists the flags; nosuid, noexec, nodev, noatime and ro are known too", "-o: there is no option %q", name)
			}
			if !hasValue {
				value = "true"
			}
			f := flagOf(c.Command, flag)
			if err := c.Set(flag, value); err != nil {
				return nil, badValue("-o "+name, f, value, err)
			}
			if err := tooSmall(c, f, "-o "+name); err != nil {
				return nil, err
			}
		}
	}
	return pass, nil
}
