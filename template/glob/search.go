package glob

import (
	"errors"
	"io/fs"
	"path"

	"update-gitops-repo/gitrepo/wildmatch"
)

// maxListed is how many files and folders a pattern may list: ten times what large repositories have. A few trees that
// hold each other many times make billions of names.
const maxListed = 5_000_000

// search is a search for files in progress.
type search struct {
	fsys   fs.FS
	found  []string
	listed int
}

// folder searches a folder that exists.
func (s *search) folder(dir string, walk wildmatch.Walk) error {
	names, fixed := walk.Names()
	if !fixed {
		return s.list(dir, walk)
	}
	for _, name := range names {
		if name == "" || name == "." || name == ".." {
			continue // such as of {.,x}{.,y}: no name of a file
		}
		info, err := fs.Lstat(s.fsys, path.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.entry(dir, name, info.Mode(), walk); err != nil {
			return err
		}
	}
	return nil
}

// list searches a folder by its list.
func (s *search) list(dir string, walk wildmatch.Walk) error {
	entries, err := fs.ReadDir(s.fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if s.listed += len(entries); s.listed > maxListed {
		return ErrLimit
	}
	for _, entry := range entries {
		if err := s.entry(dir, entry.Name(), entry.Type(), walk); err != nil {
			return err
		}
	}
	return nil
}

// entry takes a file of a folder that matches, or searches a folder of it that may hold matches.
func (s *search) entry(dir, name string, mode fs.FileMode, walk wildmatch.Walk) error {
	full := path.Join(dir, name)
	switch {
	case mode.IsRegular() && walk.Match(name):
		s.found = append(s.found, full)
	case mode.IsDir():
		if below, ok := walk.Enter(name); ok {
			return s.folder(full, below)
		}
	}
	return nil
}
