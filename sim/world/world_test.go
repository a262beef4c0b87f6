package world

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
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

func TestUploadParts(t *testing.T) {
	const content = "abcdefghijklmnopqrstuvwxyz" // 26 bytes in parts of 7, 7, 7, 5
	at := func(p Part) string { return content[p.Off : p.Off+p.Size] }
	tests := []struct {
		name string
		put  func(s *scene, id ID, parts []Part)
	}{
		{"backwards", func(s *scene, id ID, parts []Part) {
			for _, p := range slices.Backward(parts) {
				must(0, s.PutPart(id, p.Number, p.Size, strings.NewReader(at(p))))(s.t)
			}
		}},
		{"at once", func(s *scene, id ID, parts []Part) {
			var wg sync.WaitGroup
			for _, p := range parts {
				wg.Go(func() {
					if err := s.PutPart(id, p.Number, p.Size, strings.NewReader(at(p))); err != nil {
						s.t.Error(err)
					}
				})
			}
			wg.Wait()
		}},
		{"wrong bytes first, then again", func(s *scene, id ID, parts []Part) {
			must(0, s.PutPart(id, 1, 7, strings.NewReader("XXXXXXX")))(s.t)
			for _, p := range parts {
				must(0, s.PutPart(id, p.Number, p.Size, strings.NewReader(at(p))))(s.t)
			}
		}},
		{"cut off, then again", func(s *scene, id ID, parts []Part) {
			if err := s.PutPart(id, 2, 7, strings.NewReader("YYY")); !errors.Is(err, io.ErrUnexpectedEOF) {
				s.t.Errorf("cut body: %v", err)
			}
			for _, p := range parts {
				must(0, s.PutPart(id, p.Number, p.Size, strings.NewReader(at(p))))(s.t)
			}
		}},
		{"other boundaries", func(s *scene, id ID, parts []Part) {
			for i, piece := range []string{"abcdef", "ghijkl", "mnopqr", "stuvwxyz"} {
				must(0, s.PutPart(id, i+1, int64(len(piece)), strings.NewReader(piece)))(s.t)
			}
		}},
		{"late repetition", func(s *scene, id ID, parts []Part) {
			for _, p := range parts {
				must(0, s.PutPart(id, p.Number, p.Size, strings.NewReader(at(p))))(s.t)
			}
			must(0, s.PutPart(id, 1, 7, strings.NewReader("ZZZZZZZ")))(s.t)
		}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t, Behaviour{PartSize: 7})
			a, u, err := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "abc.txt", Size: 26})
			if err != nil || len(u.Parts) != 4 {
				t.Fatalf("create: %d parts, %v", len(u.Parts), err)
			}
			tc.put(s, a.ID, u.Parts)
			s.eventually("status uploaded", func() bool { return must(s.Asset(s.ann, a.ID))(t).Status == Uploaded })
			if got := s.body(a.ID); got != content {
				t.Errorf("body: got %q, want %q", got, content)
			}
			want := fmt.Sprintf("%016x", xxhash.Sum64String(content))
			s.eventually("checksum "+want, func() bool { return must(s.Asset(s.ann, a.ID))(t).Checksum == want })
			left := must(filepath.Glob(filepath.Join(s.cfg.Dir, "bodies", "*", "*")))(t)
			if len(left) != 1 {
				t.Errorf("left on disk: %q", left)
			}
		})
	}
}

// A slow PUT and a quick one of the same part: whoever finishes counts, and the slow one cannot spoil the original.
func TestUploadRacingParts(t *testing.T) {
	s := newScene(t, Behaviour{})
	a, _, err := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "a.txt", Size: 6})
	if err != nil {
		t.Fatal(err)
	}
	r, slow := io.Pipe()
	done := make(chan error)
	go func() { done <- s.PutPart(a.ID, 1, 6, r) }()
	slow.Write([]byte("sl"))
	if err := s.PutPart(a.ID, 1, 6, strings.NewReader("quick!")); err != nil {
		t.Fatal(err)
	}
	s.eventually("assembled", func() bool { return must(s.Asset(s.ann, a.ID))(t).Complete() })
	slow.Write([]byte("ow!!"))
	if err := <-done; err != nil {
		t.Errorf("slow PUT: %v", err)
	}
	if got := s.body(a.ID); got != "quick!" {
		t.Errorf("body: got %q", got)
	}
}

