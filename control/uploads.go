package control

import (
	"context"
	"net/http"
)

// Uploads is how a mount is told what to send first, later, or not at all. Paths are below the mount's root; "" is the root. What is told of
// a folder is told of the files in it that are leaving then.
type Uploads interface {
	// Pause stops the sending of the files at or below paths, or of everything, also what is written later, if there are none. It is
	// remembered over a remount.
	Pause(ctx context.Context, paths []string) (Told, error)
	// Resume undoes Pause: for paths, also while everything else stays paused, or for all.
	Resume(ctx context.Context, paths []string) (Told, error)
	// First sends the files at or below paths before all others, the first path's foremost.
	First(ctx context.Context, paths []string) (Told, error)
	// Cancel keeps the files at or below paths on this machine that are closed and not on Frame.io yet: they are held with their bytes until they
	// are retried, written again, or removed. Changes of names there that are parked are given up: what is on Frame.io stays
	// as it is there. Without paths it gives up all parked changes of names, and touches no file.
	Cancel(ctx context.Context, paths []string) (Told, error)
	// SetLimits changes the limits until the mount ends, and tells them; what is nil stays.
	SetLimits(ctx context.Context, change LimitsChange) (Limits, error)
}

// Told is how much of what is leaving heard of it.
type Told struct {
	Files int `json:"files"`
	Names int `json:"names,omitempty"` // changes of names
}

// Limits are what a mount keeps to when it sends and reads.
type Limits struct {
	Uploads   int    `json:"uploads"`             // files sent at once
	Parts     int    `json:"parts"`               // parts of one file sent at once
	Bandwidth string `json:"bandwidth,omitempty"` // as it was given: one limit, or a timetable; "" for none
	Up        int64  `json:"up,omitempty"`        // bytes per second that may be sent now; 0: no limit
	Down      int64  `json:"down,omitempty"`      // bytes per second that may be read now; 0: no limit
}

// LimitsChange names what is to change of Limits.
type LimitsChange struct {
	Uploads   *int    `json:"uploads,omitempty"`
	Parts     *int    `json:"parts,omitempty"`
	Bandwidth *string `json:"bandwidth,omitempty"` // "" or "off": no limit
}

func uploadsRoutes(mux *http.ServeMux, m Uploads) {
	post(mux, "/v1/pause", func(ctx context.Context, q order) (any, error) { return m.Pause(ctx, q.Paths) })
	post(mux, "/v1/resume", func(ctx context.Context, q order) (any, error) { return m.Resume(ctx, q.Paths) })
	post(mux, "/v1/first", func(ctx context.Context, q order) (any, error) { return m.First(ctx, q.Paths) })
	post(mux, "/v1/cancel", func(ctx context.Context, q order) (any, error) { return m.Cancel(ctx, q.Paths) })
	post(mux, "/v1/limits", func(ctx context.Context, q order) (any, error) {
		if q.Limits == nil {
			q.Limits = &LimitsChange{}
		}
		return m.SetLimits(ctx, *q.Limits)
	})
}

// Pause stops the sending of files.
func (c *Client) Pause(ctx context.Context, paths []string) (t Told, err error) {
	err = c.ask(ctx, "/v1/pause", order{Paths: paths}, &t)
	return t, err
}

// Resume undoes Pause.
func (c *Client) Resume(ctx context.Context, paths []string) (t Told, err error) {
	err = c.ask(ctx, "/v1/resume", order{Paths: paths}, &t)
	return t, err
}

// First sends files before all others.
func (c *Client) First(ctx context.Context, paths []string) (t Told, err error) {
	err = c.ask(ctx, "/v1/first", order{Paths: paths}, &t)
	return t, err
}

// Cancel keeps files here, and gives up parked changes of names.
func (c *Client) Cancel(ctx context.Context, paths []string) (t Told, err error) {
	err = c.ask(ctx, "/v1/cancel", order{Paths: paths}, &t)
	return t, err
}

// SetLimits changes the limits.
func (c *Client) SetLimits(ctx context.Context, change LimitsChange) (l Limits, err error) {
	err = c.ask(ctx, "/v1/limits", order{Limits: &change}, &l)
	return l, err
}
