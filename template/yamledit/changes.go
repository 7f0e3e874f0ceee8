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

	Added, Deleted bool // it was not there, or is gone, as only Compare tells from an empty string
}

// recorded is a Change, and in which document of its file.
type recorded struct {
	document int
	Change
	inner *File // the document of which it is all that changed, in the string at the path
}

// at is where a change is.
type at struct {
	document int
	path     string
}

func (r recorded) at() at { return at{r.document, r.Path} }

// swapped returns changes that are made at once. A key that takes the name which another one gives up makes two of them
// at one path, which are one.
func swapped(made []recorded) []recorded {
	come, gone := map[at]bool{}, map[at]string{}
	for _, r := range made {
		if r.Old == "" {
			come[r.at()] = true
		}
		if r.New == "" {
			gone[r.at()] = r.Old
		}
	}
	var out []recorded
	for _, r := range made {
		if before, ok := gone[r.at()]; ok && r.Old == "" {
			r.Old = before
		} else if ok && come[r.at()] {
			continue
		}
		out = append(out, r)
	}
	return out
}

// merge returns the changes with those of one node made into one, in the order of the first.
func merge(all []recorded) []Change {
	known := map[at]int{}
	var merged []recorded
	for _, r := range all {
		if i, ok := known[r.at()]; ok {
			merged[i].New = r.New
			if merged[i].inner != r.inner {
				merged[i].inner = nil
			}
			continue
		}
		known[r.at()] = len(merged)
		merged = append(merged, r)
	}
	var out []Change
	for _, r := range merged {
		switch {
		case r.Old == r.New:
		case r.inner != nil:
			out = append(out, r.inner.within(r.Path)...)
		default:
			out = append(out, r.Change)
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
