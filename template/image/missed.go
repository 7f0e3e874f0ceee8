package image

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// mayBeMissed reports whether something further out may say more of an image than t does, so that it must not miss the
// image once it has another name.
func (t *target) mayBeMissed() bool { return t.newName != "" && (t.keepTag || t.oldTag != "") }

// misses reports whether something further out than a file changes what the file deploys, by its old name, to something
// that t does not ask for.
func (o *overlays) misses(file string, c current, t *target) bool {
	if !o.active || c.rendered == "" {
		return false
	}
	ask := question{c.rendered, t, nil}
	if own := o.layer(file); own != nil {
		file = own.dir
		if o.nextMisses(own, c, ask) {
			return true
		}
	}
	return o.anyMisses(file, ask, map[string]bool{})
}

// nextMisses reports whether an entry that comes after the one of c in its kustomization does.
func (o *overlays) nextMisses(own *layer, c current, ask question) bool {
	return c.made && slices.ContainsFunc(own.entries, func(e *entry) bool {
		return e.node.Line > c.nodes[0].Line && isChanged(ask.ref, e.name) && ask.t.loses(ask.ref, e)
	})
}

func (o *overlays) anyMisses(from string, ask question, seen map[string]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	lost := func(e *entry) bool { return isChanged(ask.ref, e.name) && ask.t.loses(ask.ref, e) }
	if slices.ContainsFunc(o.parents(from), func(to parent) bool {
		return ask.t.keepTag && o.changes(to, ask) || slices.ContainsFunc(to.entries, lost) ||
			o.anyMisses(to.dir, ask, seen)
	}) {
		return true
	}
	return slices.ContainsFunc(o.takers[from], func(name string) bool {
		return slices.ContainsFunc(o.outermost(name, from), lost)
	})
}

// loses reports whether an entry says a version that t would lose: one to be kept, or one that t is not about.
func (t *target) loses(ref string, e *entry) bool {
	_, tag, digest := splitRef(ref)
	return t.keepTag && !e.now.inherits && (version{e.now.tag, e.now.digest} != version{tag, digest}) ||
		t.oldTag != "" && !e.now.inherits && !t.chooses(e.now.tag)
}

// outermost returns the entries that what an Application or a Kustomization of Flux has in a file applies to what it
// takes from a folder.
func (o *overlays) outermost(name, dir string) []*entry {
	p := o.parse(name)
	if p == nil {
		return nil
	}
	var out []*entry
	for _, m := range p.objects {
		_, at := own(m, "path")
		if text(resolve(at)) == "" || path.Clean(text(resolve(at))) != dir {
			continue
		}
		_, images := own(m, "images")
		if _, argo := own(m, "kustomize"); argo != nil && resolve(argo).Kind == yaml.MappingNode {
			_, images = own(resolve(argo), "images")
		}
		for _, n := range items(images) {
			if e := outerEntry(p, n); e != nil {
				out = append(out, e)
			}
		}
	}
	return out
}

// outerEntry returns an entry of Flux, or one that a string of Argo CD stands for, or nil.
func outerEntry(p *plan, n *yaml.Node) *entry {
	if n.Kind == yaml.MappingNode {
		return newEntry(p, n)
	}
	left, ref, renames := strings.Cut(text(n), "=")
	if !renames {
		left, ref = "", left
	}
	repo, tag, digest := splitRef(ref)
	if left == "" {
		left = repo
	}
	return &entry{node: n, name: left, now: current{tag: tag, digest: digest, inherits: tag+digest == ""}}
}

// transforming returns the entries of a kustomization's builtin transformers.
func (o *overlays) transforming(l *layer) []*entry {
	var out []*entry
	for _, s := range l.transformers {
		p := o.parse(path.Join(l.dir, s))
		if f, err := yamledit.Parse("", []byte(s)); strings.Contains(s, "\n") && err == nil {
			p = newPlan(context{}, "", f)
		}
		if p == nil {
			continue
		}
		for _, doc := range p.file.Documents() {
			if doc.Kind != yaml.MappingNode || p.objectOf(doc).kind != "ImageTagTransformer" {
				continue
			}
			if _, tag := own(doc, "imageTag"); tag != nil && resolve(tag).Kind == yaml.MappingNode {
				if e := newEntry(p, resolve(tag)); e != nil {
					out = append(out, e)
				}
			}
		}
	}
	return out
}

// parse returns a file to look into, or nil.
func (o *overlays) parse(name string) *plan {
	src, err := fs.ReadFile(o.fsys, name)
	if err != nil {
		return nil
	}
	f, err := yamledit.Parse(name, src)
	if err != nil {
		return nil
	}
	return newPlan(context{}, "", f)
}
