package control

import (
	"context"
	"fmt"
	"io"
)

// maxDump bounds a dump of goroutines, in bytes.
const maxDump = 16 << 20

// Goroutines tells where everything in the mount's process stands, as text for those who know the program.
func (c *Client) Goroutines(ctx context.Context) ([]byte, error) {
	body, err := c.do(ctx, "GET", "/debug/pprof/goroutine?debug=2", nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxDump))
	if err != nil {
		return nil, fmt.Errorf("read goroutines: %w", err)
	}
	return b, nil
}
