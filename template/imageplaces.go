package template

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"go.yaml.in/yaml/v4"
)

// imageEdit is an edit of the images in one file. Nodes are read as they were, and changed in a copy.
type imageEdit struct {
	name    string
	targets []*target
	places  map[*yaml.Node]place
	copies  map[*yaml.Node]*yaml.Node
	maps    []*yaml.Node           // all maps, in the order of the file
	owners  map[*yaml.Node]*target // of the scalars and entries that change
	others  map[*yaml.Node]string  // what belongs to an image that is not to be set, and that image
	shape   bool                   // keys were added or removed
}

// setImages sets the images in one file.
func setImages(name string, src []byte, targets []*target) ([]byte, []edit, error) {
	docs, err := parse(src)
	if err != nil {
		return src, nil, notYAML(name, src, targets, err)
	}
	e := &imageEdit{
		name: name, targets: targets, places: map[*yaml.Node]place{}, copies: map[*yaml.Node]*yaml.Node{},
		owners: map[*yaml.Node]*target{}, others: map[*yaml.Node]string{},
	}
	var after []*yaml.Node
	for i, doc := range docs {
		after = append(after, e.copy(place{node: doc, document: i, path: "."}))
	}
	for _, m := range e.maps {
		if err := e.image(m); err != nil {
			return nil, nil, err
		}
	}
	for _, doc := range docs {
		if !isKustomization(name, doc) {
			continue
		}
		for _, list := range []*yaml.Node{lookup(doc, "images"), lookup(lookup(doc, "spec"), "images")} {
			if list == nil || list.Kind != yaml.SequenceNode {
				continue
			}
			for _, entry := range list.Content {
				if err := e.kustomization(resolve(entry)); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	changed := slices.SortedFunc(maps.Keys(e.owners), func(a, b *yaml.Node) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for _, n := range changed {
		if other, ok := e.others[n]; ok {
			return nil, nil, e.fail(n, e.owners[n], fmt.Sprintf("%s takes %q too, through an alias", other, n.Value))
		}
	}
	if len(changed) == 0 {
		return src, nil, nil
	}
	var out []byte
	var edits []edit
	if e.shape {
		var warnings []string
		out, edits, warnings, err = restructure(name, src, docs, after, layoutOptions{})
		if err == nil && len(warnings) > 0 {
			err = errors.New("more than that would be written anew")
		}
	} else {
		out, edits, err = e.splice(src, docs, changed)
	}
	if err != nil {
		return nil, nil, &Error{File: name, Reason: "the images cannot be set: " + err.Error(), Err: ErrUneditable}
	}
	return out, edits, nil
}

// splice changes the scalars among the nodes that changed, and nothing else. That a scalar stands in [] or {} makes no
// difference: there is nothing in a reference that would have to be quoted for that.
func (e *imageEdit) splice(src []byte, docs, changed []*yaml.Node) ([]byte, []edit, error) {
	lines := lineStarts(src)
	var splices []splice
	var edits []edit
	want := map[*yaml.Node]scalar{}
	for _, n := range changed {
		if n.Kind != yaml.ScalarNode {
			continue // an entry of which only the scalars change, if at all
		}
		p, like, value := e.places[n], *n, e.copies[n].Value
		like.Tag = "!!str" // a tag that looks like a number is none
		p.node = &like
		start, end, err := span(src, lines, n)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d has %w", n.Line, err)
		}
		token, tag, err := encode(p, value, isJSON(e.name))
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n.Line, err)
		}
		if start == end && start > 0 && !strings.ContainsRune(" \t\r\n", rune(src[start-1])) {
			token = " " + token // an empty value starts right after its colon
		}
		splices = append(splices, splice{start, end, token})
		want[n] = scalar{tag, value}
		edits = append(edits, edit{p.document, Change{File: e.name, Path: p.path, Old: summary(n), New: value}})
	}
	out := apply(src, splices)
	return out, edits, verify(docs, out, want)
}

// copy returns a copy of the tree at p, and takes note of what is where.
func (e *imageEdit) copy(p place) *yaml.Node {
	out := *p.node
	out.Content = nil
	e.copies[p.node], e.places[p.node] = &out, p
	if out.Kind == yaml.MappingNode {
		e.maps = append(e.maps, p.node)
	}
	for i, child := range p.node.Content {
		q := p
		q.node, q.path = child, childPath(p.path, p.node, i)
		out.Content = append(out.Content, e.copy(q))
	}
	return &out
}

// resolve returns what an alias stands for; any other node stands for itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// lookup returns the value of the key in m, which may come from another map by a merge key, or nil.
func lookup(m *yaml.Node, key string) *yaml.Node { return lookupMerged(m, key, 0) }

func lookupMerged(m *yaml.Node, key string, depth int) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode || depth > 10 { // a map may merge itself
		return nil
	}
	if i := indexOf(m, key); i >= 0 {
		return resolve(m.Content[i+1])
	}
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i].Tag != "!!merge" {
			continue
		}
		merged := []*yaml.Node{m.Content[i+1]}
		if merged[0].Kind == yaml.SequenceNode {
			merged = merged[0].Content
		}
		for _, from := range merged {
			if n := lookupMerged(resolve(from), key, depth+1); n != nil {
				return n
			}
		}
	}
	return nil
}

