package cache

import "context"

type meterKey struct{}

// WithMeter has the reads under ctx add to missing how many of their bytes were not here when they were asked for, whoever was fetching
// them. A nil missing is ctx itself.
func WithMeter(ctx context.Context, missing *int64) context.Context {
	if missing == nil {
		return ctx
	}
	return context.WithValue(ctx, meterKey{}, missing)
}

// meter adds to the meter of ctx, if it has one, what is not here of a range.
func (c *content) meter(ctx context.Context, off, end int64) {
	missing, ok := ctx.Value(meterKey{}).(*int64)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := off; at < end; {
		next := min(end, at-at%blockSize+blockSize)
		if !c.have.has(at / blockSize) {
			*missing += next - at
		}
		at = next
	}
}
