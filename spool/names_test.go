package spool

import "testing"

func TestLocalName(t *testing.T) {
	for _, name := range []string{
		".DS_Store", "._film.mov", ".~lock.report.odt#", "~$report.docx", "Scene 1.prlock", ".film.mov.Xa3f9Q", "sedX1y2Z3", "ziA1b2C3",
		".notes.txt.swp", ".notes.txt.swo", ".notes.txt.swx", "4913", "notes.txt~", "#notes.txt#", ".#notes.txt", "film.mov.tmp", "film.mov.part",
		"film.mov.partial", "film.zip.crdownload", "film.zip.download", "config.lock", ".fuse_hidden0000000300000001", ".nfs00000000012345670000",
		".goutputstream-AB12CD", "Thumbs.db", "desktop.ini", ".Spotlight-V100", ".Trashes", "doc.sb-12345678-AbCdEf", "Icon\r", "THUMBS.DB", "film.idlk",
	} {
		if !LocalName(name) {
			t.Errorf("%q leaves the machine", name)
		}
	}
	for _, name := range []string{
		"film.mov", ".gitignore", ".htaccess", ".eslintrc.config", ".env.sample", "sed.txt", "sediment", "zipper", "zip", "notes.txt", "part.mov",
		"lock", "A001_C003_0101.mov", "00000001", "tmp", "film~1.mov", "a.b.c", "Überblick.mov", "…", "sedanABC12", ".profile",
	} {
		if LocalName(name) {
			t.Errorf("%q stays on the machine", name)
		}
	}
}

func TestLocalFolder(t *testing.T) {
	for _, name := range []string{
		".~tmp~", ".rsync-partial", ".rsync-tmp", "doc.docx.sb-1a2b3c4d-AbCdEf", "(A Document Being Saved By TextEdit)", "(A Document Being Saved By Preview 2)",
	} {
		if !LocalFolder(name) {
			t.Errorf("%q leaves the machine", name)
		}
	}
	for _, name := range []string{
		"tmp", "film.tmp", "temp", ".cache", "old~", "day.part", ".git", "a.lock", ".~tmp", "~tmp~", "doc.sb-1-2", "sb-1a2b3c4d-AbCdEf", ".rsync", "A Document",
	} {
		if LocalFolder(name) {
			t.Errorf("%q stays on the machine", name)
		}
	}
}

func TestKeyInode(t *testing.T) {
	for _, c := range []struct {
		key      Key
		ino, gen uint64
	}{
		{"0123456789abcdeffedcba9876543210", 0x0123456789abcdef, 0xfedcba9876543210},
		{"00000000000000000000000000000005", 1 << 62, 5},
		{"00000000000000010000000000000005", 1<<62 | 1, 5},
		{"ffffffffffffffff0000000000000005", 1<<62 | 0xff, 5},
	} {
		if ino, gen := c.key.Inode(); ino != c.ino || gen != c.gen {
			t.Errorf("%s: %x, %x", c.key, ino, gen)
		}
	}
	for _, bad := range []Key{"", "x", "0123456789ABCDEFfedcba9876543210", "../../../../../etc/passwd0000000"} {
		if bad.Valid() {
			t.Errorf("%q is taken for a key", bad)
		}
	}
}
