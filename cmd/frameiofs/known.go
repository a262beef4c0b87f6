package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/frameiofs/frameiofs/remote"
)

// known is what was found out about a token when Frame.io could be asked last. With it a mount starts without a link, shows
// what the index has, and takes what is written.
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

// reach connects a and finds the root; if Frame.io cannot be reached, with what is known from the last time.
func (s *session) reach(connect func() (*connection, error), find func(*connection) (remote.Item, string, error)) error {
	k := knownOf(s.cfg.account)
	conn, err := connect()
	if err == nil {
		s.conn = conn
		if s.root, s.rootPath, err = find(conn); err == nil {
			if err := k.keep(conn, s.cfg.root, knownRoot{s.root, s.rootPath}); err != nil {
				s.log.Warn("the next start will need a link", "err", err)
			}
			return nil
		}
	}
	root, ok := k.Roots[s.cfg.root]
	if !ok || !errors.Is(err, remote.ErrOffline) {
		return err
	}
	s.log.Warn("mounting without a link, with what is known from the last time", "err", err)
	s.root, s.rootPath = root.Item, root.Path
	if s.conn != nil {
		return nil
	}
	w, err := s.cfg.account.dial(k.API, 0, s.log)
	if err != nil {
		return fail("", "%w", err)
	}
	s.conn = &connection{wire: w, API: k.API, URL: s.cfg.account.url, User: k.User}
	return nil
}
