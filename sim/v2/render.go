package v2

import (
	"encoding/json"

	"github.com/frameiofs/frameiofs/sim/hosts"
	"github.com/frameiofs/frameiofs/sim/world"
)

// assetJSON has every key of a captured asset, nulls included (spec: frameio-v2.md §4.1). Keys that only some answers
// have are at the end.
type assetJSON struct {
	TypeAgain world.Kind `json:"_type"`
	Type      world.Kind `json:"type"`
	ID        world.ID   `json:"id"`
	Name      string     `json:"name"`
	Filesize  int64      `json:"filesize"`
	Filetype  any        `json:"filetype"`
	Status    any        `json:"status"`
	AssetType any        `json:"asset_type"`

	ParentID  any      `json:"parent_id"`
	ProjectID world.ID `json:"project_id"`
	TeamID    world.ID `json:"team_id"`
	AccountID world.ID `json:"account_id"`
	CreatorID world.ID `json:"creator_id"`
	Index     float64  `json:"index"`

	InsertedAt        any `json:"inserted_at"`
	UpdatedAt         any `json:"updated_at"`
	UploadedAt        any `json:"uploaded_at"`
	ArchiveFrom       any `json:"archive_from"`
	UploadCompletedAt any `json:"upload_completed_at"`
	UploadFailedAt    any `json:"upload_failed_at"`
	TranscodedAt      any `json:"transcoded_at"`
	DeletedAt         any `json:"deleted_at"`

	UploadURLs     []string         `json:"upload_urls"`
	OriginalUpload any              `json:"original_upload"`
	Original       *json.RawMessage `json:"original,omitempty"` // absent without the right to download (§6)
	Downloads      any              `json:"downloads"`

	Frames          int   `json:"frames"`
	Checksums       any   `json:"checksums"`
	CommentCount    int   `json:"comment_count"`
	ItemCount       int   `json:"item_count"`
	PublicItemCount int   `json:"public_item_count"`
	ViewCount       int64 `json:"view_count"`
	Versions        int   `json:"versions"`

	Label        string          `json:"label"`
	Description  any             `json:"description"`
	Properties   json.RawMessage `json:"properties"`
	Private      bool            `json:"private"`
	Shared       bool            `json:"shared"`
	Copy         bool            `json:"copy"`
	CoverAssetID any             `json:"cover_asset_id"`

	AllowOriginalPlayback bool   `json:"allow_original_playback"`
	Is360                 bool   `json:"is_360"`
	IsHLSRequired         bool   `json:"is_hls_required"`
	SessionWatermarked    bool   `json:"is_session_watermarked"`
	ForensicWatermarked   bool   `json:"is_forensically_watermarked"`
	UserPermissions       object `json:"user_permissions"`

	nulls

	CoverAsset *assetJSON   `json:"cover_asset,omitempty"`
	Children   []*assetJSON `json:"children,omitempty"`
	Project    any          `json:"project,omitempty"`
	Creator    any          `json:"creator,omitempty"`
}

// nulls are keys that the simulator never has a value for.
type nulls struct {
	ResourceID      any `json:"resource_id"`
	HardDeletedAt   any `json:"hard_deleted_at"`
	ArchivedAt      any `json:"archived_at"`
	ArchiveStatus   any `json:"archive_status"`
	ArchiveSched    any `json:"archive_scheduled_at"`
	RealtimeUpload  any `json:"realtime_upload"`
	Source          any `json:"source"`
	HLSManifest     any `json:"hls_manifest"`
	H264x360        any `json:"h264_360"`
	H264x540        any `json:"h264_540"`
	H264x720        any `json:"h264_720"`
	H264x1080       any `json:"h264_1080_best"`
	H264x2160       any `json:"h264_2160"`
	Webm360         any `json:"webm_360"`
	Webm540         any `json:"webm_540"`
	Webm720         any `json:"webm_720"`
	Webm1080        any `json:"webm_1080_best"`
	Video180        any `json:"video_h264_180"`
	ImageFull       any `json:"image_full"`
	ImageHigh       any `json:"image_high"`
	ImageSmall      any `json:"image_small"`
	PageFull        any `json:"page_full"`
	PageHigh        any `json:"page_high"`
	PageSmall       any `json:"page_small"`
	PageThumb       any `json:"page_thumb"`
	Thumb           any `json:"thumb"`
	Thumb540        any `json:"thumb_540"`
	ThumbOrigAR     any `json:"thumb_orig_ar_540"`
	ThumbScrub      any `json:"thumb_scrub"`
	ScrubVideo      any `json:"scrub_video"`
	Cover           any `json:"cover"`
	FrameCover      any `json:"frame_cover"`
	FrameCustom     any `json:"frame_custom"`
	FrameThumb      any `json:"frame_thumb"`
	PDFProxy        any `json:"pdf_proxy"`
	Waveform        any `json:"waveform"`
	MasterManifest  any `json:"master_manifest_concentrate"`
	FPS             any `json:"fps"`
	Duration        any `json:"duration"`
	Timecode        any `json:"timecode"`
	MetadataFlags   any `json:"metadata_flags"`
	Transcodes      any `json:"transcodes"`
	TranscodeStats  any `json:"transcode_statuses"`
	AudioTracks     any `json:"audio_tracks"`
	SubtitleTracks  any `json:"subtitle_tracks"`
	DRM             any `json:"drm"`
	Rating          any `json:"rating"`
	AutoversionID   any `json:"autoversion_id"`
	Includes        any `json:"includes"`
	WorkfrontTask   any `json:"workfront_task_id"`
	WorkfrontTitle  any `json:"workfront_task_title"`
	WorkfrontStatus any `json:"workfront_approval_status"`
	WorkfrontLocked any `json:"workfront_asset_locked_at"`
	WorkfrontRO     any `json:"workfront_asset_read_only"`
	WorkfrontConn   any `json:"workfront_connected"`
}

