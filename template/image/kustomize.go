package image

import (
	"cmp"
	"path"
	"slices"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// entry is what becomes of an entry in the images of a kustomization, besides the values of its scalars.
type entry struct {
	*target
	node     *yaml.Node
	behind   *yaml.Node // the value that a key which comes goes behind; nil for the end
	reshaped bool       // keys come, go or change
	removed  []*yaml.Node
	added    []addition
}

// addition is a key that comes behind a value, or at the end.
type addition struct{ behind, key, value *yaml.Node }

// wanted is a key and the text that it shall have; empty when it is to go.
type wanted struct{ key, text string }

// kustomization plans the images of a document, if it is a kustomization.
func (p *plan) kustomization(doc *yaml.Node) error {
	if !p.isKustomization(doc) {
		return nil
	}
	for _, list := range []*yaml.Node{p.lookup(doc, "images"), p.lookup(p.lookup(doc, "spec"), "images")} {
		if list == nil || list.Kind != yaml.SequenceNode {
			continue
		}
		for _, item := range list.Content {
			if err := p.kustomizationEntry(resolve(item)); err != nil {
				return err
			}
		}
	}
	return nil
}

// isKustomization reports whether doc is what kustomize reads, or Flux hands to kustomize.
func (p *plan) isKustomization(doc *yaml.Node) bool {
	switch path.Base(p.name) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return text(p.lookup(doc, "kind")) == "Kustomization"
}

// kustomizationEntry plans the image of an entry in the images of a kustomization.
func (p *plan) kustomizationEntry(m *yaml.Node) error {
	name, tag, digest := text(p.lookup(m, "name")), p.lookup(m, "newTag"), p.lookup(m, "digest")
	if name == "" {
		return nil
	}
	full := fullName(cmp.Or(text(p.lookup(m, "newName")), name))
	if isFilledIn(tag) || isFilledIn(digest) {
		p.leave(m, full)
		return nil
	}
	for _, t := range p.targets {
		if !t.matches(full, text(tag), text(digest)) && fullName(name) != t.name {
			continue
		}
		t.found = true
		if other := p.entries[m]; other != nil && other.target == t {
			continue // it was reached through an alias before
		} else if other != nil {
			return p.fail(m, t, "its entry is that of "+other.Name+" too")
		}
		e := &entry{target: t, node: m}
		p.entries[m] = e
		repo := ""
		if t.newName != "" && full != t.newName {
			repo = t.repo
		}
		if err := p.planEntry(e, repo); err != nil {
			return err
		}
	}
	return nil
}

// planEntry plans that newTag and digest of an entry are set, or go; and newName unless repo is empty. A key that is to
// go is replaced by one that comes, so that one line changes; else what comes goes behind the name.
func (p *plan) planEntry(e *entry, repo string) error {
	_, e.behind = own(e.node, "name")
	first, second := wanted{"newTag", e.tag}, wanted{"digest", e.digest}
	if e.digest == "" {
		first, second = second, first // what is to go comes first
	}
	fields := []wanted{{"newName", repo}, first, second}
	if first.text == "" && p.planRename(e, first.key, second) {
		fields = fields[:1]
	}
	for _, f := range fields {
		if err := p.planField(e, f); err != nil {
			return err
		}
	}
	return nil
}

// planRename plans that a field takes the place of a key with its value, so that the comments beside and above it stay.
// It returns false where it cannot: the old key is not in the entry itself or has an anchor, or the new one is there
// too.
func (p *plan) planRename(e *entry, old string, f wanted) bool {
	k, v := own(e.node, old)
	if v == nil || p.lookup(e.node, f.key) != nil || text(v) == "" || v.Anchor != "" || p.inherits(e.node, old) {
		return false
	}
	p.cover(e.node, old)
	e.reshaped = true
	p.values[k], p.values[v] = value{target: e.target, text: f.key, keyOf: v}, value{target: e.target, text: f.text}
	return true
}

// planField plans one field of an entry. Without a text, newName stays, and the others go.
func (p *plan) planField(e *entry, f wanted) error {
	old := p.lookup(e.node, f.key)
	_, mine := own(e.node, f.key)
	switch {
	case old != nil && old.Kind != yaml.ScalarNode:
		return p.fail(old, e.target, f.key+" is not a scalar")
	case f.text != "" && old == nil:
		e.add(f)
		return nil
	case f.text != "":
		e.moveBehind(mine)
		return p.set(e.target, e.node, f.key, f.text)
	case f.key == "newName":
		e.moveBehind(mine)
		return nil
	case text(old) == "": // as good as not there
		return nil
	case mine == nil, p.inherits(e.node, f.key):
		return p.fail(e.node, e.target, f.key+" comes from an anchor")
	case mine.Anchor != "":
		return p.fail(e.node, e.target, f.key+" has an anchor, and would have to go")
	}
	e.removed, e.reshaped = append(e.removed, mine), true
	return nil
}

// moveBehind makes what comes from now on go behind n, unless that is before where it goes already.
func (e *entry) moveBehind(n *yaml.Node) {
	if e.behind != nil && slices.Index(e.node.Content, n) > slices.Index(e.node.Content, e.behind) {
		e.behind = n
	}
}

// add plans a field that comes, in the quotes of the name.
func (e *entry) add(f wanted) {
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: f.key}
	value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: f.text}
	if k, v := own(e.node, "name"); k != nil {
		key.Style, value.Style = k.Style, v.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle)
	}
	e.added, e.reshaped = append(e.added, addition{e.behind, key, value}), true
}

// remove takes what goes out of the file. Comments above it stay.
func (e *entry) remove(f *yamledit.File) error {
	for _, n := range e.removed {
		if err := f.Delete(n, yamledit.KeepComments); err != nil {
			return err
		}
	}
	return nil
}

// insert puts what comes into the file.
func (e *entry) insert(f *yamledit.File) error {
	if e.behind == nil {
		for _, a := range e.added {
			if err := f.Insert(e.node, a.key, a.value); err != nil {
				return err
			}
		}
		return nil
	}
	for _, a := range slices.Backward(e.added) { // those behind one value end up in their order
		if err := f.InsertAfter(a.behind, a.key, a.value); err != nil {
			return err
		}
	}
	return nil
}