// indexOf returns the index of a key in the content of m, or -1.
func indexOf(m *yaml.Node, key string) int {
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i].Kind == yaml.ScalarNode && m.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// text returns the value of a scalar; that of any other node, or of a null, is empty.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

// image sets the image that m has under the key image, or by repository and tag.
func (e *imageEdit) image(m *yaml.Node) error {
	if err := e.values(m, "repository", "tag"); err != nil {
		return err
	}
	ref := text(lookup(m, "image"))
	if ref == "" {
		return nil
	}
	repo, tag, digest := splitRef(ref)
	if repo == ref {
		for _, key := range []string{"tag", "imageTag"} {
			if lookup(m, key) != nil {
				return e.values(m, "image", key)
			}
		}
	}
	full := fullName(repo)
	n := lookup(m, "image")
	for _, t := range e.targets {
		if !refSuffix.MatchString(ref[len(repo):]) || !t.matches(full, tag, digest) {
			t.near(ref, e.name, n.Line)
			continue
		}
		if err := e.set(t, "image", n, t.join(cmp.Or(t.repo, repo))); err != nil {
			return err
		}
	}
	return nil
}

// values sets the image of m, a map as in Helm's values, that has its repository and its tag under the keys given.
func (e *imageEdit) values(m *yaml.Node, repoKey, tagKey string) error {
	repo, registry, tag, digest := lookup(m, repoKey), lookup(m, "registry"), lookup(m, tagKey), lookup(m, "digest")
	if text(repo) == "" || tag == nil && digest == nil {
		return nil
	}
	name, host := text(repo), strings.TrimSuffix(text(registry), "/")
	if host != "" {
		name = host + "/" + name
	}
	full := fullName(name)
	oldTag, oldDigest := text(tag), text(digest)
	if oldDigest == "" {
		oldTag, oldDigest, _ = strings.Cut(oldTag, "@")
	}
	ours := false
	for _, t := range e.targets {
		if !t.matches(full, oldTag, oldDigest) {
			t.near(name, e.name, repo.Line)
			continue
		}
		ours = true
		newTag := t.tag
		switch {
		case t.digest != "" && digest == nil && newTag == "":
			return e.fail(repo, t, "there is a tag but no digest here, so REF shall have a tag too")
		case t.digest != "" && digest == nil:
			newTag += "@" + t.digest
		case t.digest == "" && tag == nil:
			return e.fail(repo, t, "there is a digest but no tag here, so REF shall have a digest too")
		}
		if t.newName != "" {
			newRepo := t.repo
			if host != "" {
				named, _ := reference.ParseNormalizedNamed(t.newName)
				newRepo = reference.Path(named)
				if fullName(host+"/"+newRepo) != t.newName {
					if err := e.set(t, "registry", registry, reference.Domain(named)); err != nil {
						return err
					}
				}
			}
			if err := e.set(t, repoKey, repo, newRepo); err != nil {
				return err
			}
		}
		if newTag != "" && tag != nil {
			if err := e.set(t, tagKey, tag, newTag); err != nil {
				return err
			}
		}
		if digest != nil {
			if err := e.set(t, "digest", digest, t.digest); err != nil {
				return err
			}
		}
	}
	if !ours {
		e.hold(name, registry, tag, digest)
	}
	return nil
}

