// Package seed fills an empty world.
//
// Plant takes one of
//
//	sample      a believable account: three projects and a shared one, footage, a version stack, odd names
//	empty       one account, one team, one project with nothing in it
//	many:N      one folder "Many" with N files
//	tree:DxN    folders D deep, N in each, with N files in the deepest
//	folders:DxN D folders in a project "DxN", with N files in each
//
// or several of them joined by "+". All of them have the same people and developer tokens (Tokens). The same number gives the same ids and bytes.
package seed

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// Token is a fixed developer token of every seeded world. For tests and demonstrations only: everybody knows them.
type Token struct {
	Name   string // what the command line calls it
	Secret string
	About  string
	user   int // index into people
	scopes []string
}

// scopes of frameio-v2.md §1.2 that a storage client can make use of.
var (
	readScopes = []string{"account.read", "team.read", "project.read", "asset.read"}
	noCreate   = append([]string{"asset.update", "asset.delete"}, readScopes...)
)

// Tokens are the developer tokens. Scopes count on V2 only; on V4 the user's role decides.
var Tokens = []Token{
	{"full", "fio-u-sim-full-access", "Maya, owner, all scopes", 0, nil},
	{"read-only", "fio-u-sim-read-only", "Vera, viewer: reads, and on V2 has read scopes only", 2, readScopes},
	{"no-create", "fio-u-sim-no-create", "Maya without the scope asset.create (V2)", 0, noCreate},
	{"no-download", "fio-u-sim-no-download", "Noah, member who gets no originals", 3, nil},
	{"assistant", "fio-u-sim-assistant", "Jonas, member: somebody else in the same team", 1, nil},
}

var people = []world.User{
	{Name: "Maya Lindqvist", Email: "maya@northlight.example", Role: world.Owner},
	{Name: "Jonas Okafor", Email: "jonas@northlight.example", Role: world.Member},
	{Name: "Vera Sato", Email: "vera@northlight.example", Role: world.Viewer},
	{Name: "Noah Castellanos", Email: "noah@northlight.example", Role: world.Member, NoDownload: true},
}

// start is when the seeded worlds began.
var start = time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)

// planter plants; the first error stops everything after it from happening.
type planter struct {
	w     *world.World
	seed  uint64
	clock time.Time
	err   error

	account world.Account
	team    world.Team
	users   []world.User
}

// Plant fills w, which must be empty, as kind says.
func Plant(w *world.World, kind string, number uint64) error {
	grow, err := parse(kind)
	if err != nil {
		return err
	}
	p := &planter{w: w, seed: number, clock: start}
	err = w.Seed(number, start, func() error {
		p.people()
		if p.err == nil {
			grow(p)
		}
		return p.err
	})
	if err != nil {
		return fmt.Errorf("seed %s: %w", kind, err)
	}
	return nil
}

// Check tells whether Plant would know kind.
func Check(kind string) error {
	_, err := parse(kind)
	return err
}

func parse(kind string) (func(*planter), error) {
	var all []func(*planter)
	for one := range strings.SplitSeq(kind, "+") {
		grow, err := parseOne(one)
		if err != nil {
			return nil, err
		}
		all = append(all, grow)
	}
	return func(p *planter) {
		for _, grow := range all {
			grow(p)
		}
	}, nil
}

func parseOne(kind string) (func(*planter), error) {
	name, arg, _ := strings.Cut(kind, ":")
	switch name {
	case "sample":
		return (*planter).sample, nil
	case "empty":
		return (*planter).empty, nil
	case "many":
		if n, err := strconv.Atoi(arg); err == nil && n >= 0 && n <= 1_000_000 {
			return func(p *planter) { p.many(n) }, nil
		}
	case "tree":
		d, n, _ := strings.Cut(arg, "x")
		depth, err := strconv.Atoi(d)
		width, err2 := strconv.Atoi(n)
		if err == nil && err2 == nil && depth > 0 && width > 0 && size(depth, width) <= 1_000_000 {
			return func(p *planter) { p.tree(depth, width) }, nil
		}
	case "folders":
		d, n, _ := strings.Cut(arg, "x")
		folders, err := strconv.Atoi(d)
		files, err2 := strconv.Atoi(n)
		if err == nil && err2 == nil && folders > 0 && files > 0 && folders <= 1_000_000/files {
			return func(p *planter) { p.folders(folders, files) }, nil
		}
	}
	return nil, fmt.Errorf("unknown seed %q: want sample, empty, many:N (N up to 1000000), tree:DxN (such as tree:3x10) or folders:DxN, or several joined by +", kind)
}

