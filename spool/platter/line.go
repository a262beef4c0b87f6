package platter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
)

// A line of a journal is the CRC-32C of the rest of the line (8 hex digits), a space, and one value as JSON.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sum is the checksum of lines.
func Sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// AppendLine appends v as a line.
func AppendLine(to []byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return to, err
	}
	return fmt.Appendf(to, "%08x %s\n", Sum(b), b), nil
}

// ErrTorn: a line is not as it was written.
var ErrTorn = errors.New("the line is torn or damaged")

// ReadLine reads a line, with its end, into v. ErrTorn, or what is wrong with a line that is as it was written: it is not of this version
// of the program.
func ReadLine(line []byte, v any) error {
	sum, rest, found := bytes.Cut(line, []byte(" "))
	rest, ended := bytes.CutSuffix(rest, []byte("\n"))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !found || !ended || len(sum) != 8 || err != nil || Sum(rest) != uint32(want) {
		return ErrTorn
	}
	return json.Unmarshal(rest, v)
}

// Aside keeps what cannot be read of a journal in a file beside it, behind what was put there before.
func Aside(path string, damaged []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(damaged)
	if err == nil {
		err = Sync(f)
	}
	return errors.Join(err, f.Close())
}
