package yamledit

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Set gives a node another value: an Untyped, a *yaml.Node, or anything that package yaml can encode, of which a string
// stays a string ("1.10" is quoted). Setting a node to the value that it has is no change, and one that gets its first
// value back keeps its first bytes.
//
// Of a scalar that becomes another one, only its own bytes are replaced, and its style stays where the value allows it:
// plain, 'single', "double", or a block (| or >), of which at most the sign for the line breaks at its end changes.
// Else it becomes one line in double quotes, with escapes. Its anchor stays, so that its aliases have the value too.
//
// An *Error tells of a nil node (ErrNoNode), and of one that is not a value of the file or cannot have the value
// (ErrUneditable).
func (f *File) Set(n *yaml.Node, value any) error {
	p, err := f.locateValue(n)
	if err != nil {
		return err
	}
	f.forget(n)
	if untyped, ok := value.(Untyped); ok && n.Kind == yaml.ScalarNode {
		return f.setScalar(n, p, content{text: string(untyped)})
	}
	tree, err := f.newNode(value)
	if err != nil {
		return f.fail(n, p.path+": "+err.Error())
	}
	if n.Kind == yaml.ScalarNode && tree.Kind == yaml.ScalarNode {
		return f.setScalar(n, p, content{tree.Tag, tree.Value})
	}
	if err := f.beginStructure(); err != nil {
		return err
	}
	n.Kind, n.Tag, n.Value, n.Style = tree.Kind, tree.Tag, tree.Value, tree.Style
	n.Content, n.Alias = tree.Content, tree.Alias
	f.parents = nil
	return nil
}

// setScalar gives a scalar another value.
func (f *File) setScalar(n *yaml.Node, p place, value content) error {
	if value.is(n) {
		return nil
	}
	if err := f.beginScalars(); err != nil {
		return err
	}
	before := *n
	e := &scalarEdit{place: p, node: n, before: &before, value: value, json: f.json}
	known := f.byNode[n]
	if known != nil {
		e.before = known.before
	}
	var err error
	e.token, e.tag, err = e.encode()
	switch {
	case value.is(e.before): // there and back
		*n = *e.before
	case err != nil:
		return f.fail(n, p.path+": "+err.Error())
	default:
		n.Tag, n.Value = e.tag, value.text
	}
	if known != nil {
		*known = *e
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

// Rename gives the entry of a map whose value is n another key, in place: comments stay, and the order too. The key
// must not be there yet.
func (f *File) Rename(n *yaml.Node, key string) error {
	p, err := f.locateValue(n)
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
		return f.fail(n, fmt.Sprintf("%s cannot be renamed: the key %q is there already", p.path, key))
	}
	if err := f.beginScalars(); err != nil {
		return err
	}
	at, _ := f.locate(old)
	r := rename{place: p, oldPath: p.path, key: old, value: n}
	if err := f.setScalar(old, at, content{"!!str", key}); err != nil {
		return err
	}
	r.path = f.Path(n)
	f.renames = append(f.renames, r)
	return nil
}

// Become makes the file read as other trees, one for each of its documents; an empty file may get one. What is the same
// in a document stays as it is, byte for byte, and what is not is changed in place where its layout allows: entries
// that are new or gone are lines put in or cut out, at the indentation of their neighbours, and take their comments
// along. Nodes that came from Documents are recognized by their lines and columns, others by what they read as. Where a
// node had to be written anew, a warning says so. The trees are the file's nodes until Bytes, and those that it parses
// then.
func (f *File) Become(trees ...*yaml.Node) error { return f.BecomeWith(0, trees...) }

// Counted says what of a tree counts besides what it reads as.
type Counted int

// What of a tree may count.
const (
	CountStyles   Counted = 1 << iota // the styles of its nodes
	CountComments                     // the comments of its nodes
)

// BecomeWith does what Become does, where styles or comments count too.
func (f *File) BecomeWith(counts Counted, trees ...*yaml.Node) error {
	if err := f.settle(); err != nil {
		return err
	}
	f.refresh()
	trees = slices.Clone(trees)
	for i, tree := range trees {
		root, err := rootOf(tree)
		if err == nil {
			err = complete(root)
		}
		if err != nil {
			return &Error{File: f.name, Reason: err.Error(), Err: ErrUneditable}
		}
		trees[i] = root
	}
	if len(trees) != max(1, len(f.docs)) {
		reason := fmt.Sprintf("%d documents cannot become %d", len(f.docs), len(trees))
		return &Error{File: f.name, Reason: reason, Err: ErrUneditable}
	}
	f.structure = &restructuring{before: f.docs, replaced: true}
	f.structure.styles, f.structure.comments = counts&CountStyles != 0, counts&CountComments != 0
	f.docs, f.parents = trees, nil
	return nil
}

// beginScalars prepares for edits of scalars: those of the structure are written first, since the two are written in
// different ways.
func (f *File) beginScalars() error {
	if f.structure != nil {
		_ = f.settle() // f.err has it.
	}
	f.refresh()
	return f.err
}

// beginStructure prepares for edits of the structure.
func (f *File) beginStructure() error {
	if f.structure == nil && f.settle() == nil {
		f.refresh()
		f.structure = &restructuring{before: cloneAll(f.docs)}
	}
	return f.err
}

// locateValue returns where n is, or an error when it is not a value of the file.
func (f *File) locateValue(n *yaml.Node) (place, error) {
	if f.err != nil {
		return place{}, f.err
	}
	if n == nil {
		return place{}, &Error{File: f.name, Reason: "there is no such node", Err: ErrNoNode}
	}
	f.refresh()
	p, ok := f.locate(n)
	switch {
	case !ok:
		return place{}, f.fail(n, "the node is not one of this file")
	case p.isKey():
		return place{}, f.fail(n, fmt.Sprintf("the key %q is not a value", n.Value))
	}
	return p, nil
}
