package yqedit

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// lacking is a file in which a path selects nothing.
type lacking struct {
	file   string
	unfit  string // why the path does not fit it; empty: it fits
	inPart bool   // it fits other documents of the file
}

// String returns the file as a list has it.
func (l lacking) String() string {
	if l.unfit == "" {
		return l.file
	}
	return l.file + " (" + l.unfit + ")"
}

// judge returns a warning about the files in which the path of an assignment selects nothing, or an error, where they
// are of how many.
func (a Assignment) judge(without []lacking, of int) (warning []string, err error) {
	if len(without) == 0 {
		return nil, nil
	}
	names := make([]string, len(without))
	for i, l := range without {
		names[i] = l.String()
	}
	reason := fmt.Sprintf("%s selects nothing in %d of %d files: %s", a.Path, len(without), of, listed(names))
	if a.Missing == SkipMissing && len(without) < of {
		return []string{a.File + ": " + reason + "; skipped"}, nil
	}
	e := &yamledit.Error{File: a.File, Key: a.Path, Reason: reason, Err: yamledit.ErrNoNode}
	if len(without) == 1 {
		e.File, e.Reason = without[0].file, a.Path+" selects nothing"
		if without[0].unfit != "" {
			e.Reason += ": " + without[0].unfit
		}
	}
	switch {
	case a.Missing == SkipMissing:
		e.Hint = "check the path against the files; -set-missing=skip needs at least one that has it"
	case len(without) == 1 && without[0].inPart:
		e.Hint = "check the path against the file; -set-missing=skip skips the documents that it does not fit"
	case of > 1:
		e.Hint = "check the path against the files; " +
			"-set-missing=skip leaves those alone that lack it, and -set-missing=create adds it to them"
	case without[0].unfit != "":
		e.Hint = "check the path against the file; an item of a list is named by its index, such as .list[0]"
	}
	return nil, e
}

// unfit returns why the path does not fit a file, in whose documents it fails with err.
func (s selector) unfit(f *yamledit.File, err error) string {
	docs := f.Documents()
	for i, doc := range docs {
		list := s.listOnTheWay(doc)
		switch {
		case list == nil:
		case len(docs) > 1:
			return fmt.Sprintf("%s is a list in document %d", f.Path(list), i)
		default:
			return f.Path(list) + " is a list"
		}
	}
	return strings.TrimPrefix(err.Error(), errFails.Error()+": ")
}

// listOnTheWay returns the list in which the keys and indices of the path look for a key, or nil.
func (s selector) listOnTheWay(n *yaml.Node) *yaml.Node {
	for _, step := range s.steps {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n.Kind == yaml.SequenceNode && !step.isIndex {
			return n
		}
		if n = yamledit.Lookup(n, step.at()); n == nil {
			return nil
		}
	}
	return nil
}

// ofNumbers is what yq says of a text that it takes for a number, in the words of the library that reads it.
var ofNumbers = regexp.MustCompile(`strconv\.\w+: parsing ("(?:[^"\\]|\\.)*"): (invalid syntax|value out of range)`)

// inWords returns what yq says, with what it says of numbers in words.
func inWords(text string) string {
	return ofNumbers.ReplaceAllStringFunc(text, func(said string) string {
		m := ofNumbers.FindStringSubmatch(said)
		if m[2] == "invalid syntax" {
			return m[1] + " is no number"
		}
		return m[1] + " is too large a number"
	})
}
