package signin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/frameiofs/frameiofs/remote"
)

// Source is a remote.TokenSource for one profile. Close it.
type Source struct {
	profiles Profiles
	name     string
	log      *slog.Logger
	client   *client
	now      func() time.Time

	flight singleflight.Group // at most one renewal at a time

	mu      sync.Mutex // guards what follows
	grant   Grant
	stamp   stamp
	reading bool      // the keyring is being asked for a changed profile
	look    time.Time // not to read the profile's file before, because that has just failed
	trouble *Error    // why the last renewal failed, or the profile cannot be read; nil if all is well
	refused string    // the access token that trouble is about
	since   time.Time // when trouble was noted last
	again   time.Time // not to ask again before
	tries   int
	closed  bool
	running sync.WaitGroup
}

var _ remote.TokenSource = (*Source)(nil)

// Times between questions to a token service.
const (
	// renewPause is how soon after a renewal Frame.io's refusal makes us renew again. Who refuses a token that is new refuses the user.
	renewPause = 10 * time.Second
	lookPause  = 5 * time.Second
	renewTime  = 45 * time.Second // for one renewal with everything around it
)

// Open answers the token source of a profile. log may be nil.
func (p Profiles) Open(name string, log *slog.Logger) (*Source, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Source{profiles: p, name: name, log: log, client: newClient(), now: time.Now}
	stamp, err := p.stamp(name)
	if err != nil {
		return nil, err
	}
	if s.grant, err = p.Load(name); err != nil {
		return nil, err
	}
	s.stamp = stamp
	return s, nil
}

// Profile is whose tokens these are.
func (s *Source) Profile() string { return s.name }

// SetLog makes log the place for what happens behind.
func (s *Source) SetLog(log *slog.Logger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = log
}

// Grant is the grant at hand.
func (s *Source) Grant() Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refreshView()
	return s.grant.clone()
}

// Token answers an access token that is likely to be good, renewing it first if it is not.
func (s *Source) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	s.refreshView()
	g, trouble, refused := s.grant, s.trouble, s.refused
	s.mu.Unlock()
	switch {
	case errors.Is(trouble.orNil(), errSignedOut):
		return "", trouble
	case refused != "" && refused == g.Access && errors.Is(trouble.orNil(), ErrOver) && !g.usable(s.now()):
		return "", trouble
	case g.usable(s.now()), !g.Renewable():
		return g.Access, nil // if its time is over then Frame.io says so; our clock may be wrong
	}
	if err := s.renew(ctx, g.Access); err != nil {
		if g.Access != "" && s.now().Before(g.Expires) {
			return g.Access, nil // there are some moments left
		}
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant.Access, nil
}

// Refresh gets another token than old, which Frame.io has refused.
func (s *Source) Refresh(ctx context.Context, old string) error {
	s.mu.Lock()
	s.refreshView()
	g := s.grant
	s.mu.Unlock()
	switch {
	case g.Access != old && g.Access != "":
		return nil
	case !g.Renewable():
		return s.refuse(old, over(s.name, "Frame.io does not accept the token of profile "+s.name+" any more, and it cannot be renewed"))
	case g.Obtained.After(g.SignedIn) && s.now().Sub(g.Obtained).Abs() < renewPause: // whoever did it
		return remote.ErrToken
	}
	return s.renew(ctx, old)
}

// refuse notes why there is no token.
func (s *Source) refuse(access string, e *Error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble, s.refused, s.since = e, access, s.now()
	return e
}

// refreshView reads the profile again if its file has changed: another process has renewed it, or the user has signed in again. The
// caller has mu.
func (s *Source) refreshView() {
	stamp, err := s.profiles.stamp(s.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.trouble, s.refused = signedOut(s.name), s.grant.Access
		return
	case err != nil, stamp == s.stamp, s.now().Before(s.look):
		return
	}
	r, err := s.profiles.read(s.name, ".json")
	if err == nil && r.Store == Keyring {
		s.readRing(r, stamp)
		return
	}
	g := r.Grant
	if err == nil {
		g, err = r.open()
	}
	s.readAgain(g, stamp, err)
}

// readRing reads a changed profile's secrets behind, because a keyring may take its time and nobody is to wait for it as long as the token at hand
// does. The caller has mu.
func (s *Source) readRing(r record, at stamp) {
	if s.reading {
		return
	}
	s.reading = true
	go func() { // ends by itself: patiently
		g, err := r.open()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reading = false
		if g.Serial > s.grant.Serial || g.SignedIn.After(s.grant.SignedIn) {
			s.readAgain(g, at, err)
			return
		}
		s.stamp = at // what is at hand is as new
	}()
}

// readAgain takes what a changed profile holds. The caller has mu.
func (s *Source) readAgain(g Grant, at stamp, err error) {
	if err != nil {
		s.look = s.now().Add(lookPause)
		s.log.Warn("the sign-in has changed and cannot be read", "profile", s.name, "err", err)
		return
	}
	s.adopt(g, at)
}

// adopt makes g the grant at hand. The caller has mu.
func (s *Source) adopt(g Grant, at stamp) {
	if s.trouble != nil {
		s.log.Info("signed in again", "profile", s.name)
	}
	s.grant, s.stamp = g, at
	s.trouble, s.refused, s.again, s.tries, s.look = nil, "", time.Time{}, 0, time.Time{}
}