func TestUploadMismatch(t *testing.T) {
	s := newScene(t, Behaviour{SizeMismatch: MismatchFail})
	a, _, _ := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "a.txt", Size: 6})
	must(0, s.PutPart(a.ID, 1, 3, strings.NewReader("abc")))(t)
	if a = must(s.Asset(s.ann, a.ID))(t); a.UploadFailed.IsZero() || a.Complete() {
		t.Errorf("short upload: %+v", a)
	}
	s.SetBehaviour(func(b *Behaviour) { b.SizeMismatch = MismatchComplete })
	b, _, _ := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "b.txt", Size: 6})
	must(0, s.PutPart(b.ID, 1, 3, strings.NewReader("abc")))(t)
	s.eventually("completed with the real size", func() bool {
		b = must(s.Asset(s.ann, b.ID))(t)
		return b.Complete() && b.Size == 3
	})
	c, _, _ := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "c.txt", Size: 6, ExactParts: true})
	if err := s.PutPart(c.ID, 1, 3, strings.NewReader("abc")); !errors.Is(err, ErrRange) {
		t.Errorf("short part where sizes are exact: %v", err)
	}
}

func TestZeroByte(t *testing.T) {
	for _, tc := range []struct {
		mode     ZeroByte
		refused  bool
		complete bool
	}{{ZeroOK, false, true}, {ZeroRefuse, true, false}, {ZeroHang, false, false}} {
		s := newScene(t, Behaviour{ZeroByte: tc.mode})
		a, u, err := s.CreateFile(s.ann, s.project.RootID, NewFile{Name: "empty"})
		if errors.Is(err, ErrInvalid) != tc.refused {
			t.Errorf("%q: create: %v", tc.mode, err)
		}
		if tc.refused {
			continue
		}
		if len(u.Parts) != 1 {
			t.Errorf("%q: %d parts, want 1", tc.mode, len(u.Parts))
		}
		must(0, s.PutPart(a.ID, 1, 0, bytes.NewReader(nil)))(t)
		if a = must(s.Asset(s.ann, a.ID))(t); a.Complete() != tc.complete {
			t.Errorf("%q: complete is %v", tc.mode, a.Complete())
		}
	}
}

func TestStatusComesWithTime(t *testing.T) {
	clock := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := newScene(t, Behaviour{UploadedAfter: Duration(time.Second), TranscodedAfter: Duration(time.Minute)})
	s.Close()
	s.cfg.Now = func() time.Time { return clock }
	s.World = must(Open(s.cfg))(t)
	mov, txt := s.file(s.project.RootID, "a.mov", "a"), s.file(s.project.RootID, "a.zip", "a")
	for _, step := range []struct {
		after    time.Duration
		mov, txt Status
	}{{0, Created, Created}, {time.Second, Uploaded, Uploaded}, {61 * time.Second, Transcoded, Uploaded}} {
		clock = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Add(step.after)
		m, x := must(s.Asset(s.ann, mov.ID))(t), must(s.Asset(s.ann, txt.ID))(t)
		if m.Status != step.mov || x.Status != step.txt {
			t.Errorf("after %v: mov %s, zip %s; want %s, %s", step.after, m.Status, x.Status, step.mov, step.txt)
		}
		if m.UploadCompleted.IsZero() != (step.mov == Created) {
			t.Errorf("after %v: upload completed at %v", step.after, m.UploadCompleted)
		}
	}
	if _, _, err := s.OpenBody(mov.ID); err != nil {
		t.Errorf("open of an uploaded body: %v", err)
	}
}
