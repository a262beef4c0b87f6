package intent

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/frameiofs/frameiofs/spool/platter"
)

// The journal is one file of lines, each a checksum of the rest of the line (CRC-32C, 8 hex digits), a space, and one entry as JSON.
// It is only appended to, with one write for each change, and read from its beginning to its first bad line: that is a write which was
// cut by a loss of power. When most of it is finished it is written anew: journal.tmp → fsync → rename → fsync of the folder.

const journalName = "journal"

// entry is one line.
type entry struct {
	Set  *record `json:"set,omitempty"`  // an intent as it is now
	Done string  `json:"done,omitempty"` // the key of one that is finished
	Made *alias  `json:"made,omitempty"`
	Boot string  `json:"boot,omitempty"` // opened, in this run of the machine
	Form int     `json:"form,omitempty"` // …by a program that writes lines so; none: 1
	End  bool    `json:"end,omitempty"`  // closed, and brought to the disk
}

// form is how lines are written. Who knows less than what is in a journal leaves it alone.
const form = 1

const (
	// commitDelay is how long changes are collected before they are brought to the disk together: with the fsync itself it must
	// stay below the second that is promised.
	commitDelay = 250 * time.Millisecond
	// compactLines and compactFactor: the file is written anew once it has so many lines, and so many for each that counts.
	compactLines  = 4096
	compactFactor = 4
	// Spool entries and the index may name a pending id long after its folder was made.
	keepAliases    = 10_000
	keepAliasesFor = 30 * 24 * time.Hour
)

// disk is the journal's file.
type disk struct {
	file     *os.File
	size     int64
	lines    int
	appended uint64        // changes written
	synced   uint64        // …and on the disk
	lastMade uint64        // the last of them that says what a folder made here has become
	syncErr  error         // what the last sync came to
	commits  chan struct{} // closed by the next sync; nil if nobody waits
	broken   error         // the file ends in the middle of a line: nothing can be written any more

	finishedLast []*record // by an earlier run that was killed; see left.go
}

// append writes entries, all or none. They survive the end of this process at once.
func (j *Journal) append(entries ...entry) error {
	switch {
	case j.closed:
		return ErrClosed
	case j.broken != nil:
		return j.broken
	}
	var b []byte
	for _, e := range entries {
		var err error
		if b, err = platter.AppendLine(b, e); err != nil {
			return err
		}
	}
	if _, err := j.file.WriteAt(b, j.size); err != nil {
		if cut := j.file.Truncate(j.size); cut != nil {
			j.broken = fmt.Errorf("write the journal of names: %w", errors.Join(err, cut))
		}
		return fmt.Errorf("write the journal of names: %w", err)
	}
	j.size += int64(len(b))
	j.lines += len(entries)
	j.appended++
	poke(j.dirty)
	return nil
}

// note is append where nobody can be told of an error. What is lost is done again after a crash, which does no harm.
func (j *Journal) note(entries ...entry) {
	if err := j.append(entries...); err != nil && !errors.Is(err, ErrClosed) {
		j.log.Error("cannot note what was done on Frame.io", "error", err)
	}
}

// recover reads the file, cuts off what is torn, and gives everything in it a turn.
func (j *Journal) recover() error {
	path := filepath.Join(j.cfg.Dir, journalName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	records, lost, end, err := j.read(f)
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && info.Size() > end {
			j.log.Warn("the journal of names ends in a broken line, which is dropped", "file", path, "bytes", info.Size()-end)
			err = cut(f, end, info.Size(), path+".torn")
		}
	}
	if err == nil {
		err = errors.Join(platter.Sync(f), platter.SyncDir(j.cfg.Dir))
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("read the journal of names: %w", err)
	}
	j.file, j.size = f, end
	for _, r := range records {
		j.restore(r)
	}
	if lost {
		for _, r := range records {
			j.doubt(j.byKey[r.Key])
		}
	}
	for _, r := range records {
		if j.settle(j.byKey[r.Key]) {
			j.finishedLast = append(j.finishedLast, r)
		}
	}
	return j.append(entry{Boot: j.cfg.boot(), Form: form})
}

// cut takes what is behind end out of f, and keeps it aside for whoever wants to know what was lost.
func cut(f *os.File, end, size int64, aside string) error {
	torn, err := io.ReadAll(io.NewSectionReader(f, end, size-end))
	if err != nil {
		return err
	}
	if err := platter.Aside(aside, torn); err != nil {
		return err
	}
	return f.Truncate(end)
}

// read answers the unfinished records and where the good lines end. lost tells that the machine went down: lines that were written last
// may be missing.
func (j *Journal) read(f *os.File) (records map[string]*record, lost bool, end int64, err error) {
	records = map[string]*record{}
	boot, closed := j.cfg.boot(), true
	defer func() {
		lost = !closed && (boot != j.cfg.boot() || boot == unknownBoot)
		if closed {
			j.finishedLast = nil
		}
	}()
	for in := bufio.NewReaderSize(f, 1<<20); ; {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return records, lost, end, nil
		}
		if err != nil {
			return nil, false, 0, err
		}
		var e entry
		switch err := platter.ReadLine(text, &e); {
		case errors.Is(err, platter.ErrTorn):
			return records, lost, end, nil
		case err == nil && e.Form > form:
			err = fmt.Errorf("its form is %d", e.Form)
			fallthrough
		case err != nil:
			return nil, false, 0, fmt.Errorf("%s was written by another version of this program: use that one to finish its changes (%w)", f.Name(), err)
		}
		end += int64(len(text))
		j.lines++
		closed = e.End
		switch {
		case e.Set != nil:
			records[e.Set.Key] = e.Set
		case e.Made != nil:
			j.become(*e.Made)
		case e.Boot != "":
			boot = e.Boot
		case e.Done != "":
			if r := records[e.Done]; r != nil {
				j.finishedLast = append(j.finishedLast[max(0, len(j.finishedLast)-justFinished+1):], r)
			}
			delete(records, e.Done)
		}
	}
}

