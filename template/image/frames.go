package image

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// embedded is the shape of a document in a string: what it deploys is found by the same table. The document is of an
// object that it need not name.
type embedded struct{ object object }

func (embedded) takes(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode }

func (e embedded) read(p *plan, raw *yaml.Node, s spot) ([]site, error) {
	return nil, p.embed(raw, spot{object: e.object, registry: s.registry})
}

// patchShape is the shape of a patch: a document in a string, or a list of operations. A patch that is a map needs
// nothing, since what is below it is looked at anyway.
type patchShape struct{}

func (patchShape) takes(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode || n.Kind == yaml.SequenceNode
}

func (patchShape) read(p *plan, raw *yaml.Node, s spot) ([]site, error) {
	n := resolve(raw)
	if n.Kind == yaml.ScalarNode {
		if len(s.keys) == 0 || !strings.ContainsAny(n.Value, ":[{") {
			return nil, nil // the name of a file
		}
		return nil, p.embed(raw, spot{object: p.patched(s)})
	}
	if !p.isJSONPatch(n) {
		return nil, nil
	}
	if s.object.kind == "" {
		s.object = p.patched(s)
	}
	trees := newTrees()
	for _, op := range n.Content {
		op = resolve(op)
		_, kind := own(op, "op")
		_, at := own(op, "path")
		_, value := own(op, "value")
		if value != nil && (text(resolve(kind)) == "add" || text(resolve(kind)) == "replace") {
			trees.add(pointer(text(resolve(at))), value)
		}
	}
	return nil, p.walkTrees(trees, spot{object: s.object})
}

// isJSONPatch reports whether a list has only operations of a JSON patch.
func (p *plan) isJSONPatch(n *yaml.Node) bool {
	return len(n.Content) > 0 && !slices.ContainsFunc(n.Content, func(op *yaml.Node) bool {
		op = resolve(op)
		if op.Kind != yaml.MappingNode {
			return true
		}
		_, kind := own(op, "op")
		_, at := own(op, "path")
		return kind == nil || at == nil || !strings.HasPrefix(text(resolve(at)), "/")
	})
}

// patched returns the object that the patch at a spot is for.
func (p *plan) patched(s spot) object {
	if s.parent == nil {
		return object{}
	}
	_, target := own(s.parent, "target")
	if target = resolve(target); target == nil || target.Kind != yaml.MappingNode {
		return object{}
	}
	o := p.objectOf(target)
	_, group := own(target, "group")
	_, version := own(target, "version")
	if group, version := text(resolve(group)), text(resolve(version)); o.apiVersion == "" && group != "" {
		o.apiVersion = group + "/" + version
	}
	return o
}

// pointer returns the keys of a JSON pointer, as RFC 6901 has it. Those of items begin with a "[".
func pointer(s string) []string {
	keys := strings.Split(strings.TrimPrefix(s, "/"), "/")
	for i, key := range keys {
		if keys[i] = unescapePointer.Replace(key); index.MatchString(key) {
			keys[i] = "[" + key
		}
	}
	return keys
}

var (
	unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")
	index           = regexp.MustCompile(`^(?:[0-9]+|-)$`)
)

// dotted is the shape of a list of names and values, as of "helm --set": their names are ways in the values.
type dotted struct{}

func (dotted) takes(n *yaml.Node) bool { return n.Kind == yaml.SequenceNode }

func (dotted) read(p *plan, raw *yaml.Node, s spot) ([]site, error) {
	return nil, p.walkTrees(parameters(resolve(raw)), spot{registry: s.registry})
}

// parameters returns the tree that a list of names and values stands for.
func parameters(list *yaml.Node) *trees {
	out := newTrees()
	for _, parameter := range list.Content {
		if parameter = resolve(parameter); parameter.Kind != yaml.MappingNode {
			continue
		}
		_, name := own(parameter, "name")
		_, value := own(parameter, "value")
		if value != nil && text(resolve(name)) != "" {
			out.add(parameterKeys(text(resolve(name))), value)
		}
	}
	return out
}

