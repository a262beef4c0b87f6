package spool

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// How the power goes, or the process.
type cut int

const (
	killed cut = iota // all that was written is there
	least             // nothing but what was synced
	some              // anything in between
	cuts
)

func (c cut) String() string { return [...]string{"kill -9", "power cut, the least", "power cut"}[c] }

// oath is what a user was promised at one moment, to be held against what there is in the end.
type oath struct {
	when   time.Time
	how    cut
	things []sworn
	keys   map[Key]*thing
}

type sworn struct {
	*thing
	hist []version
}

// swear takes down what is promised now.
func (u *user) swear(how cut) *oath {
	u.mu.Lock()
	defer u.mu.Unlock()
	o := &oath{when: time.Now(), how: how, keys: map[Key]*thing{}}
	for k, th := range u.byKey {
		o.keys[k] = th
	}
	for _, th := range u.things {
		o.things = append(o.things, sworn{th, slices.Clone(th.hist)})
	}
	return o
}

// meanwhile adds what was begun since: what is left may be from a moment later, because nobody stood still for it.
func (o *oath) meanwhile(u *user) {
	later := u.swear(o.how)
	o.keys = later.keys
	for n, w := range later.things {
		if n == len(o.things) {
			o.things = append(o.things, sworn{w.thing, nil})
		}
		for k := len(o.things[n].hist); k < len(w.hist); k++ {
			v := w.hist[k]
			v.at, v.sure = time.Time{}, false
			o.things[n].hist = append(o.things[n].hist, v)
		}
	}
}

// soon is how long after a close it survives a loss of power.
const soon = time.Second

// may are the versions that a thing may be found at: from the last one that is sure on.
func (o *oath) may(w sworn) []version {
	for k := len(w.hist) - 1; k > 0; k-- {
		v := w.hist[k]
		stood := o.when.Sub(v.at)
		if k+1 < len(w.hist) && w.hist[k+1].open && !w.hist[k+1].at.IsZero() {
			stood = w.hist[k+1].at.Sub(v.at) // then it was written to again
		}
		if !v.at.IsZero() && (o.how == killed || v.sure || stood > soon) {
			return w.hist[k:]
		}
	}
	return w.hist
}

// found is a file or folder on Frame.io.
type found struct {
	id       remote.ID
	in, name string
	dir      bool
	data     []string // the newest first
	whole    bool
}

// world is all that is on Frame.io, but for what lies in stacks.
func (f *fake) world() (all []found) {
	f.mu.Lock()
	defer f.mu.Unlock()
	title := func(id remote.ID) string {
		if a := f.assets[id]; a != nil {
			return a.Name
		}
		return string(id)
	}
	for _, a := range f.assets {
		if a.stack != "" {
			continue
		}
		is := found{id: a.ID, in: title(a.Parent), name: a.Name, dir: a.Kind == remote.Folder, whole: true}
		switch a.Kind {
		case remote.File:
			is.data, is.whole = []string{a.bytes()}, f.item(a).State == remote.Uploaded
		case remote.Stack:
			is.name = f.item(a).Name
			for _, id := range slices.Backward(a.versions) {
				v := f.assets[id]
				is.data = append(is.data, v.bytes())
				is.whole = is.whole && f.item(v).State == remote.Uploaded
			}
		}
		all = append(all, is)
	}
	return all
}

// verdict is what is wrong in the end, and what there was.
type verdict struct {
	wrong  []string
	files  int // that arrived
	held   int
	parked int // because their map was not on the disk when the power went
}

func (v *verdict) say(format string, args ...any) {
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}

