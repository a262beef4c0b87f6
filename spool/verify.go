package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/remote"
)

// Verify is how much is done, when Frame.io has every byte, to prove that they are those that were written. Each level has those before
// it.
type Verify string

// The levels. What the upload host tells of the parts is compared at any of them (remote.WithMatched), and Frame.io's checksum if it
// tells one at once.
const (
	VerifySize     Verify = "size"     // Frame.io says that it is whole, and of the right size
	VerifyChecksum Verify = "checksum" // where it tells a checksum later (V2), that is waited for, and the bytes stay here so long
	VerifySample   Verify = "sample"   // where it has told none yet, some of the bytes are read back
	VerifyFull     Verify = "full"     // … all of them are
)

// Levels are all levels, from the least.
func Levels() []string {
	return []string{string(VerifySize), string(VerifyChecksum), string(VerifySample), string(VerifyFull)}
}

// Proof is what shows that Frame.io has the bytes of a file, from the strongest.
type Proof string

// The proofs.
const (
	ProvenChecksum Proof = "checksum" // Frame.io's own checksum of the file
	ProvenFull     Proof = "full"     // all bytes were read back
	ProvenSample   Proof = "sample"   // some bytes of every part, or of many, were read back
	ProvenParts    Proof = "parts"    // the upload host's checksum of every part, and the size
	ProvenSize     Proof = "size"     // the size
)

