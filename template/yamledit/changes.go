package yamledit

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// Change is one node of a file that got another value.
type Change struct {
	File string // the name given to Parse
	Path string // the way to the node, as yq writes it: .spec.containers[0].image
	Old  string // its value before, without quotes; empty when it was not there
	New  string // its value now, without quotes; empty when it is gone
}

// recorded is a Change, and in which document of its file.
type recorded struct {
	document int
	Change
}

// merge returns the changes with those of one node made into one, in the order of the first.
func merge(all []recorded) []Change {
	type key struct {
		document int
		path     string
	}
	at := map[key]int{}
	var merged []Change
	for _, r := range all {
		k := key{r.document, r.Path}
		if i, ok := at[k]; ok {
			merged[i].New = r.New
			continue
		}
		at[k] = len(merged)
		merged = append(merged, r.Change)
	}
	var out []Change
	for _, c := range merged {
		if c.Old != c.New {
			out = append(out, c)
		}
	}
	return out
}

// Text returns what a scalar reads as, without quotes: the same for every way to write null.
func Text(n *yaml.Node) string {
	if n.Tag == "!!null" {
		return "null"
	}
	return n.Value
}

// summary returns what n reads, on one line when it is a collection.
func summary(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return Text(n)
	}
	e := editor{source: &source{}}
	text, _ := e.flow(n, 0)
	return strings.TrimSpace(text)
}
