package signin

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/frameiofs/frameiofs/remote"
)

func example(store Store) Grant {
	return Grant{Profile: "work", Method: Browser, API: "v4", APIURL: "https://api.frame.io", ClientID: "id", Scopes: []string{"a", "b"},
		User: remote.User{ID: "u", Name: "Maya"}, SignedIn: time.Unix(1000, 0).UTC(), Obtained: time.Unix(2000, 0).UTC(), Expires: time.Unix(3000, 0).UTC(), Store: store,
		Secrets: Secrets{Access: "access-" + strings.Repeat("x", 2500), Refresh: "refresh-" + strings.Repeat("y", 2500), ClientSecret: "hush"}}
}

func TestKeptInBothStores(t *testing.T) {
	for _, store := range []Store{File, Keyring} {
		t.Run(string(store), func(t *testing.T) {
			withRing(t)
			p := Profiles{Dir: filepath.Join(t.TempDir(), "signin")}
			if _, err := p.Load("work"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("before: %v", err)
			}
			g := save(t, p, example(store))
			g.Access = "newer"
			g = save(t, p, g)
			got, err := p.Load("work")
			if err != nil || got.Secrets != g.Secrets || got.Serial != 1 || got.Store != store || got.User != g.User || !got.Expires.Equal(g.Expires) {
				t.Errorf("got %+v, %v", got, err)
			}
			info, err := os.Stat(filepath.Join(p.Dir, "work.json"))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			text, err := os.ReadFile(filepath.Join(p.Dir, "work.json"))
			if err != nil || strings.Contains(string(text), "refresh-") != (store == File) || strings.Contains(string(text), "hush") != (store == File) {
				t.Errorf("the file holds %s", text)
			}
			all, err := p.List()
			if err != nil || len(all) != 1 || all[0].Profile != "work" || all[0].Access != "" {
				t.Errorf("list: %+v, %v", all, err)
			}
			if err := p.Delete(t.Context(), "work"); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Load("work"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after: %v", err)
			}
			if left, _ := os.ReadDir(p.Dir); len(left) != 1 { // the lock
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestNothingIsLeftInTheKeyring(t *testing.T) {
	withRing(t)
	p := Profiles{Dir: t.TempDir()}
	g := save(t, p, example(Keyring))
	r, err := p.read("work", ".json")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		g = save(t, p, g)
	}
	g.Store = File
	save(t, p, g)
	for serial := range 6 {
		for i := range 5 {
			if v, err := keyring.Get(ringService, item(ringName(r.Ring, serial), i)); !errors.Is(err, keyring.ErrNotFound) {
				t.Errorf("item %d of %d is still there: %q, %v", i, serial, v, err)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for _, good := range []string{"default", "Acme-2", "a", "a.b_c"} {
		if err := CheckName(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".", "..", "a/b", "../x", "-x", ".hidden", "a b", "ä", strings.Repeat("x", 65), "a\x00"} {
		if CheckName(bad) == nil {
			t.Errorf("%q is a name", bad)
		}
		if _, err := (Profiles{Dir: t.TempDir()}).Load(bad); err == nil {
			t.Errorf("%q is a profile", bad)
		}
	}
}

func TestFilesThatAreNotRight(t *testing.T) {
	p := Profiles{Dir: t.TempDir()}
	save(t, p, example(File))
	path := filepath.Join(p.Dir, "work.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func(){
		"chmod 600":  func() { os.Chmod(path, 0o644) },
		"is damaged": func() { os.WriteFile(path, text[:len(text)/2], 0o600) },
		"profile":    func() { os.WriteFile(path, []byte(`{"profile":"Work"}`), 0o600) },
	} {
		os.Chmod(path, 0o600)
		do()
		if _, err := p.Load("work"); err == nil || !strings.Contains(err.Error(), what) || strings.Contains(err.Error(), "refresh-") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A process can die between any two steps of a renewal.
func TestDyingWhileRenewing(t *testing.T) {
	for _, store := range []Store{File, Keyring} {
		for _, step := range []string{"reserved", "torn", "written"} {
			t.Run(string(store)+" "+step, func(t *testing.T) {
				withRing(t)
				p := Profiles{Dir: t.TempDir()}
				g := save(t, p, example(store))
				want := g.Access
				d, err := p.reserve(g)
				if err != nil {
					t.Fatal(err)
				}
				next := g
				next.Serial, next.Access, next.Refresh = g.Serial+1, "next-access", "next-refresh-"+strings.Repeat("z", 3000)
				switch step {
				case "torn":
					if store == Keyring { // the file stands, of two items one
						r := record{Grant: next, Ring: d.ring, Items: ringItems(next.Secrets)}
						if err := d.write(r); err != nil {
							t.Fatal(err)
						}
						keyring.Set(ringService, item(ringName(d.ring, next.Serial), 0), string(ringText(next.Secrets)[:itemSize]))
						break
					}
					d.file.WriteAt([]byte(`{"profile":"work","secrets":{"acc`), 0)
				case "written":
					want = next.Access
					r := record{Grant: next}
					if r.Secrets = &next.Secrets; store == Keyring {
						r.Secrets, r.Ring, r.Items = nil, d.ring, ringItems(next.Secrets)
						if err := ringSave(ringName(d.ring, next.Serial), next.Secrets); err != nil {
							t.Fatal(err)
						}
					}
					if err := d.write(r); err != nil {
						t.Fatal(err)
					}
				}
				d.file.Close()
				got, err := p.recover("work")
				if err != nil || got.Access != want {
					t.Errorf("after a death when it was %s: %.20q, %v; want %.20q", step, got.Access, err, want)
				}
				// And it goes on.
				got.Access, got.Serial = "after", got.Serial+1
				if d, err = p.reserve(got); err != nil {
					t.Fatal(err)
				}
				if _, err := d.commit(got); err != nil {
					t.Fatal(err)
				}
				if last, err := p.Load("work"); err != nil || last.Access != "after" || last.Refresh != got.Refresh {
					t.Errorf("and after it: %.20q, %v", last.Access, err)
				}
			})
		}
	}
}

func TestKeyringThatFails(t *testing.T) {
	withRing(t)
	p := Profiles{Dir: t.TempDir()}
	g := save(t, p, example(Keyring))
	d, err := p.reserve(g)
	if err != nil {
		t.Fatal(err)
	}
	keyring.MockInitWithError(errors.New("locked"))
	// The answer is there and nowhere else: the file takes it.
	g.Serial, g.Access = g.Serial+1, "precious"
	got, err := d.commit(g)
	if err != nil || got.Store != File {
		t.Fatalf("%+v, %v", got.Store, err)
	}
	if again, err := p.Load("work"); err != nil || again.Access != "precious" || again.Store != File {
		t.Errorf("%+v, %v", again, err)
	}
	// Without a keyring from the beginning: the file, unless the user has said otherwise.
	g = example(Keyring)
	g.Profile = "other"
	if got := save(t, p, g); got.Store != File {
		t.Errorf("kept in %s", got.Store)
	}
	g.Forced = true
	if _, err := p.Save(t.Context(), g); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("forced: %v", err)
	}
	if KeyringThere() == nil {
		t.Error("a keyring that fails is there")
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	if err := KeyringThere(); err == nil {
		t.Error("a keyring without a session is there")
	}
}
