package yqedit

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
	"update-gitops-repo/template/yamledit/internal/parallel"
)

// Assignment sets every YAML node that Path selects, in every file that File matches, to Value.
type Assignment struct {
	File    string  // a pattern as glob.Find takes it
	Path    string  // a yq expression that selects scalars: .image.tag
	Value   string  // what the scalars shall read
	Text    bool    // Value is text, whatever it looks like; else its type is settled per scalar, see yamledit.Untyped
	Missing Missing // what becomes of a file in which Path selects nothing
}

// Missing says what becomes of a file in which the path of an assignment selects nothing.
type Missing int

// What becomes of a file in which a path selects nothing.
const (
	RefuseMissing Missing = iota // it is an error
	CreateMissing                // the path is added to it
	SkipMissing                  // it stays as it is, unless there is no other file
)

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
//
// A VALUE that starts with a double quote is text in the syntax of a JSON string, with its escapes: "16" is the text
// 16, "" the empty one, "a\nb" two lines, and "\"16\"" has its quotes in it. Line breaks and tabs may also stand in it
// as they are. It is written as a string whatever the scalar was. Anything else that starts with a double quote is a
// *ValueError. Any other VALUE is taken as it is, and takes the type of what it replaces, see yamledit.Untyped.
func ParseAssignment(s string) (Assignment, error) {
	file, rest, err := cutFile(s, "FILE:PATH=VALUE")
	if err != nil {
		return Assignment{}, err
	}
	path, value, err := cutPath(rest, utf8.RuneCountInString(file)+1)
	if err != nil {
		return Assignment{}, err
	}
	v, err := parseValue(value)
	if err != nil {
		return Assignment{}, err
	}
	a := Assignment{File: file, Path: path, Value: v.text, Text: v.isText}
	if err := CheckPath(a.Path); err != nil {
		return Assignment{}, err
	}
	if !utf8.ValidString(a.Value) {
		return Assignment{}, fmt.Errorf("the value for %s is not UTF-8", a.Path)
	}
	return a, nil
}

// Assign makes the assignments in their order and returns the files whose bytes changed, what changed in them, and
// warnings, such as of a node that two assignments set to different values. Setting a node to the value that it has is
// no change, and one that gets its first value back keeps its first bytes.
//
// Only the bytes of a scalar itself are replaced, as yamledit.File.Set does it with a yamledit.Untyped, or with a
// string for Text.
//
// With CreateMissing, a Path of keys and indices that selects nothing is added to the only document of its file:
// missing keys at the indentation of their neighbours, and an item at the end of a sequence. The type of a new value is
// what it would be in the place of null: 5 and true are plain, 1.10 becomes "1.10"; and where Kubernetes wants text, as
// in labels, it is text. A scalar that comes from a merge key (<<) gets an entry of its own, with the type of what that
// overrides.
//
// A Path may go through strings that hold YAML or JSON, by yq's own from_yaml and from_json:
// .spec.values | from_yaml | .image.tag. What is before them selects strings, and what is behind them selects in all
// documents of each, see yamledit.File.Embedded; they stand in the pipe itself, not within an operator. With
// CreateMissing, a string that is not there gets a document, if what is behind is keys and indices. Other uses of them,
// as in select(.values | from_yaml | .a == 1), are yq's.
//
// A file that Path does not fit, such as one with a list where Path has a key, is one in which it selects nothing. With
// SkipMissing, a warning names those files. A file that is not YAML is an error with it, too. In a file of several
// documents, Path may select nothing in some of them, and with SkipMissing, it need not fit them. Where it selects
// several values in one, a warning names the places that lack it, unless it looks everywhere (..).
//
// Files that are JSON stay JSON. The others are YAML 1.1 or 1.2, in UTF-8; in those that end in ".json", all strings
// are written in double quotes.
//
// A *yamledit.Error tells of a file that is not YAML (ErrSyntax), of a Path that selects nothing in some of the files
// (ErrNoNode; its File is the pattern if they are several), and of one that selects what is not a scalar, or one whose
// replacement would change anything else (ErrUneditable). Its Key is the Path, and its Hint may say what to do. Other
// errors are those of a Path that CheckPath refuses, of a File that matches nothing, and of the file system.
//
// Neither the YAML parser nor yq can be stopped, and a file, or a path that makes copies of copies, needs little to
// take more memory than there is. Callers with untrusted input must watch the memory; progress says what takes it.
func Assign(fsys fs.FS, assignments []Assignment, progress Progress) (Result, error) {
	selectors := make([]selector, len(assignments))
	patterns := make([]string, len(assignments))
	for i, a := range assignments {
		var err error
		if selectors[i], err = parseSelector(a.Path); err != nil {
			return Result{}, err
		}
		patterns[i] = a.File
	}
	sources, err := read(fsys, patterns)
	if err != nil {
		return Result{}, err
	}
	files, err := parseFiles(sources, selectors, progress)
	if err != nil {
		return Result{}, err
	}
	var warnings []string
	for i, a := range assignments {
		matched := make([]*assignedFile, len(sources.matches[i]))
		for j, k := range sources.matches[i] {
			matched[j] = files[k]
		}
		more, err := a.make(selectors[i], matched, progress)
		if err != nil {
			return Result{}, err
		}
		warnings = append(warnings, more...)
	}
	result, err := write(files)
	result.Warnings = append(warnings, overwritten(files)...)
	return result, err
}

