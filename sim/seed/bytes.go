package seed

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// Two real clips of two seconds: H.264 and AAC in MP4, H.264 in QuickTime.
var (
	//go:embed media/testcard.mp4
	testcard content
	//go:embed media/bars.mov
	bars content
)

// content is the bytes of a small file.
type content []byte

func (c content) open() (io.Reader, int64) { return bytes.NewReader(c), int64(len(c)) }

// source makes bytes of a known number.
type source interface{ open() (io.Reader, int64) }

func (p *planter) file(parent world.ID, name string, s source) world.ID {
	return try(p, func() (world.Asset, error) {
		r, size := s.open()
		return p.w.PutFile(p.maya(), parent, world.NewFile{Name: name, Size: size}, r)
	}).ID
}

// clone makes one of many. A second between them: a million must not reach into the future, where they would not be complete yet.
func (p *planter) clone(original, parent world.ID, name string) {
	after(p, time.Second, func() (world.Asset, error) { return p.w.Clone(p.maya(), original, parent, name) })
}

func text(s string) content { return content(fmt.Sprintf("%s\n", s)) }

// longer appends a free box, which players skip: another version of the same clip, with other bytes.
func longer(clip content, n int) content {
	box := make([]byte, 8+64*n)
	binary.BigEndian.PutUint32(box, uint32(len(box)))
	copy(box[4:], "free")
	return append(append(content(nil), clip...), box...)
}

// noise is size pseudo-random bytes: stands for footage, which does not compress either.
func noise(seed uint64, size int64) source { return random{seed, size} }

type random struct {
	seed uint64
	size int64
}

func (r random) open() (io.Reader, int64) {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], r.seed)
	return io.LimitReader(rand.NewChaCha8(key), r.size), r.size
}

// Noise returns size pseudo-random bytes that follow from seed.
func Noise(seed uint64, size int64) io.Reader {
	r, _ := random{seed, size}.open()
	return r
}

// tone is one second of a sine in a WAV file of 16 bits at 48 kHz.
func tone(hertz float64) content {
	const rate, seconds = 48000, 1
	var b bytes.Buffer
	data := rate * seconds * 2
	b.WriteString("RIFF")
	binary.Write(&b, binary.LittleEndian, uint32(36+data))
	b.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(rate), uint32(rate * 2), uint16(2), uint16(16)} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	binary.Write(&b, binary.LittleEndian, uint32(data))
	for i := range rate * seconds {
		binary.Write(&b, binary.LittleEndian, int16(8000*math.Sin(2*math.Pi*hertz*float64(i)/rate)))
	}
	return b.Bytes()
}

// still is a small picture: a gradient in a colour that follows from seed.
func still(seed uint64) content {
	hue := color.RGBA{uint8(seed*97 + 60), uint8(seed*57 + 90), uint8(seed*31 + 120), 255}
	img := image.NewRGBA(image.Rect(0, 0, 160, 90))
	for y := range 90 {
		for x := range 160 {
			img.Set(x, y, color.RGBA{uint8(int(hue.R) * x / 160), uint8(int(hue.G) * y / 90), hue.B, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("seed: a picture in memory always encodes: " + err.Error())
	}
	return b.Bytes()
}
