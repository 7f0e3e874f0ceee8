package image

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"go.yaml.in/yaml/v4"
)

// knownKeys are the keys that say what is deployed. The places here and in kustomize.go see no others: a place with
// another key needs it here too.
var knownKeys = []string{
	"image", "repository", "registry", "tag", "imageTag", "digest", "pullPolicy", "imagePullPolicy",
	"apiVersion", "kind", "spec", "images", "name", "newName", "newTag",
}

// inContainer and namedImage match the paths of maps: of containers, also as Tekton and Argo have them, and of what may
// be taken for images by its key.
var (
	inContainer = regexp.MustCompile(`\.(?:(?:containers|initContainers|ephemeralContainers|steps|sidecars)` +
		`\[[0-9]+\]|container|script|stepTemplate)$`)
	namedImage = regexp.MustCompile(`(?i)images?(?:"\])?(?:\[[^\[\]]+\]|\.[^.\[\]]+)?$`)
)

func (p *plan) isImage(m *yaml.Node) bool {
	return namedImage.MatchString(p.file.Path(m)) ||
		slices.ContainsFunc([]string{"registry", "digest", "pullPolicy", "imagePullPolicy"},
			func(key string) bool { return p.lookup(m, key) != nil })
}

// image plans the image that m has under the key image, or by repository and tag.
func (p *plan) image(m *yaml.Node) error {
	ref := text(p.lookup(m, "image"))
	repo, tag, digest := splitRef(ref)
	complete := ref != repo // with a tag or a digest
	if ref != "" && !complete && fullName(text(p.lookup(m, "repository"))) != "" {
		return nil // only both together could be the name
	}
	if p.lookup(m, "repository") != nil && p.isImage(m) {
		if err := p.helmValues(m, "repository", "tag"); err != nil {
			return err
		}
	}
	for _, key := range []string{"tag", "imageTag"} {
		if ref != "" && !complete && p.lookup(m, key) != nil {
			return p.helmValues(m, "image", key)
		}
	}
	if ref == "" || !complete && !inContainer.MatchString(p.file.Path(m)) {
		return nil
	}
	if !refSuffix.MatchString(ref[len(repo):]) {
		p.leave(p.lookup(m, "image"), fullName(repo))
		return nil
	}
	for _, t := range p.targets {
		if t.matches(fullName(repo), tag, digest) {
			if err := p.set(t, m, "image", t.join(cmp.Or(t.repo, repo))); err != nil {
				return err
			}
		}
	}
	return nil
}

// parts are the values of a map as in Helm's values.
type parts struct {
	repoKey, tagKey   string
	repo, tag, digest *yaml.Node
	host              string // of the registry, if that is apart
}

// helmValues plans the image of m, a map as in Helm's values, that has its repository and its tag under the keys given.
func (p *plan) helmValues(m *yaml.Node, repoKey, tagKey string) error {
	v := parts{
		repoKey: repoKey, tagKey: tagKey,
		repo: p.lookup(m, repoKey), tag: p.lookup(m, tagKey), digest: p.lookup(m, "digest"),
		host: strings.TrimSuffix(text(p.lookup(m, "registry")), "/"),
	}
	oldTag, oldDigest := text(v.tag), text(v.digest)
	if text(v.repo) == "" || v.tag == nil && v.digest == nil {
		return nil
	}
	full := fullName(text(v.repo))
	if v.host != "" {
		full = fullName(v.host + "/" + text(v.repo))
	}
	if isFilledIn(v.tag) || isFilledIn(v.digest) || isAction(p.lookup(m, "registry")) {
		p.leave(v.repo, full)
		return nil
	}
	if oldDigest == "" {
		oldTag, oldDigest, _ = strings.Cut(oldTag, "@")
	}
	for _, t := range p.targets {
		if t.matches(full, oldTag, oldDigest) {
			if err := p.setParts(t, m, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// setParts plans the parts of an image.
func (p *plan) setParts(t *target, m *yaml.Node, v parts) error {
	newTag := t.tag
	switch {
	case t.digest != "" && v.digest == nil && newTag == "":
		return p.fail(v.repo, t, "there is a tag but no digest here, so REF must have a tag too")
	case t.digest != "" && v.digest == nil:
		newTag += "@" + t.digest
	case t.digest == "" && v.tag == nil:
		return p.fail(v.repo, t, "there is a digest but no tag here, so REF must have a digest too")
	}
	if t.newName != "" {
		if err := p.setRepository(t, m, v); err != nil {
			return err
		}
	}
	if newTag != "" && v.tag != nil {
		if err := p.set(t, m, v.tagKey, newTag); err != nil {
			return err
		}
	}
	if v.digest != nil {
		return p.set(t, m, "digest", t.digest)
	}
	return nil
}

// setRepository plans another repository, and another registry where that is apart.
func (p *plan) setRepository(t *target, m *yaml.Node, v parts) error {
	repo := t.repo
	if v.host != "" {
		named, err := reference.ParseNormalizedNamed(t.newName)
		if err != nil {
			return err
		}
		repo = reference.Path(named)
		if fullName(v.host+"/"+repo) != t.newName {
			if err := p.set(t, m, "registry", reference.Domain(named)); err != nil {
				return err
			}
		}
	}
	return p.set(t, m, v.repoKey, repo)
}
