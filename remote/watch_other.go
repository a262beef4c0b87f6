//go:build !linux

package remote

// moving answers how many bytes were taken and given in both directions. What is acknowledged is not known.
func (c *watchedConn) moving() (n int64, waits bool) { return c.in.Load() + c.out.Load(), false }
