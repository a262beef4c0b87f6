package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// deed is what a program does in a folder of the mount, so that a step comes to be made.
type deed interface {
	// before is what Frame.io has in the folder, and after what it has when all is done: the contents of a file, newest first, by name;
	// a folder has none.
	before() tree
	after(fresh []byte) tree
	// do is what the program does; fresh are bytes that nobody has written before.
	do(dir string, fresh []byte) error
	// about is the name that tells of it.
	about() string
}

// preparer is a deed before which something has to be.
type preparer interface {
	prepare(dir string, l *lane) error
}

type tree map[string][][]byte

const (
	freshSize = 2<<20 + 1<<19 // bytes of a file that is written: three parts
	oldSize   = 1<<20 + 1<<19 // bytes of a file that is there: some parts, too
)

// old are the bytes of what is there, and known those of what was sent from here before.
var (
	old   = noise(77, oldSize)
	known = noise(78, 8<<20)
)

type makeFolder struct{}

func (makeFolder) before() tree                  { return tree{} }
func (makeFolder) after([]byte) tree             { return tree{"made": nil} }
func (makeFolder) do(dir string, _ []byte) error { return os.Mkdir(filepath.Join(dir, "made"), 0o755) }
func (makeFolder) about() string                 { return "made" }

type writeFile struct{}

func (writeFile) before() tree            { return tree{} }
func (writeFile) after(fresh []byte) tree { return tree{"film.mov": {fresh}} }
func (writeFile) about() string           { return "film.mov" }
func (writeFile) do(dir string, fresh []byte) error {
	return os.WriteFile(filepath.Join(dir, "film.mov"), fresh, 0o644)
}

type listFolder struct{}

// It lies deep, or it would have been listed ahead.
func (listFolder) before() tree {
	return tree{"a": nil, "a/b": nil, "a/b/c": nil, "a/b/c/old.mov": {old}}
}
func (l listFolder) after([]byte) tree { return l.before() }
func (listFolder) about() string       { return "a" }
func (listFolder) do(dir string, _ []byte) error {
	list, err := os.ReadDir(filepath.Join(dir, "a/b/c"))
	if err == nil && (len(list) != 1 || list[0].Name() != "old.mov") {
		err = fmt.Errorf("%w: it lists %v", errWrong, list)
	}
	return err
}

type renameFile struct{}

func (renameFile) before() tree      { return tree{"old.mov": {old}} }
func (renameFile) after([]byte) tree { return tree{"new.mov": {old}} }
func (renameFile) about() string     { return "new.mov" }
func (renameFile) do(dir string, _ []byte) error {
	return os.Rename(filepath.Join(dir, "old.mov"), filepath.Join(dir, "new.mov"))
}

type moveFile struct{}

func (moveFile) before() tree      { return tree{"old.mov": {old}, "to": nil} }
func (moveFile) after([]byte) tree { return tree{"to/old.mov": {old}, "to": nil} }
func (moveFile) about() string     { return "to/old.mov" }
func (moveFile) do(dir string, _ []byte) error {
	return os.Rename(filepath.Join(dir, "old.mov"), filepath.Join(dir, "to/old.mov"))
}

type deleteFile struct{}

func (deleteFile) before() tree                  { return tree{"old.mov": {old}} }
func (deleteFile) after([]byte) tree             { return tree{} }
func (deleteFile) about() string                 { return "old.mov" }
func (deleteFile) do(dir string, _ []byte) error { return os.Remove(filepath.Join(dir, "old.mov")) }

type saveOver struct{}

func (saveOver) before() tree            { return tree{"old.mov": {old}} }
func (saveOver) after(fresh []byte) tree { return tree{"old.mov": {fresh, old}} }
func (saveOver) about() string           { return "old.mov" }
func (saveOver) do(dir string, fresh []byte) error {
	return os.WriteFile(filepath.Join(dir, "old.mov"), fresh, 0o644)
}

// copyFile writes bytes that Frame.io has from here already, which it is asked to copy then.
type copyFile struct{}

func (copyFile) before() tree      { return tree{} }
func (copyFile) after([]byte) tree { return tree{"copy.mov": {known}} }
func (copyFile) about() string     { return "copy.mov" }
func (copyFile) do(dir string, _ []byte) error {
	return os.WriteFile(filepath.Join(dir, "copy.mov"), known, 0o644)
}

// readLater reads what it knows by a link that has expired, so that it has to ask for another.
type readLater struct{ readFile }

func (readLater) prepare(dir string, l *lane) error {
	_, err := os.Stat(filepath.Join(dir, "old.mov"))
	time.Sleep(500 * time.Millisecond) // what is looked at is listed again behind, with new links
	l.sim.call("POST", "/_sim/expire?what=urls", nil, nil)
	return err
}

type readFile struct{}

func (readFile) before() tree      { return tree{"old.mov": {old}} }
func (readFile) after([]byte) tree { return tree{"old.mov": {old}} }
func (readFile) about() string     { return "old.mov" }
func (readFile) do(dir string, _ []byte) error {
	b, err := os.ReadFile(filepath.Join(dir, "old.mov"))
	if err == nil && !bytes.Equal(b, old) {
		err = fmt.Errorf("%w: old.mov has %d bytes: %s", errWrong, len(b), differs(old, b))
	}
	return err
}

// errWrong marks what no fault excuses.
var errWrong = errors.New("wrong")

// done reports whether an error of a deed that is done again only says that it has been done before.
func done(err error) bool { return errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) }
