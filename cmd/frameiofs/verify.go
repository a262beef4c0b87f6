package main

import (
	"context"
	"path"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// defaultVerify costs nothing: V2 tells checksums by itself, and V4 none.
const defaultVerify = spool.VerifyChecksum

func verifyFlag() cli.Flag {
	return &cli.GenericFlag{Name: "verify", Value: &choiceValue{string(defaultVerify), spool.Levels()}, DefaultText: string(defaultVerify),
		Usage: "prove by `HOW` that Frame.io has what was sent: size (and the checksums of parts), checksum (also Frame.io's own, where it tells one: V2), " +
			"or, where it tells none, sample or full: some or all bytes are read back"}
}

func verifyOf(c *cli.Context) spool.Verify {
	return spool.Verify(c.Generic("verify").(*choiceValue).value)
}

// pathOf is where a file stands, for its receipt; "" if that cannot be found out.
func (s *session) pathOf(folder remote.Ref, name string) string {
	ctx, cancel := context.WithTimeout(remote.WithPriority(context.Background(), remote.Background), placesPatience)
	defer cancel()
	at, ok := s.places.path(ctx, folder)
	if !ok {
		return ""
	}
	return path.Join(at, cache.Shown(name))
}

// appeared has the kernel look again at a name that stands for something else since what Frame.io has under it was found to be damaged.
func (s *session) appeared(in spool.Info) {
	s.fs.Changed(in.Parent, []cache.Change{{Was: cache.Entry{Name: cache.Shown(in.Name)}}})
}
