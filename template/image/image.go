// Package image sets where an image is deployed: in workloads, kustomizations and Helm values. Bytes come in through an
// fs.FS and go out as a map from path to content, exactly edited by package yamledit.
package image

import (
	"bytes"
	"errors"
	"io/fs"
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

// Result is what Set makes.
type Result struct {
	Files    map[string][]byte // whose bytes changed, by path
	Changes  []yamledit.Change // in them, by file
	Warnings []string          // a line each, of what was passed over
}

// Set sets the new references wherever the files that the globs match deploy the images. All images are looked for in
// the files as they were, so a=b:1 and b=c:1 are no chain. An image is deployed by:
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
// is written anew only where Ref names another one than Name. A tag that is a variable or an action of a template, in
// quotes or not, is left alone, with a warning, and so is without one what Flux's image automation watches
// (image.toolkit.fluxcd.io). Values are written as yamledit.File.Set does it, always as strings: a tag 1.10 is "1.10".
//
// Aliases and merge keys are followed, and the value is set at its anchor, if nothing but the images takes it from
// there.
//
// A file that does not parse as YAML, and has the last part of an image's name in it, is
//
//   - an error, if a line like "image: acme/shop:1" shows that the image is deployed there at another tag;
//   - passed over, if it is a template of another language (Helm, gomplate, Jinja, ERB, Levant, envsubst, Maven): it
//     would parse without its actions, or has lines that are nothing but actions. One warning names the first of them,
//     and another one the lines that name the image, which are not set;
//   - an error, if it is broken and names the image outside of comments: half a deployment is worse than none;
//   - passed over with a warning, if it is broken and does not name the image in full;
//   - an error in any case, if one of the globs is its very name.
//
// A *yamledit.Error tells of an image that is deployed nowhere (ErrNotDeployed, with where it is named all the same),
// of a file that is not YAML as above (yamledit.ErrSyntax), and of a place that cannot be set without
// touching anything else, or a key that is there twice (yamledit.ErrUneditable). Where it is about one image, its Key
// is the Name. Any other error is that of Check, that of a glob which matches nothing, or of the file system.
//
// The YAML parser cannot be stopped, and a file needs little to take more memory than there is. Callers with
// untrusted input must watch the memory; progress is called with each file that is about to be parsed.
func Set(fsys fs.FS, globs []string, images []Image, progress Progress) (Result, error) {
	targets, err := targetsOf(images)
	if err != nil {
		return Result{}, err
	}
	names, err := find(fsys, globs)
	if err != nil {
		return Result{}, err
	}
	result := Result{Files: map[string][]byte{}}
	var over passed
	for _, name := range names {
		before, err := fs.ReadFile(fsys, name)
		if err != nil {
			return Result{}, err
		}
		if !slices.ContainsFunc(targets, func(t *target) bool { return t.mayBeIn(before) }) {
			continue
		}
		progress(name, "")
		f, err := yamledit.Parse(name, before)
		if err != nil {
			line, err := yamledit.Check(name, before)
			explicit := slices.Contains(globs, name)
			if err := over.pass(unparsed{name, before, line, err, explicit}, targets); err != nil {
				return Result{}, err
			}
			continue
		}
		if err := result.setIn(newPlan(name, f, targets), before, &over); err != nil {
			return Result{}, err
		}
	}
	for _, t := range targets {
		if !t.found {
			return Result{}, t.notDeployed(fsys, globs, names)
		}
	}
	result.Warnings = over.warnings()
	return result, nil
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
func (r *Result) setIn(p *plan, before []byte, over *passed) error {
	if err := p.make(); err != nil {
		return err
	}
	if err := p.checkOthers(); err != nil {
		return err
	}
	over.places = append(over.places, p.left...)
	if p.isEmpty() {
		return nil
	}
	after, changes, err := p.apply()
	if err != nil {
		return err
	}
	if !bytes.Equal(after, before) {
		r.Files[p.name] = after
	}
	r.Changes = append(r.Changes, changes...)
	return nil
}
