package template

import (
	"bytes"
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
	src     []byte
	lines   []int
	targets []*target

	// What is there.
	places  map[*yaml.Node]place
	parents map[*yaml.Node]*yaml.Node
	copies  map[*yaml.Node]*yaml.Node
	maps    []*yaml.Node                         // all that may deploy something, in the order of the file
	aliases []*yaml.Node                         // in the order of the file
	known   map[*yaml.Node]map[string]*yaml.Node // see fields

	// What becomes of it.
	owners   map[*yaml.Node]*target    // of the scalars and entries that change
	set      map[field]bool            // what is seen to, changed or not
	deploys  map[*yaml.Node]bool       // the maps that have it
	uses     map[*yaml.Node]bool       // the aliases whose effect is known: those of such fields, and of merge keys
	renamed  map[*yaml.Node]string     // the keys that change, and "", and their values, and the new key
	cuts     map[*yaml.Node]*yaml.Node // the keys that go with their lines, and their values
	shape    bool                      // keys come, or go within a line
	reshaped map[*yaml.Node]*target    // the entries whose keys come, go or change
}

// field is what an image has under a key.
type field struct {
	identity
	key string
}

// setImages sets the images in one file.
func setImages(name string, src []byte, targets []*target) ([]byte, []edit, error) {
	docs, err := parseAs(name, src)
	if err != nil {
		return src, nil, notYAML(name, src, targets, err)
	}
	e := &imageEdit{
		name: name, src: src, lines: lineStarts(src), targets: targets,
		places: map[*yaml.Node]place{}, parents: map[*yaml.Node]*yaml.Node{}, copies: map[*yaml.Node]*yaml.Node{},
		known: map[*yaml.Node]map[string]*yaml.Node{}, owners: map[*yaml.Node]*target{}, set: map[field]bool{},
		deploys: map[*yaml.Node]bool{}, uses: map[*yaml.Node]bool{}, renamed: map[*yaml.Node]string{},
		reshaped: map[*yaml.Node]*target{}, cuts: map[*yaml.Node]*yaml.Node{},
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
		if !e.isKustomization(doc) {
			continue
		}
		for _, list := range []*yaml.Node{e.lookup(doc, "images"), e.lookup(e.lookup(doc, "spec"), "images")} {
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
	if err := e.alone(changed); err != nil {
		return nil, nil, err
	}
	if len(changed) == 0 {
		return src, nil, nil
	}
	out, edits, err := e.splice(docs, changed)
	if err != nil {
		return nil, nil, err
	}
	if e.shape {
		var more []edit
		out, more, err = e.restructure(out, docs, after)
		edits = append(edits, more...)
	} else {
		err = verifyTree(name, out, after)
	}
	if err != nil {
		return nil, nil, e.fail(changed[0], e.owners[changed[0]], err.Error())
	}
	return out, edits, nil
}

// restructure adds and removes keys in out, in which all else is done.
func (e *imageEdit) restructure(out []byte, docs, after []*yaml.Node) ([]byte, []edit, error) {
	between, err := parseAs(e.name, out)
	if err != nil {
		return nil, nil, err
	}
	if err := e.align(docs, between); err != nil {
		return nil, nil, err
	}
	out, edits, warnings, err := restructure(e.name, out, between, after, layoutOptions{})
	if err == nil && len(warnings) > 0 {
		err = errors.New("more than that would be written anew")
	}
	return out, edits, err
}

// alone returns an error when what changed reaches anything else than the images that are to be set.
func (e *imageEdit) alone(changed []*yaml.Node) error {
	// What is not below a map that says which image it is could be anything where an alias takes it.
	loose := map[*yaml.Node]*yaml.Node{}
	for _, n := range changed {
		if n.Kind == yaml.ScalarNode {
			loose[n] = n
			for up := e.parents[n]; up != nil && !e.deploys[up] && loose[up] == nil; up = e.parents[up] {
				loose[up] = n
			}
		}
	}
	for _, a := range e.aliases {
		if n := loose[a.Alias]; n != nil && !e.uses[a] {
			return e.fail(a, e.owners[n], fmt.Sprintf("%s takes %q too, through an alias", e.places[a].path, n.Value))
		}
	}
	for _, m := range e.maps {
		id, named := e.identity(m)
		for _, key := range imageKeys {
			n := e.lookup(m, key)
			if t := e.owners[n]; named && t != nil && n.Kind == yaml.ScalarNode && !e.set[field{id, key}] {
				return e.fail(m, t, fmt.Sprintf("%s takes %q too, through an alias", keyPath(e.places[m].path, key), n.Value))
			}
		}
		for _, from := range merges(m) {
			if t := e.reshaped[resolve(from)]; t != nil && e.owners[m] != t {
				return e.fail(from, t, e.places[m].path+" merges its entry, whose keys change")
			}
		}
	}
	return nil
}

// inOrder returns nodes in the order of the file.
func inOrder(nodes iter.Seq[*yaml.Node]) []*yaml.Node {
	return slices.SortedFunc(nodes, func(a, b *yaml.Node) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(len(b.Content), len(a.Content)))
	})
}

