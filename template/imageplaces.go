package template

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path"
	"regexp"
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
	uses    map[*yaml.Node]bool    // the aliases that are values of places
	renamed map[*yaml.Node]string  // the keys that change, and to what; their values are owned too
	shape   bool                   // keys were added or removed
}

// setImages sets the images in one file.
func setImages(name string, src []byte, targets []*target) ([]byte, []edit, error) {
	docs, err := parseAs(name, src)
	if err != nil {
		return src, nil, notYAML(name, src, targets, err)
	}
	e := &imageEdit{
		name: name, targets: targets, places: map[*yaml.Node]place{}, copies: map[*yaml.Node]*yaml.Node{},
		owners: map[*yaml.Node]*target{}, others: map[*yaml.Node]string{},
		uses: map[*yaml.Node]bool{}, renamed: map[*yaml.Node]string{},
	}
	var after []*yaml.Node
	for i, doc := range docs {
		after = append(after, e.copy(place{node: doc, document: i, path: "."}, true))
	}
	for _, m := range e.maps {
		if err := e.unique(m); err != nil {
			return nil, nil, err
		}
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
	changed := inOrder(maps.Keys(e.owners))
	for _, n := range changed {
		if other, ok := e.others[n]; ok {
			return nil, nil, e.fail(n, e.owners[n], fmt.Sprintf("%s takes %q too, through an alias", other, n.Value))
		}
	}
	for _, n := range inOrder(maps.Keys(e.places)) {
		if t := e.owners[n.Alias]; n.Kind == yaml.AliasNode && n.Alias.Kind == yaml.ScalarNode && t != nil && !e.uses[n] {
			return nil, nil, e.fail(n, t, fmt.Sprintf("%s takes %q too, through an alias", e.places[n].path, n.Alias.Value))
		}
	}
	if len(changed) == 0 {
		return src, nil, nil
	}
	out, edits, err := e.splice(src, docs, changed)
	if err != nil || !e.shape {
		return out, edits, err
	}
	between, err := parseAs(name, out)
	if err != nil {
		return nil, nil, err
	}
	e.align(docs, between)
	out, more, warnings, err := restructure(name, out, between, after, layoutOptions{})
	if err == nil && len(warnings) > 0 {
		err = errors.New("more than that would be written anew")
	}
	if err != nil {
		return nil, nil, e.fail(changed[0], e.owners[changed[0]], err.Error())
	}
	return out, append(edits, more...), nil
}

// inOrder returns nodes in the order of the file.
func inOrder(nodes iter.Seq[*yaml.Node]) []*yaml.Node {
	return slices.SortedFunc(nodes, func(a, b *yaml.Node) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(len(b.Content), len(a.Content)))
	})
}

// align tells the copies where their nodes are, after the scalars were set.
func (e *imageEdit) align(before, after []*yaml.Node) {
	for i, n := range before {
		c := e.copies[n]
		c.Line, c.Column = after[i].Line, after[i].Column
		e.align(n.Content, after[i].Content)
	}
}

// splice changes the scalars among the nodes that changed, and nothing else.
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
		more, tag, err := rewrite(src, lines, p, value, isJSON(e.name), false)
		if err != nil {
			return nil, nil, e.fail(n, e.owners[n], err.Error())
		}
		splices = append(splices, more...)
		want[n] = scalar{tag, value}
		switch key, isKey := e.renamed[n]; {
		case isKey && key != "": // n is a value, whose key changes to that
			path := p.path[:strings.LastIndexByte(p.path, '.')+1] + key
			edits = append(edits, edit{p.document, Change{File: e.name, Path: path, New: value}},
				edit{p.document, Change{File: e.name, Path: p.path, Old: summary(n)}})
		case !isKey:
			edits = append(edits, edit{p.document, Change{File: e.name, Path: p.path, Old: summary(n), New: value}})
		}
	}
	out := apply(src, splices)
	after, err := parseAs(e.name, out)
	if err == nil {
		err = equal(docs, after, want)
	}
	if err != nil {
		return nil, nil, e.fail(changed[0], e.owners[changed[0]], err.Error())
	}
	return out, edits, nil
}

