package remote

import "time"

// Pace is how many things of a kind Frame.io lets this user do per second in the long run, for an estimate of how long much of it
// takes. 0: it tells of no limit.
type Pace struct {
	Files   float64 // created
	Folders float64 // created
	Moves   float64 // of folders, and their renames, together
	Renames float64 // of files, and their moves, together
	Deletes float64
	Stacks  float64 // made, or given a version
}

// PerSecond answers the rate of an endpoint: the one that the answers' headers have told, or else the published one.
func (c *Conn) PerSecond(endpoint string, published Rate) float64 {
	b := c.limit.bucket(&Call{Endpoint: endpoint, Rate: published})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rate.N <= 0 || b.rate.Window <= 0 {
		return 0
	}
	return float64(b.rate.N) / (float64(b.rate.Window) / float64(time.Second))
}
