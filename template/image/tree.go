package image

import (
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

// fields are the values that a map has under knownKeys; a value may be an alias.
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
	deploys = deploys && !strings.HasPrefix(text(t.lookup(n, "apiVersion")), "image.toolkit.fluxcd.io/")
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
		if key := m.Content[i]; key.Kind == yaml.ScalarNode && slices.Contains(knownKeys, key.Value) {
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

// lookup returns the value of one of knownKeys in m, which may come from another map by a merge key, or nil.
func (t *tree) lookup(m *yaml.Node, key string) *yaml.Node { return resolve(t.fieldsOf(m)[key]) }

// inherits reports whether m would have a key without its own one, too.
func (t *tree) inherits(m *yaml.Node, key string) bool {
	return slices.ContainsFunc(merges(m), func(from *yaml.Node) bool { return t.lookup(resolve(from), key) != nil })
}

// identity is what in a map says which image it is, at which version. Maps that share it by merge keys are one image.
type identity struct{ image, repository, registry, tag, imageTag, digest, newName, newTag, name *yaml.Node }

// identity returns that of m.
func (t *tree) identity(m *yaml.Node) identity {
	f := t.fieldsOf(m)
	id := identity{
		image: f["image"], repository: f["repository"], registry: f["registry"], tag: f["tag"], imageTag: f["imageTag"],
		digest: f["digest"], newName: f["newName"], newTag: f["newTag"],
	}
	if id.digest != nil || id.newName != nil || id.newTag != nil {
		id.name = f["name"] // of an entry in images
	}
	return id
}

// isNamed reports whether there is the name of an image.
func (id identity) isNamed() bool { return id.image != nil || id.repository != nil || id.name != nil }

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
