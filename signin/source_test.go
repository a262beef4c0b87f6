package signin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim/world"
)

func open(t *testing.T, p Profiles) *Source {
	t.Helper()
	s, err := p.Open("p", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func token(t *testing.T, s *Source) string {
	t.Helper()
	got, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// later lets a source's clock be ahead.
func later(s *Source, d time.Duration) { s.now = func() time.Time { return time.Now().Add(d) } }

func TestRenewedBeforeItsEnd(t *testing.T) {
	srv := startSim(t, world.Behaviour{RefreshTokens: world.RefreshFamily})
	p := Profiles{Dir: t.TempDir()}
	first := save(t, p, signIn(t, ask(srv, "v4")))
	s := open(t, p)
	before := asked(srv, "/ims/token")
	for range 3 {
		if got := token(t, s); got != first.Access {
			t.Error("a good token is not used")
		}
	}
	if n := asked(srv, "/ims/token"); n != before {
		t.Errorf("asked %d times for nothing", n-before)
	}
	later(s, 24*time.Hour-30*time.Second) // less than the last moment
	second := token(t, s)
	if second == first.Access || !good(srv, second) {
		t.Error("it was not renewed in its last moment")
	}
	kept, err := p.Load("p")
	if err != nil || kept.Access != second || kept.Refresh == first.Refresh || kept.Serial != first.Serial+1 {
		t.Errorf("kept: serial %d, %v", kept.Serial, err)
	}
}

func TestRenewedAheadByRun(t *testing.T) {
	srv := startSim(t, world.Behaviour{AccessLife: world.Duration(time.Second), RefreshTokens: world.RefreshFamily})
	p := Profiles{Dir: t.TempDir()}
	save(t, p, signIn(t, ask(srv, "v2")))
	s := open(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	end := time.Now().Add(20 * time.Second)
	for g := s.Grant(); g.Serial < 2; g = s.Grant() {
		if time.Now().After(end) {
			t.Fatalf("renewed %d times, trouble %q", g.Serial, s.Trouble())
		}
		if !g.usable(time.Now()) && time.Since(g.Expires) > 5*time.Second {
			t.Fatalf("it was let run out: %+v", g)
		}
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	<-ended
}

// Two processes, many callers, a service that ends everything if a refresh token is used twice.
func TestManyAtOnce(t *testing.T) {
	srv := startSim(t, world.Behaviour{RefreshTokens: world.RefreshFamily})
	p := Profiles{Dir: t.TempDir()}
	first := save(t, p, signIn(t, ask(srv, "v4")))
	sources := []*Source{open(t, p), open(t, p), open(t, p)}
	before := asked(srv, "/ims/token")
	if err := srv.World().ExpireTokens(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, s := range sources {
		for range 20 {
			wg.Go(func() {
				if err := s.Refresh(t.Context(), first.Access); err != nil {
					t.Error(err)
				}
				if got, err := s.Token(t.Context()); err != nil || !good(srv, got) {
					t.Errorf("token: %v", err)
				}
			})
		}
	}
	wg.Wait()
	if n := asked(srv, "/ims/token") - before; n != 1 {
		t.Errorf("60 callers in 3 processes asked %d times, want 1", n)
	}
	// A token that is refused although it is new is not renewed again and again.
	if err := srv.World().ExpireTokens(); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, s := range sources {
		if s.Refresh(t.Context(), token(t, s)) != nil {
			refused++
		}
	}
	if n := asked(srv, "/ims/token") - before; refused != 3 || n != 1 {
		t.Errorf("soon after: %d refused, %d asked; want 3 and the 1 from before", refused, n)
	}
}

func TestOverAndSignedInAgain(t *testing.T) {
	for _, api := range []string{"v2", "v4"} {
		srv := startSim(t, world.Behaviour{})
		p := Profiles{Dir: t.TempDir()}
		first := save(t, p, signIn(t, ask(srv, api)))
		s := open(t, p)
		if err := errors.Join(srv.World().ExpireTokens(), srv.World().ExpireRefresh()); err != nil {
			t.Fatal(err)
		}
		err := s.Refresh(t.Context(), first.Access)
		wantError(t, api, err, ErrOver, "sign in again: frameiofs login --profile p", "frameiofs login", first.Access, first.Refresh)
		if !errors.Is(err, remote.ErrToken) || remote.Judge(err) != remote.Passing {
			t.Errorf("%s: %v would not be waited out", api, err)
		}
		if !strings.Contains(s.Trouble(), "frameiofs login --profile p") {
			t.Errorf("%s: trouble %q", api, s.Trouble())
		}
		n := asked(srv, "/ims/token") + asked(srv, "/oauth2/token")
		for range 5 {
			s.Refresh(t.Context(), first.Access)
		}
		if again := asked(srv, "/ims/token") + asked(srv, "/oauth2/token"); again != n {
			t.Errorf("%s: asked %d times more", api, again-n)
		}
		later(s, 25*time.Hour)
		if _, err := s.Token(t.Context()); !errors.Is(err, ErrOver) {
			t.Errorf("%s: a token that ran out: %v", api, err)
		}
		later(s, 0)
		second := save(t, p, signIn(t, ask(srv, api)))
		if got := token(t, s); got != second.Access || s.Trouble() != "" {
			t.Errorf("%s: after login: the new token %v, trouble %q", api, got == second.Access, s.Trouble())
		}
		if err := p.Delete(t.Context(), "p"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Token(t.Context()); !errors.Is(err, ErrOver) || errors.Is(err, os.ErrNotExist) || !strings.Contains(s.Trouble(), "signed out") {
			t.Errorf("%s: after logout: %v, trouble %q", api, err, s.Trouble())
		}
		third := save(t, p, signIn(t, ask(srv, api)))
		if got := token(t, s); got != third.Access || s.Trouble() != "" {
			t.Errorf("%s: after logout and login: trouble %q", api, s.Trouble())
		}
	}
}

// Without room for the answer nothing is asked: the old refresh token stays good.
func TestNoRoomNoQuestion(t *testing.T) {
	srv := startSim(t, world.Behaviour{RefreshTokens: world.RefreshFamily})
	p := Profiles{Dir: t.TempDir()}
	first := save(t, p, signIn(t, ask(srv, "v4")))
	s := open(t, p)
	block := filepath.Join(p.Dir, "p.next")
	if err := os.Mkdir(block, 0o700); err != nil {
		t.Fatal(err)
	}
	n := asked(srv, "/ims/token")
	if err := srv.World().ExpireTokens(); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(t.Context(), first.Access); err == nil || asked(srv, "/ims/token") != n {
		t.Errorf("%v; asked %d times", err, asked(srv, "/ims/token")-n)
	}
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	later(s, time.Minute)
	if err := s.Refresh(t.Context(), first.Access); err != nil || !good(srv, token(t, s)) {
		t.Errorf("with room: %v", err)
	}
}

// A lost answer: whether that can be mended is up to the service.
func TestAnswerLost(t *testing.T) {
	for _, how := range []world.RefreshTokens{world.RefreshRotate, world.RefreshKeep} {
		srv := startSim(t, world.Behaviour{RefreshTokens: how})
		p := Profiles{Dir: t.TempDir()}
		first := save(t, p, signIn(t, ask(srv, "v4")))
		s := open(t, p)
		if err := srv.Faults().AddText("lost@api:/ims.token/*1"); err != nil {
			t.Fatal(err)
		}
		later(s, 24*time.Hour-15*time.Minute) // renewing is due, and the token still good
		if s.ahead(t.Context()); token(t, s) != first.Access {
			t.Errorf("%q: the token at hand is not used any more", how)
		}
		if s.Trouble() != "" {
			t.Errorf("%q: trouble %q while all goes on", how, s.Trouble())
		}
		later(s, 24*time.Hour-10*time.Minute)
		s.ahead(t.Context())
		switch now := token(t, s); {
		case how == world.RefreshKeep && (now == first.Access || !good(srv, now)):
			t.Errorf("%q: not renewed by the second question", how)
		case how == world.RefreshRotate && (now != first.Access || !strings.Contains(s.Trouble(), "sign in again")):
			t.Errorf("%q: trouble %q", how, s.Trouble())
		}
	}
}

func TestOffline(t *testing.T) {
	srv := startSim(t, world.Behaviour{})
	p := Profiles{Dir: t.TempDir()}
	g := signIn(t, ask(srv, "v4"))
	g.AuthURL = "http://127.0.0.1:1"
	g = save(t, p, g)
	s := open(t, p)
	later(s, 24*time.Hour-30*time.Second)
	if token(t, s) != g.Access {
		t.Error("the last moments of a token are not used")
	}
	later(s, 25*time.Hour)
	_, err := s.Token(t.Context())
	wantError(t, "offline", err, remote.ErrOffline, "127.0.0.1:1 cannot be reached", "network", g.Refresh)
	if !strings.Contains(s.Trouble(), "cannot be reached") {
		t.Errorf("trouble %q", s.Trouble())
	}
}

func TestServersGoOnByThemselves(t *testing.T) {
	srv := startSim(t, world.Behaviour{})
	p := Profiles{Dir: t.TempDir()}
	g, err := ServerToServer(t.Context(), Grant{Profile: "p", Method: Server, API: "v4", AuthURL: srv.URL(), ClientID: "sim-server", Store: File, Secrets: Secrets{ClientSecret: "sim-server-secret"}})
	if err != nil {
		t.Fatal(err)
	}
	g.SignedIn = time.Now()
	save(t, p, g)
	s := open(t, p)
	if _, err := srv.World().Revoke(g.Access); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(t.Context(), g.Access); err != nil || !good(srv, token(t, s)) {
		t.Errorf("renew: %v", err)
	}
}

func TestTokensThatCannotBeRenewed(t *testing.T) {
	p := Profiles{Dir: t.TempDir()}
	save(t, p, Grant{Profile: "p", Method: Token, API: "v4", Store: File, Obtained: time.Now(), Expires: time.Now().Add(40 * time.Minute), Secrets: Secrets{Access: "pasted"}})
	s := open(t, p)
	if got := s.Trouble(); !strings.Contains(got, "runs out at") || !strings.Contains(got, "in 40 min") {
		t.Errorf("trouble %q", got)
	}
	later(s, -time.Hour)
	if got := s.Trouble(); got != "" {
		t.Errorf("long before: %q", got)
	}
	later(s, time.Hour)
	if got := s.Trouble(); !strings.Contains(got, "has run out") || token(t, s) != "pasted" {
		t.Errorf("after: %q", got)
	}
	later(s, 0)
	err := s.Refresh(t.Context(), "pasted")
	wantError(t, "refused", err, ErrOver, "cannot be renewed", "frameiofs login", "pasted")
	if got := s.Trouble(); !strings.Contains(got, "does not accept") {
		t.Errorf("refused: %q", got)
	}
	later(s, 2*time.Minute) // nobody refuses it any more
	if got := s.Trouble(); !strings.Contains(got, "runs out at") {
		t.Errorf("a while after: %q", got)
	}
}

func TestWhenToRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for life, ahead := range map[time.Duration]time.Duration{24 * time.Hour: time.Hour, time.Hour: 15 * time.Minute, time.Minute: 15 * time.Second} {
			g := Grant{Obtained: time.Now(), Expires: time.Now().Add(life), Secrets: Secrets{Access: "a", Refresh: "r"}}
			if got := g.Expires.Sub(g.due()); got != ahead {
				t.Errorf("%s: renewed %s before the end, want %s", life, got, ahead)
			}
			if !g.usable(g.due()) || g.usable(g.Expires.Add(-min(time.Minute, life/10))) {
				t.Errorf("%s: usable is wrong", life)
			}
		}
		if g := (Grant{Secrets: Secrets{Access: "a"}}); !g.usable(time.Now()) || !g.due().IsZero() {
			t.Error("a developer token has an end")
		}
	})
}