// copy returns a copy of the tree at p, and takes note of what is where. deploys is false in what only watches images.
func (e *imageEdit) copy(p place, deploys bool) *yaml.Node {
	out := *p.node
	out.Content = nil
	e.copies[p.node], e.places[p.node] = &out, p
	deploys = deploys && !strings.HasPrefix(text(lookup(p.node, "apiVersion")), "image.toolkit.fluxcd.io/")
	if out.Kind == yaml.MappingNode && deploys {
		e.maps = append(e.maps, p.node)
	}
	for i, child := range p.node.Content {
		q := p
		q.node, q.path = child, childPath(p.path, p.node, i)
		q.inFlow = p.inFlow || p.node.Style&yaml.FlowStyle != 0
		out.Content = append(out.Content, e.copy(q, deploys))
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
func lookup(m *yaml.Node, key string) *yaml.Node {
	if n := find(m, key, nil); n != nil {
		return resolve(n)
	}
	return nil
}

// find is lookup, but the value may be an alias. Each map is looked through once: a map may merge itself, and another
// one many times.
func find(m *yaml.Node, key string, seen map[*yaml.Node]bool) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode || seen[m] {
		return nil
	}
	if i := indexOf(m, key); i >= 0 {
		return m.Content[i+1]
	}
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i].Tag != "!!merge" {
			continue
		}
		if seen == nil {
			seen = map[*yaml.Node]bool{}
		}
		seen[m] = true
		merged := []*yaml.Node{m.Content[i+1]}
		if merged[0].Kind == yaml.SequenceNode {
			merged = merged[0].Content
		}
		for _, from := range merged {
			if n := find(resolve(from), key, seen); n != nil {
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

// text returns the value of a scalar, without space around; that of any other node, or of a null, is empty.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// imageKeys are the keys whose values say what is deployed.
var imageKeys = []string{"image", "repository", "registry", "tag", "imageTag", "digest", "images", "spec", "name", "newName", "newTag"}

// unique returns an error when m deploys one of the images and has one of imageKeys twice: parsers differ on which one counts.
func (e *imageEdit) unique(m *yaml.Node) error {
	for i := 0; i < len(m.Content); i += 2 {
		key := m.Content[i]
		if !slices.Contains(imageKeys, key.Value) || indexOf(m, key.Value) == i {
			continue
		}
		for _, t := range e.targets {
			if t.mayBeUnder(m) {
				return e.fail(key, t, key.Value+" is there twice")
			}
		}
	}
	return nil
}

func (t *target) mayBeUnder(n *yaml.Node) bool {
	return t.mayBeIn([]byte(n.Value)) || slices.ContainsFunc(n.Content, t.mayBeUnder)
}

// inContainer and imageMap match the paths of maps: of containers, and of what may be taken for images by its key.
var (
	inContainer = regexp.MustCompile(`\.(?:containers|initContainers|ephemeralContainers)\[[0-9]+\]$`)
	imageMap    = regexp.MustCompile(`(?i)images?(?:"\])?(?:\[[^\[\]]+\]|\.[^.\[\]]+)?$`)
)

func (e *imageEdit) isImage(m *yaml.Node) bool {
	return imageMap.MatchString(e.places[m].path) || slices.ContainsFunc([]string{"registry", "digest", "pullPolicy", "imagePullPolicy"},
		func(key string) bool { return lookup(m, key) != nil })
}

// image sets the image that m has under the key image, or by repository and tag.
func (e *imageEdit) image(m *yaml.Node) error {
	if e.isImage(m) {
		if err := e.values(m, "repository", "tag"); err != nil {
			return err
		}
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
		elsewhere := ref == repo && !inContainer.MatchString(e.places[m].path)
		if elsewhere || !refSuffix.MatchString(ref[len(repo):]) || !t.matches(full, tag, digest) {
			t.near(ref, e.name, n.Line)
			continue
		}
		if err := e.set(t, m, "image", t.join(cmp.Or(t.repo, repo))); err != nil {
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
					if err := e.set(t, m, "registry", reference.Domain(named)); err != nil {
						return err
					}
				}
			}
			if err := e.set(t, m, repoKey, newRepo); err != nil {
				return err
			}
		}
		if newTag != "" && tag != nil {
			if err := e.set(t, m, tagKey, newTag); err != nil {
				return err
			}
		}
		if digest != nil {
			if err := e.set(t, m, "digest", t.digest); err != nil {
				return err
			}
		}
	}
	if !ours && full != "" {
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
	if !ours && full != "" {
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
	if pairs[1].value == "" && e.rename(t, m, pairs[1].key, pairs[2].key, pairs[2].value) {
		pairs = pairs[:1]
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
			if err := e.set(t, m, p.key, p.value); err != nil {
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

// rename puts one key with its value in the place of another one, so that the comments beside and above it stay. It
// reports false where it cannot: the old key is not in m itself or has an anchor, or the new one is there too.
func (e *imageEdit) rename(t *target, m *yaml.Node, old, key, value string) bool {
	i := indexOf(m, old)
	if i < 0 || lookup(m, key) != nil || text(m.Content[i+1]) == "" || m.Content[i+1].Anchor != "" {
		return false
	}
	k, v := m.Content[i], m.Content[i+1]
	e.owners[k], e.owners[v] = t, t
	e.renamed[k], e.renamed[v] = "", key
	e.copies[k].Value, e.copies[v].Value = key, value
	e.copies[v].Tag = "!!str"
	return true
}

func (e *imageEdit) fail(n *yaml.Node, t *target, reason string) error {
	return &Error{File: e.name, Line: n.Line, Key: t.Name, Reason: t.Name + " cannot be set: " + reason, Err: ErrUneditable}
}

// set makes the scalar that is the value of key in m read value: a string, since a tag that looks like a number is none.
func (e *imageEdit) set(t *target, m *yaml.Node, key, value string) error {
	raw := find(m, key, nil)
	n := resolve(raw)
	e.uses[raw] = true
	if n.Style&block != 0 { // the line breaks at its end stay
		value += n.Value[len(strings.TrimRight(n.Value, "\n")):]
	}
	c, owner := e.copies[n], e.owners[n]
	switch {
	case n.Kind != yaml.ScalarNode:
		return e.fail(n, t, key+" is not a scalar")
	case owner != nil && c.Value != value:
		return e.fail(n, t, fmt.Sprintf("%s would have to be both %q and %q", key, c.Value, value))
	case text(n) == strings.TrimSpace(value):
		return nil
	}
	c.Tag, c.Value = "!!str", value
	e.owners[n] = t
	return nil
}
