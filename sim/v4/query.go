package v4

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/frameiofs/frameiofs/sim/world"
)

// Page sizes (spec: frameio-v4.md §3.1).
const (
	pageDefault  = 50
	pageMax      = 100 // of general listings, and of the versions in a stack
	assetPageMax = 500 // of the four listings of a folder
)

// assetIncludes and mediaIncludes are what include may ask of folders, and of files. project.owner stands in the
// document's examples only.
var (
	assetIncludes = []string{"creator", "project", "project.owner", "metadata"}
	mediaIncludes = slices.Concat([]string{
		"media_links.original", "media_links.thumbnail", "media_links.thumbnail_high_quality",
		"media_links.video_h264_180", "media_links.high_quality", "media_links.efficient", "media_links.scrub_sheet",
	}, assetIncludes)
)

// query says which query parameters an operation takes. Others are refused.
type query struct {
	include      []string // values of include; nil: not taken
	sort         []string // values of sort; nil: not taken
	maxPage      int      // bound of page_size; 0: not a listing
	types        bool     // type
	copyMetadata bool     // copy_metadata
	copyComments bool     // copy_comments
}

// asked is what a query asked for.
type asked struct {
	include  map[string]bool
	sort     string
	after    string
	pageSize int
	total    bool
	kinds    []world.Kind
}

// parse reads the query of a request and names everything that is wrong with it.
func (q query) parse(raw string) (asked, []problem) {
	a := asked{include: map[string]bool{}, pageSize: pageDefault}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return a, []problem{{Detail: "Malformed query string"}}
	}
	var wrong []problem
	for name, all := range values {
		complaint := q.take(&a, name, all[len(all)-1])
		if complaint != "" {
			wrong = append(wrong, fault("/"+name, complaint))
		}
	}
	slices.SortFunc(wrong, func(a, b problem) int { return strings.Compare(a.Source.Pointer, b.Source.Pointer) })
	return a, wrong
}

// take reads one parameter into a and says what is wrong with it, if anything.
func (q query) take(a *asked, name, value string) (complaint string) {
	listing := q.maxPage > 0
	switch {
	case name == "include" && q.include != nil:
		return a.takeIncludes(value, q.include)
	case name == "sort" && q.sort != nil:
		a.sort = value
		return oneOf(value, q.sort)
	case name == "type" && q.types:
		return a.takeTypes(value)
	case name == "after" && listing:
		a.after = value
	case name == "page_size" && listing:
		return a.takePageSize(value, q.maxPage)
	case name == "include_total_count" && listing:
		a.total = value == "true"
		return oneOf(value, []string{"true", "false"})
	case name == "copy_metadata" && q.copyMetadata:
		return oneOf(value, []string{"true", "false"})
	case name == "copy_comments" && q.copyComments:
		return oneOf(value, []string{"none", "internal", "public", "all"})
	default:
		return "Unexpected field: " + name
	}
	return ""
}

func (a *asked) takeIncludes(value string, known []string) string {
	for _, one := range strings.Split(value, ",") {
		if wrong := oneOf(one, known); wrong != "" {
			return wrong
		}
		a.include[one] = true
	}
	return ""
}

func (a *asked) takeTypes(value string) string {
	for _, one := range strings.Split(value, ",") {
		if wrong := oneOf(one, []string{string(world.File), string(world.Folder), string(world.VersionStack)}); wrong != "" {
			return wrong
		}
		a.kinds = append(a.kinds, world.Kind(one))
	}
	return ""
}

func (a *asked) takePageSize(value string, largest int) string {
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return "Invalid integer. Got: string"
	case n < 1:
		return fmt.Sprintf("%d is smaller than inclusive minimum 1", n)
	case n > largest:
		return fmt.Sprintf("%d is larger than inclusive maximum %d", n, largest)
	}
	a.pageSize = n
	return ""
}

func oneOf(value string, known []string) string {
	if slices.Contains(known, value) {
		return ""
	}
	return "Invalid value for enum"
}
