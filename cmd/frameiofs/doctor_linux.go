package main

import (
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	framefs "github.com/frameiofs/frameiofs/fs"
)

func thisMachine() machine {
	var u unix.Utsname
	unix.Uname(&u)
	return machine{root: "/", user: os.Geteuid(), look: exec.LookPath, release: unix.ByteSliceToString(u.Release[:]), probe: framefs.Probe}
}

// diskKinds are names of file systems by the number that statfs(2) gives them (Linux include/uapi/linux/magic.h).
var diskKinds = map[int64]string{
	0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x2fc12fc1: "zfs", 0xf2f52010: "f2fs", 0xca451a4e: "bcachefs",
	0x6969: "nfs", 0xff534d42: "cifs", 0xfe534d42: "smb2", 0x517b: "smb", 0x65735546: "fuse", 0x01021997: "9p", 0x00c36400: "ceph",
	0x01021994: "tmpfs", 0x858458f6: "ramfs", 0x794c7630: "overlayfs", 0x4d44: "vfat", 0x2011bab0: "exfat", 0x5346544e: "ntfs",
}

func diskKind(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", err
	}
	return diskKinds[int64(uint32(st.Type))], nil
}
