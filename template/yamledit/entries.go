package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Insert adds an entry to a map, under a key (string, or a scalar *yaml.Node with a style) and at its end, or to a
// list, at an index (int) of up to its length. It is laid out as its neighbours are. Where parent is null, it becomes a
// map or a list with that entry. A file without documents has no parent: see Become.
func (f *File) Insert(parent *yaml.Node, key, value any) error {
	p, err := f.locateValue(parent)
	if err != nil {
		return err
	}
	return f.insert(parent, p, len(parent.Content), addition{key, value})
}

// InsertAfter does what Insert does for the map that has n as a value, right behind that.
func (f *File) InsertAfter(n *yaml.Node, key, value any) error {
	p, err := f.locateValue(n)
	if err != nil {
		return err
	}
	if p.parent == nil || p.parent.Kind != yaml.MappingNode {
		return f.fail(n, p.path+" is not within a map")
	}
	return f.insert(p.parent, p, p.index+1, addition{key, value})
}

// addition is an entry as a caller gives it: with a key for a map, or an index for a list.
type addition struct{ key, value any }

// insert adds an entry to a map, before the at-th of its nodes, or to a list. Errors are those of an edit at p.
func (f *File) insert(parent *yaml.Node, p place, at int, added addition) error {
	key := added.key
	if name, ok := key.(string); ok {
		key = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
	}
	if err := checkInsert(parent, key); err != nil {
		return f.fail(parent, p.path+" "+err.Error())
	}
	tree, err := f.newNode(added.value)
	name, isName := key.(*yaml.Node)
	if isName && err == nil {
		name, err = f.newNode(name)
	}
	if err != nil {
		return f.fail(parent, p.path+": "+err.Error())
	}
	if err := f.beginStructure(); err != nil {
		return err
	}
	f.parents = nil
	kind, tag, nodes := yaml.SequenceNode, "!!seq", []*yaml.Node{tree}
	if isName {
		kind, tag, nodes = yaml.MappingNode, "!!map", []*yaml.Node{name, tree}
	} else {
		at = key.(int)
	}
	if parent.Kind == yaml.ScalarNode {
		parent.Kind, parent.Tag, parent.Value, parent.Style = kind, tag, "", 0
	}
	parent.Content = slices.Insert(parent.Content, at, nodes...)
	return nil
}

// checkInsert returns an error when parent cannot get an entry.
func checkInsert(parent *yaml.Node, key any) error {
	name, isName := key.(*yaml.Node)
	index, isIndex := key.(int)
	null := parent.Kind == yaml.ScalarNode && parent.Tag == "!!null"
	switch {
	case !isIndex && (!isName || name == nil || name.Kind != yaml.ScalarNode):
		return fmt.Errorf("cannot get an entry under a %T", key)
	case parent.Kind == yaml.AliasNode:
		return errors.New("is an alias")
	case parent.Kind == yaml.ScalarNode && !null:
		return errors.New("is a value")
	case parent.Kind == yaml.MappingNode && isIndex:
		return errors.New("is a map")
	case parent.Kind == yaml.SequenceNode && isName:
		return errors.New("is a sequence")
	case isIndex && (index < 0 || index > len(parent.Content)):
		return fmt.Errorf("has %d items", len(parent.Content))
	case isName && child(parent, name.Value) != nil:
		return fmt.Errorf("has the key %q already", name.Value)
	}
	return nil
}

// DeleteOption is an option of Delete.
type DeleteOption int

// KeepComments says that the comments above what is deleted stay.
const KeepComments DeleteOption = 1

// Delete deletes the item of a list that is n, or the entry of a map whose value is n, with its comments: the lines
// directly above it, up to a blank line, and what is behind it. Comments that a document starts with stay.
func (f *File) Delete(n *yaml.Node, options ...DeleteOption) error {
	p, err := f.locateValue(n)
	switch {
	case err != nil:
		return err
	case p.parent == nil:
		return f.fail(n, "a document cannot be deleted")
	}
	if slices.Contains(options, KeepComments) && p.parent.Kind == yaml.MappingNode && len(p.parent.Content) > 2 {
		c := cut{place: p, key: p.parent.Content[p.index-1], value: n}
		if !isFlow(p.parent) && c.startsLine(f.current()) {
			return f.cutLines(c)
		}
	}
	if err := f.beginStructure(); err != nil {
		return err
	}
	f.drop(p)
	return nil
}

// cutLines makes a cut.
func (f *File) cutLines(c cut) error {
	if err := f.beginScalars(); err != nil {
		return err
	}
	if f.isPending(c.key) || f.isPending(c.value) { // the lines that are cut out have none of it
		if err := f.settle(); err != nil {
			return err
		}
		f.refresh()
	}
	f.cuts = append(f.cuts, c)
	f.drop(c.place)
	return nil
}

// drop takes the entry at p out of the tree.
func (f *File) drop(p place) {
	size := entrySize(p.parent)
	p.parent.Content = slices.Delete(p.parent.Content, p.index+1-size, p.index+1)
	f.parents = nil
}

// isPending reports whether a scalar at or below n has a new text that is not in the text yet.
func (f *File) isPending(n *yaml.Node) bool {
	return f.byNode[n] != nil || len(f.byNode) > 0 && slices.ContainsFunc(n.Content, f.isPending)
}

// cut is an entry of a map that is to go with its lines, but without comments above it.
type cut struct {
	place
	key, value *yaml.Node
}

// startsLine reports whether the key is the first on its line.
func (c cut) startsLine(s *source) bool {
	if c.key.Line < 1 || c.key.Line > len(s.lines) {
		return false
	}
	line := s.text[s.lines[c.key.Line-1]:]
	return len(line)-len(bytes.TrimLeft(line, " ")) == c.key.Column-1
}

// splice returns the splice that makes the cut.
func (c cut) splice(s *source) (splice, error) {
	e := editor{source: s, layouts: map[*yaml.Node]layout{}}
	column := c.key.Column - 1
	end, err := e.end(c.value, column)
	if err != nil {
		return splice{}, err
	}
	out := splice{s.lines[c.key.Line-1], e.below(end, len(s.text), column), ""}
	if out.end == len(s.text) && s.lines[len(s.lines)-1] < out.end { // no line break at the end stays none
		out.start = s.lineEnd(out.start - 1)
	}
	return out, nil
}
