package main

import _ "embed"

// emblems is an extension of Nautilus and Nemo. Dolphin takes emblems only from compiled plugins.
//
//go:embed emblems.py
var emblems string

// emblemFiles are where they look for it, below the user's data folder.
func emblemFiles() map[string]string {
	return map[string]string{
		"nautilus-python/extensions/frameiofs.py": emblems,
		"nemo-python/extensions/frameiofs.py":     emblems,
	}
}
