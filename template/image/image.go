// Package image sets where an image is deployed: in workloads, kustomizations and Helm values. Bytes come in through an
// fs.FS and go out as a map from path to content, exactly edited by package yamledit.
package image

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"

	"update-gitops-repo/template/glob"
	"update-gitops-repo/template/yamledit"
)

// DefaultFiles is the pattern of the files that images are looked for in, unless somebody says otherwise. It is one
// pattern, so that a repository may well hold files of only one of these names.
const DefaultFiles = "{**.{yaml,yml},**/Kustomization}"

// ErrNotDeployed is the kind of the *yamledit.Error for an image that is deployed nowhere.
var ErrNotDeployed = errors.New("not deployed")

// Progress is called before each step that may take much memory or time, with the file. The key is empty.
type Progress func(file, key string)

// Set sets the new references wherever the files that the globs match deploy the images, and returns the files whose
// bytes changed, by path, and what changed in them, by file. All images are looked for in the files as they were, so
// a=b:1 and b=c:1 are no chain. An image is deployed by:
//
//   - a scalar under the key image, at any depth. It gets the tag and digest of Ref, and no other. Without tag and
//     digest it counts in containers only (of pods, Tekton or Argo Workflows): elsewhere, something else may say the
//     tag.
//   - an entry of images in a kustomization.yaml, or of images or spec.images in a document of kind Kustomization,
//     whose name or newName is the image's. It gets newTag and digest, and no other, and newName where Ref names
//     another repository. A key that is to go is replaced by one that comes, else its line goes; comments above stay.
//   - a map as in the values of Helm charts, with repository (and registry) and with tag or digest. Its key or the one
//     above has to end in image or images, or it has registry, digest, pullPolicy or imagePullPolicy: else it may be a
//     source in git. No keys come or go: a digest that Ref lacks becomes empty, since it would win over the tag; a tag
//     that Ref lacks stays; without the key digest, Ref's goes after the tag (1.7.0@sha256:…). A map with image,
//     without a tag of its own, and tag or imageTag is the same; one with both image and repository is neither.
//
// The repository there has to be the image's, in full: acme/shop is neither acme/shop-worker nor ghcr.io/acme/shop. It
// is written anew only where Ref names another one than Name. A tag that is a variable or an action of a template is
// left alone, and so is what Flux's image automation watches (image.toolkit.fluxcd.io). Values are written as
// yamledit.File.Set does it, always as strings: a tag 1.10 is "1.10".
//
// Aliases and merge keys are followed, and the value is set at its anchor, if nothing but the images takes it from
// there.
//
// Files that are not YAML, such as a chart's templates, are passed over, unless a line like "image: acme/shop:1" shows
// that the image is deployed there.
//
// A *yamledit.Error tells of an image that is deployed nowhere (ErrNotDeployed, with where it is named all the same),
// of a file that is not YAML but deploys an image (yamledit.ErrSyntax), and of a place that cannot be set without
// touching anything else, or a key that is there twice (yamledit.ErrUneditable). Where it is about one image, its Key
// is the Name. Any other error is that of Check, that of a glob which matches nothing, or of the file system.
//
// The YAML parser cannot be stopped, and a file needs little to take more memory than there is. Callers with
// untrusted input must watch the memory; progress is called with each file that is about to be parsed.
func Set(fsys fs.FS, globs []string, images []Image, progress Progress) (map[string][]byte, []yamledit.Change, error) {
	targets, err := targetsOf(images)
	if err != nil {
		return nil, nil, err
	}
	names, err := find(fsys, globs)
	if err != nil {
		return nil, nil, err
	}
	files := map[string][]byte{}
	var changes []yamledit.Change
	for _, name := range names {
		before, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, nil, err
		}
		if !slices.ContainsFunc(targets, func(t *target) bool { return t.mayBeIn(before) }) {
			continue
		}
		progress(name, "")
		after, made, err := setIn(name, before, targets)
		if err != nil {
			return nil, nil, err
		}
		if !bytes.Equal(after, before) {
			files[name] = after
		}
		changes = append(changes, made...)
	}
	for _, t := range targets {
		if !t.found {
			return nil, nil, t.notDeployed(fsys, globs, names)
		}
	}
	return files, changes, nil
}

// find returns the files that the globs match, sorted.
func find(fsys fs.FS, globs []string) ([]string, error) {
	var names []string
	for _, pattern := range globs {
		found, err := glob.Find(fsys, pattern)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names, glob.Prefetch(fsys, names)
}

// setIn sets the images in one file.
func setIn(name string, before []byte, targets []*target) ([]byte, []yamledit.Change, error) {
	f, err := yamledit.Parse(name, before)
	if err != nil {
		_, err := yamledit.Check(name, before)
		return before, nil, notYAML(name, before, targets, err)
	}
	p := newPlan(context{name: name, targets: targets, overlays: &overlays{}}, path.Base(name), f)
	if err := p.make(spot{}); err != nil {
		return nil, nil, err
	}
	if err := p.finish(); err != nil {
		return nil, nil, err
	}
	if p.isEmpty() {
		return before, nil, nil
	}
	return p.apply()
}
