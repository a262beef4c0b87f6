package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/frameiofs/frameiofs/ui"
)

// pageFile, in the state folder, holds the page's address while it is served. Only its owner may read it: who has the address may use the page.
const pageFile = "page"

// openPage serves the mount's page, if that is wanted.
func (s *session) openPage() (err error) {
	if s.cfg.ui == "" {
		return nil
	}
	if s.page, err = ui.Listen(s.cfg.ui, s, s.log); err != nil {
		return fail("choose another address, such as --ui 127.0.0.1:0", "serve the page: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.state.Dir, pageFile), []byte(s.page.URL()+"\n"), 0o600); err != nil {
		return fail("", "note the page's address: %w", err)
	}
	return nil
}

// pageURL is the address of the page, "" if there is none.
func (s *session) pageURL() string {
	if s.page == nil {
		return ""
	}
	return s.page.URL()
}

func (s *session) closePage() {
	if s.page == nil {
		return
	}
	os.Remove(filepath.Join(s.state.Dir, pageFile))
	if err := s.page.Close(); err != nil {
		s.log.Debug("close the page", "err", err)
	}
}

// checkPage reports a wrong --ui.
func checkPage(addr string) error {
	if addr == "" {
		return nil
	}
	if err := ui.CheckAddr(addr); err != nil {
		return misuse("", "--ui: %w", err)
	}
	return nil
}

// pageLine tells where the page is.
func pageLine(url string) string { return fmt.Sprintf("its page: %s", url) }
