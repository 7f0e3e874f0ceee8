package image

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// Image says what is to be deployed wherever an image is deployed now.
type Image struct {
	Name string // the repository of the image as it is deployed now: nginx, ghcr.io/acme/shop
	Ref  string // REPO:TAG, REPO@DIGEST or REPO:TAG@DIGEST; without REPO, the repository stays
}

// Parse reads "NAME=REF". NAME is a repository, without tag and digest. REF has a tag, a digest or both; its
// repository can be left out (":1.7.0", "@sha256:…"). Names are those of github.com/distribution/reference, so
// nginx, docker.io/nginx and docker.io/library/nginx are one.
func Parse(s string) (Image, error) {
	name, ref, ok := strings.Cut(s, "=")
	if !ok {
		return Image{}, fmt.Errorf("%q has no \"=\": it must be NAME=REF", s)
	}
	img := Image{Name: name, Ref: ref}
	_, err := img.target()
	return img, err
}

// Repository returns the name of the repository in full, by which two images are the same one: docker.io/library/nginx
// for nginx. It is empty when Name is no such name.
func (img Image) Repository() string { return fullName(img.Name) }

// Check returns an error when one of the images is not as Parse takes it, or has the Name of another one, as
// nginx and docker.io/nginx do. It reads no file.
func Check(images []Image) error {
	_, err := targetsOf(images)
	return err
}

// target is an Image, taken apart.
type target struct {
	Image
	name    string // of the repository, in full: docker.io/library/nginx
	repo    string // the repository to be set, as it was given; empty when it stays
	newName string // repo in full
	tag     string
	digest  string
	found   bool
}

func (img Image) target() (*target, error) {
	t := &target{Image: img, name: fullName(img.Name)}
	if t.name == "" {
		return nil, fmt.Errorf("%q is no name of an image: it must be a repository, without tag and digest", img.Name)
	}
	ref := img.Ref
	if strings.HasPrefix(ref, "sha256:") {
		ref = "@" + ref
	}
	if strings.HasPrefix(ref, ":") || strings.HasPrefix(ref, "@") {
		ref = img.Name + ref
	}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return nil, fmt.Errorf("image %s: %q: %w", img.Name, img.Ref, err)
	}
	if reference.IsNameOnly(named) {
		const rule = "it must be REPO:TAG, REPO@DIGEST, :TAG or @DIGEST"
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
		if slices.ContainsFunc(targets[:i], func(o *target) bool { return o.name == t.name }) {
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

// join returns the reference to the image in a repository.
func (t *target) join(repo string) string {
	if t.tag != "" {
		repo += ":" + t.tag
	}
	if t.digest != "" {
		repo += "@" + t.digest
	}
	return repo
}

// matches reports whether the image at a place, whose repository has the full name given, is t's. If it is not, but is
// the very one that t puts in place of its own, t is found all the same: the change was made before.
func (t *target) matches(full, tag, digest string) bool {
	made := t.newName != "" && full == t.newName && digest == t.digest && (tag == t.tag || t.tag == "")
	t.found = t.found || made || full == t.name
	return full == t.name
}
