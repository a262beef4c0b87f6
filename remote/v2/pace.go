package v2

import (
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Pace tells how fast changes can be carried out. V2 limits a user, whatever the account, and has one endpoint for files and folders
// alike (spec: frameio-v2.md §8).
func (c *Client) Pace(remote.ID) remote.Pace {
	per := func(endpoint string) float64 {
		rate, ok := rates[endpoint]
		if !ok {
			rate = remote.Rate{N: 100, Window: time.Minute}
		}
		return c.conn.PerSecond(endpoint, rate)
	}
	create, move := per("assets.create"), per("assets.move")
	return remote.Pace{Files: create, Folders: create, Moves: move, Renames: per("assets.update"), Deletes: per("assets.delete"), Stacks: per("assets.version")}
}
