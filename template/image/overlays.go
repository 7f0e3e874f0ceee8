package image

import (
	"bytes"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/glob"
	"update-gitops-repo/template/yamledit"
)

// overlays knows which kustomizations change an image after the place that names it. Such a place has no effect: its
// image is set in the overlay, which may even miss the image once the place has another name or tag.
//
// Rules of kustomize: resources, then patches, then images, from the innermost kustomization outwards; images change
// what stands under image in containers and initContainers (api/filters/imagetag).
type overlays struct {
	fsys   fs.FS
	names  []string // files of kustomizations
	active bool     // one of them may change one of the images

	files  []string            // that are looked at
	known  map[string]bool     // those, and the folders with a kustomization
	takers map[string][]string // by a folder, the files of those other than kustomizations that take it
	namers map[string][]string // by one of those, the kustomizations that name it anywhere
	layers map[string]*layer   // by the file; nil where it is none
	byDir  map[string]string   // the file of the kustomization in a folder
}

// layer is a kustomization.
type layer struct {
	dir        string
	takes      map[string]takenAs // by file or folder
	entries    []*entry
	components []string // folders; their images change the resources, but not the patches
	// Each is a file or a text.
	transformers []string
}

// parent is a kustomization that takes a file or folder, and as what.
type parent struct {
	*layer
	as takenAs
}

type takenAs int

const (
	resource takenAs = iota
	patch
)

// taking are the fields of a kustomization with files and folders.
var taking = []struct {
	key string
	as  takenAs
}{
	{"resources", resource}, {"bases", resource}, {"components", resource},
	{"patches", patch}, {"patchesStrategicMerge", patch}, {"patchesJson6902", patch},
}

