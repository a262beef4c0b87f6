package spool

import (
	"path"
	"regexp"
	"strings"
)

// localNames are the names of files that programs make for themselves and that nobody wants to see on Frame.io. A name is
// compared in lower case. They are full files on the mount, and become ordinary once they are renamed to an ordinary name,
// which is how safe savers and copy tools finish. Ordinary dotfiles (.gitignore) are not here on purpose: they do leave.
var localNames = []struct {
	who   string
	globs []string
}{
	{"macOS Finder, Spotlight, Time Machine", []string{
		".ds_store", "._*", ".spotlight-v100", ".trashes", ".fseventsd", ".temporaryitems", ".apdisk", ".volumeicon.icns",
		".documentrevisions-v100", ".com.apple.timemachine.*", ".localized", ".metadata_never_index", "icon\r",
	}},
	{"macOS safe savers (NSDocument, TextEdit)", []string{"*.sb-????????-??????", ".dat*.???"}},
	{"Windows Explorer", []string{"thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "desktop.ini", "$recycle.bin"}},
	{"Linux desktops", []string{".hidden", ".directory", ".trash-*", ".goutputstream-*", ".~lock.*#", ".xdp-*"}},
	{"NFS and FUSE, for files that are deleted while open", []string{".nfs????????*", ".fuse_hidden*"}},
	{"LibreOffice, Microsoft Office", []string{".~*", "~$*", "~wr[dlac]*.tmp", "~df*.tmp"}},
	{"Adobe Premiere and After Effects locks, Photoshop, InDesign and Illustrator temporaries", []string{
		"*.prlock", "*.aelock", "*.idlk", "~*.idlk", "*.lck", "ps????.tmp", "~ai*.tmp",
	}},
	{"Avid, Final Cut, DaVinci Resolve and media encoders while they write", []string{"*.lock", "*.tmp", "*.temp", "*.part", "*.partial"}},
	{"browsers and download tools", []string{"*.crdownload", "*.download", "*.opdownload", "*.aria2", "*.!ut", "*.filepart", ".com.google.chrome.*"}},
	{"vim", []string{".*.sw[a-px]", ".sw[a-px]", ".*.un~", "4913"}},
	{"editors' backups and lock links (vim, Emacs, gedit, nano, Kate)", []string{"*~", ".#*", "#*#", ".*.kate-swp", "*.bak~"}},
	{"git and other programs that replace a file through a lock", []string{"*.lock"}},
}

// localShapes are the names with random letters, where the case matters.
var localShapes = []struct {
	who   string
	shape *regexp.Regexp
}{
	{"rsync: .name.XXXXXX until it is renamed", regexp.MustCompile(`^\..+\.[A-Za-z0-9]{6}$`)},
	{"rsync --partial-dir", regexp.MustCompile(`^\.~tmp~$|^\.rsync-(partial|tmp)$`)},
	{"sed -i: sedXXXXXX", regexp.MustCompile(`^sed[A-Za-z0-9]{6}$`)},
	{"zip: ziXXXXXX", regexp.MustCompile(`^zi[A-Za-z0-9]{6}$`)},
}

// sixLetterEndings are extensions of ordinary dotfiles that have rsync's shape by chance.
var sixLetterEndings = map[string]bool{"backup": true, "config": true, "docker": true, "ignore": true, "sample": true, "schema": true, "search": true, "sqlite": true}

// localFolders are the folders that programs make for themselves, fill, and remove again. Names that a person may give a folder
// are not here, however temporary they look: what somebody makes is to be on Frame.io.
var localFolders = []struct {
	who   string
	shape *regexp.Regexp
}{
	{"rsync --delay-updates, --partial-dir, --temp-dir as documented", regexp.MustCompile(`^\.~tmp~$|^\.rsync-(partial|tmp)$`)},
	{"macOS safe savers (NSDocument, TextEdit)", regexp.MustCompile(`.\.sb-[0-9a-fA-F]{8}-[A-Za-z0-9]{6}$`)},
	{"macOS safe savers on a volume without a folder for temporary items", regexp.MustCompile(`^\(A Document Being Saved By .+\)$`)},
}

// LocalFolder reports whether a folder of that name is not made on Frame.io as long as it has it.
func LocalFolder(name string) bool {
	for _, row := range localFolders {
		if row.shape.MatchString(name) {
			return true
		}
	}
	return false
}

// LocalName reports whether a file of that name never leaves this machine.
func LocalName(name string) bool {
	low := strings.ToLower(name)
	for _, row := range localNames {
		for _, g := range row.globs {
			if ok, _ := path.Match(g, low); ok {
				return true
			}
		}
	}
	if sixLetterEndings[strings.TrimPrefix(path.Ext(low), ".")] {
		return false
	}
	for _, row := range localShapes {
		if row.shape.MatchString(name) {
			return true
		}
	}
	return false
}