// verify compares what Frame.io has with what was closed, and tells what proves it.
func (a *attempt) verify(it remote.Item) (Proof, error) {
	size := a.e.Size()
	if it.Size != size {
		return "", &failure{why: fmt.Sprintf("Frame.io has %d bytes of %d", it.Size, size), counted: true, left: leftover}
	}
	if it.Checksum != "" {
		return ProvenChecksum, a.compare(it)
	}
	level := a.e.s.cfg.Verify
	if (level == VerifySample || level == VerifyFull) && a.e.s.cfg.Read != nil && !a.e.partial() {
		how, err := a.readBack(it.Ref, size, level)
		if how != "" || err != nil {
			return how, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.up.Parts); n > 0 && a.nMatched == n {
		return ProvenParts, nil
	}
	return ProvenSize, nil
}

// compare compares the checksums.
func (a *attempt) compare(it remote.Item) error {
	if a.e.partial() { // its bytes are not here, but those of what was copied
		if sum := a.from.Checksum; sum != "" && sum != it.Checksum {
			return &failure{why: fmt.Sprintf("Frame.io's checksum of the copy is %s, that of %s is %s", it.Checksum, a.from.Name, sum), counted: true, left: leftover}
		}
		return nil
	}
	sum, err := a.sum(it.Size)
	if err != nil {
		return err
	}
	if sum != it.Checksum {
		return &failure{why: differs(it.Checksum, sum), counted: true, left: leftover}
	}
	return nil
}

// differs tells of two checksums.
func differs(theirs, ours string) string {
	return fmt.Sprintf("Frame.io's checksum is %s, that of the file is %s", theirs, ours)
}

// readBackFor is how long reading back is tried. It is more than Frame.io takes to serve what it has just got.
const readBackFor = 10 * time.Minute

// readBack reads the file from Frame.io and compares it. It proves nothing if that cannot be done for good: no right to download, or
// Frame.io does not serve it.
func (a *attempt) readBack(file remote.Ref, size int64, level Verify) (Proof, error) {
	e := a.e
	if err := a.step(func() error { e.setStage(Verifying); return nil }); err != nil {
		return "", err
	}
	a.mu.Lock()
	spans, how := backSpans(size, a.up.Parts, level)
	a.mu.Unlock()
	if e.s.readBacks.Acquire(a.ctx, 1) != nil {
		return "", errRevoked
	}
	defer e.s.readBacks.Release(1)
	began := time.Now()
	err := a.persist(func() error {
		err := e.s.readBack(a.ctx, file, &a.guard, spans)
		if err != nil && time.Since(began) > readBackFor {
			return errNotServed{err}
		}
		return err
	})
	var wrong errWrongBytes
	switch {
	case err == nil:
		return how, nil
	case errors.As(err, &wrong):
		return "", &failure{why: wrong.Error(), counted: true, left: leftover}
	case a.ctx.Err() != nil || errors.Is(err, errRevoked):
		return "", errRevoked
	case errors.Is(err, fs.ErrNotExist):
		return "", &failure{why: "the file went away on Frame.io while it was read back", counted: true, left: nothing}
	}
	e.s.log.Warn("a file cannot be read back to verify it", "key", e.key, "name", e.Info().Name, "err", err)
	return "", nil
}

// errWrongBytes: Frame.io has other bytes.
type errWrongBytes struct{ off int64 }

func (w errWrongBytes) Error() string {
	return fmt.Sprintf("what was read back from Frame.io is not what was sent, from byte %d on", w.off)
}

func (errWrongBytes) Is(target error) bool { return target == errPark } // it does not pass

// errNotServed ends waiting for what cannot be read.
type errNotServed struct{ error }

func (n errNotServed) Unwrap() error      { return n.error }
func (errNotServed) Is(target error) bool { return target == errPark }

const (
	sampleAll  = 4 << 20   // bytes up to which a sample is everything
	sampleEnds = 1 << 20   // of the beginning and the end
	sampleSome = 128 << 10 // somewhere in each of
	sampleMost = 16        // parts
	backPiece  = 128 << 10 // compared at a time
	backAtOnce = 4         // ranges of one file that are read at once
)

// backSpans are what is read back. A sample has something of every part, or of many, since what is put together wrongly is so by parts.
func backSpans(size int64, parts []remote.Part, level Verify) ([]span, Proof) {
	if level == VerifyFull || size <= sampleAll {
		return []span{{0, size}}, ProvenFull
	}
	spans := []span{{0, sampleEnds}, {size - sampleEnds, size}}
	if len(parts) == 0 {
		parts = []remote.Part{{Size: size}}
	}
	for i := range sampleMost {
		p := parts[i*len(parts)/sampleMost]
		most := min(sampleSome, p.Size)
		off := p.Off + rand.Int64N(p.Size-most+1)
		spans = append(spans, span{off, off + most})
	}
	return spans, ProvenSample
}

// readBack compares ranges of a file on Frame.io with those here.
func (s *Spool) readBack(ctx context.Context, file remote.Ref, here io.ReaderAt, spans []span) error {
	g, ctx := errgroup.WithContext(remote.WithPriority(ctx, remote.Uploads))
	g.SetLimit(backAtOnce)
	for _, sp := range spans {
		g.Go(func() error {
			return remote.Contain(s.log, "read a file back", func() error { return s.compareSpan(ctx, file, here, sp) })
		})
	}
	return g.Wait()
}

func (s *Spool) compareSpan(ctx context.Context, file remote.Ref, here io.ReaderAt, sp span) error {
	back, err := s.cfg.Read(ctx, file, sp.off, sp.end-sp.off)
	if err != nil {
		return fmt.Errorf("read it back: %w", err)
	}
	defer back.Close()
	ours, theirs := make([]byte, min(backPiece, sp.end-sp.off)), make([]byte, min(backPiece, sp.end-sp.off))
	for off := sp.off; off < sp.end; {
		n := min(int64(len(ours)), sp.end-off)
		if _, err := io.ReadFull(back, theirs[:n]); err != nil {
			return fmt.Errorf("read it back: %w", err)
		}
		if got, err := here.ReadAt(ours[:n], off); got < int(n) {
			return fmt.Errorf("read bytes to compare: %w", err)
		}
		if !bytes.Equal(ours[:n], theirs[:n]) {
			return errWrongBytes{off}
		}
		off += n
	}
	return nil
}
