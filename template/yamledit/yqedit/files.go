package yqedit

import (
	"errors"
	"io/fs"
	"slices"

	"update-gitops-repo/template/glob"
	"update-gitops-repo/template/yamledit"
)

// Progress is called before each step that may take much memory or time: with a file, and with the path or the
// expression that it is about to be edited by, if any.
type Progress func(file, key string)

// sources are the files that patterns match.
type sources struct {
	names   []string // sorted
	texts   [][]byte // of each name
	matches [][]int  // for each pattern, the indices of the names that it matches
}

// read reads the files that the patterns match.
func read(fsys fs.FS, patterns []string) (sources, error) {
	var s sources
	matches := make([][]string, len(patterns))
	for i, pattern := range patterns {
		var err error
		if matches[i], err = glob.Find(fsys, pattern); err != nil {
			return sources{}, err
		}
		s.names = append(s.names, matches[i]...)
	}
	slices.Sort(s.names)
	s.names = slices.Compact(s.names)
	if err := glob.Prefetch(fsys, s.names); err != nil {
		return sources{}, err
	}
	for _, name := range s.names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return sources{}, err
		}
		s.texts = append(s.texts, text)
	}
	for _, found := range matches {
		var indices []int
		for _, name := range found {
			k, _ := slices.BinarySearch(s.names, name)
			indices = append(indices, k)
		}
		s.matches = append(s.matches, indices)
	}
	return s, nil
}

// withKey returns an error of yamledit with the path or the expression that it is about.
func withKey(err error, key string) error {
	if e, ok := errors.AsType[*yamledit.Error](err); ok {
		out := *e
		out.Key = key
		return &out
	}
	return err
}

// reason returns what an error of yamledit says, without the file.
func reason(err error) string {
	if e, ok := errors.AsType[*yamledit.Error](err); ok {
		return e.Reason
	}
	return err.Error()
}