// align tells the copies where their nodes are, after scalars were set and lines were cut.
func (e *imageEdit) align(before, after []*yaml.Node) error {
	i := 0
	for j := 0; j < len(before); j++ {
		n := before[j]
		if _, ok := e.cuts[n]; ok {
			j++ // and its value
			continue
		}
		if i == len(after) {
			return errors.New("the file would read otherwise")
		}
		c := e.copies[n]
		c.Line, c.Column = after[i].Line, after[i].Column
		if err := e.align(n.Content, after[i].Content); err != nil {
			return err
		}
		i++
	}
	return nil
}

// splice changes the scalars among the nodes that changed, and cuts the lines that are to go.
func (e *imageEdit) splice(docs, changed []*yaml.Node) ([]byte, []edit, error) {
	var splices []splice
	var edits []edit
	for _, n := range changed {
		if n.Kind != yaml.ScalarNode {
			continue // an entry of which only the scalars change, if at all
		}
		p, like, value := e.places[n], *n, e.copies[n].Value
		like.Tag = "!!str" // a tag that looks like a number is none
		p.node = &like
		more, _, err := rewrite(e.src, e.lines, p, value, isJSON(e.name, e.src), false)
		if err != nil {
			return nil, nil, e.fail(n, e.owners[n], err.Error())
		}
		splices = append(splices, more...)
		switch key, isKey := e.renamed[n]; {
		case isKey && key != "": // n is a value, whose key changes to that
			path := p.path[:strings.LastIndexByte(p.path, '.')+1] + key
			edits = append(edits, edit{p.document, Change{File: e.name, Path: path, New: value}},
				edit{p.document, Change{File: e.name, Path: p.path, Old: summary(n)}})
		case !isKey:
			edits = append(edits, edit{p.document, Change{File: e.name, Path: p.path, Old: summary(n), New: value}})
		}
	}
	var ed *editor
	for _, key := range inOrder(maps.Keys(e.cuts)) {
		if ed == nil {
			ed = newEditor(e.name, e.src, docs, layoutOptions{})
		}
		p, value, column := e.places[key], e.cuts[key], key.Column-1
		end, err := ed.end(value, column)
		if err != nil {
			return nil, nil, e.fail(key, e.owners[e.parents[key]], err.Error())
		}
		cut := splice{e.lines[key.Line-1], ed.below(end, len(e.src), column), ""}
		if cut.end == len(e.src) && e.lines[len(e.lines)-1] < cut.end { // no line break at the end stays none
			cut.start = ed.lineEnd(cut.start - 1)
		}
		splices = append(splices, cut)
		edits = append(edits, edit{p.document, Change{File: e.name, Path: p.path, Old: summary(value)}})
	}
	return apply(e.src, splices), edits, nil
}

// startsLine reports whether a key is the first on its line.
func (e *imageEdit) startsLine(key *yaml.Node) bool {
	line := e.src[e.lines[key.Line-1]:]
	return len(line)-len(bytes.TrimLeft(line, " ")) == key.Column-1
}

// copy returns a copy of the tree at p, and takes note of what is where. deploys is false in what only watches images.
func (e *imageEdit) copy(p place, deploys bool) *yaml.Node {
	out := *p.node
	out.Content = nil
	e.copies[p.node], e.places[p.node] = &out, p
	deploys = deploys && !strings.HasPrefix(text(e.lookup(p.node, "apiVersion")), "image.toolkit.fluxcd.io/")
	switch {
	case out.Kind == yaml.AliasNode:
		e.aliases = append(e.aliases, p.node)
	case out.Kind == yaml.MappingNode && deploys:
		e.maps = append(e.maps, p.node)
	}
	for _, from := range merges(p.node) {
		e.uses[from] = true
	}
	for i, child := range p.node.Content {
		q := p
		q.node, q.path = child, childPath(p.path, p.node, i)
		e.parents[child] = p.node
		q.inFlow = p.inFlow || p.node.Style&yaml.FlowStyle != 0
		out.Content = append(out.Content, e.copy(q, deploys))
	}
	return &out
}

// resolve returns what an alias stands for; any other node stands for itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// merges returns what m has under merge keys: aliases of maps, or maps.
func merges(m *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for i := 0; m.Kind == yaml.MappingNode && i < len(m.Content); i += 2 {
		switch from := m.Content[i+1]; {
		case m.Content[i].Tag != "!!merge":
		case from.Kind == yaml.SequenceNode:
			out = append(out, from.Content...)
		default:
			out = append(out, from)
		}
	}
	return out
}

