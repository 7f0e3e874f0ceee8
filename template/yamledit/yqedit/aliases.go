package yqedit

import "go.yaml.in/yaml/v4"

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
