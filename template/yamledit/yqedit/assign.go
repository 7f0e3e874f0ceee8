package yqedit

import (
	"bytes"
	"fmt"
	"io/fs"
	"unicode/utf8"

	"update-gitops-repo/template/yamledit"
	"update-gitops-repo/template/yamledit/internal/parallel"
)

// Assignment sets every YAML node that Path selects, in every file that File matches, to Value.
type Assignment struct {
	File   string // a pattern as glob.Find takes it
	Path   string // a yq expression that selects scalars: .image.tag
	Value  string // what the scalars shall read; its type is settled per scalar, see yamledit.Untyped
	Create bool   // add what Path selects to a file in which it selects nothing, see yamledit.Untyped
}

// ParseAssignment reads "FILE:PATH=VALUE", which is:
//
//	FILE   a glob, up to the first ":" that is not in [], in {} or after a backslash
//	PATH   a yq expression that selects nodes, up to the first "=" that is not in (), [] or {}, not between if and end,
//	       and not in a string or in a key such as ."a=b"
//	VALUE  all the rest, which may be empty, and may begin with "="
//
// So a comparison stands in brackets, select(.a == 1), and a key that has a "=" in quotes. It is an error that says
// where when a bracket or a quote in PATH is without its other half. Since they are for -yq, or a slip, so are an
// operator that ends in "=", such as +=, spaces on both sides of the "=", and a comment. FILE and PATH are checked with
// glob.Check and CheckPath.
func ParseAssignment(s string) (Assignment, error) {
	file, rest, err := cutFile(s, "FILE:PATH=VALUE")
	if err != nil {
		return Assignment{}, err
	}
	path, value, err := cutPath(rest, utf8.RuneCountInString(file)+1)
	if err != nil {
		return Assignment{}, err
	}
	a := Assignment{File: file, Path: path, Value: value}
	if err := CheckPath(a.Path); err != nil {
		return Assignment{}, err
	}
	if !utf8.ValidString(a.Value) {
		return Assignment{}, fmt.Errorf("the value for %s is not UTF-8", a.Path)
	}
	return a, nil
}

// Assign makes the assignments in their order and returns the files whose bytes changed, by path, and what changed in
// them, by file. Setting a node to the value that it has is no change, and one that gets its first value back keeps its
// first bytes.
//
// Only the bytes of a scalar itself are replaced, as yamledit.File.Set does it with a yamledit.Untyped.
//
// With Create, a Path of keys and indices that selects nothing is added to the only document of its file: missing keys
// at the indentation of their neighbours, and an item at the end of a sequence. The value is what it would be in the
// place of null: 5 and true are plain, 1.10 becomes "1.10".
//
// Files that are JSON stay JSON. The others are YAML 1.1 or 1.2, in UTF-8; in those that end in ".json", all strings
// are written in double quotes.
//
// A *yamledit.Error tells of a file that is not YAML (ErrSyntax), of a Path that selects nothing in one of the files
// (ErrNoNode), and of one that selects what is not a scalar, or one whose replacement would change anything else
// (ErrUneditable). Its Key is the Path. Other errors are those of a Path that CheckPath refuses, of a File that matches
// nothing, and of the file system.
//
// Neither the YAML parser nor yq can be stopped, and a file, or a path that makes copies of copies, needs little to
// take more memory than there is. Callers with untrusted input must watch the memory; progress says what takes it.
func Assign(fsys fs.FS, assignments []Assignment, progress Progress) (map[string][]byte, []yamledit.Change, error) {
	selectors := make([]selector, len(assignments))
	patterns := make([]string, len(assignments))
	for i, a := range assignments {
		var err error
		if selectors[i], err = parseSelector(a.Path); err != nil {
			return nil, nil, err
		}
		patterns[i] = a.File
	}
	sources, err := read(fsys, patterns)
	if err != nil {
		return nil, nil, err
	}
	files, err := parseFiles(sources, selectors, progress)
	if err != nil {
		return nil, nil, err
	}
	for i, a := range assignments {
		for _, k := range sources.matches[i] {
			progress(sources.names[k], a.Path)
			if err := files[k].assign(selectors[i], a); err != nil {
				return nil, nil, err
			}
		}
	}
	return write(files)
}

// assignedFile is a file in which assignments are made.
type assignedFile struct {
	*yamledit.File
	name   string
	before []byte
	first  string // the path of the first assignment that changes it
	unread error  // why it does not parse
	text   []byte // what it becomes, and what changed
	made   []yamledit.Change
}

// parseFiles parses the files, several at the same time.
func parseFiles(s sources, selectors []selector, progress Progress) ([]*assignedFile, error) {
	files := make([]*assignedFile, len(s.names))
	largest := 0
	for i, name := range s.names {
		files[i] = &assignedFile{name: name, before: s.texts[i]}
		if len(s.texts[i]) > largest {
			largest = len(s.texts[i])
			progress(name, "") // they are parsed at the same time, and this is the one that takes most
		}
	}
	// A file in which simple paths alone are followed may be parsed without comments, which yq can ask for.
	options := make([][]yamledit.Option, len(files))
	for k := range files {
		options[k] = []yamledit.Option{yamledit.IgnoreComments}
	}
	for i, matches := range s.matches {
		for _, k := range matches {
			if selectors[i].steps == nil {
				options[k] = nil
			}
		}
	}
	parallel.Do(len(files), func(k int) {
		f := files[k]
		f.File, f.unread = yamledit.Parse(f.name, f.before, options[k]...)
	})
	return files, nil
}

// write returns the files that changed, and what changed in them.
func write(files []*assignedFile) (map[string][]byte, []yamledit.Change, error) {
	failed := make([]error, len(files))
	parallel.Do(len(files), func(i int) {
		f := files[i]
		f.text, f.made, failed[i] = f.Bytes()
	})
	out := map[string][]byte{}
	var changes []yamledit.Change
	for i, f := range files {
		if failed[i] != nil {
			return nil, nil, withKey(failed[i], f.first)
		}
		if !bytes.Equal(f.text, f.before) {
			out[f.name] = f.text
		}
		changes = append(changes, f.made...)
	}
	return out, changes, nil
}

// assign makes one assignment.
func (f *assignedFile) assign(sel selector, a Assignment) error {
	fail := func(line int, kind error, reason string) error {
		return &yamledit.Error{File: f.name, Line: line, Key: a.Path, Reason: a.Path + " " + reason, Err: kind}
	}
	if f.unread != nil {
		return withKey(f.unread, a.Path)
	}
	found, err := sel.selects(f.Documents())
	if err != nil {
		return fail(0, yamledit.ErrUneditable, err.Error())
	}
	if f.first == "" {
		f.first = a.Path
	}
	if len(found) == 0 && a.Create {
		if err := create(f.File, sel, a.Value); err != nil {
			return fail(0, yamledit.ErrUneditable, err.Error())
		}
		return nil
	}
	if len(found) == 0 {
		return fail(0, yamledit.ErrNoNode, "selects nothing")
	}
	for _, s := range found {
		if why := s.refusal(f.File); why != "" {
			return fail(s.node.Line, yamledit.ErrUneditable, "selects "+why)
		}
		if err := f.Set(s.node, yamledit.Untyped(a.Value)); err != nil {
			return withKey(err, a.Path)
		}
	}
	return nil
}
