package image

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// plan is what shall become of the images in one file. It is made of the file as it is, and checked, before anything
// changes.
type plan struct {
	*tree
	context
	base string // of the file's name; empty for a document in a string
	file *yamledit.File

	values  map[*yaml.Node]value  // of scalars that change, and of keys
	entries map[*yaml.Node]*entry // of kustomizations, changed or not
	seen    map[use]bool          // what is seen to, changed or not
	covered map[*yaml.Node]bool   // the maps that have it, and the aliases that lead to it

	rows       map[object][]int     // of the table, by object; see rowsFor
	taken      map[*yaml.Node]bool  // what belongs to a site
	understood map[*yaml.Node]bool  // the scalars of sites whose version is known
	lent       map[*yaml.Node]*plan // nodes of documents in strings that are looked at together with others
	inner      []inner              // documents in strings
	hasHost    map[*yaml.Node]bool  // names of images whose registry is known
	unlisted   map[*yaml.Node]bool  // below which a mention need not deploy
	named      map[*target]bool     // those that an entry of a kustomization names
	added      []*target            // those that get an entry
	tags       []valuesTag          // of Helm values, that files beside this one may override
	suffixes   []Mention            // of tags, that count no more
	left       []Mention            // in documents in strings, and at sites whose version is a placeholder
	split      []splitName          // what may be left, too
}

// value is what a scalar becomes, for an image.
type value struct {
	*target
	text     string
	keyOf    *yaml.Node // the value whose key the scalar is, if any
	embedded bool       // it is set by the document that it holds
}

// use is what an image has under a key.
type use struct {
	identity
	key string
}

// context is what the plans of one file, and of the documents in it, have in common.
type context struct {
	name     string // of the file
	targets  []*target
	overlays *overlays
	missing  Missing
	explicit bool // the file was asked for by its name
}

func newPlan(c context, base string, f *yamledit.File) *plan {
	return &plan{
		tree: newTree(f.Documents()), context: c, base: base, file: f,
		values: map[*yaml.Node]value{}, entries: map[*yaml.Node]*entry{},
		seen: map[use]bool{}, covered: map[*yaml.Node]bool{},
		rows:  map[object][]int{},
		taken: map[*yaml.Node]bool{}, understood: map[*yaml.Node]bool{}, lent: map[*yaml.Node]*plan{},
		hasHost: map[*yaml.Node]bool{}, unlisted: map[*yaml.Node]bool{}, named: map[*target]bool{},
	}
}

// make finds the places, and plans what becomes of them. The documents are at a spot.
func (p *plan) make(s spot) error {
	for _, doc := range p.file.Documents() {
		if err := p.walk(doc, s); err != nil {
			return err
		}
	}
	return nil
}

// checkKeys returns an error when m deploys one of the images and has a known key twice: parsers differ on which
// one counts.
func (p *plan) checkKeys(m *yaml.Node) error {
	found := map[string]bool{}
	for i := 0; i < len(m.Content); i += 2 {
		key := m.Content[i]
		if key.Kind != yaml.ScalarNode || !isKnown(key.Value) {
			continue
		}
		if found[key.Value] {
			for _, t := range p.targets {
				if t.mayBeUnder(m) {
					return p.fail(key, t, key.Value+" is there twice")
				}
			}
			return nil
		}
		found[key.Value] = true
	}
	return nil
}

// set plans that the scalar that m has under a key becomes a string: a tag that looks like a number is none.
func (p *plan) set(t *target, m *yaml.Node, key, text string) error {
	p.cover(m, key)
	return p.setNode(t, p.fieldsOf(m)[key], key, text)
}

// setNode does what set does, for a scalar or an alias of one. what is for messages.
func (p *plan) setNode(t *target, raw *yaml.Node, what, text string) error {
	n := resolve(raw)
	if of := p.lent[n]; of != nil {
		return of.setNode(t, raw, what, text)
	}
	p.covered[raw] = true
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 { // the line breaks at its end stay
		text += n.Value[len(strings.TrimRight(n.Value, "\n")):]
	}
	planned, ok := p.values[n]
	switch {
	case n.Kind != yaml.ScalarNode:
		return p.fail(n, t, what+" is not a scalar")
	case ok && planned.text != text:
		return p.fail(n, t, fmt.Sprintf("%s would have to be both %q and %q", what, planned.text, text))

	case !reads(n, text):
		p.values[n] = value{target: t, text: text}
	}
	return nil
}

