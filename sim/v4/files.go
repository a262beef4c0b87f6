package v4

import (
	"encoding/json"
	"net/http"

	"github.com/frameiofs/frameiofs/sim/world"
)

func showFile(c *call) (int, any, error) {
	f, err := c.file()
	if err != nil {
		return 0, nil, err
	}
	return c.one(http.StatusOK, f)
}

// showUploadStatus tells how far an upload has come (spec: frameio-v4.md §5.2).
func showUploadStatus(c *call) (int, any, error) {
	f, err := c.file()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, data(map[string]any{
		"id": f.ID, "filetype": f.MediaType,
		"upload_complete": f.Complete(), "upload_failed": !f.UploadFailed.IsZero(),
		"uploaded_at": stampOrNull(f.UploadStarted), "upload_completed_at": stampOrNull(f.UploadCompleted),
	}), nil
}

// createLocalUpload makes a placeholder and says where its bytes go. The media type follows from the name; each part
// must be PUT with it (spec: frameio-v4.md §5.1).
func createLocalUpload(c *call) (int, any, error) { return c.create("") }

// createFile is the older form of createLocalUpload, in which the client names the media type.
func createFile(c *call) (int, any, error) {
	if _, remote := c.text("source_url"); remote {
		return refuseRemoteUpload(c)
	}
	mediaType, _ := c.text("media_type")
	return c.create(mediaType)
}

func (c *call) create(mediaType string) (int, any, error) {
	parent, err := c.folder()
	if err != nil {
		return 0, nil, err
	}
	name, _ := c.text("name")
	size, _ := c.data["file_size"].(json.Number).Int64() // fits: the schema bounds it
	made, up, err := c.wire.world.CreateFile(c.by, parent.ID, world.NewFile{
		Name: name, Size: size, MediaType: mediaType, ExactParts: true,
	})
	if err != nil {
		return 0, nil, err
	}
	shown, err := c.view().file(made)
	if err != nil {
		return 0, nil, err
	}
	for i, url := range c.wire.hosts.UploadURLs(up) {
		shown.UploadURLs = append(shown.UploadURLs, uploadURL{Size: up.Parts[i].Size, URL: url})
	}
	return http.StatusCreated, data(shown), nil
}

// refuseRemoteUpload and refuseImport: the simulated Frame.io fetches nothing from anywhere.
func refuseRemoteUpload(c *call) (int, any, error) {
	if _, err := c.folder(); err != nil {
		return 0, nil, err
	}
	return 0, nil, invalid("/data/source_url", "The source URL cannot be reached")
}

func refuseImport(c *call) (int, any, error) {
	if _, err := c.folder(); err != nil {
		return 0, nil, err
	}
	return 0, nil, refuse(http.StatusForbidden, "Storage Connect is not enabled for this account")
}

func updateFile(c *call) (int, any, error) {
	f, err := c.file()
	if err != nil {
		return 0, nil, err
	}
	return c.rename(f)
}

func deleteFile(c *call) (int, any, error) {
	f, err := c.file()
	if err != nil {
		return 0, nil, err
	}
	return c.remove(f)
}

// moveFile moves a file to a folder, or into a version stack, whose head it becomes (spec: frameio-v4.md §6.3).
func moveFile(c *call) (int, any, error) {
	f, err := c.file()
	if err != nil {
		return 0, nil, err
	}
	return c.move(f, world.Folder, world.VersionStack)
}

func copyFile(c *call) (int, any, error) {
	f, err := c.file()
	if err != nil {
		return 0, nil, err
	}
	if c.wire.world.Behaviour().AsyncFileCopy {
		return c.copyLater(f)
	}
	return c.copy(f)
}
