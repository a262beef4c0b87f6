package world

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// scene is a small world for tests: one account, a team with ann (owner), bob outside the team, and a project.
type scene struct {
	*World
	t        *testing.T
	cfg      Config
	acc      Account
	ann, bob Caller
	project  Project
}

func newScene(t *testing.T, b Behaviour) *scene {
	t.Helper()
	s := &scene{t: t, cfg: Config{Dir: t.TempDir(), Behaviour: b}}
	s.World = must(Open(s.cfg))(t)
	t.Cleanup(func() { s.Close() })
	s.acc = must(s.AddAccount(Account{Name: "Acme"}))(t)
	ann := must(s.AddUser(User{AccountID: s.acc.ID, Name: "Ann", Role: Owner}))(t)
	bob := must(s.AddUser(User{AccountID: s.acc.ID, Name: "Bob", Role: Member}))(t)
	team := must(s.AddTeam(Team{AccountID: s.acc.ID, Name: "Post", Members: []ID{ann.ID}}))(t)
	s.project = must(s.AddProject(Project{TeamID: team.ID, Name: "Film"}))(t)
	s.ann, s.bob = As(ann.ID), As(bob.ID)
	return s
}

// must unwraps a call's result: must(f())(t).
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (s *scene) reopen() {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.World = must(Open(s.cfg))(s.t)
}

func (s *scene) folder(parent ID, name string) Asset {
	s.t.Helper()
	return must(s.CreateFolder(s.ann, parent, name))(s.t)
}

func (s *scene) file(parent ID, name, content string) Asset {
	s.t.Helper()
	return must(s.PutFile(s.ann, parent, NewFile{Name: name, Size: int64(len(content))}, strings.NewReader(content)))(s.t)
}

func (s *scene) names(parent ID) []string {
	s.t.Helper()
	return names(must(s.List(s.ann, Query{Parent: parent}))(s.t).Assets)
}

func names(as []Asset) (ns []string) {
	for _, a := range as {
		ns = append(ns, a.Name)
	}
	return ns
}

func (s *scene) body(id ID) string {
	s.t.Helper()
	f, _, err := s.OpenBody(id)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	return string(must(io.ReadAll(f))(s.t))
}

func (s *scene) eventually(what string, ok func() bool) {
	s.t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	s.t.Fatalf("waited in vain: %s", what)
}

func TestWorldSurvivesRestart(t *testing.T) {
	s := newScene(t, Behaviour{PartSize: 4})
	day := s.folder(s.project.RootID, "Day 1")
	clip := s.file(day.ID, "clip.mov", "moving pictures")
	gone := s.file(day.ID, "gone.mov", "xx")
	must(s.Delete(s.ann, gone.ID))(t)
	stack := must(s.AddVersion(s.ann, clip.ID, s.file(day.ID, "clip v2.mov", "better pictures").ID))(t)
	half, u, err := s.CreateFile(s.ann, day.ID, NewFile{Name: "half.mov", Size: 8})
	if err != nil || len(u.Parts) != 2 {
		t.Fatalf("create of 8 bytes in parts of 4: %d parts, %v", len(u.Parts), err)
	}
	if err := s.PutPart(half.ID, 2, 4, strings.NewReader("5678")); err != nil {
		t.Fatal(err)
	}
	must(s.AddToken(Token{Access: "fio-u-x", Kind: Developer, User: s.ann.User, Scopes: []string{"asset.read"}}))(t)
	before := must(s.Account(s.ann, s.acc.ID))(t).Usage

	s.reopen()
	if got, want := s.names(day.ID), []string{"clip v2.mov", "half.mov"}; !slices.Equal(got, want) {
		t.Errorf("after restart: got %q, want %q", got, want)
	}
	if got := must(s.Account(s.ann, s.acc.ID))(t).Usage; got != before {
		t.Errorf("usage after restart: got %+v, want %+v", got, before)
	}
	if got := names(must(s.List(s.ann, Query{Parent: stack.ID}))(t).Assets); !slices.Equal(got, []string{"clip v2.mov", "clip.mov"}) {
		t.Errorf("versions after restart, newest first: %q", got)
	}
	if c, err := s.Authenticate("fio-u-x"); err != nil || c.User != s.ann.User || c.Has("asset.create") || !c.Has("asset.read") {
		t.Errorf("token after restart: %+v, %v", c, err)
	}
	if err := s.PutPart(half.ID, 1, 4, strings.NewReader("1234")); err != nil {
		t.Fatal(err)
	}
	if got := s.body(half.ID); got != "12345678" {
		t.Errorf("upload finished after restart: got %q", got)
	}
	if _, err := s.Restore(s.ann, gone.ID); err != nil {
		t.Errorf("restore after restart: %v", err)
	}
}

