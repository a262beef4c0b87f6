package world

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// maxName is the longest name in characters (spec: frameio-v4.md §6.2; frameio-v2.md §10 as a choice).
const maxName = 255

func checkName(name string) error {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return fail(ErrInvalid, "name", "name can't be blank")
	case n > maxName:
		return fail(ErrInvalid, "name", fmt.Sprintf("name should be at most %d character(s)", maxName))
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		return fail(ErrInvalid, "name", "name is not valid text")
	}
	return nil
}

// Ext returns the extension of a name with its dot, in its own case; "" if there is none worth the word. It goes into
// paths of URLs, so anything but letters and digits disqualifies.
func Ext(name string) string {
	ext := path.Ext(name)
	if len(ext) < 2 || len(ext) > 12 || ext == name {
		return ""
	}
	for _, r := range ext[1:] {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return ""
		}
	}
	return ext
}

// mediaTypes is what the service makes of extensions; the machine's own table would differ from one to the next.
var mediaTypes = map[string]string{
	".3gp": "video/3gpp", ".avi": "video/x-msvideo", ".braw": "video/x-braw", ".m2ts": "video/mp2t", ".m4v": "video/x-m4v",
	".mkv": "video/x-matroska", ".mov": "video/quicktime", ".mp4": "video/mp4", ".mpeg": "video/mpeg", ".mpg": "video/mpeg",
	".mts": "video/mp2t", ".mxf": "application/mxf", ".r3d": "video/x-r3d", ".webm": "video/webm", ".wmv": "video/x-ms-wmv",
	".aac": "audio/aac", ".aif": "audio/x-aiff", ".aiff": "audio/x-aiff", ".flac": "audio/flac", ".m4a": "audio/mp4",
	".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".wav": "audio/x-wav",
	".bmp": "image/bmp", ".cr2": "image/x-canon-cr2", ".dng": "image/x-adobe-dng", ".dpx": "image/x-dpx", ".exr": "image/x-exr",
	".gif": "image/gif", ".heic": "image/heic", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png",
	".psd": "image/vnd.adobe.photoshop", ".svg": "image/svg+xml", ".tif": "image/tiff", ".tiff": "image/tiff", ".webp": "image/webp",
	".csv": "text/csv", ".html": "text/html", ".md": "text/markdown", ".srt": "application/x-subrip", ".txt": "text/plain",
	".vtt": "text/vtt", ".xml": "application/xml", ".fcpxml": "application/xml", ".json": "application/json",
	".pdf": "application/pdf", ".zip": "application/zip", ".gz": "application/gzip", ".tar": "application/x-tar",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

// MediaType is what the service makes of a name: by its extension, else application/octet-stream.
func MediaType(name string) string {
	if t := mediaTypes[strings.ToLower(path.Ext(name))]; t != "" {
		return t
	}
	return "application/octet-stream"
}

// AssetType is the service's coarse kind of a media type: "stream", "image", "document", or "" for what it cannot show
// (spec: frameio-v2.md §4.2).
func AssetType(mediaType string) string {
	switch {
	case strings.HasPrefix(mediaType, "video/"), strings.HasPrefix(mediaType, "audio/"), mediaType == "application/mxf":
		return "stream"
	case strings.HasPrefix(mediaType, "image/"):
		return "image"
	case mediaType == "application/pdf":
		return "document"
	}
	return ""
}

// freeName puts " (1)", " (2)", … before the extension until taken says no (spec: frameio-v4.md §6.2).
func freeName(name string, isFile bool, taken func(string) bool) string {
	if !taken(name) {
		return name
	}
	base, ext := name, ""
	if isFile {
		ext = Ext(name)
		base = strings.TrimSuffix(name, ext)
	}
	for n := 1; ; n++ {
		suffix := fmt.Sprintf(" (%d)", n)
		b := base
		for utf8.RuneCountInString(b)+len(suffix)+len(ext) > maxName {
			_, size := utf8.DecodeLastRuneInString(b)
			b = b[:len(b)-size]
		}
		if c := b + suffix + ext; !taken(c) {
			return c
		}
	}
}
