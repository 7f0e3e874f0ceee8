package edits

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/template"
	"update-gitops-repo/template/glob"
)

// Scope returns what the edits will read of the repository, as far as the flags alone say.
func (e Edits) Scope() gitrepo.Scope {
	var s gitrepo.Scope
	for _, pattern := range e.globs() {
		folder, rest, below := glob.Split(pattern)
		if below {
			s.Folders = append(s.Folders, folder)
		} else {
			s.Paths = append(s.Paths, path.Join(folder, rest))
		}
	}
	for _, t := range e.Local {
		s.Paths = append(s.Paths, t.Dest)
	}
	return s
}

// globs returns the patterns of the files that the edits read, those of templates first.
func (e Edits) globs() []string {
	globs := slices.Clone(e.Renderer.Globs)
	for _, set := range e.Sets {
		globs = append(globs, set.File)
	}
	for _, expression := range e.Expressions {
		globs = append(globs, expression.File)
	}
	if len(e.Images.Images) > 0 {
		globs = append(globs, e.Images.Patterns()...)
	}
	return globs
}

// prefetch fetches at once what the kinds of edits would fetch one after the other, and what a diff reads of the files
// that templates are rendered to. An error in a glob is left for the edit to return.
func (e Edits) prefetch(fsys fs.FS, need Need) error {
	p, ok := fsys.(glob.Prefetcher)
	globs, templates := e.globs(), len(e.Renderer.Globs)
	if !ok || len(globs) < 2 && (need != Diff || templates == 0) {
		return nil
	}
	var names []string
	for i, pattern := range globs {
		found, err := glob.Find(fsys, pattern)
		if _, wrong := errors.AsType[*glob.Error](err); wrong {
			return nil
		}
		if err != nil {
			return err
		}
		if i < templates {
			found = rendered(found, need)
		}
		names = append(names, found...)
	}
	return p.Prefetch(names)
}

// rendered returns those of the names that are templates, each after the file that it is rendered to if a diff reads
// that.
func rendered(found []string, need Need) []string {
	var names []string
	for _, name := range found {
		dest, ok := template.Output(name)
		if !ok {
			continue
		}
		if need == Diff {
			names = append(names, dest)
		}
		names = append(names, name)
	}
	return names
}
