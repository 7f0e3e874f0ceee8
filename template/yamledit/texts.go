package yamledit

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Compare returns the values that differ between two texts of the file of that name, whoever made them, in the order of
// the second; what is gone comes where it was. Entries of maps are compared by their keys, items of lists and documents
// by what tells them apart: what they read, a name, id or key of their own, a kind with a name. Order counts in lists
// only. Comments, styles and anchors do not count.
//
// The path of a value begins with "select(di == N) | ", as yq selects a document, if a text has several; it is that of
// the second text, or of the first where the value is gone. The error is the parser's, of a text that is neither YAML
// nor JSON.
func Compare(name string, before, after []byte) ([]Change, error) {
	old, err := parseAs(name, before)
	if err != nil {
		return nil, err
	}
	now, err := parseAs(name, after)
	if err != nil {
		return nil, err
	}
	c := &comparison{name: name}
	c.documents(old, now)
	return c.changes, nil
}

// comparison collects what differs.
type comparison struct {
	name    string
	changes []Change
	depth   int // of the nodes that are compared
}

// maxDepth is how deep nodes are compared. Each level compares all that is below it, and what is deeper nobody wrote.
const maxDepth = 50

func (c *comparison) documents(before, after []*yaml.Node) {
	path := func(i int) string {
		if max(len(before), len(after)) == 1 {
			return "."
		}
		return fmt.Sprintf("select(di == %d) | .", i)
	}
	c.pairs(before, after, pairUp(before, after), path)
}

// pairs compares each node of after with the one of before that it is, or -1, and tells what comes and goes.
func (c *comparison) pairs(before, after []*yaml.Node, from []int, path func(i int) string) {
	kept := make([]bool, len(before))
	for _, i := range withoutNew(from) {
		kept[i] = true
	}
	next := 0
	gone := func(until int) {
		for ; next < until; next++ {
			if !kept[next] {
				c.record(Change{Path: path(next), Old: summary(before[next]), Deleted: true})
			}
		}
	}
	for j, i := range from {
		if i < 0 {
			c.record(Change{Path: path(j), New: summary(after[j]), Added: true})
			continue
		}
		gone(i)
		c.nodes(before[i], after[j], path(j))
	}
	gone(len(before))
}

func (c *comparison) record(change Change) {
	change.File = c.name
	c.changes = append(c.changes, change)
}

// nodes compares two nodes at a path.
func (c *comparison) nodes(before, after *yaml.Node, path string) {
	c.depth++
	defer func() { c.depth-- }()
	switch {
	case (counted{}).same(before, after):
	case before.Kind != after.Kind, c.depth > maxDepth:
		c.replaced(before, after, path)
	case before.Kind == yaml.MappingNode && !hasTwice(before) && !hasTwice(after):
		c.maps(before, after, path)
	case before.Kind == yaml.SequenceNode:
		c.lists(before, after, path)
	case before.Kind == yaml.ScalarNode && before.Tag == after.Tag && Text(before) == Text(after):
		// Another anchor.
	default:
		c.replaced(before, after, path)
	}
}

// replaced tells of one value in the place of another. Where they look the same, the quotes say which is the string.
func (c *comparison) replaced(before, after *yaml.Node, path string) {
	old, now := summary(before), summary(after)
	if old == now {
		old, now = quotedString(before, old), quotedString(after, now)
	}
	c.record(Change{Path: path, Old: old, New: now})
}

func quotedString(n *yaml.Node, text string) string {
	if n.Tag == "!!str" {
		return fmt.Sprintf("%q", text)
	}
	return text
}

// hasTwice reports whether a map has a key twice, so that it is not known which counts.
func hasTwice(n *yaml.Node) bool {
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		name := keyName(n.Content[i])
		if seen[name] {
			return true
		}
		seen[name] = true
	}
	return false
}

func (c *comparison) maps(before, after *yaml.Node, path string) {
	at := map[string]int{}
	for i := range len(before.Content) / 2 {
		at[keyName(before.Content[2*i])] = i
	}
	for j := range len(after.Content) / 2 {
		key, value := keyName(after.Content[2*j]), entryValue(after, j)
		i, ok := at[key]
		if !ok {
			c.record(Change{Path: pathBelow(path, after, j), New: summary(value), Added: true})
			continue
		}
		delete(at, key)
		c.nodes(entryValue(before, i), value, pathBelow(path, after, j))
	}
	for i := range len(before.Content) / 2 {
		if _, gone := at[keyName(before.Content[2*i])]; gone {
			c.record(Change{Path: pathBelow(path, before, i), Old: summary(entryValue(before, i)), Deleted: true})
		}
	}
}

