package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Set gives a node another value: an Untyped, a *yaml.Node, or anything that package yaml can encode, of which a string
// stays a string ("1.10" is quoted). Setting a node to the value that it has is no change, and one that gets its first value
// back keeps its first bytes.
//
// Of a scalar that becomes another one, only its own bytes are replaced, and its style stays where the value allows it:
// plain, 'single', "double", or a block (| or >), of which at most the sign for the line breaks at its end changes. Else it
// becomes one line in double quotes, with escapes. Its anchor stays, so that its aliases have the value too.
//
// An *Error tells of a nil node (ErrNoNode), and of one that is not a value of the file or cannot have the value
// (ErrUneditable).
func (f *File) Set(n *yaml.Node, value any) error {
	p, err := f.valuePlace(n)
	if err != nil {
		return err
	}
	if untyped, ok := value.(Untyped); ok && n.Kind == yaml.ScalarNode {
		return f.setScalar(n, p, content{text: string(untyped)})
	}
	tree, err := NewNode(value)
	if err != nil {
		return f.fail(n, p.path+": "+err.Error())
	}
	if n.Kind == yaml.ScalarNode && tree.Kind == yaml.ScalarNode {
		return f.setScalar(n, p, content{tree.Tag, tree.Value})
	}
	if err := f.restructure(); err != nil {
		return err
	}
	n.Kind, n.Tag, n.Value, n.Style, n.Content, n.Alias = tree.Kind, tree.Tag, tree.Value, tree.Style, tree.Content, tree.Alias
	f.parents = nil
	return nil
}

// setScalar gives a scalar another value.
func (f *File) setScalar(n *yaml.Node, p place, value content) error {
	if value.is(n) {
		return nil
	}
	if err := f.setScalars(); err != nil {
		return err
	}
	before := *n
	e := &scalarEdit{place: p, node: n, before: &before, value: value, json: f.json}
	known := f.byNode[n]
	if known != nil {
		e.before = known.before
	}
	_, tag, err := e.encode()
	switch {
	case value.is(e.before): // there and back
		*n = *e.before
	case err != nil:
		return f.fail(n, p.path+": "+err.Error())
	default:
		n.Tag, n.Value = tag, value.text
	}
	if known != nil {
		known.value = value
		return nil
	}
	if f.byNode == nil {
		f.byNode = map[*yaml.Node]*scalarEdit{}
	}
	f.scalars, f.byNode[n] = append(f.scalars, e), e
	return nil
}

// rename is the value of a map whose key changes.
type rename struct {
	place   // with the new path
	oldPath string
	key     *yaml.Node
	value   *yaml.Node
}

// Rename gives the entry of a map whose value is n another key, in place: comments stay, and the order too. The key must not
// be there yet.
func (f *File) Rename(n *yaml.Node, key string) error {
	p, err := f.valuePlace(n)
	if err != nil {
		return err
	}
	if p.parent == nil || p.parent.Kind != yaml.MappingNode || p.parent.Content[p.index-1].Kind != yaml.ScalarNode {
		return f.fail(n, p.path+" has no key to rename")
	}
	old := p.parent.Content[p.index-1]
	if old.Value == key {
		return nil
	}
	if child(p.parent, key) != nil {
		return f.fail(n, p.path+" cannot be renamed: the key "+key+" is there already")
	}
	if err := f.setScalars(); err != nil {
		return err
	}
	at, _ := f.place(old)
	r := rename{place: p, oldPath: p.path, key: old, value: n}
	if err := f.setScalar(old, at, content{"!!str", key}); err != nil {
		return err
	}
	r.path = f.Path(n)
	f.renames = append(f.renames, r)
	return nil
}

// Insert adds an entry to a map, under a key (string, or a scalar *yaml.Node with a style) and at its end, or to a list, at
// an index (int) of up to its length. It is laid out as its neighbours are. Where parent is null, it becomes a map or a list
// with that entry.
func (f *File) Insert(parent *yaml.Node, key, value any) error {
	p, err := f.valuePlace(parent)
	if err != nil {
		return err
	}
	return f.insert(parent, p, len(parent.Content), key, value)
}

// InsertAfter does what Insert does for the map that has n as a value, right behind that.
func (f *File) InsertAfter(n *yaml.Node, key, value any) error {
	p, err := f.valuePlace(n)
	if err != nil {
		return err
	}
	if p.parent == nil || p.parent.Kind != yaml.MappingNode {
		return f.fail(n, p.path+" is not within a map")
	}
	return f.insert(p.parent, p, p.index+1, key, value)
}

