package v4

import "github.com/frameiofs/frameiofs/remote"

// helpers are the walks beside the trunk. Two go through the files from both ends, so that they meet, or the trunk.
type helpers struct {
	oldest, newest, folders, stacks *walker
}

// worthHelp reports whether helpers would be quicker than the trunk: it has more than a page before it, as far as it has
// counted, and somebody waits, be it only by now.
func (g *gathering) worthHelp(trunk *walker) bool {
	return trunk.tally.total-len(trunk.tally.met) > assetPageSize && remote.PriorityOf(g.ctx) <= remote.Ahead
}

func (g *gathering) help() *helpers {
	return &helpers{
		oldest:  g.start(g.files("created_at_asc")),
		newest:  g.start(g.files("created_at_desc")),
		folders: g.start(g.folders()),
		stacks:  g.start(g.stacks()),
	}
}

func (h *helpers) end() {
	if h == nil {
		return
	}
	for _, w := range []*walker{h.oldest, h.newest, h.folders, h.stacks} {
		w.end()
	}
}

// complete reports whether told, the number of things that have been told, is all that there are. The trunk's count alone
// cannot tell: it may be older than what came last. But a thing that came or went after the trunk counted, before a helper
// told of it, shows in the helper's own count.
func (h *helpers) complete(trunk *walker, told int) bool {
	if h == nil || !trunk.tally.steady || told != trunk.tally.total {
		return false
	}
	files := -1
	for _, w := range []*walker{h.oldest, h.newest} {
		if w.tally.pages == 0 {
			continue
		}
		if !w.tally.steady || files >= 0 && files != w.tally.total {
			return false
		}
		files = w.tally.total
	}
	rest := 0
	for _, w := range []*walker{h.folders, h.stacks} {
		if !w.last || !w.tally.steady || w.tally.total < 0 {
			return false
		}
		rest += w.tally.total
	}
	return files >= 0 && files+rest == told
}

// trunk walks through the children, once more if the list changed under way; with helpers if somebody waits, the list is long,
// and it is counted. Whatever happens to the helpers is no error of the listing.
func (g *gathering) trunk() {
	var help *helpers
	alone := len(g.seen) > 0
	for trunk := g.start(g.children()); ; {
		b := <-g.pages
		switch {
		case b.by.over:
			continue
		case b.err != nil && b.by == trunk:
			g.yield(asset{}, b.err)
			return
		case b.err != nil:
			b.by.end()
			continue
		}
		known, more := g.take(b)
		if !more {
			return
		}
		switch {
		case b.by == trunk && trunk.last:
			help.end()
			help, alone = nil, true
			if trunk = g.finish(trunk); trunk == nil {
				return
			}
		case b.by == trunk && !alone && help == nil && g.worthHelp(trunk):
			help = g.help()
		case b.by != trunk && known*10 > len(b.page.Data)*9:
			// It goes where others have been: the trunk, if that has the same order, or the one that comes to meet it.
			b.by.end()
		}
		if help.complete(trunk, len(g.seen)) {
			return
		}
	}
}
