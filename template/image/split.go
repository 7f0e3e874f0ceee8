package image

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// prefixKeys are the ends of keys of what charts put before the name of an image, in the same map or in one around it:
// hub of Istio, imageRegistry and imageNamespace of cert-manager, defaultRegistry of Kyverno, repository beside name of
// Strimzi. They are in small letters and without "-" and "_".
var prefixKeys = []string{"registry", "repository", "repo", "hub", "imagenamespace", "imageprefix"}

// isPrefixKey reports whether a key says what stands before the name of an image.
func isPrefixKey(key string) bool {
	if len(key) > maxKey {
		return false
	}
	small := separators.Replace(strings.ToLower(key))
	return slices.ContainsFunc(prefixKeys, func(end string) bool { return strings.HasSuffix(small, end) })
}

// prefixesOf returns what may stand before the names of images in m or below: what is there already, what m has, and
// what it has below global.
func prefixesOf(known []string, m *yaml.Node) []string {
	out := slices.Clip(known)
	for _, from := range []*yaml.Node{m, valueIn(m, "global"), valueIn(valueIn(m, "global"), "image")} {
		if from == nil || from.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i < len(from.Content); i += 2 {
			prefix := strings.Trim(text(resolve(from.Content[i+1])), "/")
			if prefix != "" && isPrefixKey(from.Content[i].Value) {
				out = append(out, prefix)
			}
		}
	}
	return out
}

// valueIn returns what a map itself has under a key, or nil.
func valueIn(m *yaml.Node, key string) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	_, value := own(m, key)
	return resolve(value)
}

// splitName is a mention of an image by the end of its name.
type splitName struct {
	node *yaml.Node
	Mention
}

// leaveSplit leaves what noteSplit noted, but for names whose registry proved to be known.
func (p *plan) leaveSplit() {
	for _, s := range p.split {
		if !p.hasHost[s.node] {
			p.left = append(p.left, s.Mention)
		}
	}
}

// noteSplit notes the images whose name in m is only the end of the one that is deployed, if charts put together what
// m and the maps around it have.
func (p *plan) noteSplit(m *yaml.Node, s spot) {
	if len(s.prefixes) == 0 {
		return
	}
	fields := p.fieldsOf(m)
	for _, key := range sortedKeys(fields) {
		n := resolve(fields[key])
		_, r := roleOf(key)
		if r != nameRole || strings.EqualFold(key, "name") && !endsInImage(s.keys) {
			continue
		}
		repo, tag, digest := splitRef(text(n))
		if tag == "" {
			tag = p.tagIn(fields)
		}
		for _, t := range p.targets {
			c := current{names: []string{t.name}, tag: tag, digest: digest}
			if fullName(repo) != t.name && isPutTogether(t.name, repo, s.prefixes) && t.chooses(tag) && !t.isMade(c) {
				p.split = append(p.split, splitName{n, Mention{Name: t.Name, File: p.name, Line: p.line(n.Line),
					Split: true, Text: text(n) + version{tag: p.tagIn(fields)}.suffix()}})
			}
		}
	}
}

// tagIn returns the tag that a map has in a key of its own, or "".
func (p *plan) tagIn(m fields) string {
	for _, key := range sortedKeys(m) {
		if _, r := roleOf(key); r == tagRole {
			return text(resolve(m[key]))
		}
	}
	return ""
}

// isPutTogether reports whether a name, in full, is one of the prefixes or two of them, and repo behind.
func isPutTogether(name, repo string, prefixes []string) bool {
	if repo == "" || !strings.HasSuffix(name, "/"+repo) {
		return false
	}
	return slices.ContainsFunc(prefixes, func(last string) bool {
		return fullName(last+"/"+repo) == name || slices.ContainsFunc(prefixes, func(first string) bool {
			return fullName(first+"/"+last+"/"+repo) == name
		})
	})
}
