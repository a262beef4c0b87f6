package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/platter"
)

// parts.log has a line for every part that was sent,
//
//	put <asset id> <part number> <crc32c of the line so far, 8 hex digits>
//
// appended without fsync: sending a part twice does no harm. A line counts if its checksum and its asset are right; a loss of
// power may leave others.

func partLine(asset remote.ID, number int) string {
	line := fmt.Sprintf("put %s %d ", asset, number)
	return fmt.Sprintf("%s%08x\n", line, platter.Sum([]byte(line)))
}

func logPart(f *os.File, asset remote.ID, number int) error {
	_, err := f.WriteString(partLine(asset, number))
	return err
}

// readParts tells which parts of up are done.
func readParts(path string, up remote.Upload) ([]bool, error) {
	done := make([]bool, len(up.Parts))
	byNumber := make(map[int]int, len(up.Parts))
	for i, p := range up.Parts {
		byNumber[p.Number] = i
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return done, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxJSON))
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(b) {
		number := -1
		if f := strings.Fields(string(line)); len(f) == 4 {
			if n, err := strconv.Atoi(f[2]); err == nil {
				number = n
			}
		}
		if string(line) != partLine(up.File.ID, number) {
			continue // torn, or another asset's
		}
		if i, ok := byNumber[number]; ok {
			done[i] = true
		}
	}
	return done, nil
}
