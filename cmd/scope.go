package cmd

import (
	"path"
	"strings"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/template"
)

// scope is what the edits will read of the repository, as far as the flags alone tell.
func (e edits) scope() gitrepo.Scope {
	var s gitrepo.Scope
	globs := e.renderer.Globs
	for _, set := range e.sets {
		globs = append(globs[:len(globs):len(globs)], set.File)
	}
	for _, expression := range e.expressions {
		globs = append(globs[:len(globs):len(globs)], expression.File)
	}
	if len(e.images) > 0 {
		globs = append(globs[:len(globs):len(globs)], e.imageGlobs...)
	}
	for _, glob := range globs {
		switch fixed, rest := template.Split(glob); {
		case rest == "":
			s.Files = append(s.Files, fixed)
		case strings.Contains(rest, "/"):
			s.Folders = append(s.Folders, fixed)
		default:
			s.Paths = append(s.Paths, path.Join(fixed, rest))
		}
	}
	for _, t := range e.texts {
		s.Paths = append(s.Paths, t.dest)
	}
	return s
}
