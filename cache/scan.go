package cache

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// scan finds, behind, what earlier runs left on disk: that may be a hundred thousand files, and a mount does not wait for them. Whoever
// wants a content meanwhile looks for that one himself (find); whoever must know of all waits for b.scanned.
func (b *Blocks) scan() {
	defer close(b.scanned)
	for _, first := range namesIn(b.dir) {
		if len(first) != 2 {
			continue
		}
		for _, second := range namesIn(filepath.Join(b.dir, first)) {
			if b.ctx.Err() != nil {
				return
			}
			if len(second) == 2 {
				b.scanFolder(filepath.Join(b.dir, first, second))
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken = nil
}

// scanFolder puts into the table what lies in a folder, and deletes what is half there.
func (b *Blocks) scanFolder(dir string) {
	names := namesIn(dir)
	found := b.leftIn(dir, names)
	b.mu.Lock()
	for _, name := range names {
		if name, isPin := strings.CutSuffix(name, pinExt); isPin {
			if key, ok := parseKey(name); ok && !b.pins[key] {
				b.pins[key] = true
				b.pinned += key.size
			}
		}
	}
	var gone []string
	for key, k := range found {
		if b.table[key] == nil && !b.taken[k.base] {
			b.table[key] = k
			b.used += k.bytes
		}
	}
	for _, name := range names {
		stem, ext, _ := cutLast(name, ".")
		ext, base := "."+ext, filepath.Join(dir, stem)
		key, _ := parseBase(stem)
		k := b.table[key]
		used := b.taken[base] || k != nil && k.base == base
		if !used && slices.Contains(exts, ext) || ext == tempExt && !b.taken[base] {
			gone = append(gone, name)
		}
	}
	b.mu.Unlock()
	for _, name := range gone {
		_ = os.Remove(filepath.Join(dir, name)) // or it will be next time
	}
}

// leftIn returns the contents of a folder, by key: of several with one, what was used last.
func (b *Blocks) leftIn(dir string, names []string) map[contentKey]*kept {
	found := map[contentKey]*kept{}
	for _, name := range names {
		stem, isMap := strings.CutSuffix(name, mapExt)
		if !isMap {
			continue
		}
		base := filepath.Join(dir, stem)
		key, ok := parseBase(stem)
		data, errData := os.Lstat(base + dataExt)
		fi, err := os.Lstat(base + mapExt)
		if !ok || err != nil || errData != nil || data.Size() != key.size {
			continue
		}
		if old := found[key]; old == nil || !old.at.After(fi.ModTime()) {
			found[key] = &kept{key: key, base: base, bytes: min(allocated(data), key.size), at: fi.ModTime()}
		}
	}
	return found
}

// find looks for a content that is wanted before the scan has come to it. b.mu is held.
func (b *Blocks) findLocked(key contentKey) *kept {
	if b.taken == nil {
		return nil
	}
	dir := b.folder(key)
	k := b.leftIn(dir, slices.DeleteFunc(namesIn(dir), func(name string) bool {
		return !strings.HasPrefix(name, key.id) // another's
	}))[key]
	if k == nil || b.taken[k.base] {
		return nil
	}
	b.table[key] = k
	b.used += k.bytes
	return k
}

// take notes that the files of k are used, and that the scan is to leave them alone: they may go before it comes to them. b.mu is held.
func (b *Blocks) takeLocked(k *kept) {
	if b.taken != nil {
		b.taken[k.base] = true
	}
}

// namesIn lists a folder; one that cannot be read is empty.
func namesIn(dir string) []string {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer func() { _ = d.Close() }()
	names, _ := d.Readdirnames(-1)
	return names
}
