package image

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// tree is what there is in a file.
type tree struct {
	objects []*yaml.Node // the maps that may deploy something, in the order of the file
	aliases []*yaml.Node // in the order of the file
	merged  map[*yaml.Node]bool
	known   map[*yaml.Node]fields
}

// fields are the values that a map has under keys that are known; a value may be an alias.
type fields map[string]*yaml.Node

func newTree(docs []*yaml.Node) *tree {
	t := &tree{merged: map[*yaml.Node]bool{}, known: map[*yaml.Node]fields{}}
	for _, doc := range docs {
		t.walk(doc, true)
	}
	return t
}

// walk notes what is at and below n. What only watches images deploys none.
func (t *tree) walk(n *yaml.Node, deploys bool) {
	deploys = deploys && !t.isIgnored(n)
	switch {
	case n.Kind == yaml.AliasNode:
		t.aliases = append(t.aliases, n)
	case n.Kind == yaml.MappingNode && deploys:
		t.objects = append(t.objects, n)
	}
	for _, from := range merges(n) {
		t.merged[from] = true
	}
	for _, child := range n.Content {
		t.walk(child, deploys)
	}
}

// isIgnored reports whether n is an object that the table ignores.
func (t *tree) isIgnored(n *yaml.Node) bool {
	o := object{apiVersion: text(t.lookup(n, "apiVersion")), kind: text(t.lookup(n, "kind"))}
	return o.apiVersion != "" && slices.ContainsFunc(table, func(row place) bool {
		_, ignores := row.shape.(ignored)
		return ignores && row.at == "" && row.in.include("", o)
	})
}

// fieldsOf returns those of m, its own or from maps that it merges. Each map is looked through once, so that long
// chains of merges are cheap, and one that merges itself comes to an end.
func (t *tree) fieldsOf(m *yaml.Node) fields {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	if known, ok := t.known[m]; ok {
		return known
	}
	t.known[m] = nil
	out := fields{}
	add := func(key string, value *yaml.Node) {
		if _, ok := out[key]; !ok {
			out[key] = value
		}
	}
	for i := 0; i < len(m.Content); i += 2 {
		if key := m.Content[i]; key.Kind == yaml.ScalarNode && isKnown(key.Value) {
			add(key.Value, m.Content[i+1])
		}
	}
	for _, from := range merges(m) {
		for key, value := range t.fieldsOf(resolve(from)) {
			add(key, value)
		}
	}
	t.known[m] = out
	return out
}

// lookup returns the value of a known key in m, which may come from another map by a merge key, or nil.
func (t *tree) lookup(m *yaml.Node, key string) *yaml.Node { return resolve(t.fieldsOf(m)[key]) }

// inherits reports whether m would have a key without its own one, too.
func (t *tree) inherits(m *yaml.Node, key string) bool {
	return slices.ContainsFunc(merges(m), func(from *yaml.Node) bool { return t.lookup(resolve(from), key) != nil })
}

// identity is what in a map says which image it is, at which version. Maps that share it by merge keys are one image.
type identity string

// identity returns that of m.
func (t *tree) identity(m *yaml.Node) identity {
	f := t.fieldsOf(m)
	var b strings.Builder
	for _, key := range sortedKeys(f) {
		if t.identifies(f, key) {
			fmt.Fprintf(&b, "%s %p ", key, f[key])
		}
	}
	return identity(b.String())
}

// identifies reports whether a key is among what says which image a map is.
func (t *tree) identifies(f fields, key string) bool {
	switch key {
	case "newName", "newTag":
		return true
	case "name": // of an entry in images
		return f["digest"] != nil || f["newName"] != nil || f["newTag"] != nil
	case "version":
		return false
	}
	_, r := roleOf(key)
	return r != noRole
}

// isNamed reports whether m has the name of an image.
func (t *tree) isNamed(m *yaml.Node) bool {
	f := t.fieldsOf(m)
	for key := range f {
		if _, r := roleOf(key); r == nameRole && t.identifies(f, key) {
			return true
		}
	}
	return false
}

// resolve returns what an alias stands for; any other node stands for itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// merges returns what m has under merge keys: aliases of maps, or maps.
func merges(m *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for i := 0; m.Kind == yaml.MappingNode && i < len(m.Content); i += 2 {
		switch from := m.Content[i+1]; {
		case m.Content[i].Tag != "!!merge":
		case from.Kind == yaml.SequenceNode:
			out = append(out, from.Content...)
		default:
			out = append(out, from)
		}
	}
	return out
}

// own returns the key and the value that m itself has under a name, or nil.
func own(m *yaml.Node, name string) (key, value *yaml.Node) {
	for i := 0; i < len(m.Content); i += 2 {
		if key := m.Content[i]; key.Kind == yaml.ScalarNode && key.Value == name {
			return key, m.Content[i+1]
		}
	}
	return nil, nil
}

// text returns the value of a scalar, without space around; that of any other node, or of a null, is empty.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return strings.TrimSpace(n.Value)
}
