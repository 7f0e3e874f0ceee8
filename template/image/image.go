// Package image sets where an image is deployed: in the places of its table. Bytes come in through an fs.FS and go out
// as a map from path to content, exactly edited by package yamledit.
//
// The table (table.go) has a row for each kind of places: which documents, where in them, and the shape in which the
// image stands there. A shape finds the sites of images in a node; a site says which image is there now, and plans
// another one. A document in a string is one more document, whose edits become an edit of the string.
package image

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"update-gitops-repo/template/glob"
	"update-gitops-repo/template/yamledit"
)

// ErrNotDeployed is the kind of the *yamledit.Error for an image that is deployed nowhere.
var ErrNotDeployed = errors.New("not deployed")

// ErrLeft is the kind of the *yamledit.Error for an image that is not set everywhere, of a strict Request.
var ErrLeft = errors.New("not set everywhere")

// Request says which images to set, and where.
type Request struct {
	Images  []Image
	Globs   []string // of the files to look in; none: DefaultFiles, without those elsewhere
	Missing Missing  // what becomes of kustomizations without an entry; MissingAdd wants Globs
	Strict  bool     // it is an error where an image is left
}

// Result is what Set made.
type Result struct {
	Files    map[string][]byte // path to contents, of those that changed
	Changes  []yamledit.Change // by file
	Left     []Mention         // that may deploy one of the images, and are not set
	over     passed
	tags     []valuesTag
	suffixes []Mention
}

// Warnings returns a sentence for each kind of files that were passed over, for each tagSuffix that counts no more, and
// for each image that is left somewhere.
func (r Result) Warnings() []string {
	out := r.over.warnings()
	for _, m := range r.suffixes {
		const rule = "%s: kustomize ignores the tagSuffix %s from now on, since its entry has a tag or digest now"
		out = append(out, fmt.Sprintf(rule, m.Name, m))
	}
	return append(out, describeAll(r.Left)...)
}

// Progress is called before each step that may take much memory or time, with the file. The key is empty.
type Progress func(file, key string)

// Set sets the new references wherever the files that are looked at deploy the images. All images are looked for in the
// files as they were, so a=b:1 and b=c:1 are no chain. An image is deployed by a place of the table:
//
//   - A whole reference gets the tag and digest of Ref, and no other.
//   - An entry of a kustomization gets newTag and digest, and no other, and newName where Ref names another
//     repository. A key that is to go is replaced by one that comes, else its line goes; comments above stay. What all
//     kustomizations further out override is left: see overlays.
//   - In a map with parts, no keys come or go: a digest that Ref lacks becomes empty, since it would win over the tag;
//     a tag that Ref lacks stays; without the key digest, Ref's goes after the tag (1.7.0@sha256:…).
//
// The repository there has to be the image's, in full: acme/shop is neither acme/shop-worker nor ghcr.io/acme/shop. It
// is written anew only where Ref names another one than Name. A tag that is a variable or an action of a template, in
// quotes or not, is left, and so is what Flux's image automation watches (image.toolkit.fluxcd.io). Values are written
// as yamledit.File.Set does it, always as strings: a tag 1.10 is "1.10".
//
// Aliases and merge keys are followed, and the value is set at its anchor, if nothing but the images takes it from
// there.
//
// A file that does not parse as YAML, and has the last part of an image's name in it, is
//
//   - an error, if a line like "image: acme/shop:1" shows that the image is deployed there at another tag;
//   - passed over, if it is a template of another language (Helm, gomplate, Jinja, ERB, Levant, envsubst, Maven): it
//     would parse without its actions, or has lines that are nothing but actions. One warning names the first of them,
//     and the lines that name the image, which are not set, are left;
//   - an error, if it is broken and names the image outside of comments: half a deployment is worse than none;
//   - passed over with a warning, if it is broken and does not name the image in full;
//   - an error in any case, if one of the globs is its very name.
//
// What names an image and may deploy it all the same is returned as left.
//
// A *yamledit.Error tells of an image that is deployed nowhere (ErrNotDeployed, with where it is named all the same),
// or left somewhere in a strict Request (ErrLeft), of a file that is not YAML as above (yamledit.ErrSyntax), and of a
// place that cannot be set without touching anything else, or a key that is there twice (yamledit.ErrUneditable). Where
// it is about one image, its Key is the Name. Any other error is that of Check, that of a glob which matches nothing,
// or of the file system.
//
// The YAML parser cannot be stopped, and a file needs little to take more memory than there is. Callers with
// untrusted input must watch the memory; progress is called with each file that is about to be parsed.
func Set(fsys fs.FS, req Request, progress Progress) (Result, error) {
	targets, err := targetsOf(req.Images)
	if err != nil {
		return Result{}, err
	}
	common := context{targets: targets, missing: req.Missing}
	names, err := common.find(fsys, req.Globs)
	if err != nil {
		return Result{}, err
	}
	out := Result{Files: map[string][]byte{}}
	for _, name := range names {
		before, err := fs.ReadFile(fsys, name)
		if err != nil {
			return Result{}, err
		}
		common.name, common.explicit = name, slices.Contains(req.Globs, name)
		if !common.mayBeIn(before) && (req.Missing != MissingAdd || !mayBeKustomization(name, before)) {
			continue
		}
		progress(name, "")
		if err := out.set(common, before); err != nil {
			return Result{}, err
		}
	}
	for _, t := range targets {
		if !t.found {
			return Result{}, t.notDeployed(fsys, req, names, out.Left)
		}
	}
	overridden, err := overrides(fsys, names, out.tags)
	if err != nil {
		return Result{}, err
	}
	out.Left = append(out.Left, overridden...)
	if req.Strict && len(out.Left) > 0 {
		return Result{}, leftError(out.Left)
	}
	return out, nil
}

// find returns the files to look at, and reads which of them are kustomizations.
func (c *context) find(fsys fs.FS, globs []string) ([]string, error) {
	names, err := Find(fsys, globs)
	if err != nil {
		return nil, err
	}
	if err := glob.Prefetch(fsys, names); err != nil {
		return nil, err
	}
	if c.overlays, err = newOverlays(fsys, names, c.targets); err != nil || len(globs) > 0 {
		return names, err
	}
	return c.overlays.withJSON(names)
}

// set sets the images in one file.
func (r *Result) set(c context, before []byte) error {
	f, err := yamledit.Parse(c.name, before)
	if err != nil {
		line, err := yamledit.Check(c.name, before)
		return r.pass(c, unparsed{c.name, before, line, err, c.explicit})
	}
	p := newPlan(c, path.Base(c.name), f)
	for _, step := range []func() error{func() error { return p.make(spot{}) }, p.planMissing, p.finish} {
		if err := step(); err != nil {
			return err
		}
	}
	r.Left = append(r.Left, p.mentions()...)
	r.tags, r.suffixes = append(r.tags, p.tags...), append(r.suffixes, p.suffixes...)
	if p.isEmpty() {
		return nil
	}
	after, made, err := p.apply()
	if err != nil {
		return err
	}
	if !bytes.Equal(after, before) {
		r.Files[c.name] = after
	}
	r.Changes = append(r.Changes, made...)
	return nil
}
