package v4

import (
	"github.com/frameiofs/frameiofs/sim/limit"
	"github.com/frameiofs/frameiofs/sim/world"
)

// operation is one call of the API: its route, its limit, what it takes, and what it does.
type operation struct {
	id      string // operationId of the published document
	pattern string // of http.ServeMux
	rate    limit.Rate
	query   query
	body    *body // nil: none is read
	serve   func(*call) (status int, answer any, err error)
}

const (
	inAccount = "/v4/accounts/{account_id}"
	inFolder  = inAccount + "/folders/{folder_id}"
	inFile    = inAccount + "/files/{file_id}"
	inStack   = inAccount + "/version_stacks/{version_stack_id}"
)

// operations lists the whole wire. Limits are those of the published document (spec: frameio-v4.md §7).
func operations() []operation {
	return append(places(), append(folders(), append(files(), stacks()...)...)...)
}

func places() []operation {
	minute := limit.PerMinute(100)
	byName := []string{"name_asc", "created_at_asc", "name_desc", "created_at_desc"}
	projects := query{include: []string{"owner"}, sort: byName, maxPage: pageMax}
	return []operation{
		{id: "users.show", pattern: "GET /v4/me", rate: minute, serve: showMe},
		{id: "accounts.index", pattern: "GET /v4/accounts", rate: minute, serve: listAccounts,
			query: query{sort: []string{"display_name_asc", "created_at_asc", "display_name_desc", "created_at_desc"}, maxPage: pageMax}},
		{id: "workspaces.index", pattern: "GET " + inAccount + "/workspaces", rate: minute, serve: listWorkspaces,
			query: query{include: []string{"creator"}, sort: byName, maxPage: pageMax}},
		{id: "workspaces.show", pattern: "GET " + inAccount + "/workspaces/{workspace_id}", rate: minute, serve: showWorkspace,
			query: query{include: []string{"creator"}}},
		{id: "projects.index", pattern: "GET " + inAccount + "/workspaces/{workspace_id}/projects", rate: minute, query: projects, serve: listProjects},
		{id: "account_projects.index", pattern: "GET " + inAccount + "/projects", rate: minute, query: projects, serve: listAccountProjects},
		{id: "invited_projects.index", pattern: "GET " + inAccount + "/invited_projects", rate: minute, query: projects, serve: listInvitedProjects},
		{id: "projects.show", pattern: "GET " + inAccount + "/projects/{project_id}", rate: minute, serve: showProject,
			query: query{include: []string{"owner"}}},
	}
}

func folders() []operation {
	return []operation{
		{id: "folders.show", pattern: "GET " + inFolder, rate: limit.PerMinute(100), query: query{include: assetIncludes}, serve: showFolder},
		{id: "folders.create", pattern: "POST " + inFolder + "/folders", rate: limit.PerSecond(3), body: named, serve: createFolder},
		{id: "folders.update", pattern: "PATCH " + inFolder, rate: limit.PerMinute(10), body: named, serve: updateFolder},
		{id: "folders.delete", pattern: "DELETE " + inFolder, rate: limit.PerMinute(60), serve: deleteFolder},
		{id: "folders.move", pattern: "PATCH " + inFolder + "/move", rate: limit.PerMinute(10), body: moved, serve: moveFolder},
		{id: "folders.copy", pattern: "POST " + inFolder + "/copy", rate: limit.PerMinute(10), query: query{copyMetadata: true}, body: copied, serve: copyFolder},
		{id: "folders.index", pattern: "GET " + inFolder + "/children", rate: limit.PerMinute(100),
			query: query{include: mediaIncludes, maxPage: assetPageMax, types: true},
			serve: func(c *call) (int, any, error) { return listFolder(c, c.kinds...) }},
		{id: "folders.list", pattern: "GET " + inFolder + "/folders", rate: limit.PerSecond(5),
			query: query{include: assetIncludes, maxPage: assetPageMax},
			serve: func(c *call) (int, any, error) { return listFolder(c, world.Folder) }},
		{id: "files.list", pattern: "GET " + inFolder + "/files", rate: limit.PerSecond(5),
			query: query{include: mediaIncludes, maxPage: assetPageMax, sort: []string{
				"name_asc", "created_at_asc", "updated_at_asc", "file_size_asc",
				"name_desc", "created_at_desc", "updated_at_desc", "file_size_desc"}},
			serve: func(c *call) (int, any, error) { return listFolder(c, world.File) }},
		{id: "version_stacks.list", pattern: "GET " + inFolder + "/version_stacks", rate: limit.PerSecond(5),
			query: query{include: mediaIncludes, maxPage: assetPageMax},
			serve: func(c *call) (int, any, error) { return listFolder(c, world.VersionStack) }},
	}
}

func files() []operation {
	return []operation{
		{id: "files.show", pattern: "GET " + inFile, rate: limit.PerSecond(10), query: query{include: mediaIncludes}, serve: showFile},
		{id: "files.show_file_upload_status", pattern: "GET " + inFile + "/status", rate: limit.PerSecond(5), serve: showUploadStatus},
		{id: "files.create_local_upload", pattern: "POST " + inFolder + "/files/local_upload", rate: limit.PerSecond(5), body: localUpload, serve: createLocalUpload},
		{id: "files.create", pattern: "POST " + inFolder + "/files", rate: limit.PerSecond(5), body: fileCreate, serve: createFile},
		{id: "files.create_remote_upload", pattern: "POST " + inFolder + "/files/remote_upload", rate: limit.PerSecond(5), body: remoteUpload, serve: refuseRemoteUpload},
		{id: "files.import_file", pattern: "POST " + inFolder + "/files/import", rate: limit.PerSecond(5), body: fileImport, serve: refuseImport},
		{id: "files.update", pattern: "PATCH " + inFile, rate: limit.PerMinute(100), body: named, serve: updateFile},
		{id: "files.delete", pattern: "DELETE " + inFile, rate: limit.PerMinute(100), serve: deleteFile},
		{id: "files.move", pattern: "PATCH " + inFile + "/move", rate: limit.PerMinute(100), body: moved, serve: moveFile},
		{id: "files.copy", pattern: "POST " + inFile + "/copy", rate: limit.PerMinute(100), query: query{copyMetadata: true, copyComments: true}, body: copied, serve: copyFile},
	}
}

func stacks() []operation {
	return []operation{
		{id: "version_stacks.show", pattern: "GET " + inStack, rate: limit.PerMinute(100), query: query{include: mediaIncludes}, serve: showStack},
		{id: "version_stacks.index", pattern: "GET " + inStack + "/children", rate: limit.PerMinute(100),
			query: query{include: mediaIncludes, maxPage: pageMax}, serve: listStack},
		{id: "version_stacks.create", pattern: "POST " + inFolder + "/version_stacks", rate: limit.PerMinute(10), body: stackCreate, serve: createStack},
		{id: "version_stacks.move", pattern: "PATCH " + inStack + "/move", rate: limit.PerMinute(10), body: moved, serve: moveStack},
		{id: "version_stacks.copy", pattern: "POST " + inStack + "/copy", rate: limit.PerMinute(10), query: query{copyMetadata: true}, body: copied, serve: copyStack},
	}
}
