package remote

import "strings"

// pending is what the ids of folders begin with that were made on this machine and have none on Frame.io yet. A UUID cannot.
const pending = "here-"

// PendingID is the id of a folder that is not on Frame.io yet, made of a key that no other has. It is never sent.
func PendingID(key string) ID { return ID(pending + key) }

// Pending reports whether id is of a folder that is not on Frame.io yet.
func (id ID) Pending() bool { return strings.HasPrefix(string(id), pending) }