// fields returns what m has under imageKeys, its own or from maps that it merges; a value may be an alias. Each map is
// looked through once, so that long chains of merges are cheap, and one that merges itself comes to an end.
func (e *imageEdit) fields(m *yaml.Node) map[string]*yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	if known, ok := e.known[m]; ok {
		return known
	}
	e.known[m] = nil
	out := map[string]*yaml.Node{}
	add := func(key string, value *yaml.Node) {
		if _, ok := out[key]; !ok {
			out[key] = value
		}
	}
	for i := 0; i < len(m.Content); i += 2 {
		if key := m.Content[i]; key.Kind == yaml.ScalarNode && slices.Contains(imageKeys, key.Value) {
			add(key.Value, m.Content[i+1])
		}
	}
	for _, from := range merges(m) {
		for key, value := range e.fields(resolve(from)) {
			add(key, value)
		}
	}
	e.known[m] = out
	return out
}

// lookup returns the value of one of imageKeys in m, which may come from another map by a merge key, or nil.
func (e *imageEdit) lookup(m *yaml.Node, key string) *yaml.Node {
	return resolve(e.fields(m)[key])
}

// identity is what in a map says which image it is, at which version.
type identity [9]*yaml.Node

// identity returns that of m, and whether that has a name of an image.
func (e *imageEdit) identity(m *yaml.Node) (id identity, named bool) {
	f := e.fields(m)
	for i, key := range []string{"image", "repository", "registry", "tag", "imageTag", "digest", "newName", "newTag"} {
		id[i] = f[key]
	}
	if id[5] != nil || id[6] != nil || id[7] != nil {
		id[8] = f["name"] // of an entry in images
	}
	return id, id[0] != nil || id[1] != nil || id[8] != nil
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

// imageKeys are the keys that say what is deployed.
var imageKeys = []string{"image", "repository", "registry", "tag", "imageTag", "digest", "pullPolicy", "imagePullPolicy",
	"apiVersion", "kind", "spec", "images", "name", "newName", "newTag"}

// unique returns an error when m deploys one of the images and has one of imageKeys twice: parsers differ on which one counts.
func (e *imageEdit) unique(m *yaml.Node) error {
	seen := map[string]bool{}
	for i := 0; i < len(m.Content); i += 2 {
		key := m.Content[i]
		if !slices.Contains(imageKeys, key.Value) {
			continue
		}
		if seen[key.Value] {
			for _, t := range e.targets {
				if t.mayBeUnder(m) {
					return e.fail(key, t, key.Value+" is there twice")
				}
			}
			return nil
		}
		seen[key.Value] = true
	}
	return nil
}

func (t *target) mayBeUnder(n *yaml.Node) bool {
	return t.mayBeIn([]byte(n.Value)) || slices.ContainsFunc(n.Content, t.mayBeUnder)
}

// inContainer and imageMap match the paths of maps: of containers, also as Tekton and Argo have them, and of what may be
// taken for images by its key.
var (
	inContainer = regexp.MustCompile(`\.(?:(?:containers|initContainers|ephemeralContainers|steps|sidecars)\[[0-9]+\]|container|script|stepTemplate)$`)
	imageMap    = regexp.MustCompile(`(?i)images?(?:"\])?(?:\[[^\[\]]+\]|\.[^.\[\]]+)?$`)
)

func (e *imageEdit) isImage(m *yaml.Node) bool {
	return imageMap.MatchString(e.places[m].path) || slices.ContainsFunc([]string{"registry", "digest", "pullPolicy", "imagePullPolicy"},
		func(key string) bool { return e.lookup(m, key) != nil })
}

// image sets the image that m has under the key image, or by repository and tag.
func (e *imageEdit) image(m *yaml.Node) error {
	ref := text(e.lookup(m, "image"))
	repo, tag, digest := splitRef(ref)
	whole := ref != repo // with a tag or a digest
	if ref != "" && !whole && fullName(text(e.lookup(m, "repository"))) != "" {
		return nil // only both together could be the name
	}
	if e.isImage(m) {
		if err := e.values(m, "repository", "tag"); err != nil {
			return err
		}
	}
	if !whole {
		for _, key := range []string{"tag", "imageTag"} {
			if e.lookup(m, key) != nil {
				return e.values(m, "image", key)
			}
		}
		if !inContainer.MatchString(e.places[m].path) {
			return nil
		}
	}
	if !refSuffix.MatchString(ref[len(repo):]) {
		return nil
	}
	for _, t := range e.targets {
		if t.matches(fullName(repo), tag, digest) {
			if err := e.setField(t, m, "image", t.join(cmp.Or(t.repo, repo))); err != nil {
				return err
			}
		}
	}
	return nil
}

// values sets the image of m, a map as in Helm's values, that has its repository and its tag under the keys given.
func (e *imageEdit) values(m *yaml.Node, repoKey, tagKey string) error {
	repo, registry, tag, digest := e.lookup(m, repoKey), e.lookup(m, "registry"), e.lookup(m, tagKey), e.lookup(m, "digest")
	if text(repo) == "" || tag == nil && digest == nil || isVariable(text(tag)) || isVariable(text(digest)) {
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
	for _, t := range e.targets {
		if !t.matches(full, oldTag, oldDigest) {
			continue
		}
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
					if err := e.setField(t, m, "registry", reference.Domain(named)); err != nil {
						return err
					}
				}
			}
			if err := e.setField(t, m, repoKey, newRepo); err != nil {
				return err
			}
		}
		if newTag != "" && tag != nil {
			if err := e.setField(t, m, tagKey, newTag); err != nil {
				return err
			}
		}
		if digest != nil {
			if err := e.setField(t, m, "digest", t.digest); err != nil {
				return err
			}
		}
	}
	return nil
}

