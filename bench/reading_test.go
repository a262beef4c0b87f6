package bench

import (
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

var (
	rowsWanted = flag.String("rows", ".", "`REGEXP` of the rows to measure; their names stand in reading_test.go and writing_test.go")
	rounds     = flag.Int("rounds", 3, "how often each row is measured, an odd number")
)

// What the simulated Frame.io has, as its seed and as paths.
const (
	readingSeed = "many:10000+folders:100x100+folders:10x10000"
	manyFiles   = 10_000
	manyPath    = "Big/Many"
	treePath    = "100x100"
	bulkPath    = "10x10000"
	filmPath    = "Big/film.mov"
	moviePath   = "Big/movie.mp4"
)

// readingRows are what is measured, in the order of issue 3.
var readingRows = []struct {
	name string
	run  func(*reading)
}{
	{"folder", (*reading).folder},
	{"tree", (*reading).tree},
	{"limits", (*reading).limits},
	{"stats", (*reading).stats},
	{"usable", (*reading).usable},
	{"cold", (*reading).cold},
	{"warm", (*reading).warm},
	{"loopback", (*reading).loopback},
	{"first", (*reading).first},
	{"random", (*reading).random},
	{"ffprobe", (*reading).ffprobe},
}

// reading is one run of its measurements.
type reading struct {
	*rig
	verdicts
	api    string
	size   int64  // of the film
	sum    uint32 // of the film
	source string // the film on the bare disk
	movie  string // an mp4 of 10 GiB on the bare disk, made when it is needed
	bulk   *mount // that has listed 100,000 names; kept for the next row
}

// BenchmarkReading measures what issue 3 wants reading to show. It is to be run with -benchtime 1x.
func BenchmarkReading(b *testing.B) {
	once(b)
	wanted, err := regexp.Compile(*rowsWanted)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	// Hashing ten gigabytes of a film with holes would be measured too.
	s := &reading{rig: newRig(b, readingSeed, "--behaviour", "no_checksum=true"), size: *mebibytes << 20}
	s.source = filepath.Join(s.dir, "source.mov")
	s.sum = film(b, s.source, s.size)
	s.plant(filmPath, s.source)
	fmt.Printf("\n%s; medians of %d\n", conditions(), *rounds)
	for _, api := range apis() {
		s.api = api
		s.head(api)
		for _, row := range readingRows {
			if wanted.MatchString(row.name) {
				row.run(s)
			}
		}
		s.drop()
	}
	fmt.Printf("\n%d missed; load %s; took %v\n", s.missed, load(), time.Since(began).Round(time.Second))
}

// plant makes a file of this machine a file on Frame.io, without an upload.
func (s *reading) plant(path, local string) {
	s.t.Helper()
	s.call("POST", "/_sim/touch", map[string]any{"do": "file", "in": filepath.Dir(path), "name": filepath.Base(path), "from": local}, nil)
}

// drop ends the mount that rows share.
func (s *reading) drop() {
	if s.bulk != nil {
		s.bulk.unmount()
		s.bulk = nil
	}
}
