package yqedit

import (
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// maxReached is how many nodes the aliases of a document may stand for.
const maxReached = 1_000_000

func aliasesTooMany(doc *yaml.Node) bool {
	var size func(n *yaml.Node) int
	size = func(n *yaml.Node) int {
		count := 1
		for _, child := range n.Content {
			count += size(child)
		}
		return count
	}
	limit := size(doc) + maxReached
	return reached(doc, map[*yaml.Node]int{}, limit) > limit
}

// reached returns how many nodes there are at and below n, counting those behind each alias, as far as limit. known
// holds what was counted behind aliases.
func reached(n *yaml.Node, known map[*yaml.Node]int, limit int) int {
	count := 1
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		if _, ok := known[n.Alias]; !ok {
			known[n.Alias] = limit + 1 // for an anchor that holds its own alias
			known[n.Alias] = reached(n.Alias, known, limit)
		}
		count += known[n.Alias]
	}
	for _, child := range n.Content {
		count = min(count+reached(child, known, limit), limit+1)
	}
	return count
}

// detour is where a path of keys and indices leaves the map that it seems to stay in.
type detour struct {
	node    *yaml.Node // an alias, or the map that has a merge key
	isMerge bool
	isLast  bool // the last step of the path is the one that takes it
}

// detour returns the first alias or merge key on the way of a path of keys and indices in a document, or nil.
func (s selector) detour(doc *yaml.Node) *detour {
	n := doc
	for i, step := range s.steps {
		if n.Kind == yaml.AliasNode {
			return &detour{node: n}
		}
		next := yamledit.Lookup(n, step.at())
		if next != nil {
			n = next
			continue
		}
		if !step.isIndex && merged(n, step.key, map[*yaml.Node]bool{}) != nil {
			return &detour{node: n, isMerge: true, isLast: i == len(s.steps)-1}
		}
		return nil
	}
	return nil
}

// merged returns what the merge keys of a map put under a key, or nil. A map that is known has been looked at.
func merged(m *yaml.Node, key string, known map[*yaml.Node]bool) *yaml.Node {
	for _, source := range mergedMaps(m) {
		if known[source] {
			continue
		}
		known[source] = true
		if value := yamledit.Lookup(source, key); value != nil {
			return value
		}
		if value := merged(source, key, known); value != nil {
			return value
		}
	}
	return nil
}

// mergedMaps returns the maps that the merge keys of a map name, the strongest first.
func mergedMaps(m *yaml.Node) []*yaml.Node {
	var maps []*yaml.Node
	for i := 0; m.Kind == yaml.MappingNode && i < len(m.Content); i += 2 {
		value := m.Content[i+1]
		switch {
		case m.Content[i].Tag != "!!merge":
		case value.Kind == yaml.SequenceNode:
			maps = append(maps, value.Content...)
		default:
			maps = append(maps, value)
		}
	}
	for i, n := range maps {
		if n.Kind == yaml.AliasNode {
			maps[i] = n.Alias
		}
	}
	return maps
}