// reads reports whether a scalar has a text already.
func reads(n *yaml.Node, s string) bool { return text(n) == strings.TrimSpace(s) }

// cover notes that what m has under a key is seen to.
func (p *plan) cover(m *yaml.Node, key string) {
	p.seen[use{p.identity(m), key}], p.covered[m] = true, true
}

// isEmpty reports whether nothing changes.
func (p *plan) isEmpty() bool { return len(p.values) == 0 && len(p.entries) == 0 && len(p.added) == 0 }

// apply changes the file, and returns its bytes. All that changed is compared with the file once it is parsed again.
func (p *plan) apply() ([]byte, []yamledit.Change, error) {
	at, t := p.first()
	if err := p.edit(); err != nil {
		return nil, nil, err
	}
	after, changes, err := p.file.Bytes()
	if err == nil && len(p.file.Warnings()) > 0 {
		err = errors.New("more than that would be written anew")
	}
	if err != nil {
		return nil, nil, p.fail(at, t, reason(err))
	}
	return after, changes, nil
}

// edit makes the edits: scalars and the names of keys first, then lines that go, then those that come; last, those of
// documents in strings.
func (p *plan) edit() error {
	if p.isEmpty() {
		return nil
	}
	at, t := p.first()
	entries := inOrder(maps.Keys(p.entries))
	for _, n := range inOrder(maps.Keys(p.values)) {
		if err := p.values[n].apply(n, p.file); err != nil {
			return p.fail(n, p.values[n].target, reason(err))
		}
	}
	for _, do := range []func(*entry, *yamledit.File) error{(*entry).remove, (*entry).insert} {
		for _, n := range entries {
			if err := do(p.entries[n], p.file); err != nil {
				return p.fail(at, t, reason(err))
			}
		}
	}
	for _, t := range p.added {
		if err := p.addEntry(t); err != nil {
			return p.fail(at, t, reason(err))
		}
	}
	for _, in := range p.inner {
		if err := in.edit(); err != nil {
			return err
		}
	}
	return nil
}

// apply gives the scalar n its value, or its name when it is a key.
func (v value) apply(n *yaml.Node, f *yamledit.File) error {
	if v.embedded {
		return nil
	}
	if v.keyOf != nil {
		return f.Rename(v.keyOf, v.text)
	}
	return f.Set(n, v.text)
}

// reason returns what an error of yamledit says, without the file.
func reason(err error) string {
	if e, ok := errors.AsType[*yamledit.Error](err); ok {
		return e.Reason
	}
	return err.Error()
}

// first returns a copy of the first node that changes, and for which image it does.
func (p *plan) first() (*yaml.Node, *target) {
	var all []*yaml.Node
	for n := range p.values {
		all = append(all, n)
	}
	for n := range p.entries {
		all = append(all, n)
	}
	if len(all) == 0 {
		return &yaml.Node{Line: 1}, p.added[0]
	}
	at := inOrder(slices.Values(all))[0]
	copied := *at
	if e := p.entries[at]; e != nil {
		return &copied, e.target
	}
	return &copied, p.values[at].target
}

// line returns the line of the file for one of the document.
func (p *plan) line(line int) int { return p.file.OuterLine(line) }

// fail returns the error for a place that cannot be set.
func (p *plan) fail(n *yaml.Node, t *target, reason string) error {
	return &yamledit.Error{File: p.name, Line: p.line(n.Line), Key: t.Name,
		Reason: t.Name + " cannot be set: " + reason, Err: yamledit.ErrUneditable}
}

// inOrder returns nodes in the order of the file.
func inOrder(nodes func(func(*yaml.Node) bool)) []*yaml.Node {
	return slices.SortedFunc(nodes, func(x, y *yaml.Node) int {
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column),
			cmp.Compare(len(y.Content), len(x.Content)))
	})
}