// size is how many things tree:DxN makes, or more than allowed.
func size(depth, width int) int {
	total, level := 0, 1
	for range depth + 1 {
		if level *= width; level > 1_000_000 {
			return level
		}
		total += level
	}
	return total
}

func (p *planter) people() {
	p.account = try(p, func() (world.Account, error) {
		return p.w.AddAccount(world.Account{Name: "Northlight Pictures", StorageLimit: 2 << 40})
	})
	var ids []world.ID
	for _, u := range people {
		u.AccountID = p.account.ID
		u = try(p, func() (world.User, error) { return p.w.AddUser(u) })
		p.users = append(p.users, u)
		ids = append(ids, u.ID)
	}
	p.team = try(p, func() (world.Team, error) {
		return p.w.AddTeam(world.Team{AccountID: p.account.ID, Name: "Post", Members: ids})
	})
	for _, t := range Tokens {
		try(p, func() (world.Token, error) {
			return p.w.AddToken(world.Token{Access: t.Secret, Kind: world.Developer, User: p.users[t.user].ID, Scopes: t.scopes})
		})
	}
}

// try does a step unless an earlier one failed.
func try[T any](p *planter, step func() (T, error)) (v T) {
	return after(p, 97*time.Second, step)
}

// after is try for a step that comes so much later than the one before.
func after[T any](p *planter, pause time.Duration, step func() (T, error)) (v T) {
	if p.err == nil {
		p.clock = p.clock.Add(pause)
		p.w.SetSeedTime(p.clock)
		v, p.err = step()
	}
	return v
}

func (p *planter) project(name string) world.ID {
	return try(p, func() (world.Project, error) {
		return p.w.AddProject(world.Project{TeamID: p.team.ID, Name: name})
	}).RootID
}

func (p *planter) folder(parent world.ID, name string) world.ID {
	return try(p, func() (world.Asset, error) { return p.w.CreateFolder(p.maya(), parent, name) }).ID
}

func (p *planter) maya() world.Caller {
	if len(p.users) == 0 {
		return world.Root()
	}
	return world.As(p.users[0].ID)
}

func (p *planter) empty() { p.project("Untitled") }

func (p *planter) many(n int) { p.takes(p.folder(p.project("Big"), "Many"), n) }

// takes makes n small files with the same bytes.
func (p *planter) takes(dir world.ID, n int) {
	first := world.ID("")
	for i := range n {
		name := fmt.Sprintf("take_%06d.txt", i+1)
		if i == 0 {
			first = p.file(dir, name, text(name))
			continue
		}
		p.clone(first, dir, name)
	}
}

func (p *planter) folders(folders, files int) {
	root := p.project(fmt.Sprintf("%dx%d", folders, files))
	for i := range folders {
		if p.err == nil {
			p.takes(p.folder(root, fmt.Sprintf("day_%03d", i+1)), files)
		}
	}
}

func (p *planter) tree(depth, width int) {
	root := p.project("Tree")
	original := world.ID("")
	var grow func(parent world.ID, level int)
	grow = func(parent world.ID, level int) {
		for i := range width {
			switch {
			case p.err != nil:
				return
			case level > 0:
				grow(p.folder(parent, fmt.Sprintf("folder %d", i+1)), level-1)
			case original == "":
				original = p.file(parent, "file 1.txt", text("file 1.txt"))
			default:
				p.clone(original, parent, fmt.Sprintf("file %d.txt", i+1))
			}
		}
	}
	grow(root, depth)
}