// parameterKeys returns the keys of a name as helm's --set takes it: dots part them, unless they are escaped, and
// indices are in brackets.
func parameterKeys(name string) []string {
	var keys []string
	for _, part := range strings.Split(strings.ReplaceAll(name, `\.`, "\x00"), ".") {
		part = strings.ReplaceAll(part, "\x00", ".")
		key, indices, _ := strings.Cut(part, "[")
		keys = append(keys, key)
		for _, i := range strings.Split(indices, "[") {
			if i = strings.TrimSuffix(i, "]"); i != "" {
				keys = append(keys, "["+i)
			}
		}
	}
	return keys
}

// helmSource is the shape of the Helm part of a source in Argo CD, where parameters win over values: a tag may be in
// one, and its repository in the other.
type helmSource struct{}

func (helmSource) takes(n *yaml.Node) bool { return n.Kind == yaml.MappingNode }

func (helmSource) read(p *plan, raw *yaml.Node, s spot) ([]site, error) {
	m := resolve(raw)
	_, list := own(m, "parameters")
	if list = resolve(list); list == nil || list.Kind != yaml.SequenceNode {
		return nil, nil
	}
	out := parameters(list)
	if _, values := own(m, "valuesObject"); values != nil {
		out.complete(resolve(values))
	}
	if _, values := own(m, "values"); values != nil {
		if in := p.innerOf(values); in != nil {
			p.lend(in, in.file.Documents()[0])
			out.complete(in.file.Documents()[0])
		}
	}
	return nil, p.walkTrees(out, spot{registry: s.registry})
}

// trees are maps that are made of lists of names and values, so that what belongs together is found as in any map.
// Their values are nodes of the file. What is there twice begins another tree.
type trees struct{ roots []*yaml.Node }

func newTrees() *trees { return &trees{} }

// add adds a value at the end of a way.
func (t *trees) add(keys []string, value *yaml.Node) {
	for _, root := range t.roots {
		if put(root, keys, value) {
			return
		}
	}
	root := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	t.roots = append(t.roots, root)
	put(root, keys, value)
}

// put puts a value at the end of a way below m, or returns false if something is there.
func put(m *yaml.Node, keys []string, value *yaml.Node) bool {
	_, below := own(m, keys[0])
	switch {
	case below != nil && (len(keys) == 1 || below.Kind != yaml.MappingNode || below.Line != 0):
		return false
	case len(keys) == 1:
		m.Content = append(m.Content, keyNode(keys[0]), value)
		return true
	case below == nil:
		below = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		m.Content = append(m.Content, keyNode(keys[0]), below)
	}
	return put(below, keys[1:], value)
}

// keyNode returns a key; one that begins with "[" stands for an index.
func keyNode(key string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}
	if strings.HasPrefix(key, "[") {
		n.Tag = indexTag
	}
	return n
}

// complete adds, to the maps that are in the trees, what values has in the same maps and they have not: they win.
func (t *trees) complete(values *yaml.Node) {
	for _, root := range t.roots {
		completeFrom(root, values)
	}
}

func completeFrom(m, values *yaml.Node) {
	if values.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(values.Content); i += 2 {
		key, value := values.Content[i], values.Content[i+1]
		_, mine := own(m, key.Value)
		switch {
		case mine == nil && value.Kind == yaml.ScalarNode, mine == nil && key.Value == "global":
			m.Content = append(m.Content, key, value)
		case mine != nil && mine.Kind == yaml.MappingNode && mine.Line == 0:
			completeFrom(mine, value)
		}
	}
}

// walkTrees looks for places in trees.
func (p *plan) walkTrees(t *trees, s spot) error {
	for _, root := range t.roots {
		if err := p.walk(root, s); err != nil {
			return err
		}
	}
	return nil
}

// lend notes that nodes are of another plan.
func (p *plan) lend(of *plan, n *yaml.Node) {
	p.lent[n] = of
	for _, child := range n.Content {
		p.lend(of, child)
	}
}
