package image

import (
	"path"
	"slices"
	"strings"
)

// Place is a kind of places that Set looks at, for people.
type Place struct {
	System string // that reads it: "Argo CD"
	Where  string // Markdown: the documents, and the way to it
	Holds  string // Markdown: what stands there
}

// Places returns the places where an image is set, in the order in which they count.
func Places() []Place {
	var out []Place
	for _, row := range table {
		switch row.shape.(type) {
		case ignored, unlisted:
		default:
			out = append(out, Place{System: row.system, Where: row.where(), Holds: row.holds})
		}
	}
	return out
}

// where returns where a place is, in Markdown.
func (row place) where() string {
	var in []string
	for _, pattern := range row.in.files {
		if base := strings.TrimSuffix(pattern, path.Ext(pattern)); !strings.ContainsAny(base, "*") {
			in = append(in, "`"+base+".yaml`")
		}
	}
	in = slices.Compact(slices.DeleteFunc(in, func(s string) bool { return s == "`Kustomization.yaml`" }))
	for _, pattern := range row.in.kinds {
		kind, group, _ := strings.Cut(pattern, ".")
		switch {
		case kind == "*":
			in = append(in, "`"+group+"`")
		case len(in) == 0 || len(row.in.files) == 0:
			in = append(in, "`"+kind+"`")
		}
	}
	documents := strings.Join(in, ", ")
	switch at := strings.TrimPrefix(row.at, "**."); {
	case at == "**":
		return "any map"
	case at == "" && documents == "":
		return "a whole file"
	case documents == "":
		return "`" + at + "`" + row.condition()
	default:
		return documents + ": `" + at + "`" + row.condition()
	}
}

// condition returns what else a place demands, in Markdown.
func (row place) condition() string {
	if row.beside == "" {
		return ""
	}
	key, value, _ := strings.Cut(row.beside, "=")
	return " with `" + key + ": " + value + "`"
}