// renew gets another token than old; however many ask at once, the service is asked once. It goes on if ctx ends: an answer that is on
// its way must be kept.
func (s *Source) renew(ctx context.Context, old string) error {
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return remote.ErrToken
	case s.trouble != nil && s.refused == old && s.now().Before(s.again):
		defer s.mu.Unlock()
		return s.trouble
	}
	s.running.Add(1)
	s.mu.Unlock()
	done := s.flight.DoChan("", func() (any, error) { return nil, s.exchange(old) })
	ended := make(chan error, 1)
	go func() {
		defer s.running.Done()
		ended <- (<-done).Err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// exchange is one renewal, in the steps that the package comment tells.
func (s *Source) exchange(old string) error {
	ctx, cancel := context.WithTimeout(context.Background(), renewTime)
	defer cancel()
	err := s.locked(ctx, old)
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Text: "the sign-in cannot be renewed: " + err.Error(), Hint: again(s.name), Err: remote.ErrToken}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	s.trouble, s.refused = e, old
	s.again = s.now().Add(remote.Backoff(s.tries, errors.Is(e, remote.ErrOffline)))
	if errors.Is(e, ErrOver) {
		s.again = s.now().Add(renewTime) // nothing but the user will change that
	}
	s.log.Warn("renew the sign-in", "profile", s.name, "err", e)
	return e
}

func (s *Source) locked(ctx context.Context, old string) error {
	unlock, err := s.profiles.lock(ctx, s.name)
	if err != nil {
		return err
	}
	defer unlock()
	g, err := s.profiles.recover(s.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return signedOut(s.name)
	case err != nil:
		return err
	}
	if g.Access != old && g.usable(s.now()) {
		return s.take(g) // somebody was faster
	}
	if !g.Renewable() {
		return over(s.name, "the token of profile "+s.name+" has run out")
	}
	room, err := s.profiles.reserve(g)
	if err != nil {
		return err
	}
	fresh, err := s.client.renew(ctx, g)
	if err != nil {
		room.drop()
		return err
	}
	fresh.Serial = g.Serial + 1
	if fresh, err = room.commit(fresh); err != nil {
		return err
	}
	if fresh.Store != g.Store {
		s.log.Warn("the keyring cannot be used now: the sign-in is kept in a file that only you may read", "profile", s.name, "dir", s.profiles.Dir)
	}
	return s.take(fresh)
}

// take makes g the grant at hand, as the profile's file has it now. The caller has the profile's lock.
func (s *Source) take(g Grant) error {
	at, err := s.profiles.stamp(s.name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopt(g, at)
	return nil
}

// Run renews ahead of need until ctx ends, so that nobody has to wait, and so that a mount that nobody uses stays signed in.
func (s *Source) Run(ctx context.Context) {
	for {
		t := time.NewTimer(s.ahead(ctx))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// How often Run looks. Times are compared by the wall clock each time, because machines sleep.
const (
	calm   = 30 * time.Second
	uneasy = 2 * time.Second // while the user is to sign in again
)

// ahead renews if it is time, and answers how long to wait before looking again.
func (s *Source) ahead(ctx context.Context) time.Duration {
	s.mu.Lock()
	s.refreshView()
	g, trouble, next := s.grant, s.trouble, s.again
	s.mu.Unlock()
	due, now := g.due(), s.now()
	if !due.IsZero() && !now.Before(due) && (trouble == nil || !errors.Is(trouble, ErrOver)) && !now.Before(next) {
		s.renew(ctx, g.Access) // what came of it is seen at the next look
		return 50 * time.Millisecond
	}
	if trouble != nil {
		return uneasy
	}
	if due.IsZero() {
		return calm
	}
	return min(calm, max(50*time.Millisecond, due.Sub(now)))
}

// Close waits for a renewal that is under way: its answer must be kept.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
}

// Trouble is what the user should know and do about the sign-in now; "" if nothing.
func (s *Source) Trouble() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	switch {
	case s.trouble == nil, !s.grant.Renewable() && s.signedIn() && now.Sub(s.since) > refusedFor:
		return Ending(s.grant.Expires, s.grant.Renewable(), s.name, now)
	case errors.Is(s.trouble, ErrOver) || !s.grant.usable(now):
		return s.trouble.Text
	}
	return "" // it goes on for now, and is tried again
}

// refusedFor is how long a token that Frame.io has refused counts as refused: whoever needs it asks again and again, and is refused
// again, or not.
const refusedFor = 90 * time.Second

// signedIn reports whether the profile is there. The caller has mu.
func (s *Source) signedIn() bool { return !errors.Is(s.trouble.orNil(), errSignedOut) }

// warnBefore is how long before its end a token that cannot be renewed is worth a word.
const warnBefore = time.Hour

// Ending is a word about a token that ends soon and cannot be renewed; "" if there is none to be said. profile is "" for a token that is in
// none.
func Ending(expires time.Time, renewable bool, profile string, now time.Time) string {
	left := expires.Sub(now)
	if expires.IsZero() || renewable || left > warnBefore {
		return ""
	}
	what, do := "the token", "give another one, or use frameiofs login"
	if profile != "" {
		what, do = "the token of profile "+profile, again(profile)
	}
	if left <= 0 {
		return fmt.Sprintf("%s has run out at %s, by this machine's clock: %s", what, expires.Local().Format("15:04"), do)
	}
	return fmt.Sprintf("%s runs out at %s, in %d min, and cannot be renewed: %s", what, expires.Local().Format("15:04"), int(left/time.Minute)+1, do)
}

// errSignedOut is a profile that is not there any more. It is no fs.ErrNotExist, nor may any other error of a Source be one: whoever asks
// Frame.io for a file would take it for the file's.
var errSignedOut = errors.New("signed out")

func signedOut(profile string) *Error {
	e := over(profile, "profile "+profile+" is signed out")
	e.Err = errors.Join(ErrOver, errSignedOut)
	return e
}

// orNil makes a nil *Error a nil error.
func (e *Error) orNil() error {
	if e == nil {
		return nil
	}
	return e
}