// hold notes that the nodes belong to an image that is not to be set.
func (e *imageEdit) hold(image string, nodes ...*yaml.Node) {
	for _, n := range nodes {
		if n != nil {
			e.others[n] = image
		}
	}
}

// isKustomization reports whether doc is what kustomize reads, or Flux hands to kustomize.
func isKustomization(name string, doc *yaml.Node) bool {
	switch path.Base(name) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return text(lookup(doc, "kind")) == "Kustomization"
}

// kustomization sets the image of one entry in the images of a kustomization.
func (e *imageEdit) kustomization(entry *yaml.Node) error {
	name, tag, digest := text(lookup(entry, "name")), lookup(entry, "newTag"), lookup(entry, "digest")
	if name == "" {
		return nil
	}
	deployed := cmp.Or(text(lookup(entry, "newName")), name)
	full := fullName(deployed)
	ours := false
	for _, t := range e.targets {
		if !t.matches(full, text(tag), text(digest)) && fullName(name) != t.name {
			t.near(deployed, e.name, entry.Line)
			continue
		}
		ours, t.found = true, true
		if owner := e.owners[entry]; owner == t {
			continue // it was reached through an alias before
		} else if owner != nil {
			return e.fail(entry, t, "its entry is that of "+owner.Name+" too")
		}
		e.owners[entry] = t
		repo := ""
		if t.newName != "" && full != t.newName {
			repo = t.repo
		}
		if err := e.entry(t, entry, repo); err != nil {
			return err
		}
	}
	if !ours {
		e.hold(deployed, tag, digest)
	}
	return nil
}

// entry sets newTag and digest of an entry in the images of a kustomization, or removes them; and newName unless repo is
// empty. What is added goes where something was removed, so that one line changes; else behind the name.
func (e *imageEdit) entry(t *target, m *yaml.Node, repo string) error {
	type pair struct{ key, value string }
	pairs := []pair{{"newName", repo}, {"newTag", t.tag}, {"digest", t.digest}}
	if t.digest == "" {
		pairs[1], pairs[2] = pairs[2], pairs[1] // what is to be removed comes first
	}
	c := e.copies[m]
	at := indexOf(m, "name") + 2
	if at < 2 {
		at = len(c.Content)
	}
	for _, p := range pairs {
		old, i := lookup(m, p.key), indexOf(c, p.key)
		switch {
		case old != nil && old.Kind != yaml.ScalarNode:
			return e.fail(old, t, p.key+" is not a scalar")
		case p.value != "" && old == nil:
			key := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: p.key}
			value := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: p.value}
			if i := indexOf(m, "name"); i >= 0 { // in the same quotes
				key.Style, value.Style = m.Content[i].Style, m.Content[i+1].Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle)
			}
			c.Content = slices.Insert(c.Content, at, &key, &value)
			at += 2
			e.shape = true
		case p.value != "":
			if err := e.set(t, p.key, old, p.value); err != nil {
				return err
			}
			at = max(at, i+2)
		case p.key == "newName":
			at = max(at, i+2)
		case text(old) == "": // as good as not there
		case i < 0:
			return e.fail(m, t, p.key+" comes from an anchor")
		default:
			c.Content = slices.Delete(c.Content, i, i+2)
			at = i
			e.shape = true
		}
	}
	return nil
}

func (e *imageEdit) fail(n *yaml.Node, t *target, reason string) error {
	return &Error{File: e.name, Line: n.Line, Key: t.Name, Reason: t.Name + " cannot be set: " + reason, Err: ErrUneditable}
}

// set makes the scalar n, the value of key, read value: a string, since a tag that looks like a number is none.
func (e *imageEdit) set(t *target, key string, n *yaml.Node, value string) error {
	c, owner := e.copies[n], e.owners[n]
	switch {
	case n.Kind != yaml.ScalarNode:
		return e.fail(n, t, key+" is not a scalar")
	case owner != nil && c.Value != value:
		return e.fail(n, t, fmt.Sprintf("%s would have to be both %q and %q", key, c.Value, value))
	case text(n) == value:
		return nil
	}
	c.Tag, c.Value = "!!str", value
	e.owners[n] = t
	return nil
}