// restore takes an intent of an earlier run up again. What was under way then may have been done or not.
func (j *Journal) restore(r *record) {
	fix := func(p *place) { p.Parent = j.canon(p.Parent) }
	fix(&r.At)
	fix(&r.From)
	for n := range r.Steps {
		fix(&r.Steps[n].place)
		j.seq = max(j.seq, r.Steps[n].Seq)
	}
	if r.Tried != nil {
		fix(&r.Tried.place)
	}
	i := &intent{record: *r, handed: true, again: true, shown: r.At}
	if a, ok := j.aliases[r.Item.ID]; ok {
		i.Real = a.Is
		if !i.there() && i.Tried != nil { // the line that says where was lost
			i.At, i.From, i.Tried = i.Tried.place, i.Tried.place, nil
		}
	}
	if len(i.Steps) > 0 && i.there() && !i.goal().Gone {
		p := i.goal()
		i.DoubtName = i.DoubtName || p.Name != i.At.Name
		if p.Parent.ID != i.At.Parent.ID && !p.Parent.ID.Pending() {
			i.maybe(p.Parent)
		}
	}
	if !i.refused() || !i.there() {
		i.shown = i.last()
	}
	if i.Held {
		j.held++
	}
	j.insert(i)
}

// doubt notes that the making of a folder may have been tried: if it was, the line that says so is among the first to be lost.
func (j *Journal) doubt(i *intent) {
	if !i.there() && i.Tried == nil && len(i.Steps) > 0 && !i.last().Gone && !j.rests(i) {
		i.Tried = &try{i.Steps[0].place, i.Since}
		j.index(i)
	}
}

// compact writes the file anew if most of it is finished.
func (j *Journal) compact() error {
	if j.lines < compactLines || j.lines < compactFactor*(len(j.byKey)+len(j.aliases)) {
		return nil
	}
	j.forget()
	all := []entry{{Boot: j.cfg.boot(), Form: form}}
	for _, a := range j.aliases {
		all = append(all, entry{Made: &a})
	}
	for _, i := range j.byKey {
		all = append(all, entry{Set: &i.record})
	}
	var b []byte
	for _, e := range all {
		var err error
		if b, err = platter.AppendLine(b, e); err != nil {
			return err
		}
	}
	path := filepath.Join(j.cfg.Dir, journalName)
	f, err := os.OpenFile(path+".tmp", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = platter.Sync(f)
	}
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		f.Close()
		os.Remove(path + ".tmp")
		return err
	}
	j.file.Close()
	j.file, j.size, j.lines, j.broken = f, int64(len(b)), len(all), nil
	j.synced = j.appended
	return platter.SyncDir(j.cfg.Dir)
}

// forget drops what pending ids have become, of the oldest: those that are older than keepAliasesFor and not among the newest
// keepAliases.
func (j *Journal) forget() {
	if len(j.aliases) <= keepAliases {
		return
	}
	all := make([]alias, 0, len(j.aliases))
	for _, a := range j.aliases {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b alias) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Here, b.Here)) })
	for _, a := range all[keepAliases:] {
		if _, used := j.byID[a.Here]; !used && time.Since(a.At) > keepAliasesFor {
			delete(j.aliases, a.Here)
			delete(j.made, a.Is.ID)
		}
	}
}

// syncer is the group commit: it brings what was written to the disk, many changes at once, until Close.
func (j *Journal) syncer() {
	for {
		select {
		case <-j.stop:
			j.commit()
			return
		case <-j.dirty:
		}
		select {
		case <-j.stop:
		case <-j.urgent:
		case <-time.After(commitDelay):
		}
		j.commit()
	}
}

// commit is called by the syncer alone.
func (j *Journal) commit() {
	j.mu.Lock()
	f, n := j.file, j.appended
	if n == j.synced {
		j.mu.Unlock()
		return
	}
	j.mu.Unlock()
	err := platter.Sync(f)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.syncErr = err
	if err == nil {
		j.synced = n
	} else {
		j.log.Error("cannot bring the journal of names to the disk", "error", err)
	}
	if err := j.compact(); err != nil {
		j.log.Error("cannot write the journal of names anew", "error", err)
	}
	if j.commits != nil {
		close(j.commits)
		j.commits = nil
	}
}

// Sync returns when everything accepted so far survives a loss of power.
func (j *Journal) Sync(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	want := j.appended
	for j.synced < want {
		if j.closed {
			return ErrClosed
		}
		if j.commits == nil {
			j.commits = make(chan struct{})
		}
		c := j.commits
		j.mu.Unlock()
		poke(j.dirty)
		poke(j.urgent)
		select {
		case <-c:
		case <-ctx.Done():
			j.mu.Lock()
			return ctx.Err()
		}
		j.mu.Lock()
		if j.syncErr != nil {
			return fmt.Errorf("sync the journal of names: %w", j.syncErr)
		}
	}
	return nil
}
