package image

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// spot is where a node is.
type spot struct {
	keys     []string // the way from the object
	parent   *yaml.Node
	key      string // in parent, if that is a map
	object   object
	registry string   // the one of global.imageRegistry
	prefixes []string // of names, in the maps around
}

// below returns the spot of what a map has under a key.
func (s spot) below(m *yaml.Node, key string) spot {
	s.keys = append(slices.Clip(s.keys), key)
	s.parent, s.key = m, key
	return s
}

// within returns the spot of an item of a list.
func (s spot) within() spot {
	s.keys = append(slices.Clip(s.keys), item)
	s.parent, s.key = nil, ""
	return s
}

// shape is how an image is written at a place.
type shape interface {
	// takes reports whether n may have it.
	takes(n *yaml.Node) bool
	// read returns the sites that n has, which is at s. It may also walk on through what n holds.
	read(p *plan, n *yaml.Node, s spot) ([]site, error)
}

// site is one image in a file.
type site interface {
	// current returns what is deployed there.
	current() current
	// set plans that t is deployed there.
	set(p *plan, t *target) error
}

// current is what a site deploys.
type current struct {
	nodes       []*yaml.Node // that say so
	names       []string     // of the repository, in full; kustomize goes by two
	ambiguous   string       // another name that it may have, in full
	tag, digest string
	placeholder string // the tag or digest, where it is for something else to fill in
	rendered    string // the reference as kustomizations further out see it; empty where they do not look
	inherits    bool   // it has no version, so that of what it changes stays
	made        bool   // rendered is what a kustomization makes of others
	newer       bool   // only newer versions of kustomize look there
}

// walk looks for places at a node and below it.
func (p *plan) walk(n *yaml.Node, s spot) error {
	if n.Kind == yaml.MappingNode {
		if o := p.objectOf(n); o.kind != "" && (o.apiVersion != "" || len(s.keys) == 0) {
			s.object, s.keys = o, nil
		}
		if global := p.lookup(p.lookup(n, "global"), "imageRegistry"); text(global) != "" {
			s.registry = strings.TrimSuffix(text(global), "/")
		}
		s.prefixes = prefixesOf(s.prefixes, n)
		if err := p.checkKeys(n); err != nil {
			return err
		}
	}
	if stop, err := p.visit(n, s); stop || err != nil {
		return err
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for _, child := range n.Content {
			if err := p.walk(child, s.within()); err != nil {
				return err
			}
		}
	case yaml.MappingNode:
		return p.walkMap(n, s)
	}
	return nil
}

// walkMap looks for places below a map: in what it has, and among what it merges.
func (p *plan) walkMap(m *yaml.Node, s spot) error {
	for i := 0; i < len(m.Content); i += 2 {
		key, child := m.Content[i], s.below(m, m.Content[i].Value)
		if key.Tag == indexTag {
			child.keys[len(child.keys)-1] = item
		}
		if key.Tag == "!!merge" {
			child = spot{object: s.object, registry: s.registry}
		}
		if err := p.walk(m.Content[i+1], child); err != nil {
			return err
		}
	}
	if len(merges(m)) == 0 {
		return nil
	}
	fields := p.fieldsOf(m)
	for _, key := range sortedKeys(fields) {
		if _, mine := own(m, key); mine == nil {
			if _, err := p.visit(fields[key], s.below(m, key)); err != nil {
				return err
			}
		}
	}
	return nil
}

// indexTag is the tag of keys that stand for an index, in trees that are made of lists of names and values.
const indexTag = "!index"

// visit looks for places at a node. It returns true if nothing below it is a place.
func (p *plan) visit(raw *yaml.Node, s spot) (stop bool, err error) {
	n := resolve(raw)
	for _, i := range p.rowsFor(s.object) {
		if p.taken[raw] {
			return false, nil
		}
		row := table[i]
		if !row.shape.takes(n) || !patterns[i].matches(s.keys) || !p.isBeside(s.parent, row.beside) {
			continue
		}
		if _, ok := row.shape.(ignored); ok {
			return true, nil
		}
		sites, err := row.shape.read(p, raw, s)
		if err != nil {
			return false, err
		}
		for _, site := range sites {
			if err := p.settle(site); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// rowsFor returns the indices of the table's places that an object may have. They are kept, since most nodes of a file
// are in the same object.
func (p *plan) rowsFor(o object) []int {
	rows, ok := p.rows[o]
	if !ok {
		for i, row := range table {
			if row.in.include(p.base, o) {
				rows = append(rows, i)
			}
		}
		p.rows[o] = rows
	}
	return rows
}

// isBeside reports whether a map has what a place demands of it.
func (p *plan) isBeside(m *yaml.Node, condition string) bool {
	key, glob, ok := strings.Cut(condition, "=")
	if !ok {
		return true
	}
	_, value := ownOrNil(m, key)
	matched, _ := path.Match(glob, text(resolve(value)))
	return matched
}

func ownOrNil(m *yaml.Node, key string) (*yaml.Node, *yaml.Node) {
	if m == nil {
		return nil, nil
	}
	return own(m, key)
}

// settle plans what becomes of a site, or notes why it stays as it is.
func (p *plan) settle(s site) error {
	c := s.current()
	for _, n := range c.nodes {
		p.taken[n], p.understood[resolve(n)] = true, true
	}
	for _, t := range p.targets {
		p.noteEntry(c, t)
		if c.placeholder != "" {
			p.leavePlaceholder(c, t)
			continue
		}
		p.leaveAmbiguous(c, t)
		if !t.sees(c) || p.overlays.override(p.name, c, t) {
			continue
		}
		if err := cmp.Or(p.checkOverlays(c, t), p.checkKept(c, t)); err != nil {
			return err
		}
		if err := s.set(p, t); err != nil {
			return err
		}
	}
	return nil
}

// checkOverlays returns an error when a kustomization, or what is outside of all, would miss the image once it has
// another name, and says a version that t does not.
func (p *plan) checkOverlays(c current, t *target) error {
	if !t.mayBeMissed() || !p.overlays.misses(p.name, c, t) {
		return nil
	}
	const reason = "what takes it changes it by its old name, and would miss it"
	return p.fail(resolve(c.nodes[0]), t, reason)
}

// checkKept returns an error when t keeps the tag at a site, but not the digest, and no tag is known there.
func (p *plan) checkKept(c current, t *target) error {
	switch {
	case !t.keepTag || t.keepDigest || c.tag != "":
		return nil
	case c.inherits:
		return p.fail(resolve(c.nodes[0]), t, "what this changes has the tag, so REF must have a tag too")
	case t.digest == "" && c.digest != "":
		return p.fail(resolve(c.nodes[0]), t, "there is a digest but no tag here, so REF must have a tag")
	}
	return nil
}

// objectOf returns what a map says that it is.
func (p *plan) objectOf(m *yaml.Node) object {
	return object{apiVersion: text(p.lookup(m, "apiVersion")), kind: text(p.lookup(m, "kind"))}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