// downloads has no proxies: nothing is really transcoded.
var downloads = object{"h264_360": nil, "h264_540": nil, "h264_720": nil, "h264_1080_best": nil, "h264_2160": nil,
	"image_full": nil, "image_high": nil, "image_small": nil}

// render makes the JSON of an asset as listings have it.
func (c *call) render(a world.Asset) *assetJSON {
	j := &assetJSON{
		TypeAgain: a.Kind, Type: a.Kind, ID: a.ID, Name: a.Name, Filesize: a.Size,
		ParentID: orNull(a.ParentID), ProjectID: a.ProjectID, TeamID: a.TeamID, AccountID: a.AccountID, CreatorID: a.CreatorID,
		Index: a.Index, InsertedAt: stamp(a.Created), UpdatedAt: stamp(a.Updated),
		// Set at creation, not at completion (§4.2); folders have it too (§4.4).
		UploadedAt: stamp(a.UploadStarted), ArchiveFrom: stamp(a.Created),
		DeletedAt: stamp(a.Deleted), ItemCount: a.Items, PublicItemCount: a.Items, ViewCount: a.Views, Label: a.Label,
		Description: orNull(a.Description), Properties: a.Properties, Private: a.Private, Copy: a.Copied,
		AllowOriginalPlayback: true,
	}
	can := c.world.CanDownload(c.by, a.ProjectID)
	j.UserPermissions = permissions(can)
	switch a.Kind {
	case world.File:
		c.renderFile(j, a, can)
	case world.VersionStack:
		j.Versions, j.CoverAssetID = len(a.Versions), orNull(a.Head())
		if cover, err := c.world.AssetEvenDeleted(c.by, a.Head()); err == nil {
			j.CoverAsset = c.render(cover)
			j.Filesize = cover.Size
		}
	}
	if a.Kind != world.File && can {
		null := json.RawMessage("null")
		j.Original = &null
	}
	return j
}

func (c *call) renderFile(j *assetJSON, a world.Asset, can bool) {
	j.Filetype, j.Status, j.Downloads = a.MediaType, a.Status, downloads
	j.UploadCompletedAt, j.UploadFailedAt, j.TranscodedAt = stamp(a.UploadCompleted), stamp(a.UploadFailed), stamp(a.TranscodedAt)
	if a.Status == world.Transcoded {
		j.AssetType = orNull(world.AssetType(a.MediaType)) // null before processing (§4.2)
	}
	if a.Checksum != "" {
		j.Checksums = object{"xx_hash": a.Checksum}
	}
	if can {
		quoted, err := json.Marshal(c.hosts.MediaURL(a, hosts.Attachment))
		if err != nil {
			panic("v2: a string always marshals: " + err.Error())
		}
		raw := json.RawMessage(quoted)
		j.Original = &raw
	}
}

func (c *call) renderAll(as []world.Asset) []*assetJSON {
	out := make([]*assetJSON, 0, len(as))
	for _, a := range as {
		out = append(out, c.render(a))
	}
	return out
}

// full is what a single asset's answer has on top: its project and creator (§4.3).
func (c *call) full(a world.Asset) *assetJSON {
	j := c.render(a)
	c.addCreator(j, a)
	if p, err := c.world.Project(c.by, a.ProjectID); err == nil {
		j.Project = c.projectJSON(p)
	}
	return j
}

func (c *call) addCreator(j *assetJSON, a world.Asset) {
	if u, err := c.world.User(a.CreatorID); err == nil {
		j.Creator = userJSON(u)
	}
}

func permissions(download bool) object {
	return object{
		"can_download": download, "can_manage_devices": false, "can_modify_template": false,
		"can_public_share_presentation": true, "can_public_share_review_link": true,
		"can_see_watermarking_settings": false, "can_share_downloadable_presentation": download,
		"can_share_downloadable_review_link": download, "can_share_unwatermarked_presentation": true,
		"can_share_unwatermarked_review_link": true, "can_view_devices": false,
	}
}

// orNull turns an empty string into null: a property without a value is present with null (§0.3).
func orNull[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return s
}
