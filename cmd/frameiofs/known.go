package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"github.com/frameiofs/frameiofs/remote"
)

// known is what was found out about a token when Frame.io could be asked last. With it a mount need not wait for Frame.io, nor for a
// link: it shows what the index has, and takes what is written.
type known struct {
	path  string
	API   string               `json:"api"`
	User  remote.User          `json:"user"`
	Roots map[string]knownRoot `json:"roots"` // by what --root said
}

type knownRoot struct {
	Item remote.Item `json:"item"`
	Path string      `json:"path"`
}

// knownOf reads what is known about a, if anything. Of a token without a key, as the demonstration has, nothing is kept.
func knownOf(a account) *known {
	if a.tokenKey == "" {
		return &known{Roots: map[string]knownRoot{}}
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{a.url, a.api, a.tokenKey}, "\n")))
	k := &known{path: filepath.Join(stateHome(), "known", hex.EncodeToString(sum[:8])+".json")}
	if readJSON(k.path, k) != nil || k.Roots == nil {
		k.Roots = map[string]knownRoot{}
	}
	return k
}

// keep remembers for the next time.
func (k *known) keep(conn *connection, spec string, root knownRoot) error {
	k.API, k.User = conn.API, conn.User
	k.Roots[spec] = root
	if k.path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return err
	}
	return writeJSON(k.path, k)
}

// forget makes the next mount ask Frame.io first.
func (k *known) forget() {
	if k.path != "" {
		os.Remove(k.path)
	}
}

// reach makes the wire, and finds out for whom and for what of Frame.io. What was mounted before is taken as it was; whether it still
// is so, is asked meanwhile.
func (s *session) reach(ctx context.Context) error {
	s.known = knownOf(s.cfg.account)
	root, ok := s.known.Roots[s.cfg.root]
	if !ok {
		return s.reachFirst(ctx)
	}
	w, err := s.cfg.account.dial(s.known.API, 0, s.log)
	if err != nil {
		return fail("", "%w", err)
	}
	s.conn = &connection{wire: w, API: s.known.API, URL: s.cfg.account.url, User: s.known.User}
	s.root, s.rootPath = root.Item, root.Path
	s.link = &link{wire: w}
	s.guard = newGuard(s.link, s.cfg.account.token, s.conn.User)
	s.confirm = newConfirm(s)
	return nil
}

// reachFirst asks Frame.io, and waits for its answer.
func (s *session) reachFirst(ctx context.Context) (err error) {
	if s.conn, err = s.cfg.account.connect(ctx, s.log); err != nil {
		return err
	}
	s.link = &link{wire: s.conn.wire}
	s.guard = newGuard(s.link, s.cfg.account.token, s.conn.User)
	s.guard.vouch()
	s.root, s.rootPath, err = resolveRoot(ctx, s.link, s.cfg.root)
	return err
}

// remember keeps what was asked for the next mount.
func (s *session) remember() {
	if err := s.known.keep(s.conn, s.cfg.root, knownRoot{s.root, s.rootPath}); err != nil {
		s.log.Warn("the next mount will have to wait for Frame.io", "err", err)
	}
}