// isKustomization reports whether doc is what kustomize reads, or Flux hands to kustomize.
func (e *imageEdit) isKustomization(doc *yaml.Node) bool {
	switch path.Base(e.name) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return text(e.lookup(doc, "kind")) == "Kustomization"
}

// kustomization sets the image of one entry in the images of a kustomization.
func (e *imageEdit) kustomization(entry *yaml.Node) error {
	name, tag, digest := text(e.lookup(entry, "name")), e.lookup(entry, "newTag"), e.lookup(entry, "digest")
	if name == "" || isVariable(text(tag)) || isVariable(text(digest)) {
		return nil
	}
	full := fullName(cmp.Or(text(e.lookup(entry, "newName")), name))
	for _, t := range e.targets {
		if !t.matches(full, text(tag), text(digest)) && fullName(name) != t.name {
			continue
		}
		t.found = true
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
		old, i := e.lookup(m, p.key), indexOf(c, p.key)
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
			e.shape, e.reshaped[m] = true, t
		case p.value != "":
			if err := e.setField(t, m, p.key, p.value); err != nil {
				return err
			}
			at = max(at, i+2)
		case p.key == "newName":
			at = max(at, i+2)
		case text(old) == "": // as good as not there
		case i < 0, e.inherits(m, p.key):
			return e.fail(m, t, p.key+" comes from an anchor")
		case c.Content[i+1].Anchor != "":
			return e.fail(m, t, p.key+" has an anchor, and would have to go")
		default:
			c.Content = slices.Delete(c.Content, i, i+2)
			at = i
			e.reshaped[m] = t
			k := indexOf(m, p.key)
			if key := m.Content[k]; m.Style&yaml.FlowStyle == 0 && e.startsLine(key) {
				e.cuts[key] = m.Content[k+1]
			} else {
				e.shape = true
			}
		}
	}
	return nil
}

// inherits reports whether m would have a key without its own one, too.
func (e *imageEdit) inherits(m *yaml.Node, key string) bool {
	return slices.ContainsFunc(merges(m), func(from *yaml.Node) bool { return e.lookup(resolve(from), key) != nil })
}

// rename puts one key with its value in the place of another one, so that the comments beside and above it stay. It
// reports false where it cannot: the old key is not in m itself or has an anchor, or the new one is there too.
func (e *imageEdit) rename(t *target, m *yaml.Node, old, key, value string) bool {
	i := indexOf(m, old)
	if i < 0 || e.lookup(m, key) != nil || text(m.Content[i+1]) == "" || m.Content[i+1].Anchor != "" || e.inherits(m, old) {
		return false
	}
	k, v := m.Content[i], m.Content[i+1]
	e.mark(m, old)
	e.reshaped[m] = t
	e.owners[k], e.owners[v] = t, t
	e.renamed[k], e.renamed[v] = "", key
	e.copies[k].Value, e.copies[v].Value = key, value
	e.copies[v].Tag = "!!str"
	return true
}

func (e *imageEdit) fail(n *yaml.Node, t *target, reason string) error {
	return &Error{File: e.name, Line: n.Line, Key: t.Name, Reason: t.Name + " cannot be set: " + reason, Err: ErrUneditable}
}

// setField makes the scalar that is the value of key in m read value: a string, since a tag that looks like a number is none.
func (e *imageEdit) setField(t *target, m *yaml.Node, key, value string) error {
	raw := e.fields(m)[key]
	n := resolve(raw)
	e.uses[raw] = true
	e.mark(m, key)
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

// mark notes that what m has under a key is seen to.
func (e *imageEdit) mark(m *yaml.Node, key string) {
	id, _ := e.identity(m)
	e.set[field{id, key}], e.deploys[m] = true, true
}
