package yamledit

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// place is where a node is.
type place struct {
	document int        // counted from 0
	path     string     // as yq writes it
	parent   *yaml.Node // nil for a document
	index    int        // of the node in the parent's Content
	inFlow   bool       // within [] or {}
}

// isKey reports whether the node is a key of a map.
func (p place) isKey() bool {
	return p.parent != nil && p.parent.Kind == yaml.MappingNode && p.index%2 == 0
}

// step is one step on the way to a node: to the index-th node in the Content of parent.
type step struct {
	parent *yaml.Node
	index  int
}

// locate returns where n is, or false when it is no node of the file.
func (f *File) locate(n *yaml.Node) (place, bool) {
	document, steps, ok := f.descend(n)
	if !ok {
		document, steps, ok = f.ascend(n)
	}
	if !ok {
		return place{}, false
	}
	p := place{document: document, path: "."}
	for _, s := range steps {
		p.path = childPath(p.path, s.parent, s.index)
		p.inFlow = p.inFlow || isFlow(s.parent)
		p.parent, p.index = s.parent, s.index
	}
	return p, true
}

// descend finds n by where it is in the text, which takes no more than a few steps. It misses some nodes without text,
// and those that the text does not have yet.
func (f *File) descend(n *yaml.Node) (document int, steps []step, ok bool) {
	nodes, parent := f.docs, (*yaml.Node)(nil)
	for {
		i := lastUpTo(nodes, n)
		if i < 0 {
			return 0, nil, false
		}
		if parent == nil {
			document = i
		} else {
			steps = append(steps, step{parent, i})
		}
		if parent = nodes[i]; parent == n {
			return document, steps, true
		}
		nodes = parent.Content
	}
}

// lastUpTo returns the index of the last of nodes that starts where n does or before that, or -1.
func lastUpTo(nodes []*yaml.Node, n *yaml.Node) int {
	return sort.Search(len(nodes), func(i int) bool {
		other := nodes[i]
		return other.Line > n.Line || other.Line == n.Line && other.Column > n.Column
	}) - 1
}

// ascend finds n by its parents, which are looked up in all of the tree first.
func (f *File) ascend(n *yaml.Node) (document int, steps []step, ok bool) {
	if f.parents == nil {
		f.parents = map[*yaml.Node]step{}
		var visit func(n *yaml.Node)
		visit = func(n *yaml.Node) {
			for i, child := range n.Content {
				f.parents[child] = step{n, i}
				visit(child)
			}
		}
		for _, doc := range f.docs {
			visit(doc)
		}
	}
	for up, ok := f.parents[n]; ok; up, ok = f.parents[n] {
		steps, n = append(steps, up), up.parent
	}
	slices.Reverse(steps)
	document = slices.Index(f.docs, n)
	return document, steps, document >= 0
}

// Path returns the way to a node of the file as yq writes it (".spec.containers[0].image"), or "" when it is none.
func (f *File) Path(n *yaml.Node) string {
	p, _ := f.locate(n)
	return p.path
}

// At returns the node at the end of a path of keys (string) and indices (int) in the first document that has it, or
// nil. An index below 0 counts from the end. Aliases and merge keys are not followed.
func (f *File) At(path ...any) *yaml.Node {
	for _, doc := range f.Documents() {
		if n := Lookup(doc, path...); n != nil {
			return n
		}
	}
	return nil
}

// Lookup does what File.At does, from a node.
func Lookup(n *yaml.Node, path ...any) *yaml.Node {
	for _, s := range path {
		if n == nil {
			return nil
		}
		n = child(n, s)
	}
	return n
}

// child returns what n has under a key or at an index, or nil.
func child(n *yaml.Node, at any) *yaml.Node {
	switch at := at.(type) {
	case string:
		for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
			if key := n.Content[i]; key.Kind == yaml.ScalarNode && key.Value == at {
				return n.Content[i+1]
			}
		}
	case int:
		if at < 0 {
			at += len(n.Content)
		}
		if n.Kind == yaml.SequenceNode && 0 <= at && at < len(n.Content) {
			return n.Content[at]
		}
	}
	return nil
}

var simpleKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// childPath returns the path of the i-th of the nodes in parent, which is at path.
func childPath(path string, parent *yaml.Node, i int) string {
	if parent.Kind == yaml.SequenceNode {
		return fmt.Sprintf("%s[%d]", path, i)
	}
	return KeyPath(path, parent.Content[i-i%2].Value)
}

// KeyPath returns the path of what the map at path has under key: ".a.b" for ".a" and "b".
func KeyPath(path, key string) string {
	switch {
	case !simpleKey.MatchString(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == ".":
		return "." + key
	}
	return path + "." + key
}

// entryPath returns the path of the i-th entry of parent, which is at path.
func entryPath(path string, parent *yaml.Node, i int) string {
	return childPath(path, parent, i*entrySize(parent))
}

// entrySize returns how many nodes an entry of a collection has.
func entrySize(n *yaml.Node) int {
	if n.Kind == yaml.MappingNode {
		return 2
	}
	return 1
}

// entryValue returns the value of the i-th entry of n.
func entryValue(n *yaml.Node, i int) *yaml.Node {
	size := entrySize(n)
	return n.Content[i*size+size-1]
}

// isFlow reports whether n is a collection within [] or {}.
func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// isBlock reports whether n is a collection or a string on lines of its own.
func isBlock(n *yaml.Node) bool {
	return n.Style&block != 0 || len(n.Content) > 0 && !isFlow(n)
}

// isEmpty reports whether n is a value of no characters at all.
func isEmpty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&(quoted|yaml.TaggedStyle) == 0 && n.Anchor == ""
}
