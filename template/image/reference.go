package image

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// Image says what is to be deployed wherever an image is deployed now.
type Image struct {
	// Name is the repository of the image as it is deployed now (nginx, ghcr.io/acme/shop), and may have a tag: then,
	// only what is deployed with that tag counts. In the tag, "*" is any characters, "?" is one.
	Name string
	// Ref is REPO:TAG, REPO@DIGEST or REPO:TAG@DIGEST. Without REPO, the repository stays. "*" stands for the tag that
	// is there, as for "kustomize edit set image": with "REPO:*" tag and digest stay, with ":*@DIGEST" the tag does,
	// with ":*@none" too, while the digest goes.
	Ref string
}

// Parse reads "NAME=REF", as Image has them. Names are those of github.com/distribution/reference, so nginx,
// docker.io/nginx and docker.io/library/nginx are one.
func Parse(s string) (Image, error) {
	name, ref, ok := strings.Cut(s, "=")
	if !ok {
		return Image{}, fmt.Errorf("%q has no \"=\": it must be NAME=REF", s)
	}
	img := Image{Name: name, Ref: ref}
	_, err := img.target()
	return img, err
}

// Key returns what tells apart images that are set apart: the name of the repository in full, docker.io/library/nginx
// for nginx, and the tag if Name has one. It is empty when Name is no such name.
func (img Image) Key() string {
	repo, tag, _ := splitRef(img.Name)
	full := fullName(repo)
	if full == "" || tag == "" {
		return full
	}
	return full + ":" + tag
}

// Check returns an error when one of the images is not as Parse takes it, or may be the same as another one, as nginx
// and docker.io/nginx are. It reads no file.
func Check(images []Image) error {
	_, err := targetsOf(images)
	return err
}

// target is an Image, taken apart.
type target struct {
	Image
	name       string // of the repository, in full: docker.io/library/nginx
	oldTag     string // glob of the tags that count; empty: all
	repo       string // the repository to be set, as it was given; empty when it stays
	newName    string // repo in full
	tag        string
	digest     string
	keepTag    bool
	keepDigest bool
	found      bool
}

// version is what tells apart images with one name.
type version struct{ tag, digest string }

// suffix returns the version as it stands behind a name.
func (v version) suffix() string {
	s := ""
	if v.tag != "" {
		s = ":" + v.tag
	}
	if v.digest != "" {
		s += "@" + v.digest
	}
	return s
}

// noDigest stands for no digest in a Ref. A word does, since nothing at all may be a variable that is not set.
const noDigest = "@none"

// tagGlob matches the tags that a NAME can have.
var tagGlob = regexp.MustCompile(`^[\w*?][\w.*?-]{0,127}$`)

func (img Image) target() (*target, error) {
	repo, tag, digest := splitRef(img.Name)
	t := &target{Image: img, name: fullName(repo), oldTag: tag}
	if t.name == "" || digest != "" || repo != img.Name && !tagGlob.MatchString(tag) {
		return nil, fmt.Errorf("%q is no name of an image: it must be a repository, with or without a tag", img.Name)
	}
	ref := img.Ref
	if strings.HasPrefix(ref, "sha256:") {
		ref = "@" + ref
	}
	if strings.HasPrefix(ref, ":") || strings.HasPrefix(ref, "@") {
		ref = repo + ref
	}
	if head, digest, ok := strings.Cut(ref, ":*"); ok && (digest == "" || digest[0] == '@') {
		ref, t.keepTag, t.keepDigest = head+strings.TrimSuffix(digest, noDigest), true, digest == ""
	}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return nil, fmt.Errorf("image %s: %q: %w", img.Name, img.Ref, err)
	}
	if reference.IsNameOnly(named) && (!t.keepTag || t.keepDigest && named.Name() == t.name) {
		const rule = "it must be REPO:TAG, REPO@DIGEST, :TAG, @DIGEST, or REPO:* to keep the tag"
		return nil, fmt.Errorf("image %s: %q has neither a tag nor a digest: %s", img.Name, img.Ref, rule)
	}
	if tagged, ok := named.(reference.Tagged); ok {
		t.tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		t.digest = digested.Digest().String()
	}
	if named.Name() != t.name {
		t.newName = named.Name()
		t.repo, _, _ = splitRef(ref)
	}
	return t, nil
}

func targetsOf(images []Image) ([]*target, error) {
	targets := make([]*target, len(images))
	for i, img := range images {
		t, err := img.target()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(targets[:i], func(o *target) bool {
			return o.name == t.name && (o.oldTag == t.oldTag || o.oldTag == "" || t.oldTag == "")
		}) {
			return nil, fmt.Errorf("image %s is given twice", img.Name)
		}
		targets[i] = t
	}
	return targets, nil
}

// fullName returns the name of a repository with its registry, or "" when repo is none.
func fullName(repo string) string {
	named, err := reference.ParseNormalizedNamed(repo)
	if err != nil || !reference.IsNameOnly(named) {
		return ""
	}
	return named.Name()
}

// splitRef cuts a reference into its parts, whatever they hold. A ":" within a variable, as in ${TAG:-1.6}, ends
// nothing.
func splitRef(ref string) (repo, tag, digest string) {
	repo, digest, _ = strings.Cut(ref, "@")
	fixed, _, _ := strings.Cut(repo, "${")
	if i := strings.LastIndexByte(fixed, ':'); i > strings.LastIndexByte(fixed, '/') {
		repo, tag = repo[:i], repo[i+1:]
	}
	return repo, tag, digest
}

// refSuffix is what may follow the repository where a tag and a digest stand. It excludes variables and actions, which
// are for something else to fill in; but a digest may be an example, and so too short.
var refSuffix = regexp.MustCompile(`^(?::[\w.-]*)?(?:@[\w+.:-]*)?$`)

// isVariable reports whether a tag or a digest is for something else to fill in.
func isVariable(s string) bool { return strings.ContainsAny(s, "${(<[%") || placeholder.MatchString(s) }

// placeholder is a variable of Maven's, and of many a script with sed: @TAG@.
var placeholder = regexp.MustCompile(`^@[\w.]+@$`)

// chooses reports whether t is about what is deployed with a tag.
func (t *target) chooses(tag string) bool {
	if t.oldTag == "" {
		return true
	}
	matched, _ := path.Match(t.oldTag, tag)
	return matched
}

// sees reports whether what is deployed at a site is t's. If it is not, but is the very one that t puts in place of its
// own, t is found all the same: the change was made before.
func (t *target) sees(c current) bool {
	mine := slices.Contains(c.names, t.name) && t.chooses(c.tag)
	t.found = t.found || mine || t.isMade(c)
	return mine
}

// isMade reports whether a site deploys what t asks for.
func (t *target) isMade(c current) bool {
	return len(c.names) > 0 && c.names[0] == cmp.Or(t.newName, t.name) && (t.keepDigest || c.digest == t.digest) &&
		(t.keepTag || t.tag == "" || c.tag == t.tag)
}

// versionFor returns the version that t puts in place of the one of c.
func (t *target) versionFor(c current) version {
	v := version{t.tag, t.digest}
	if t.keepTag {
		v.tag = c.tag
	}
	if t.keepDigest {
		v.digest = c.digest
	}
	return v
}
