package image

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// Mention is where a file names an image that may be deployed by that, and was not set there.
type Mention struct {
	Name string // of the Image
	File string
	Line int
	Text string // what names it
	// Placeholder is true where the version is for something else to fill in: acme/shop:${TAG}.
	Placeholder bool
	// Split is true where Text has only the end of the name, and the file has the rest apart.
	Split bool
}

// String returns the mention as people read it.
func (m Mention) String() string {
	switch {
	case m.Placeholder:
		return fmt.Sprintf("%s (%s, a placeholder)", m.Text, m.at())
	case m.Split:
		return fmt.Sprintf("%s (%s, in parts)", m.Text, m.at())
	}
	return fmt.Sprintf("%s (%s)", m.Text, m.at())
}

// at returns file and line.
func (m Mention) at() string { return fmt.Sprintf("%s:%d", m.File, m.Line) }

// describeAll returns a sentence for each image that is left somewhere, with all places.
func describeAll(left []Mention) []string {
	byName := map[string][]Mention{}
	for _, m := range left {
		byName[m.Name] = append(byName[m.Name], m)
	}
	var out []string
	for _, name := range sortedKeys(byName) {
		out = append(out, describe(byName[name]))
	}
	return out
}

// describe returns where an image is left, as one sentence.
func describe(left []Mention) string {
	var places []string
	for _, m := range left {
		places = append(places, m.String())
	}
	return fmt.Sprintf("%s is not set everywhere: %s", left[0].Name, strings.Join(places, ", "))
}

// leftError returns the error for what is left.
func leftError(left []Mention) error {
	first := left[0]
	return &yamledit.Error{File: first.File, Line: first.Line, Key: first.Name, Err: ErrLeft,
		Reason: strings.Join(describeAll(left), "; ")}
}

// leavePlaceholder notes a site of t whose version is for something else to fill in.
func (p *plan) leavePlaceholder(c current, t *target) {
	if t.oldTag != "" || !slices.Contains(c.names, t.name) {
		return
	}
	n := resolve(c.nodes[0])
	repo, _, _ := splitRef(text(n))
	if _, right, ok := strings.Cut(repo, "="); ok {
		repo = right
	}
	p.left = append(p.left, Mention{Name: t.Name, File: p.name, Line: p.line(n.Line),
		Text: repo + c.placeholder, Placeholder: true})
}

// leaveAmbiguous notes a site that is t only if something else does not count.
func (p *plan) leaveAmbiguous(c current, t *target) {
	if c.ambiguous != t.name || c.names[0] == t.name || !t.chooses(c.tag) {
		return
	}
	n := resolve(c.nodes[0])
	p.left = append(p.left, Mention{Name: t.Name, File: p.name, Line: p.line(n.Line),
		Text: text(n) + version{c.tag, c.digest}.suffix()})
}

// mentions returns what of the documents names the images and is not set, in the order of the file. It is to be called
// before the nodes change.
func (p *plan) mentions() []Mention {
	out := p.left
	for _, doc := range p.file.Documents() {
		p.look(doc, nil, func(key, n *yaml.Node) {
			for _, t := range p.targets {
				out = append(out, p.mentionsIn(t, key, n)...)
			}
		})
	}
	slices.SortStableFunc(out, func(a, b Mention) int { return cmp.Compare(a.Line, b.Line) })
	return slices.Compact(out)
}

// look calls see with each scalar at n or below that is not understood, and the key above it, if any.
func (p *plan) look(n, key *yaml.Node, see func(key, n *yaml.Node)) {
	switch {
	case n.Kind == yaml.AliasNode, p.unlisted[n], p.understood[n], n.Kind == yaml.MappingNode && p.isIgnored(n):
		return
	case slices.ContainsFunc(p.inner, func(in inner) bool { return resolve(in.raw) == n }):
		return
	case n.Kind == yaml.ScalarNode:
		see(key, n)
	}
	for i, child := range n.Content {
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 0:
			p.look(child, nil, see)
		case n.Kind == yaml.MappingNode:
			p.look(child, n.Content[i-1], see)
		default:
			p.look(child, key, see)
		}
	}
}

// mentionsIn returns what in a scalar names t.
func (p *plan) mentionsIn(t *target, key, n *yaml.Node) []Mention {
	if !t.mayBeIn([]byte(n.Value)) {
		return nil
	}
	inKey := key != nil && likelyKey.MatchString(key.Value)
	var out []Mention
	for i, line := range strings.Split(n.Value, "\n") {
		at := p.line(n.Line)
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			at = p.line(n.Line + 1 + i)
		}
		for _, m := range t.named(line, inKey && n.Value == line || keyAndName.MatchString(line)) {
			m.File, m.Line = p.name, at
			out = append(out, m)
		}
	}
	return out
}

