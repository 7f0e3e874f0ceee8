package image

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// ignored is the shape of what deploys nothing.
type ignored struct{}

func (ignored) takes(n *yaml.Node) bool { return n.Kind == yaml.MappingNode }

func (ignored) read(*plan, *yaml.Node, spot) ([]site, error) { return nil, nil }

// wholeRef is the shape of a whole reference, such as ghcr.io/acme/shop:1.7. A registry in the same map belongs to it,
// unless it has its own.
type wholeRef struct{ version versionRule }

// versionRule says whether a reference counts without a tag or digest.
type versionRule int

const (
	tagged   versionRule = iota // only with one: else, something else may say the tag
	untagged                    // also without
)

func (wholeRef) takes(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode }

func (r wholeRef) read(p *plan, raw *yaml.Node, s spot) ([]site, error) {
	ref := text(resolve(raw))
	repo, _, _ := splitRef(ref)
	if s.parent == nil || fullName(repo) == "" {
		return nil, nil
	}
	if ref == repo && (r.version == tagged || fullName(text(p.lookup(s.parent, "repository"))) != "" ||
		p.lookup(s.parent, "build") != nil) {
		return nil, nil // only both together could be the name, or it is built here
	}
	out := &partsSite{m: s.parent, name: s.key}
	if r.version == tagged {
		prefix, _ := roleOf(s.key)
		out.registry = p.registryKey(s.parent, prefix)
	}
	out.read(p, s)
	out.now.newer = slices.ContainsFunc(inVolume, func(w pattern) bool { return w.matches(s.keys) })
	if inPod.matches(s.keys) || out.now.newer {
		out.now.rendered = ref
	}
	return []site{out}, nil
}

// inPod and inVolume are where kustomize's images look, in volumes only newer ones.
var (
	inPod    = way("**.{containers,initContainers}[].image")
	inVolume = []pattern{way("spec.volumes[].image.reference"), way("spec.template.spec.volumes[].image.reference"),
		way("spec.jobTemplate.spec.template.spec.volumes[].image.reference")}
)

// kustomizeString is the shape of an image for "kustomize edit set image": [NAME=]NEWNAME[:TAG][@DIGEST].
type kustomizeString struct{}

func (kustomizeString) takes(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode }

func (kustomizeString) read(_ *plan, raw *yaml.Node, _ spot) ([]site, error) {
	left, ref, renames := strings.Cut(text(resolve(raw)), "=")
	if !renames {
		left, ref = "", left
	}
	repo, tag, digest := splitRef(ref)
	old, _, _ := splitRef(left)
	if !renames {
		old = repo
	}
	names := []string{fullName(repo), fullName(old)}
	if repo == "" { // "NAME=:TAG" keeps the name
		names = names[1:]
	}
	c := current{nodes: []*yaml.Node{raw}, names: names, tag: tag, digest: digest,
		inherits: tag+digest == ""}
	if !refSuffix.MatchString(ref[len(repo):]) {
		c.placeholder = ref[len(repo):]
	}
	return []site{&stringSite{raw: raw, left: left, old: old, repo: repo, now: c}}, nil
}

// stringSite is an image as kustomizeString has it.
type stringSite struct {
	raw             *yaml.Node
	left, old, repo string // what is before "=", the name that it says, and the new name
	now             current
}

func (s *stringSite) current() current { return s.now }

func (s *stringSite) set(p *plan, t *target) error {
	left, repo := s.left, s.repo
	if t.newName != "" && s.now.names[0] != t.newName {
		repo = t.repo
		if left == "" {
			left = s.old // the base goes on naming it so
		}
	}
	v := t.versionFor(s.now)
	text := repo + v.suffix()
	if left != "" {
		text = left + "=" + text
	}
	return p.setNode(t, s.raw, "the image", text)
}

// entryShape is the shape of an entry of images in a kustomization.
type entryShape struct{}

func (entryShape) takes(n *yaml.Node) bool { return n.Kind == yaml.MappingNode }

func (entryShape) read(p *plan, raw *yaml.Node, _ spot) ([]site, error) {
	p.taken[raw] = true
	if e := newEntry(p, resolve(raw)); e != nil {
		return []site{e}, nil
	}
	return nil, nil
}

// unlisted is the shape of what names images, but deploys them only where another place says so.
type unlisted struct{}

func (unlisted) takes(n *yaml.Node) bool { return n.Kind == yaml.MappingNode }

func (unlisted) read(p *plan, raw *yaml.Node, _ spot) ([]site, error) {
	p.unlisted[raw] = true
	return nil, nil
}
