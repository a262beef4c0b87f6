package v4

import (
	"fmt"
	"net/http"
	"time"

	"github.com/frameiofs/frameiofs/sim/hosts"
	"github.com/frameiofs/frameiofs/sim/world"
)

// stamp writes a time as every V4 answer does: UTC with microseconds (spec: frameio-v4.md §1.1).
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// stampOrNull is stamp for times that may not have come yet.
func stampOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

// data wraps one resource.
func data(v any) map[string]any { return map[string]any{"data": v} }

// person is the schema User, the people in includes.
type person struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Email     string  `json:"email"`
	AvatarURL *string `json:"avatar_url"`
	Active    bool    `json:"active"`
}

// common is what files, folders and stacks share (spec: frameio-v4.md §4).
type common struct {
	ID        world.ID   `json:"id"`
	Name      string     `json:"name"`
	Type      world.Kind `json:"type"`
	ProjectID world.ID   `json:"project_id"`
	ParentID  *world.ID  `json:"parent_id"` // null for a project's root folder
	CreatedAt string     `json:"created_at"`
	UpdatedAt string     `json:"updated_at"`
	ViewURL   string     `json:"view_url"`

	Creator  *person  `json:"creator,omitempty"`
	Project  *project `json:"project,omitempty"`
	Metadata *[]any   `json:"metadata,omitempty"` // always empty: the simulated world has no custom fields
}

type folder struct {
	common
	CoverFileID *world.ID `json:"cover_file_id"`
}

type file struct {
	common
	FileSize   int64                `json:"file_size"`
	MediaType  string               `json:"media_type"`
	Status     world.Status         `json:"status"`
	MediaLinks map[string]mediaLink `json:"media_links,omitempty"`
	UploadURLs []uploadURL          `json:"upload_urls,omitempty"`
}

type uploadURL struct {
	Size int64  `json:"size"`
	URL  string `json:"url"`
}

type stack struct {
	common
	HeadVersion *file `json:"head_version"` // null only if the stack was emptied meanwhile
}

// view shows assets the way one request wants them. It looks each person and project up once.
type view struct {
	c        *call
	people   map[world.ID]*person
	projects map[world.ID]*project
}

func (c *call) view() *view {
	return &view{c: c, people: map[world.ID]*person{}, projects: map[world.ID]*project{}}
}

// mayLink refuses links to originals to those without download right. That concerns the whole answer, a listing as
// well as a file (spec: frameio-v4.md §3.2).
func (c *call) mayLink(projectID world.ID) error {
	if c.include["media_links.original"] && !c.wire.world.CanDownload(c.by, projectID) {
		return refuse(http.StatusForbidden, "You do not have permission to download files of this project")
	}
	return nil
}

// one answers with a single asset.
func (c *call) one(status int, a world.Asset) (int, any, error) {
	if err := c.mayLink(a.ProjectID); err != nil {
		return 0, nil, err
	}
	shown, err := c.view().asset(a)
	if err != nil {
		return 0, nil, err
	}
	return status, data(shown), nil
}

func (v *view) asset(a world.Asset) (any, error) {
	switch a.Kind {
	case world.File:
		return v.file(a)
	case world.VersionStack:
		return v.stack(a)
	}
	base, err := v.common(a)
	return folder{common: base}, err
}

func (v *view) common(a world.Asset) (common, error) {
	c := common{
		ID: a.ID, Name: a.Name, Type: a.Kind, ProjectID: a.ProjectID,
		CreatedAt: stamp(a.Created), UpdatedAt: stamp(a.Updated),
		ViewURL: fmt.Sprintf("https://next.frame.io/project/%s/view/%s", a.ProjectID, a.ID),
	}
	if a.ParentID != "" {
		c.ParentID = &a.ParentID
	}
	var err error
	if v.c.include["creator"] {
		if c.Creator, err = v.person(a.CreatorID); err != nil {
			return c, err
		}
	}
	if v.c.include["project"] || v.c.include["project.owner"] {
		if c.Project, err = v.project(a.ProjectID); err != nil {
			return c, err
		}
	}
	if v.c.include["metadata"] {
		c.Metadata = &[]any{}
	}
	return c, nil
}

func (v *view) file(a world.Asset) (*file, error) {
	base, err := v.common(a)
	if err != nil {
		return nil, err
	}
	return &file{
		common: base, FileSize: a.Size, MediaType: a.MediaType, Status: a.Status, MediaLinks: v.mediaLinks(a),
	}, nil
}

func (v *view) stack(a world.Asset) (any, error) {
	base, err := v.common(a)
	if err != nil {
		return nil, err
	}
	if a.Head() == "" {
		return stack{common: base}, nil
	}
	// Even if the head was deleted just now: a listing must not fail for it.
	head, err := v.c.wire.world.AssetEvenDeleted(v.c.by, a.Head())
	if err != nil {
		return nil, err
	}
	shown, err := v.file(head)
	return stack{common: base, HeadVersion: shown}, err
}

// mediaLinks returns the links asked for; a key that was not asked for is absent. Nothing is transcoded here, so the
// renditions have the null links of files whose transcodes are not there (spec: frameio-v4.md §3.2, §4.3).
func (v *view) mediaLinks(a world.Asset) map[string]mediaLink {
	var out map[string]mediaLink
	for name, urls := range mediaLinkKeys {
		if !v.c.include["media_links."+name] {
			continue
		}
		if out == nil {
			out = map[string]mediaLink{}
		}
		link := mediaLink{}
		for _, u := range urls {
			link[u] = nil
		}
		if name == "original" && a.Complete() {
			download, inline := v.c.wire.hosts.MediaURL(a, hosts.Attachment), v.c.wire.hosts.MediaURL(a, hosts.Inline)
			link["download_url"], link["inline_url"] = &download, &inline
		}
		out[name] = link
	}
	return out
}

// mediaLink is a set of URLs, each of which may be null.
type mediaLink map[string]*string

// mediaLinkKeys tells which URLs each kind of link has (spec: frameio-v4.md §4.3).
var mediaLinkKeys = map[string][]string{
	"original":               {"download_url", "inline_url"},
	"high_quality":           {"download_url"},
	"efficient":              {"download_url"},
	"thumbnail":              {"download_url", "url"},
	"thumbnail_high_quality": {"download_url", "url"},
	"video_h264_180":         {"download_url", "url"},
	"scrub_sheet":            {"download_url", "url"},
}

func (v *view) person(id world.ID) (*person, error) {
	if p := v.people[id]; p != nil {
		return p, nil
	}
	u, err := v.c.wire.world.User(id)
	if err != nil {
		return nil, fmt.Errorf("look up user %s: %w", id, err)
	}
	p := &person{ID: string(u.ID), Name: u.Name, Email: u.Email, Active: true}
	v.people[id] = p
	return p, nil
}

func (v *view) project(id world.ID) (*project, error) {
	if p := v.projects[id]; p != nil {
		return p, nil
	}
	pr, err := v.c.wire.world.Project(v.c.by, id)
	if err != nil {
		return nil, fmt.Errorf("look up project %s: %w", id, err)
	}
	p, err := v.showProject(pr, v.c.include["project.owner"])
	v.projects[id] = p
	return p, err
}