// newOverlays returns those among files.
func newOverlays(fsys fs.FS, files []string, targets []*target) (*overlays, error) {
	o := &overlays{fsys: fsys, known: map[string]bool{}, layers: map[string]*layer{}, byDir: map[string]string{}}
	o.active = slices.ContainsFunc(targets, (*target).mayBeMissed)
	for _, name := range files {
		if !kustomizations.include(path.Base(name), object{}) {
			continue
		}
		o.names, o.byDir[path.Dir(name)], o.known[path.Dir(name)] = append(o.names, name), name, true
		if o.active {
			continue
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		o.active = context{targets: targets}.mayBeIn(src)
	}
	if o.active {
		o.files = files
	}
	return o, nil
}

// withJSON adds the JSON files that kustomizations take as resources or patches to the files that are looked at.
func (o *overlays) withJSON(files []string) ([]string, error) {
	added := map[string]bool{}
	for _, name := range o.names {
		src, err := fs.ReadFile(o.fsys, name)
		if err != nil {
			return nil, err
		}
		if !bytes.Contains(src, []byte(".json")) {
			continue
		}
		l := o.layer(name)
		if l == nil {
			continue
		}
		for at := range l.takes {
			if info, err := fs.Stat(o.fsys, at); path.Ext(at) == ".json" && err == nil && info.Mode().IsRegular() {
				added[at] = true
			}
		}
	}
	if len(added) == 0 {
		return files, nil
	}
	if err := glob.Prefetch(o.fsys, sortedKeys(added)); err != nil {
		return nil, err
	}
	files = slices.Compact(slices.Sorted(slices.Values(append(slices.Clip(files), sortedKeys(added)...))))
	if o.active {
		o.files = files
	}
	return files, nil
}

// override reports whether every way out of a file has a kustomization that sets t in place of ref, which the file
// deploys. The images of a kustomization do not see what they make themselves.
func (o *overlays) override(file string, c current, t *target) bool {
	if !o.active || c.rendered == "" || c.newer {
		return false
	}
	own := o.layer(file)
	ask := question{c.rendered, t, own}
	switch {
	case own == nil:
		return o.covered(file, ask, map[string]bool{})
	case !c.made && own.sets(ask):
		return true // in a patch
	}
	return o.covered(own.dir, ask, map[string]bool{})
}

// question is whether kustomizations other than one set t in place of ref.
type question struct {
	ref    string
	t      *target
	except *layer
}

// covered reports whether every way from a file or folder outwards has a kustomization that does that.
func (o *overlays) covered(from string, ask question, seen map[string]bool) bool {
	parents := o.parents(from)
	if len(parents) == 0 || seen[from] || len(o.takers[from]) > 0 {
		return false
	}
	seen[from] = true
	for _, to := range parents {
		if !o.changes(to, ask) && !o.covered(to.dir, ask, seen) {
			return false
		}
	}
	delete(seen, from)
	return true
}

// changes reports whether a kustomization, or one of its components, does that to what it takes.
func (o *overlays) changes(to parent, ask question) bool {
	return to.sets(ask) || to.as == resource && o.componentsSet(to.layer, ask, map[*layer]bool{ask.except: true})
}

func (o *overlays) componentsSet(l *layer, ask question, seen map[*layer]bool) bool {
	seen[l] = true
	return slices.ContainsFunc(l.components, func(dir string) bool {
		c := o.layer(o.byDir[dir])
		return c != nil && !seen[c] && (c.sets(ask) || o.componentsSet(c, ask, seen))
	})
}

// sets reports whether an entry of a kustomization does that.
func (l *layer) sets(ask question) bool {
	t := ask.t
	for _, e := range l.entries {
		mine := e.now.placeholder == "" && t.chooses(e.now.tag) &&
			(e.now.names[0] == t.name || e.now.names[1] == t.name)
		if mine && isChanged(ask.ref, e.name) {
			return true
		}
	}
	return false
}

// isChanged reports whether kustomize applies an entry with a name to a reference, as IsImageMatched does: the name has
// to be what the reference begins with, letter by letter.
func isChanged(ref, name string) bool {
	rest, ok := strings.CutPrefix(ref, name)
	return ok && versionOnly.MatchString(rest)
}

var versionOnly = regexp.MustCompile(`^(?::[a-zA-Z0-9_.{}-]*)?(?:@sha256:[a-zA-Z0-9_.{}-]*)?$`)

// parents returns the kustomizations that take a file or folder. Few are parsed: those that name it.
func (o *overlays) parents(of string) []parent {
	o.index()
	var out []parent
	for _, name := range o.namers[of] {
		if l := o.layer(name); l != nil {
			if as, ok := l.takes[of]; ok {
				out = append(out, parent{l, as})
			}
		}
	}
	return out
}

// index notes, without parsing, which kustomizations name which of the files and folders, and which folders an
// Application or a Kustomization of Flux takes: under the key path.
func (o *overlays) index() {
	if o.namers != nil {
		return
	}
	o.namers, o.takers = map[string][]string{}, map[string][]string{}
	for _, name := range o.files {
		o.known[name] = true
	}
	for _, name := range o.files {
		src, err := fs.ReadFile(o.fsys, name)
		if err != nil {
			continue
		}
		if o.byDir[path.Dir(name)] == name {
			o.indexWords(name, string(src))
			continue
		}
		for _, at := range takenFolder.FindAllSubmatch(src, -1) {
			if dir := path.Clean(string(at[1])); o.byDir[dir] != "" && !slices.Contains(o.takers[dir], name) {
				o.takers[dir] = append(o.takers[dir], name)
			}
		}
	}
}

// takenFolder finds the folders under the key path, from the top of the repository.
var takenFolder = regexp.MustCompile(`(?m)\bpath["']?:[ \t]*["']?([\w./-]+)`)

// indexWords notes what of the files and folders a kustomization names.
func (o *overlays) indexWords(name, src string) {
	for line := range strings.Lines(src) {
		for _, word := range append(strings.FieldsFunc(line, endsWord), strings.Trim(line, " -\r\n\"'")) {
			at := path.Join(path.Dir(name), word)
			if o.known[at] && !slices.Contains(o.namers[at], name) {
				o.namers[at] = append(o.namers[at], name)
			}
		}
	}
}

// endsWord reports whether a character may stand next to a path.
func endsWord(r rune) bool { return r <= ' ' || strings.ContainsRune("\"',[]{}", r) }

// layer returns the kustomization in a file, or nil. One that does not parse changes nothing.
func (o *overlays) layer(name string) *layer {
	if l, ok := o.layers[name]; ok {
		return l
	}
	var l *layer
	if o.byDir[path.Dir(name)] == name {
		if src, err := fs.ReadFile(o.fsys, name); err == nil {
			f, err := yamledit.Parse(name, src)
			if err == nil && len(f.Documents()) > 0 && f.Documents()[0].Kind == yaml.MappingNode {
				l = newLayer(name, f)
				l.entries = append(l.entries, o.transforming(l)...)
			}
		}
	}
	o.layers[name] = l
	return l
}

// newLayer reads what a kustomization takes, and what it changes.
func newLayer(name string, f *yamledit.File) *layer {
	p := newPlan(context{}, "", f)
	l := &layer{dir: path.Dir(name), takes: map[string]takenAs{}}
	root := f.Documents()[0]
	for _, field := range taking {
		_, list := own(root, field.key)
		for _, n := range items(list) {
			if n.Kind == yaml.MappingNode {
				_, n = own(n, "path")
			}
			at := text(resolve(n))
			if at == "" || strings.Contains(at, "\n") {
				continue
			}
			at = path.Join(l.dir, at)
			l.takes[at] = field.as
			if field.key == "components" {
				l.components = append(l.components, at)
			}
		}
	}
	_, images := own(root, "images")
	for _, n := range items(images) {
		if e := newEntry(p, n); e != nil {
			l.entries = append(l.entries, e)
		}
	}
	_, list := own(root, "transformers")
	for _, n := range items(list) {
		l.transformers = append(l.transformers, text(n))
	}
	return l
}

// items returns the items of a list, without aliases.
func items(list *yaml.Node) []*yaml.Node {
	if list = resolve(list); list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	out := make([]*yaml.Node, len(list.Content))
	for i, n := range list.Content {
		out[i] = resolve(n)
	}
	return out
}