// anyRef finds what may be a reference: a name, and a version or what stands for one.
var anyRef = regexp.MustCompile(`(?:[\w.-]+(?::[0-9]+)?/)*[\w.-]+` +
	`((?::(?:\{\{.*?\}\}|\$\{[^}]*\}|\$\([^)]*\)|<[^>]*>|[\w.$%\[\]#-])*)?(?:@[\w+.:${}()<>-]+)?)`)

// named returns what a line of text names of t: references with a version, and in a key for images also without one.
// What deploys t already is not among it.
func (t *target) named(line string, inKey bool) []Mention {
	if strings.HasPrefix(strings.TrimSpace(line), "#") {
		return nil
	}
	var out []Mention
	for _, at := range anyRef.FindAllStringSubmatchIndex(line, -1) {
		ref, suffix := line[at[0]:at[1]], line[at[2]:at[3]]
		repo := line[at[0]:at[2]]
		if host := hostVariable.FindString(line[:at[0]]); host != "" && t.mayBeBehind(host, repo) {
			if m, ok := t.behindVariable(host, ref, suffix); ok {
				out = append(out, m)
			}
			continue
		}
		if fullName(repo) != t.name || at[0] > 0 && line[at[0]-1] == '/' && !hasScheme(line[:at[0]]) {
			continue
		}
		_, tag, digest := splitRef(ref)
		placeholder := !refSuffix.MatchString(suffix)
		switch {
		case suffix == "" && (!inKey || !strings.HasSuffix(strings.TrimRight(line, " \t\r\"'"), ref) || t.oldTag != ""):
		case suffix != "" && !placeholder && (!t.chooses(tag) || t.isMade(current{names: []string{t.name},
			tag: tag, digest: digest})):
		case !inKey && isPort.MatchString(suffix) && !strings.Contains(repo, "/"):
		default:
			out = append(out, Mention{Name: t.Name, Text: ref, Placeholder: placeholder})
		}
	}
	return out
}

// hostVariable finds what is filled in with a registry at the end of a text, such as ${REGISTRY}/.
var hostVariable = regexp.MustCompile(`(?:\{\{[^{}]*\}\}|\$\{[^{}]*\}|\$\([^()]*\)|<[\w.-]+>|[%@][\w.]+[%@])/$`)

// mayBeBehind reports whether repo is t's without its registry, and a variable in front may be that registry: one that
// has another for its default is not.
func (t *target) mayBeBehind(host, repo string) bool {
	_, registry, _ := strings.Cut(strings.TrimSuffix(host, "}/"), "-")
	if registry != "" && strings.HasPrefix(host, "${") {
		return fullName(registry+"/"+repo) == t.name
	}
	_, path, _ := strings.Cut(t.name, "/")
	return repo == path || "library/"+repo == path
}

// behindVariable returns the mention of t with a variable for its registry, unless another version is meant, or it has
// the one that t sets.
func (t *target) behindVariable(host, ref, suffix string) (Mention, bool) {
	_, tag, digest := splitRef(ref)
	fixed := suffix != "" && refSuffix.MatchString(suffix)
	if fixed && (!t.chooses(tag) || t.isMade(current{names: []string{t.name}, tag: tag, digest: digest})) ||
		!fixed && t.oldTag != "" {
		return Mention{}, false
	}
	return Mention{Name: t.Name, Text: host + ref, Placeholder: true}, true
}

// keyAndName matches a line of a text that may be YAML, with a key and the name of an image.
var keyAndName = regexp.MustCompile(
	`(?i)^\s*(?:- +)?["']?[\w-]*(?:image|repository|newName)["']?: *["']?[^\s"']+["']?\s*$`)

// isPort matches what may be a port of a host instead of a tag.
var isPort = regexp.MustCompile(`^:[0-9]+$`)

// hasScheme reports whether a text ends in a scheme that is put before references.
func hasScheme(s string) bool {
	return strings.HasSuffix(s, "docker://") || strings.HasSuffix(s, "oci://") ||
		strings.HasSuffix(s, "docker-pullable://")
}

// namedInText returns what names the images in a text that is not YAML, such as the template of a chart.
func (c context) namedInText(src []byte) []Mention {
	var out []Mention
	for i, line := range strings.Split(string(src), "\n") {
		line = control.ReplaceAllString(line, " ")
		for _, t := range c.targets {
			for _, m := range t.named(line, keyAndName.MatchString(line)) {
				m.File, m.Line = c.name, i+1
				out = append(out, m)
			}
		}
	}
	return out
}

// control finds the actions of templates that say which of the text around them counts.
var control = regexp.MustCompile(`\{[{%]-? *(?:if|else|end\w*|range|with|for)\b.*?[%}]\}`)
