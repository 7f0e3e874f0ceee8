package template

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// DefaultImageFiles is the pattern of the files that images are looked for in, unless somebody says otherwise. It is one
// pattern, so that a repository may well hold files of only one of these names.
const DefaultImageFiles = "{**.{yaml,yml},**/Kustomization}"

// Image says what is to be deployed wherever an image is deployed now.
type Image struct {
	Name string // the repository of the image as it is deployed now: nginx, ghcr.io/acme/shop
	Ref  string // REPO:TAG, REPO@DIGEST or REPO:TAG@DIGEST; without REPO, the repository stays
}

// ParseImage reads "NAME=REF". NAME is a repository, without tag and digest. REF has a tag, a digest or both; its
// repository can be left out (":1.7.0", "@sha256:…"). Names are those of github.com/distribution/reference, so
// nginx, docker.io/nginx and docker.io/library/nginx are one.
func ParseImage(s string) (Image, error) {
	name, ref, ok := strings.Cut(s, "=")
	if !ok {
		return Image{}, fmt.Errorf("%q has no \"=\": it shall be NAME=REF", s)
	}
	img := Image{Name: name, Ref: ref}
	_, err := img.target()
	return img, err
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
		return nil, fmt.Errorf("%q is no name of an image: it shall be a repository, without tag and digest", img.Name)
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
		return nil, fmt.Errorf("image %s: %q has neither a tag nor a digest: it shall be REPO:TAG, REPO@DIGEST, :TAG or @DIGEST",
			img.Name, img.Ref)
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

// CheckImages returns an error when one of the images is not as ParseImage takes it, or has the Name of another one, as
// nginx and docker.io/nginx do. It reads no file.
func CheckImages(images []Image) error {
	_, err := targetsOf(images)
	return err
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

// splitRef cuts a reference into its parts, whatever they hold.
func splitRef(ref string) (repo, tag, digest string) {
	repo, digest, _ = strings.Cut(ref, "@")
	if i := strings.LastIndexByte(repo, ':'); i > strings.LastIndexByte(repo, '/') {
		repo, tag = repo[:i], repo[i+1:]
	}
	return repo, tag, digest
}

// refSuffix is what may follow the repository where a tag and a digest stand. It excludes variables and actions, which are
// for something else to fill in; but a digest may be an example, and so too short.
var refSuffix = regexp.MustCompile(`^(?::[\w.-]*)?(?:@[\w+.:-]*)?$`)

// isVariable reports whether a tag or a digest is for something else to fill in.
func isVariable(s string) bool { return strings.ContainsAny(s, "${(<") }

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

// SetImages sets the new references wherever the files that the globs match deploy the images, and returns the files whose
// bytes changed, by path, and what changed in them, by file. All images are looked for in the files as they were, so
// a=b:1 and b=c:1 are no chain. An image is deployed by:
//
//   - a scalar under the key image, at any depth. It gets the tag and digest of Ref, and no other. Without tag and digest it
//     counts in containers only (of pods, Tekton or Argo Workflows): elsewhere, something else may say the tag.
//   - an entry of images in a kustomization.yaml, or of images or spec.images in a document of kind Kustomization, whose name
//     or newName is the image's. It gets newTag and digest, and no other, and newName where Ref names another repository.
//     A key that is to go is replaced by one that comes, else its line goes; comments above stay.
//   - a map as in the values of Helm charts, with repository (and registry) and with tag or digest. Its key or the one above
//     has to end in image or images, or it has registry, digest, pullPolicy or imagePullPolicy: else it may be a source in
//     git. No keys come or go: a digest that Ref lacks becomes empty, since it would win over the tag; a tag that Ref lacks
//     stays; without the key digest, Ref's goes after the tag (1.7.0@sha256:…). A map with image, without a tag of its own,
//     and tag or imageTag is the same; one with both image and repository is neither.
//
// The repository there has to be the image's, in full: acme/shop is neither acme/shop-worker nor ghcr.io/acme/shop. It is
// written anew only where Ref names another one than Name. A tag that is a variable or an action of a template is left
// alone, and so is what Flux's image automation watches (image.toolkit.fluxcd.io). Values are written as Assign does it, but
// always as strings: a tag 1.10 is "1.10".
//
// Aliases and merge keys are followed, and the value is set at its anchor, if nothing but the images takes it from there.
//
// Files that are not YAML, such as a chart's templates, are passed over, unless a line like "image: acme/shop:1" shows
// that the image is deployed there.
//
// An *Error tells of a glob that matches nothing or an image that is deployed nowhere (ErrNoMatch; the latter says where it
// is named all the same), of a file that is not YAML but deploys an image (ErrSyntax), and of a place that cannot be set
// without touching anything else, or a key that is there twice (ErrUneditable). Where it is about one image, its Key is
// the Name. Any other error is that of CheckImages, or of the file system.
//
// Of a file that is so large that more than 1 GiB of memory would be needed, it is told with ErrLimit, after which the
// program has to end.
func SetImages(fsys fs.FS, globs []string, images []Image) (map[string][]byte, []Change, error) {
	o, err := watched(maxHeap, func(at func(file, key string)) (o outcome, err error) {
		o.files, o.changes, err = setAllImages(fsys, globs, images, at)
		return o, err
	})
	return o.files, o.changes, err
}

func setAllImages(fsys fs.FS, globs []string, images []Image, at func(file, key string)) (map[string][]byte, []Change, error) {
	targets, err := targetsOf(images)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, glob := range globs {
		found, err := Glob(fsys, glob)
		if err != nil {
			return nil, nil, err
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if err := prefetch(fsys, names); err != nil {
		return nil, nil, err
	}

	files := map[string][]byte{}
	var edits []edit
	for _, name := range names {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, nil, err
		}
		if !slices.ContainsFunc(targets, func(t *target) bool { return t.mayBeIn(src) }) {
			continue
		}
		at(name, "")
		out, more, err := setImages(name, src, targets)
		if err != nil {
			return nil, nil, err
		}
		if !bytes.Equal(out, src) {
			files[name] = out
		}
		edits = append(edits, more...)
	}
	for _, t := range targets {
		if !t.found {
			hint, err := t.hint(fsys, names)
			if err != nil {
				return nil, nil, err
			}
			return nil, nil, &Error{File: strings.Join(globs, ","), Key: t.Name, Reason: t.Name + " is deployed nowhere" + hint, Err: ErrNoMatch}
		}
	}
	return files, changes(edits), nil
}

// mayBeIn is a quick look whether src deploys the image, since parsing all files of a large repository would take long.
func (t *target) mayBeIn(src []byte) bool {
	return hasWord(src, path.Base(t.name)) || t.newName != "" && hasWord(src, path.Base(t.newName))
}

// hasWord reports whether src has word with nothing next to it that could belong to the same component of a name.
func hasWord(src []byte, word string) bool {
	for {
		i := bytes.Index(src, []byte(word))
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || !inName(src[i-1])) && (end == len(src) || !inName(src[end])) {
			return true
		}
		src = src[i+1:]
	}
}

func inName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._-", c) >= 0
}

// imageKey finds what is likely to say the name of an image on the same line.
var imageKey = regexp.MustCompile(`(?i)image|repository|newName`)

// hint says on which lines an image is named that is deployed nowhere, YAML or not, and on which there is one that might
// be meant. A name of one component, as in "app: shop", could be anything.
func (t *target) hint(fsys fs.FS, names []string) (string, error) {
	base := path.Base(t.name)
	var named, others []string
	for _, name := range names {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return "", err
		}
		for i, line := range bytes.Split(src, []byte("\n")) {
			if !hasWord(line, base) {
				continue
			}
			for _, ref := range strings.FieldsFunc(string(line), func(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'`,=[]", r) }) {
				ref = strings.Trim(ref, "{}:")
				repo, _, _ := splitRef(ref)
				if !refSuffix.MatchString(ref[len(repo):]) {
					ref = repo // and a variable
				}
				at := fmt.Sprintf("%s (%s:%d)", ref, name, i+1)
				switch inKey := imageKey.Match(line); {
				case path.Base(repo) != base:
				case fullName(repo) == t.name && (inKey || ref != base):
					named = append(named, at)
				case fullName(repo) != "" && (inKey || ref != repo):
					others = append(others, at)
				}
			}
		}
	}
	hint := ""
	if len(named) > 0 {
		hint += "; it is named in another way: " + strings.Join(named[:min(3, len(named))], ", ")
	}
	if len(others) > 0 {
		hint += "; but there is " + strings.Join(others[:min(3, len(others))], ", ")
	}
	return hint, nil
}

// imageLine finds the references under the keys image of a file that is not YAML, in lines and in braces.
var imageLine = regexp.MustCompile(`(?m)(?:^[ \t]*(?:- +)*|[{,][ \t]*)["']?image["']?[ \t]*:[ \t]*(["']?)([^\s"'#,}]+)`)

// notYAML returns an error when src, that does not parse, deploys one of the images.
func notYAML(name string, src []byte, targets []*target, err error) error {
	for _, at := range imageLine.FindAllSubmatchIndex(src, -1) {
		ref := string(src[at[4]:at[5]])
		repo, tag, digest := splitRef(ref)
		for _, t := range targets {
			mine := refSuffix.MatchString(ref[len(repo):]) && t.matches(fullName(repo), tag, digest)
			if mine && (t.join(repo) != ref || t.newName != "") {
				return &Error{File: name, Line: lineOf(src, at[4]), Key: t.Name, Err: ErrSyntax,
					Reason: fmt.Sprintf("%s is deployed here, but cannot be set, since the file is not YAML: %v", t.Name, err)}
			}
		}
	}
	return nil
}