// pathBelow is entryPath for a path that may begin with the selection of a document.
func pathBelow(path string, parent *yaml.Node, i int) string {
	if selection, ok := strings.CutSuffix(path, " | ."); ok {
		return selection + " | " + entryPath(".", parent, i)
	}
	return entryPath(path, parent, i)
}

func (c *comparison) lists(before, after *yaml.Node, path string) {
	from := pairUp(before.Content, after.Content)
	if !slices.IsSorted(withoutNew(from)) { // In another order, each item's own change says little.
		c.replaced(before, after, path)
		return
	}
	c.pairs(before.Content, after.Content, from, func(i int) string { return fmt.Sprintf("%s[%d]", path, i) })
}

// pairUp returns for each node of after which one of before it is, or -1: first of all those that read the same at both
// ends, then those of the same name, then those that read the same, then what is left where it is equally many.
func pairUp(before, after []*yaml.Node) []int {
	from := make([]int, len(after))
	for j := range from {
		from[j] = -1
	}
	start, end := 0, 0
	for start < min(len(before), len(after)) && (counted{}).same(before[start], after[start]) {
		from[start] = start
		start++
	}
	for end < min(len(before), len(after))-start &&
		(counted{}).same(before[len(before)-1-end], after[len(after)-1-end]) {
		from[len(after)-1-end] = len(before) - 1 - end
		end++
	}
	p := pairing{
		before: before[start : len(before)-end], after: after[start : len(after)-end],
		from: from[start : len(after)-end], offset: start, used: make([]bool, len(before)-start-end),
	}
	p.by(identity)
	if max(len(p.before), len(p.after)) > 1 { // Two alone do not read the same.
		p.by(fingerprint)
	}
	p.rest()
	return from
}

// pairing pairs up nodes between two ends that read the same.
type pairing struct {
	before, after []*yaml.Node
	from          []int // of after, counted from offset before the first of before
	offset        int
	used          []bool // of before
}

// by pairs up, in order, those that are not yet and have the same name, if they have any.
func (p *pairing) by(name func(*yaml.Node) string) {
	at := map[string][]int{}
	for i, n := range p.before {
		if key := name(n); key != "" && !p.used[i] {
			at[key] = append(at[key], i)
		}
	}
	for j, n := range p.after {
		if p.from[j] >= 0 {
			continue
		}
		if key := name(n); key != "" && len(at[key]) > 0 {
			i := at[key][0]
			at[key] = at[key][1:]
			p.from[j], p.used[i] = p.offset+i, true
		}
	}
}

// rest pairs up what is left, in order, if it is equally much on both sides and nothing has a name of its own.
func (p *pairing) rest() {
	var old, now []int
	for i, n := range p.before {
		if !p.used[i] && identity(n) == "" {
			old = append(old, i)
		}
	}
	for j, n := range p.after {
		if p.from[j] < 0 && identity(n) == "" {
			now = append(now, j)
		}
	}
	if len(old) == len(now) {
		for k, j := range now {
			p.from[j] = p.offset + old[k]
		}
	}
}

// identity returns what tells a map apart from its like: the kind and name of a Kubernetes object, else the value of
// its name, id or key. It is empty for what has none of these.
func identity(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return ""
	}
	if name := scalarBelow(n, "metadata", "name"); name != "" {
		return strings.Join([]string{
			scalarBelow(n, "apiVersion"), scalarBelow(n, "kind"), scalarBelow(n, "metadata", "namespace"), name,
		}, "\x00")
	}
	for _, key := range []string{"name", "id", "key"} {
		if value := scalarBelow(n, key); value != "" {
			return key + "\x00" + value
		}
	}
	return ""
}

// scalarBelow returns the scalar at the end of a path of keys; empty if there is none.
func scalarBelow(n *yaml.Node, path ...any) string {
	if found := Lookup(n, path...); found != nil && found.Kind == yaml.ScalarNode {
		return found.Value
	}
	return ""
}
