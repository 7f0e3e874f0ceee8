package image

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"go.yaml.in/yaml/v4"
)

// parts is the shape of an image whose name and version are in several keys of one map. Keys that belong together have
// the same prefix: image, tag and registry; fooImage, fooTag and fooRegistry. Since such keys can mean anything,
//
//   - repository (or repo) counts if the key of the map ends in image or images, or the one above does, or if the map
//     has registry, digest, pullPolicy or imagePullPolicy: else, it may be a source in git;
//   - name, and version as a tag, count only by the key of the map;
//   - image counts with tag or imageTag, fooImage with fooTag or fooImageTag, imageRepository and imageName alike;
//   - a map with both image and repository, each a name, is neither.
type parts struct{}

func (parts) takes(n *yaml.Node) bool { return n.Kind == yaml.MappingNode }

// group are the keys of a map with one prefix.
type group struct{ names, tags, digests []string }

func (parts) read(p *plan, raw *yaml.Node, s spot) ([]site, error) {
	m := resolve(raw)
	fields := p.fieldsOf(m)
	if len(fields) == 0 {
		return nil, nil
	}
	groups := map[string]*group{}
	for _, key := range sortedKeys(fields) {
		prefix, r := roleOf(key)
		if r == noRole || r == registryRole {
			continue
		}
		g := groups[prefix]
		if g == nil {
			g = &group{}
			groups[prefix] = g
		}
		switch r {
		case nameRole:
			g.names = append(g.names, key)
		case tagRole:
			g.tags = append(g.tags, key)
		case digestRole:
			g.digests = append(g.digests, key)
		}
	}
	p.leaveNamed(m, s)
	var sites []site
	for _, prefix := range sortedKeys(groups) {
		if out := p.partsOf(m, s, prefix, groups[prefix]); out != nil {
			sites = append(sites, out)
		}
	}
	p.noteSplit(m, s)
	return sites, nil
}

// leaveNamed notes an image that a map has under name, beside what may be its tag, where that key does not count.
func (p *plan) leaveNamed(m *yaml.Node, s spot) {
	f := p.fieldsOf(m)
	n := resolve(f["name"])
	name := text(n)
	version := slices.ContainsFunc([]string{"tag", "version", "digest", "newName", "newTag"},
		func(key string) bool { return f[key] != nil })
	if !version || !strings.Contains(name, "/") || endsInImage(s.keys) && f["newTag"] == nil && f["newName"] == nil {
		return
	}
	for _, t := range p.targets {
		if t.oldTag == "" && fullName(name) == t.name {
			p.left = append(p.left, Mention{Name: t.Name, File: p.name, Line: p.line(n.Line), Text: name})
		}
	}
}

// partsOf returns the image in the keys of one prefix, or nil.
func (p *plan) partsOf(m *yaml.Node, s spot, prefix string, g *group) site {
	if len(g.tags)+len(g.digests) == 0 {
		return nil
	}
	out := &partsSite{m: m, name: p.nameKey(m, s, prefix, g)}
	if out.name == "" {
		return nil
	}
	for _, key := range preferred(out.name, g.tags) {
		if !strings.EqualFold(key, "version") || namesImage(s.keys) {
			out.tag = key
			break
		}
	}
	if len(g.digests) > 0 {
		out.digest = g.digests[0]
	}
	if out.tag == "" && out.digest == "" {
		return nil
	}
	out.registry = p.registryKey(m, prefix)
	out.read(p, s)
	if len(out.now.names) == 0 || out.now.names[0] == "" {
		return nil
	}
	return out
}

