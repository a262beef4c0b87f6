package seed

import (
	"strings"

	"github.com/frameiofs/frameiofs/sim/world"
)

// sample is what frameiofs demo shows and most tests walk through.
func (p *planter) sample() {
	p.northernLights()
	p.commercial()
	p.oddNames(p.project("Sandbox"))
	p.shared()
}

func (p *planter) northernLights() {
	root := p.project("Northern Lights")
	footage := p.folder(root, "01 Footage")
	day1 := p.folder(footage, "Day 01")
	cam := p.folder(day1, "A-Cam")
	for _, clip := range []string{"A001_C001_0901QK.mp4", "A001_C002_0901QK.mp4", "A001_C003_0901QK.mp4"} {
		p.file(cam, clip, testcard)
	}
	p.file(p.folder(day1, "Sound"), "NL_D01_T01.wav", tone(440))
	p.folder(footage, "Day 02") // nothing shot yet

	cuts := p.folder(root, "02 Cuts")
	v1 := p.file(cuts, "Trailer.mp4", testcard)
	v2 := p.file(cuts, "Trailer v2.mp4", longer(testcard, 1))
	v3 := p.file(cuts, "Trailer v3.mp4", longer(testcard, 2))
	stack := try(p, func() (world.Asset, error) { return p.w.AddVersion(p.maya(), v1, v2) })
	try(p, func() (world.Asset, error) { return p.w.AddVersion(p.maya(), stack.ID, v3) })
	p.file(cuts, "Temp bars.mov", bars)
	// Two editors, one name: siblings may be called the same (spec: frameio-v2.md §10).
	p.file(cuts, "Scene 12.mov", bars)
	p.file(cuts, "Scene 12.mov", longer(bars, 1))

	docs := p.folder(root, "03 Documents")
	p.file(docs, "Call sheet Day 01.txt", text("Call sheet, day 1"))
	p.file(docs, "Trailer.srt", content("1\n00:00:00,000 --> 00:00:02,000\nThe lights are out.\n"))
	p.file(docs, "Continuity 0142.png", still(p.seed))
	p.file(root, "Camera original.mxf", noise(p.seed, 24<<20)) // two parts
}

func (p *planter) commercial() {
	root := p.project("Kaffe Spot 30s")
	p.file(root, "KAFFE_30_v01.mp4", testcard)
	stills := p.folder(root, "Stills")
	p.file(stills, "packshot_01.png", still(p.seed+1))
	p.file(stills, "packshot_02.png", still(p.seed+2))
}

// OddNames are names in the sample's folder "Odd names" that programs stumble over. All are allowed by the service as
// far as known (spec: frameio-v2.md §10).
var OddNames = []string{
	"a/b.txt", "9:16 cut.txt", "naïve.txt", "nai\u0308ve nfd.txt", "🎬 slate.txt", " leading blank.txt", "trailing blank.txt ",
	"UPPER case.txt", "upper case.txt", "same.txt", "same.txt", "back\\slash.txt", "quote\"s and 'quotes'.txt", "tab\there.txt",
	"line\nbreak.txt", "zero\u200bwidth.txt", "[brackets] {and} *stars*?.txt", "%41 percent %2F.txt", ".", "..", ".hidden",
	"CON.txt", "dot at end.", "no extension", "файл.txt", "日本語のファイル名.txt", "a|b<c>d.txt", "~$lock.docx", "--help",
}

func (p *planter) oddNames(root world.ID) {
	dir := p.folder(root, "Odd names")
	for _, name := range OddNames {
		p.file(dir, name, text(name))
	}
	long := strings.Repeat("long ", 49) + ".txt" // 249 characters …
	p.file(dir, "L"+long, text(long))            // … and 250
	p.file(dir, strings.Repeat("ü", 246)+".txt", text("250 characters, 496 bytes"))
	p.folder(dir, "folder/with:all ")
	p.folder(dir, "same.txt") // a folder with a file's name
	p.file(p.folder(dir, " "), "in a folder called blank.txt", text("blank"))
}

// shared is a project of another team, to which Maya is only invited.
func (p *planter) shared() {
	other := try(p, func() (world.User, error) {
		return p.w.AddUser(world.User{AccountID: p.account.ID, Name: "Ines Weber", Email: "ines@colourhouse.example", Role: world.Member})
	})
	team := try(p, func() (world.Team, error) {
		return p.w.AddTeam(world.Team{AccountID: p.account.ID, Name: "Colour House", CreatorID: other.ID, Members: []world.ID{other.ID}})
	})
	var invited []world.ID
	for _, u := range p.users {
		invited = append(invited, u.ID)
	}
	project := try(p, func() (world.Project, error) {
		return p.w.AddProject(world.Project{TeamID: team.ID, Name: "Grade – Northern Lights", Collaborators: invited})
	})
	p.file(project.RootID, "Look reference.png", still(p.seed+3))
	p.file(project.RootID, "LUT notes.txt", text("Rec.709, gamma 2.4"))
}