// insert adds an entry to a map, before the at-th of its nodes, or to a list. Errors are those of an edit at p.
func (f *File) insert(parent *yaml.Node, p place, at int, key, value any) error {
	if name, ok := key.(string); ok {
		key = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
	}
	if err := checkInsert(parent, key); err != nil {
		return f.fail(parent, p.path+" "+err.Error())
	}
	tree, err := NewNode(value)
	if err != nil {
		return f.fail(parent, p.path+": "+err.Error())
	}
	if err := f.restructure(); err != nil {
		return err
	}
	f.parents = nil
	kind, tag, added := yaml.SequenceNode, "!!seq", []*yaml.Node{tree}
	if name, ok := key.(*yaml.Node); ok {
		kind, tag, added = yaml.MappingNode, "!!map", []*yaml.Node{clone(name), tree}
	} else {
		at = key.(int)
	}
	if parent.Kind == yaml.ScalarNode {
		parent.Kind, parent.Tag, parent.Value, parent.Style = kind, tag, "", 0
	}
	parent.Content = slices.Insert(parent.Content, at, added...)
	return nil
}

// checkInsert returns an error when parent cannot get an entry.
func checkInsert(parent *yaml.Node, key any) error {
	name, isName := key.(*yaml.Node)
	index, isIndex := key.(int)
	null := parent.Kind == yaml.ScalarNode && parent.Tag == "!!null"
	switch {
	case !isIndex && (!isName || name.Kind != yaml.ScalarNode):
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

// Delete deletes the item of a list that is n, or the entry of a map whose value is n, with its comments: the lines directly
// above it, up to a blank line, and what is behind it. Comments that a document starts with stay.
func (f *File) Delete(n *yaml.Node, options ...DeleteOption) error {
	p, err := f.valuePlace(n)
	switch {
	case err != nil:
		return err
	case p.parent == nil:
		return f.fail(n, "a document cannot be deleted")
	}
	if slices.Contains(options, KeepComments) && p.parent.Kind == yaml.MappingNode && len(p.parent.Content) > 2 {
		c := cut{place: p, key: p.parent.Content[p.index-1], value: n}
		if !isFlow(p.parent) && c.isAlone(f.source()) {
			return f.cut(c)
		}
	}
	if err := f.restructure(); err != nil {
		return err
	}
	f.drop(p)
	return nil
}

// cut makes a cut.
func (f *File) cut(c cut) error {
	if err := f.setScalars(); err != nil {
		return err
	}
	if f.isPending(c.value) {
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

// isPending reports whether a scalar at or below n has a new value that is not in the text yet.
func (f *File) isPending(n *yaml.Node) bool {
	return f.byNode[n] != nil || len(f.byNode) > 0 && slices.ContainsFunc(n.Content, f.isPending)
}

// cut is an entry of a map that is to go with its lines, but without comments above it.
type cut struct {
	place
	key, value *yaml.Node
}

// isAlone reports whether the key is the first on its line.
func (c cut) isAlone(s *source) bool {
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

// Kept says what of a tree counts for Become besides what it reads as.
type Kept int

// What of a tree may count.
const (
	KeepStyles       Kept = 1 + iota // the styles of its nodes
	KeepNodeComments                 // the comments of its nodes
)

// Become makes the file read as other trees, one for each of its documents; an empty file may get one. What is the same in a
// document stays as it is, byte for byte, and what is not is changed in place where its layout allows: entries that are new
// or gone are lines put in or cut out, at the indentation of their neighbours, and take their comments along. Nodes that came
// from Documents are recognized by their lines and columns, others by what they read as. Where a node had to be written anew, a warning
// says so. The trees are the file's nodes from now on.
func (f *File) Become(trees []*yaml.Node, kept ...Kept) error {
	if err := f.settle(); err != nil {
		return err
	}
	f.refresh()
	f.structure = &restructuring{before: f.docs, replaced: true}
	f.structure.styles, f.structure.comments = slices.Contains(kept, KeepStyles), slices.Contains(kept, KeepNodeComments)
	f.docs, f.parents = trees, nil
	return nil
}

// setScalars prepares for edits of scalars: those of the structure are written first, since the two are written in
// different ways.
func (f *File) setScalars() error {
	if f.structure != nil {
		_ = f.settle() // f.err has it.
	}
	f.refresh()
	return f.err
}

// restructure prepares for edits of the structure.
func (f *File) restructure() error {
	if f.structure == nil && f.settle() == nil {
		f.refresh()
		f.structure = &restructuring{before: cloneAll(f.docs)}
	}
	return f.err
}

// valuePlace returns where n is, or an error when it is not a value of the file.
func (f *File) valuePlace(n *yaml.Node) (place, error) {
	if f.err != nil {
		return place{}, f.err
	}
	if n == nil {
		return place{}, &Error{File: f.name, Reason: "there is no such node", Err: ErrNoNode}
	}
	f.refresh()
	p, ok := f.place(n)
	switch {
	case !ok:
		return place{}, f.fail(n, "the node is not one of this file")
	case p.isKey():
		return place{}, f.fail(n, fmt.Sprintf("the key %q is not a value", n.Value))
	}
	return p, nil
}
