package hosts

import (
	"github.com/google/uuid"

	"github.com/frameiofs/frameiofs/sim/world"
)

// Hosts are both storage hosts.
type Hosts struct {
	world                 *world.World
	uploadBase, mediaBase string
}

// New returns the hosts of w. The bases are where the handlers will be reached, such as "http://127.0.0.1:8402".
func New(w *world.World, uploadBase, mediaBase string) *Hosts {
	return &Hosts{world: w, uploadBase: uploadBase, mediaBase: mediaBase}
}

func requestID() string { return uuid.NewString() }