// preferred returns the keys of tags in the order in which they count for a key with the name: those that are named
// like it come first, and a version last.
func preferred(name string, keys []string) []string {
	name = strings.ToLower(name)
	long := strings.Contains(name, "image") && !strings.HasSuffix(name, "image") // imageName, and so imageTag
	rank := func(key string) int {
		small := separators.Replace(strings.ToLower(key))
		switch {
		case strings.HasSuffix(small, "version"):
			return 2
		case strings.HasSuffix(small, "imagetag") == long:
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(keys), func(x, y string) int { return cmp.Compare(rank(x), rank(y)) })
}

// nameKey returns the key with the name of the image in the keys of one prefix, or "".
func (p *plan) nameKey(m *yaml.Node, s spot, prefix string, g *group) string {
	isName := func(key string) bool { return fullName(text(p.lookup(m, key))) != "" }
	valid := slices.DeleteFunc(slices.Clone(g.names), func(key string) bool { return !isName(key) })
	has := func(key string) bool { return slices.Contains(valid, key) }
	repository := ""
	for _, key := range []string{"repository", "repo"} {
		if has(key) && (namesImage(s.keys) || p.hasPolicy(m)) {
			repository = key
			break
		}
	}
	others := slices.DeleteFunc(slices.Clone(valid), func(key string) bool {
		return key == "repository" || key == "repo" || key == "name"
	})
	switch {
	case prefix != "" && len(others) == 1:
		return others[0]
	case prefix != "":
		return ""
	case len(others) > 0 && (has("repository") || len(others) > 1):
		return "" // only both together could be the name
	case repository != "":
		return repository
	case len(others) == 1:
		return others[0]
	case has("name") && endsInImage(s.keys) && !has("repository") && !has("repo"):
		return "name"
	}
	return ""
}

// hasPolicy reports whether a map has a key that only images have.
func (p *plan) hasPolicy(m *yaml.Node) bool {
	return slices.ContainsFunc([]string{"registry", "digest", "pullPolicy", "imagePullPolicy"},
		func(key string) bool { return p.lookup(m, key) != nil })
}

// imageKey matches keys that say that there is an image, or that there are several.
var imageKey = regexp.MustCompile(`(?i)images?$`)

// namesImage reports whether the map at the end of a way is an image by its key, or by the one above.
func namesImage(keys []string) bool {
	return endsInImage(keys) || len(keys) > 1 && imageKey.MatchString(keys[len(keys)-2])
}

// endsInImage reports whether the last key of a way says image, or images of which it is one.
func endsInImage(keys []string) bool {
	if len(keys) > 1 && keys[len(keys)-1] == item {
		keys = keys[:len(keys)-1]
	}
	return len(keys) > 0 && imageKey.MatchString(keys[len(keys)-1])
}

// registryKey returns the key of the registry that belongs to the keys with a prefix, or "".
func (p *plan) registryKey(m *yaml.Node, prefix string) string {
	found := ""
	for _, key := range sortedKeys(p.fieldsOf(m)) {
		if other, r := roleOf(key); r == registryRole && (other == prefix || other == "" && found == "") {
			found = key
		}
	}
	return found
}

// partsSite is an image in one or more keys of a map.
type partsSite struct {
	m                           *yaml.Node
	name, tag, digest, registry string   // keys; empty where there is none
	host                        string   // of the registry, if that is apart
	global                      bool     // host is that of global.imageRegistry
	keys                        []string // to the map
	now                         current
}

func (s *partsSite) current() current { return s.now }

// inline reports whether the name has the version behind it.
func (s *partsSite) inline() bool { return s.tag == "" && s.digest == "" }

// read reads what is deployed, out of the keys.
func (s *partsSite) read(p *plan, at spot) {
	fields := p.fieldsOf(s.m)
	s.keys = at.keys
	ref := text(resolve(fields[s.name]))
	repo, tag, digest := splitRef(ref)
	if s.inline() {
		if !refSuffix.MatchString(ref[len(repo):]) {
			s.now.placeholder = ref[len(repo):]
		}
	} else {
		tag, digest = said(p.lookup(s.m, s.tag)), said(p.lookup(s.m, s.digest))
		if isVariable(tag) || isVariable(digest) || isAction(p.lookup(s.m, s.registry)) {
			s.now.placeholder = version{tag, digest}.suffix()
		}
		if digest == "" {
			tag, digest, _ = strings.Cut(tag, "@")
		} else if s.digest == "sha" {
			digest = "sha256:" + strings.TrimPrefix(digest, "sha256:")
		}
	}
	s.findHost(p, at, repo)
	full := repo
	if s.host != "" {
		full = s.host + "/" + repo
	}
	p.hasHost[resolve(fields[s.name])] = s.host != ""
	s.now.names, s.now.tag, s.now.digest = []string{fullName(full)}, tag, digest
	if s.global { // which a chart need not read
		s.now.ambiguous = fullName(strings.TrimPrefix(text(p.lookup(s.m, s.registry))+"/"+repo, "/"))
	}
	for _, key := range []string{s.name, s.tag, s.digest, s.registry} {
		if n := fields[key]; n != nil {
			s.now.nodes = append(s.now.nodes, n)
		}
	}
}

// findHost finds the registry that is apart. A reference with a registry of its own needs none.
func (s *partsSite) findHost(p *plan, at spot, repo string) {
	own := strings.TrimSuffix(text(p.lookup(s.m, s.registry)), "/")
	switch {
	case s.inline() && hasDomain(repo):
		s.registry = ""
	case !s.inline() && at.registry != "" && (s.registry != "" || !hasDomain(repo)):
		s.host, s.global = at.registry, true
	default:
		s.host = own
	}
}

// hasDomain reports whether the name of a repository begins with a registry.
func hasDomain(repo string) bool {
	first, _, ok := strings.Cut(repo, "/")
	return ok && (strings.ContainsAny(first, ".:") || first == "localhost")
}

// set plans the parts of an image.
func (s *partsSite) set(p *plan, t *target) error {
	name := p.lookup(s.m, s.name)
	v := t.versionFor(s.now)
	if s.inline() {
		return s.setInline(p, t, v)
	}
	newTag := v.tag
	switch {
	case v.digest == "" && s.digest != "" && text(p.lookup(s.m, "useDigest")) == "true":
		return p.fail(name, t, "useDigest is true here, so REF must have a digest too")
	case v.digest != "" && s.digest == "" && newTag == "":
		return p.fail(name, t, "there is a tag but no digest here, so REF must have a tag too")
	case v.digest != "" && s.digest == "":
		newTag += "@" + v.digest
	case v.digest == "" && s.tag == "":
		return p.fail(name, t, "there is a digest but no tag here, so REF must have a digest too")
	}
	if t.newName != "" {
		repo, err := s.setRegistry(p, t)
		if err != nil {
			return err
		}
		if err := p.set(t, s.m, s.name, repo); err != nil {
			return err
		}
	}
	p.noteValues(s, t)
	if newTag != "" && s.tag != "" {
		if err := p.set(t, s.m, s.tag, newTag); err != nil {
			return err
		}
	}
	if s.digest == "" {
		return nil
	}
	if s.digest == "sha" {
		v.digest = strings.TrimPrefix(v.digest, "sha256:")
	}
	return p.set(t, s.m, s.digest, v.digest)
}

// setInline plans a reference with its version.
func (s *partsSite) setInline(p *plan, t *target, v version) error {
	repo, _, _ := splitRef(text(p.lookup(s.m, s.name)))
	if t.newName != "" {
		var err error
		if repo, err = s.setRegistry(p, t); err != nil {
			return err
		}
	}
	return p.set(t, s.m, s.name, repo+v.suffix())
}

// setRegistry plans another registry where that is apart, and returns the repository within it.
func (s *partsSite) setRegistry(p *plan, t *target) (string, error) {
	if s.host == "" {
		return t.repo, nil
	}
	named, err := reference.ParseNormalizedNamed(t.newName)
	if err != nil {
		return "", err
	}
	repo := reference.Path(named)
	switch {
	case fullName(s.host+"/"+repo) == t.newName:
		return repo, nil
	case s.global:
		return "", p.fail(p.lookup(s.m, s.name), t, "its registry is that of global.imageRegistry")
	}
	return repo, p.set(t, s.m, s.registry, reference.Domain(named))
}
