package image

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// checkOthers returns an error when what changes reaches anything else than the images that are to be set, by an alias
// or a merge key.
func (p *plan) checkOthers() error {
	if p.isEmpty() {
		return nil
	}
	if err := p.checkAliases(); err != nil {
		return err
	}
	for _, m := range p.objects {
		if err := p.checkShared(m); err != nil {
			return err
		}
	}
	return nil
}

// checkAliases looks for aliases that reach a scalar that changes, and not as a part of an image that is seen to.
func (p *plan) checkAliases() error {
	known := map[*yaml.Node]*yaml.Node{}
	for _, a := range p.aliases {
		if p.covered[a] || p.merged[a] {
			continue
		}
		if n := p.loose(a.Alias, known); n != nil {
			reason := fmt.Sprintf("%s takes %q too, through an alias", p.file.Path(a), n.Value)
			return p.fail(a, p.values[n].target, reason)
		}
	}
	return nil
}

// loose returns a scalar that changes at n or below, and not below a map that says which image it is: it could be
// anything where an alias takes it. known holds what was returned before.
func (p *plan) loose(n *yaml.Node, known map[*yaml.Node]*yaml.Node) *yaml.Node {
	found, ok := known[n]
	if ok {
		return found
	}
	if _, changes := p.values[n]; changes {
		found = n
	}
	for _, child := range n.Content {
		if found == nil && (n.Kind != yaml.MappingNode || !p.covered[n]) {
			found = p.loose(child, known)
		}
	}
	known[n] = found
	return found
}

// checkShared returns an error when a map that is another image takes a value that changes, or merges an entry whose
// keys change.
func (p *plan) checkShared(m *yaml.Node) error {
	id := p.identity(m)
	named := p.isNamed(m)
	for _, key := range sortedKeys(p.fieldsOf(m)) {
		n := p.lookup(m, key)
		if n == nil || n.Kind != yaml.ScalarNode || !named || p.seen[use{id, key}] {
			continue
		}
		if v, changes := p.values[n]; changes {
			where := yamledit.KeyPath(p.file.Path(m), key)
			return p.fail(m, v.target, fmt.Sprintf("%s takes %q too, through an alias", where, n.Value))
		}
	}
	for _, from := range merges(m) {
		e := p.entries[resolve(from)]
		if e == nil || !e.reshaped {
			continue
		}
		if mine := p.entries[m]; mine == nil || mine.target != e.target {
			return p.fail(from, e.target, p.file.Path(m)+" merges its entry, whose keys change")
		}
	}
	return nil
}
