package v4

import "github.com/frameiofs/frameiofs/remote"

// Pace tells how fast changes can be carried out in an account (spec: frameio-v4.md §7).
func (c *Client) Pace(account remote.ID) remote.Pace {
	per := func(endpoint string) float64 {
		a := ask{endpoint: endpoint, account: account}
		return c.conn.PerSecond(a.bucket(), a.rate())
	}
	return remote.Pace{
		Files: per("files.create_local_upload"), Folders: per("folders.create"), Moves: per("folders.move"), Renames: per("files.update"),
		Deletes: per("files.delete"), Stacks: per("version_stacks.create"),
	}
}