// judge compares what s has come to, and Frame.io with it. forced tells that also what was not closed was sent.
func (o *oath) judge(s *state, forced bool) *verdict {
	v := &verdict{}
	world := s.f.world()
	known := map[string]bool{} // contents, and whether they were ever closed
	owners := map[string]int{}
	for _, w := range o.things {
		mine := map[string]int{}
		for k, h := range w.hist {
			known[h.data] = known[h.data] || !h.open
			if k > 0 && !h.open && w.hist[k-1].open { // closed anew: it may have become a version of itself
				mine[h.data]++
			} else {
				mine[h.data] = max(1, mine[h.data])
			}
		}
		for data, n := range mine {
			owners[data] += n
		}
	}
	copies := map[string]int{}
	for _, is := range world {
		if !is.whole {
			v.say("a placeholder is left: %s/%s", is.in, is.name)
		}
		for _, data := range is.data {
			closed, ever := known[data]
			if !ever || !closed && !forced {
				v.say("%s/%s has bytes that nobody closed: %s%s", is.in, is.name, glance(data), o.nearest(data))
			}
			if copies[data]++; copies[data] > owners[data] {
				v.say("%s is there %d times", glance(data), copies[data])
			}
		}
	}
	local := map[*thing]Info{}
	for _, i := range s.All() {
		if th := o.whose(i); th != nil {
			local[th] = i
		} else {
			v.say("nobody knows what this is: %+v", i)
		}
	}
	for _, w := range o.things {
		o.thing(v, w, world, local, forced)
	}
	return v
}

// nearest tells where wrong bytes part from what is most like them.
func (o *oath) nearest(data string) string {
	say, most := "", -1
	for _, w := range o.things {
		for _, h := range w.hist {
			n := 0
			for n < min(len(data), len(h.data)) && data[n] == h.data[n] {
				n++
			}
			if n > most && !w.dir {
				say, most = fmt.Sprintf(", which is %s's %d bytes up to byte %d, and then %.20q, not %.20q", w.is(), len(h.data), n, data[n:], h.data[n:]), n
			}
		}
	}
	return say
}

// whose is the file that an entry is of. The key of one that is being made is not known yet.
func (o *oath) whose(i Info) *thing {
	if th := o.keys[i.Key]; th != nil {
		return th
	}
	for _, w := range o.things {
		if v := w.hist[len(w.hist)-1]; v.at.IsZero() && v.name == i.Name {
			return w.thing
		}
	}
	return nil
}

// place is how the world calls where v is.
func (v *version) place(o *oath) []string {
	if v.in == nil {
		return []string{v.name}
	}
	var all []string
	for _, d := range o.things[v.in.id].hist { // whatever its folder is called by now
		if !d.gone {
			all = append(all, d.name+"/"+v.name)
		}
	}
	return all
}

func (o *oath) thing(v *verdict, w sworn, world []found, local map[*thing]Info, forced bool) {
	may := o.may(w)
	var at, copies []found
	for _, is := range world {
		if is.dir != w.dir {
			continue
		}
		for _, h := range w.hist {
			if (w.dir || h.data == is.data[0]) && slices.Contains(h.place(o), is.in+"/"+is.name) {
				if !w.dir && o.shared(h.data) {
					copies = append(copies, is)
				} else {
					at = append(at, is)
				}
				break
			}
		}
	}
	all, alike := append(slices.Clone(at), copies...), len(at) == 0 && len(copies) > 0
	if alike { // it, or copies of it: how many there are of those is looked at elsewhere
		at = copies[:1]
	}
	if w.dir && may[0].in == nil && !may[0].gone {
		return // was there from the beginning
	}
	i, here := local[w.thing]
	gone, open, changing := o.unborn(w), false, len(may) > 1
	fits := false
	for _, h := range may {
		gone, open = gone || h.gone, open || h.open
		for _, is := range all {
			fits = fits || !h.gone && (w.dir || h.data == is.data[0]) && slices.Contains(h.place(o), is.in+"/"+is.name)
		}
	}
	last := may[len(may)-1]
	stays := here && (i.Stage == Held && (i.Quiet || open || changing || i.Size == 0 && last.data == "") || i.Stage == Parked && changing && o.how != killed)
	switch {
	case len(at) > 1 && gone && o.heldBy(may, local): // what Frame.io had of it becomes older versions once that has bytes
	case len(at) > 1:
		v.say("%s is there %d times: %v", w.is(), len(at), names(at))
	case fits, gone, alike:
	case len(at) == 1 && stays: // what was before is there, and what came of it is here
	case len(at) == 1:
		v.say("%s is at %v as %s; it was promised %s", w.is(), names(at), glance(at[0].data...), promised(o, may))
	case stays:
	case here:
		v.say("%s is kept back: %s; it was promised %s", w.is(), i.Reason, promised(o, may))
	default:
		v.say("%s is lost; it was promised %s", w.is(), promised(o, may))
	}
	switch {
	case here && i.Stage == Held:
		v.held++
	case here && i.Stage == Parked && stays:
		v.parked++
	case here:
		v.say("%s is %s: %s", w.is(), i.Stage, i.Reason)
	}
	if len(at) == 1 && !w.dir {
		v.files++
	}
	if forced && open && !changing && last.data != "" && !gone && !here && !fits {
		v.say("%s was written, and is %v now", w.is(), names(at))
	}
	// Who took a name has it, or what had it is there.
	for _, h := range may {
		if h.gone && h.over == nil || o.unborn(w) {
			break // it went, or never was, by itself
		}
		if h.over != nil && len(at) == 0 && !here && len(may) > 1 {
			o.heir(v, w, o.things[h.over.id], h, world, local)
		}
	}
}