// make makes the assignment in the files that it matches, and returns warnings.
func (a Assignment) make(sel selector, files []*assignedFile, progress Progress) (warnings []string, err error) {
	warnings = a.keptQuotes()
	var without []lacking
	for _, f := range files {
		progress(f.name, a.Path)
		out, err := f.assign(sel, a)
		if err != nil {
			return nil, err
		}
		if !out.found {
			without = append(without, lacking{f.name, out.unfit, out.inPart})
		}
		if len(out.without) > 0 {
			warnings = append(warnings, fmt.Sprintf("%s: %s selects nothing at %s, which is left out",
				f.name, a.Path, listed(out.without)))
		}
	}
	skipped, err := a.judge(without, len(files))
	return append(warnings, skipped...), err
}

// maxNamed is how many files or paths a message names.
const maxNamed = 20

// listed returns names as a message has them.
func listed(names []string) string {
	list := strings.Join(names[:min(len(names), maxNamed)], ", ")
	if more := len(names) - maxNamed; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
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

	settings   map[*yaml.Node]setting // of each scalar, the last; nil: the file has one assignment
	overwrites []overwrite
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
	assigned := make([]int, len(files))
	for i, matches := range s.matches {
		for _, k := range matches {
			if selectors[i].steps == nil {
				options[k] = nil
			}
			if assigned[k]++; assigned[k] == 2 {
				files[k].settings = map[*yaml.Node]setting{}
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
func write(files []*assignedFile) (Result, error) {
	failed := make([]error, len(files))
	parallel.Do(len(files), func(i int) {
		f := files[i]
		f.text, f.made, failed[i] = f.Bytes()
	})
	out := Result{Files: map[string][]byte{}}
	for i, f := range files {
		if failed[i] != nil {
			return Result{}, withHint(withKey(failed[i], f.first), hintByHand)
		}
		if !bytes.Equal(f.text, f.before) {
			out.Files[f.name] = f.text
		}
		out.Changes = append(out.Changes, f.made...)
	}
	return out, nil
}

// goesOn reports whether an assignment whose path does not fit a document of a file, and selects a number of nodes in
// the others, goes on: it skips the document, or says why the path cannot be created.
func (a Assignment) goesOn(sel selector, nodes int) bool {
	return a.Missing == SkipMissing || a.Missing == CreateMissing && nodes == 0 && sel.steps != nil
}

// outcome is what came of one assignment in a file.
type outcome struct {
	found   bool     // the path selects anything, now or before
	without []string // where it selects nothing beside that
	unfit   string   // why the path does not fit the file; empty: it fits
	inPart  bool     // it fits other documents of the file, which is not enough
}

// and returns what came of an assignment at two places.
func (o outcome) and(other outcome) outcome {
	return outcome{
		found: o.found || other.found, without: append(o.without, other.without...),
		unfit: cmp.Or(o.unfit, other.unfit), inPart: o.inPart || other.inPart,
	}
}

// assign makes one assignment.
func (f *assignedFile) assign(sel selector, a Assignment) (outcome, error) {
	if f.unread != nil {
		return outcome{}, withKey(f.unread, a.Path)
	}
	return f.assignIn(f.File, sel, a)
}

// fail returns the error for an assignment in the file, or in a document that a string of it holds.
func (f *assignedFile) fail(file *yamledit.File, line int, a Assignment, p problem) error {
	if file != f.File && strings.Contains(p.hint, "-yq=") { // An expression for the document fits no file.
		p.hint = hintByHand
	}
	return &yamledit.Error{File: f.name, Line: file.OuterLine(line), Key: a.Path, Reason: a.Path + " " + p.reason,
		Hint: p.hint, Err: yamledit.ErrUneditable}
}

// assignIn does what assign does in the file, or in a document that a string of it holds.
func (f *assignedFile) assignIn(file *yamledit.File, sel selector, a Assignment) (outcome, error) {
	nodes, without, err := sel.selects(file.Documents())
	out := outcome{without: without}
	switch {
	case errors.Is(err, errFails): // such as a key of a list, in some of the documents
		out.unfit = sel.unfit(file, err)
		if !a.goesOn(sel, len(nodes)) {
			return outcome{unfit: out.unfit, inPart: len(nodes) > 0}, nil
		}
	case err != nil:
		const hint = "give a path that selects values of the file; -yq computes new ones"
		return outcome{}, f.fail(file, 0, a, problem{err.Error(), hint})
	}
	if f.first == "" {
		f.first = a.Path
	}
	if len(nodes) == 0 && a.Missing == CreateMissing {
		if p := create(file, sel, a); p != nil {
			return outcome{}, f.fail(file, 0, a, *p)
		}
		f.recordCreated(file, sel, a)
		return outcome{found: true}, nil
	}
	for _, s := range nodes {
		one, err := f.assignOne(file, s, sel, a)
		if err != nil {
			return outcome{}, err
		}
		out = out.and(one)
	}
	return out, nil
}

// assignOne makes an assignment at a selected node.
func (f *assignedFile) assignOne(file *yamledit.File, s selected, sel selector, a Assignment) (outcome, error) {
	if a.Missing == CreateMissing && s.detour != nil && s.detour.isMerge && s.detour.isLast {
		if p := override(file, s, sel.steps[len(sel.steps)-1].key, a); p != nil {
			return outcome{}, f.fail(file, s.node.Line, a, *p)
		}
		f.recordCreated(file, sel, a)
		return outcome{found: true}, nil
	}
	if sel.next != nil {
		return f.assignWithin(file, s, sel, a)
	}
	if p := s.problem(file, a); p != nil {
		return outcome{}, f.fail(file, s.node.Line, a, *p)
	}
	if err := file.Set(s.node, a.value().instead(file, s.node)); err != nil {
		return outcome{}, withHint(withKey(err, a.Path), hintFor(s.node))
	}
	f.record(file, a, s.node)
	return outcome{found: true}, nil
}
