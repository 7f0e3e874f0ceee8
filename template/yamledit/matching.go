package yamledit

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// match returns for each entry of after which entry of before it is, or -1.
func (e *editor) match(before, after *yaml.Node) []int {
	if after.Kind == yaml.MappingNode {
		return e.matchKeys(before, after)
	}
	n, m := len(before.Content), len(after.Content)
	out := make([]int, m)
	for i := range out {
		out[i] = -1
	}
	alike := func(i, j int) bool {
		x, y := before.Content[i], after.Content[j]
		return y.Line > 0 && x.Line == y.Line && x.Column == y.Column && x.Kind == y.Kind || e.same(x, y)
	}
	start := 0
	for start < min(n, m) && alike(start, start) {
		out[start] = start
		start++
	}
	end := 0
	for end < min(n, m)-start && alike(n-1-end, m-1-end) {
		out[m-1-end] = n - 1 - end
		end++
	}
	// What is between: first what is where it was in the text, then what reads the same.
	used := make([]bool, n)
	for _, by := range []func(*yaml.Node) string{
		func(n *yaml.Node) string { return fmt.Sprint(n.Line, n.Column, n.Kind) },
		fingerprint,
	} {
		at := map[string][]int{}
		for i := start; i < n-end; i++ {
			if key := by(before.Content[i]); !used[i] {
				at[key] = append(at[key], i)
			}
		}
		for j := start; j < m-end; j++ {
			key := by(after.Content[j])
			if found := at[key]; out[j] < 0 && len(found) > 0 && alike(found[0], j) {
				out[j], used[found[0]] = found[0], true
				at[key] = found[1:]
			}
		}
	}
	e.pair(out, n, nil)
	return out
}

// fingerprint returns what n reads, the same for two nodes that are the same.
func fingerprint(n *yaml.Node) string {
	var out strings.Builder
	var write func(n *yaml.Node)
	write = func(n *yaml.Node) {
		tag, value := n.Tag, n.Value
		switch {
		case n.Kind == yaml.AliasNode:
			tag = ""
		case tag == "!!null":
			value = ""
		}
		fmt.Fprintf(&out, "%d %q %q %q %d;", n.Kind, tag, value, n.Anchor, len(n.Content))
		for _, c := range n.Content {
			write(c)
		}
	}
	write(n)
	return out.String()
}

// duplicateKey says that a map has a key more than once, so that it is not known which of them counts.
type duplicateKey struct {
	line int
	key  string
}

// Error implements error.
func (d duplicateKey) Error() string { return fmt.Sprintf("the key %q is there twice", d.key) }

// matchKeys returns what match does, for maps.
func (e *editor) matchKeys(before, after *yaml.Node) []int {
	out := make([]int, len(after.Content)/2)
	used := map[int]bool{}
	old := e.keys(before)
	e.keys(after)
	for j := range out {
		out[j] = -1
		key := after.Content[2*j]
		if i, ok := old[keyName(key)]; ok && !used[i] && e.same(before.Content[2*i], key) {
			out[j], used[i] = i, true
		}
	}
	e.pair(out, len(before.Content)/2, func(i, j int) bool {
		old, key := before.Content[2*i], after.Content[2*j]
		return old.Kind == yaml.ScalarNode && key.Kind == yaml.ScalarNode &&
			e.same(entryValue(before, i), entryValue(after, j))
	})
	return out
}

// keys returns which entry of a map has a key first. A key that is there twice is a failure.
func (e *editor) keys(n *yaml.Node) map[string]int {
	at := map[string]int{}
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		key := n.Content[i]
		if again, ok := at[keyName(key)]; ok && e.same(n.Content[2*again], key) && key.Tag != "!!merge" {
			e.failure = duplicateKey{n.Content[2*again].Line, summary(key)}
		}
		at[keyName(key)] = i / 2
	}
	return at
}

// keyName returns a name for a key, the same for two keys that are the same.
func keyName(key *yaml.Node) string {
	if key.Kind == yaml.ScalarNode {
		return key.Value
	}
	return fingerprint(key)
}

// pair matches what is new between two matches with what is gone from between them, when they are equally many.
func (e *editor) pair(out []int, n int, alike func(i, j int) bool) {
	used := map[int]bool{}
	for _, k := range out {
		used[k] = true
	}
	for j := 0; j < len(out); j++ {
		if out[j] >= 0 {
			continue
		}
		from := 0
		if j > 0 {
			from = out[j-1] + 1
		}
		to := j
		for to < len(out) && out[to] < 0 {
			to++
		}
		gone := 0
		for from+gone < n && !used[from+gone] {
			gone++
		}
		for k := 0; k < to-j && gone == to-j; k++ {
			if alike == nil || alike(from+k, j+k) {
				out[j+k] = from + k
			}
		}
		j = to
	}
}
