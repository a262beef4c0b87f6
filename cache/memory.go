package cache

// known returns the listing of k, of whatever age; nil if there is none.
func (t *Tree) known(k folderKey) *siblings {
	if s := t.held(k); s != nil {
		return s
	}
	return t.reload(k)
}

// held returns the listing of k if it is in memory.
func (t *Tree) held(k folderKey) *siblings {
	for i, l := range t.recent {
		if l.key == k && l.s != nil {
			copy(t.recent[1:i+1], t.recent[:i])
			t.recent[0] = l
			return l.s
		}
	}
	if s, ok := t.listings.Get(string(k)); ok {
		t.use(k, s)
		return s
	}
	return nil
}

// use makes s the most recent listing.
func (t *Tree) use(k folderKey, s *siblings) {
	last := len(t.recent) - 1
	for i, l := range t.recent {
		if l.key == k {
			last = i
			break
		}
	}
	copy(t.recent[1:last+1], t.recent[:last])
	t.recent[0] = listing{k, s}
	var bytes int64
	for i, l := range t.recent {
		if l.s == nil {
			continue
		}
		if bytes += l.s.bytes; i > 0 && bytes > t.bytes/4 {
			t.recent[i] = listing{} // large ones are had from the index quickly enough
		}
	}
}

// hold takes a listing into memory.
func (t *Tree) hold(k folderKey, s *siblings) {
	t.use(k, s)
	// A listing that is larger than all memory is let in too: read from the index for every look it would take far longer.
	t.listings.Set(string(k), s, min(s.bytes+1000, t.bytes/2))
	t.listings.Wait()
}

// reload takes the listing of k from the index into memory; nil if there is none. It does so for 10,000 items in some 4 ms, and holds
// t.mu meanwhile, so that no listing is ever changed in two places at once.
func (t *Tree) reload(k folderKey) *siblings {
	s := t.read(k)
	if s != nil {
		t.hold(k, s)
	}
	return s
}

// read reads the listing of k from the index; nil if there is none.
func (t *Tree) read(k folderKey) *siblings {
	s := t.index.listing(k)
	if s != nil {
		t.lay(k, s, t.now())
	}
	return s
}
