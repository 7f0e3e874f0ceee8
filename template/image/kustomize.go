package image

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// entry is an entry in the images of a kustomization, and what becomes of it besides the values of its scalars.
type entry struct {
	*target  // nil while it stays as it is
	node     *yaml.Node
	now      current
	name     string     // of the images that it changes, as it has it
	newName  string     // as it has it
	repo     string     // newName without a version
	suffix   *yaml.Node // tagSuffix, which counts only where the base says the version
	behind   *yaml.Node // the value that a key which comes goes behind; nil for the end
	reshaped bool       // keys come, go or change
	removed  []*yaml.Node
	added    []addition
}

// addition is a key that comes behind a value, or at the end.
type addition struct{ behind, key, value *yaml.Node }

// wanted is a key and the text that it shall have; empty when it is to go.
type wanted struct{ key, text string }

// newEntry reads an entry, or returns nil where m is none. The version is what newTag and digest say, else what newName
// has behind the name, though kustomize adds the old tag once more there.
func newEntry(p *plan, m *yaml.Node) *entry {
	name := text(p.lookup(m, "name"))
	old, oldTag, _ := splitRef(name)
	if fullName(old) == "" {
		return nil
	}
	newName := text(p.lookup(m, "newName"))
	repo, tag, digest := splitRef(newName)
	if newTag, newDigest := said(p.lookup(m, "newTag")), said(p.lookup(m, "digest")); newTag+newDigest != "" {
		tag, digest = newTag, newDigest
	}
	v := version{tag, digest}
	e := &entry{node: m, name: name, newName: newName, repo: repo}
	e.now = current{names: []string{fullName(cmp.Or(repo, old)), fullName(old)}, tag: tag, digest: digest, made: true,
		inherits: v == version{}}
	_, e.suffix = own(m, "tagSuffix")
	if e.now.inherits {
		e.now.tag = oldTag
	}
	if isVariable(tag) || isVariable(digest) {
		e.now.placeholder = v.suffix()
	}
	if newName == repo { // else, nobody can name what becomes of it
		e.now.rendered = cmp.Or(repo, old) + v.suffix()
	}
	for _, key := range []string{"name", "newName", "newTag", "digest"} {
		if n := p.fieldsOf(m)[key]; n != nil {
			e.now.nodes = append(e.now.nodes, n)
		}
	}
	return e
}

func (e *entry) current() current { return e.now }

// set plans that an entry deploys t.
func (e *entry) set(p *plan, t *target) error {
	if other := p.entries[e.node]; other != nil && other.target == t {
		return nil // it was reached through an alias before
	} else if other != nil {
		return p.fail(e.node, t, "its entry is that of "+other.Name+" too")
	}
	e.target, p.entries[e.node] = t, e
	v := t.versionFor(e.now)
	repo := ""
	switch {
	case t.newName != "" && e.now.names[0] != t.newName:
		repo = t.repo
	case e.repo != e.newName:
		repo = e.repo // kustomize would add the tag a second time
	}
	if t.keepDigest && e.now.inherits {
		v.tag = "" // the base goes on saying it
	}
	if e.now.inherits && v != (version{}) && text(e.suffix) != "" {
		p.suffixes = append(p.suffixes, Mention{Name: t.Name, File: p.name, Line: p.line(e.suffix.Line),
			Text: text(e.suffix)})
	}
	return p.planEntry(e, repo, v)
}

// planEntry plans that newTag and digest of an entry are set, or go; and newName unless repo is empty. A key that is to
// go is replaced by one that comes, so that one line changes; else what comes goes behind the name.
func (p *plan) planEntry(e *entry, repo string, v version) error {
	_, e.behind = own(e.node, "name")
	first, second := wanted{"newTag", v.tag}, wanted{"digest", v.digest}
	if v.digest == "" {
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