func TestJournalTornLineAndRewrite(t *testing.T) {
	s := newScene(t, Behaviour{})
	f := s.folder(s.project.RootID, "kept")
	for i := range 3000 {
		name := fmt.Sprint("name ", i)
		must(s.Update(s.ann, f.ID, Change{Name: &name}))(t)
	}
	s.Close()
	path := filepath.Join(s.cfg.Dir, "journal")
	j, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	j.WriteString(`{"t":"asset","v":{"ID":"to`)
	j.Close()

	s.World = must(Open(s.cfg))(t)
	if got := s.names(s.project.RootID); !slices.Equal(got, []string{"name 2999"}) {
		t.Errorf("after a torn line: %q", got)
	}
	if fi := must(os.Stat(path))(t); fi.Size() > 10_000 {
		t.Errorf("3,000 renames of one folder still take %d bytes after reopening", fi.Size())
	}
	s.folder(s.project.RootID, "new")
	s.reopen()
	if got := s.names(s.project.RootID); !slices.Equal(got, []string{"name 2999", "new"}) {
		t.Errorf("after rewriting and appending: %q", got)
	}
	if _, err := Open(s.cfg); err == nil || !strings.Contains(err.Error(), "another simulator") {
		t.Errorf("second open of one folder: %v", err)
	}
}

func TestPermissions(t *testing.T) {
	s := newScene(t, Behaviour{})
	f := s.file(s.project.RootID, "a.txt", "a")
	root := s.project.RootID
	shared := func() int { return len(must(s.SharedProjects(s.bob, ""))(t)) }

	if _, err := s.Asset(s.bob, f.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("stranger reads: %v", err)
	}
	if shared() != 0 {
		t.Error("stranger sees shared projects")
	}
	s.ChangeProject(s.project.ID, func(p *Project) { p.Collaborators = []ID{s.bob.User} })
	if _, err := s.Asset(s.bob, f.ID); err != nil || shared() != 1 {
		t.Errorf("collaborator reads: %v, %d shared projects", err, shared())
	}
	if ts := must(s.Teams(s.bob, ""))(t); len(ts) != 0 {
		t.Errorf("collaborator sees teams: %v", ts)
	}
	if _, err := s.CreateFolder(s.bob, root, "x"); err != nil {
		t.Errorf("collaborator writes: %v", err)
	}
	s.ChangeUser(s.bob.User, func(u *User) { u.Role, u.NoDownload = Viewer, true })
	if _, err := s.CreateFolder(s.bob, root, "x"); !errors.Is(err, ErrForbidden) {
		t.Errorf("viewer writes: %v", err)
	}
	if s.CanDownload(s.bob, s.project.ID) || !s.CanDownload(s.ann, s.project.ID) {
		t.Error("NoDownload has no effect, or one on others")
	}
	s.ChangeAccount(s.acc.ID, func(a *Account) { a.Locked = true })
	if _, err := s.Delete(s.ann, f.ID); !errors.Is(err, ErrLocked) {
		t.Errorf("change in a locked account: %v", err)
	}
	s.ChangeProject(s.project.ID, func(p *Project) { p.Deleted = time.Now() })
	if _, err := s.Asset(s.ann, f.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("read in a deleted project: %v", err)
	}
}

func TestQuota(t *testing.T) {
	s := newScene(t, Behaviour{})
	s.ChangeAccount(s.acc.ID, func(a *Account) { a.StorageLimit = 10 })
	a := s.file(s.project.RootID, "seven", "1234567")
	if _, _, err := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "four", Size: 4}); !errors.Is(err, ErrQuota) {
		t.Errorf("four more bytes of ten: %v", err)
	}
	if _, err := s.Copy(s.ann, a.ID, s.project.RootID, CopyOptions{}); !errors.Is(err, ErrQuota) {
		t.Errorf("copy over quota: %v", err)
	}
	must(s.Delete(s.ann, a.ID))(t)
	s.SetBehaviour(func(b *Behaviour) { b.TrashCounts = true })
	if _, _, err := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "four", Size: 4}); !errors.Is(err, ErrQuota) {
		t.Errorf("after deleting, but trash counts: %v", err)
	}
	s.SetBehaviour(func(b *Behaviour) { b.TrashCounts = false })
	if _, _, err := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "four", Size: 4}); err != nil {
		t.Errorf("after deleting: %v", err)
	}
	if u := must(s.Project(s.ann, s.project.ID))(t).Usage; u != (Usage{Bytes: 4, Files: 1}) {
		t.Errorf("usage: %+v", u)
	}
}
