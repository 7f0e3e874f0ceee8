package cmd

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/template"
)

// scope is what the edits will read of the repository, as far as the flags alone tell.
func (e edits) scope() gitrepo.Scope {
	var s gitrepo.Scope
	for _, glob := range e.globs() {
		fixed, rest := template.Split(glob)
		if strings.Contains(rest, "/") {
			s.Folders = append(s.Folders, fixed)
		} else {
			s.Paths = append(s.Paths, path.Join(fixed, rest))
		}
	}
	for _, t := range e.texts {
		s.Paths = append(s.Paths, t.dest)
	}
	return s
}

// globs are the patterns of the files that the edits read.
func (e edits) globs() []string {
	globs := slices.Clone(e.renderer.Globs)
	for _, set := range e.sets {
		globs = append(globs, set.File)
	}
	for _, expression := range e.expressions {
		globs = append(globs, expression.File)
	}
	if len(e.images) > 0 {
		globs = append(globs, e.imageGlobs...)
	}
	return globs
}

// prefetch gets at once what the kinds of edits would get one after the other, and what a diff reads of the files that
// templates are rendered to. What is wrong with a glob, the edit says.
func (e edits) prefetch(fsys fs.FS, diff bool) error {
	p, ok := fsys.(template.Prefetcher)
	if !ok || len(e.globs()) < 2 && (!diff || len(e.renderer.Globs) == 0) {
		return nil
	}
	var names []string
	for i, glob := range e.globs() {
		found, err := template.Glob(fsys, glob)
		if _, wrong := errors.AsType[*template.Error](err); wrong {
			return nil
		}
		if err != nil {
			return err
		}
		for _, name := range found {
			dest, is := template.Output(name)
			switch rendered := i < len(e.renderer.Globs); {
			case rendered && !is:
				continue
			case rendered && diff:
				names = append(names, dest)
			}
			names = append(names, name)
		}
	}
	return p.Prefetch(names)
}