// heldBy reports whether what took the name is held here.
func (o *oath) heldBy(may []version, local map[*thing]Info) bool {
	return slices.ContainsFunc(may, func(h version) bool { return h.over != nil && local[h.over].Stage == Held })
}

// shared reports whether more than one thing ever had some bytes.
func (o *oath) shared(data string) bool {
	n := 0
	for _, w := range o.things {
		if slices.ContainsFunc(w.hist, func(h version) bool { return !w.dir && h.data == data }) {
			n++
		}
	}
	return n > 1
}

// unborn reports whether nothing was ever promised of a file that may be lost with the power.
func (o *oath) unborn(w sworn) bool {
	if w.dir || o.how == killed {
		return false
	}
	for _, h := range w.hist[:len(w.hist)-len(o.may(w))+1] {
		if !h.gone && h.data != "" && (!h.open || h.sure) {
			return false
		}
	}
	return true
}

func (o *oath) heir(v *verdict, w, by sworn, h version, world []found, local map[*thing]Info) {
	if _, here := local[by.thing]; here {
		return
	}
	for _, x := range by.hist {
		if x.gone && x.over != nil {
			return // in its turn
		}
		for _, is := range world {
			if !is.dir && x.data == is.data[0] && slices.Contains(h.place(o), is.in+"/"+is.name) {
				return
			}
		}
	}
	has := false
	for _, x := range by.hist {
		if is := !x.gone && x.name == h.name && x.in == h.in; has && !is {
			return // it went on from there
		} else if is {
			has = true
		}
	}
	v.say("%s went for %s, which has not its name", w.is(), by.is())
}

func (w *sworn) is() string {
	what := "file"
	if w.dir {
		what = "folder"
	}
	return fmt.Sprintf("%s %d", what, w.id)
}

func names(all []found) (s []string) {
	for _, is := range all {
		s = append(s, is.in+"/"+is.name)
	}
	return s
}

func promised(o *oath, may []version) string {
	var all []string
	for _, h := range may {
		switch {
		case h.gone:
			all = append(all, "gone")
		case h.open:
			all = append(all, fmt.Sprintf("%v, not closed", h.place(o)))
		default:
			all = append(all, fmt.Sprintf("%v with %s", h.place(o), glance(h.data)))
		}
	}
	return strings.Join(all, ", or ")
}

func glance(data ...string) string {
	var all []string
	for _, s := range data {
		all = append(all, fmt.Sprintf("%d bytes %.24q…", len(s), s))
	}
	return strings.Join(all, " | ")
}
