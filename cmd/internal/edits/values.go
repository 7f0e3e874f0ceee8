package edits

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/template/glob"
	"update-gitops-repo/template/yamledit"
)

// The sizes in bytes above which values are not compared: of one file before and after, of all files, and of those
// whose edits know what they changed. Parsing takes about a hundred times the memory of the text, and a second for some
// 5 MB.
const (
	maxCompared      = 1 << 20
	maxAllCompared   = 8 << 20
	maxKnownCompared = 1 << 20
)

// maxValues is the number of values in one file above which they are not told: nobody reads them.
const maxValues = 2000

// written is what the kinds of edits did to one file.
type written struct {
	kinds  int               // how many of them wrote it
	opaque bool              // one of them does not say what it changed
	values []yamledit.Change // that the others say
}

// ledger has what was done to each file.
type ledger map[string]*written

func (l ledger) of(name string) *written {
	if l[name] == nil {
		l[name] = new(written)
	}
	return l[name]
}

// replaced takes note of files of which it is not known what changed in them.
func (l ledger) replaced(names []string) {
	for _, name := range names {
		l.of(name).opaque = true
	}
}

// add takes note of what one kind of edit did and says of it.
func (l ledger) add(out edited) {
	for name := range out.files {
		w := l.of(name)
		w.kinds, w.opaque = w.kinds+1, w.opaque || out.opaque
	}
	for _, v := range out.values {
		w := l.of(v.File)
		w.values = append(w.values, v)
	}
}

// replacedBy returns a warning for each value that -set has changed and -image, whose changes are given, changes again.
// What -yq changes after them is meant: it may work on what they made.
func (l ledger) replacedBy(images []yamledit.Change) []string {
	var warnings []string
	for _, now := range images {
		for _, set := range l.of(now.File).values {
			if set.Path == now.Path {
				const format = "%s: %s is set to %s by -set, and then to %s by -image, which counts"
				warnings = append(warnings, fmt.Sprintf(format, now.File, now.Path, set.New, now.New))
			}
		}
	}
	return warnings
}

// known returns the values that one kind of edit alone changed in a file, in its own words.
func (w *written) known() []yamledit.Change {
	if w.opaque || w.kinds > 1 {
		return nil
	}
	return w.values
}

// values returns the values that differ between the snapshots, as far as they are known. Files that are YAML or JSON
// before and after are compared, whoever wrote them; where nobody needs what was there, that is not read for it.
func (l ledger) values(ctx context.Context, before, after *gitrepo.Snapshot, need Need) ([]yamledit.Change, error) {
	c := comparer{before.Files(ctx), after.Files(ctx)}
	if need == Diff {
		if err := glob.Prefetch(c.before, after.Changed()); err != nil {
			return nil, err
		}
	}
	left, leftForKnown := maxAllCompared, maxKnownCompared
	var all []yamledit.Change
	for _, change := range after.Changes() {
		w := l.of(change.Path)
		found := w.known()
		budget := &left
		if found != nil {
			budget = &leftForKnown
		}
		wasRead := !w.opaque && w.kinds > 1 // to edit it
		isData := len(w.values) > 0 || slices.Contains(dataNames, path.Ext(change.Path))
		if isData && (need == Diff || wasRead) {
			compared, ok, err := c.compare(change, budget)
			if err != nil {
				return nil, err
			}
			if ok {
				found = compared
			}
		}
		all = append(all, found...)
	}
	return all, nil
}

// dataNames are the ends of the names of files that are YAML or JSON.
var dataNames = []string{".yaml", ".yml", ".json"}

// comparer compares the values of files in two trees.
type comparer struct{ before, after fs.FS }

// compare returns the values that differ in a file, and whether it can tell, with what is left of the bytes that may be
// compared. A file that does not parse is one of which nothing more is known.
func (c comparer) compare(change gitrepo.Change, left *int) (values []yamledit.Change, ok bool, err error) {
	if change.Before == 0 || change.After == 0 || !change.Before.IsRegular() || !change.After.IsRegular() {
		return nil, false, nil
	}
	before, err := fs.ReadFile(c.before, change.Path)
	if err != nil {
		return nil, false, err
	}
	after, err := fs.ReadFile(c.after, change.Path)
	if err != nil {
		return nil, false, err
	}
	size := len(before) + len(after)
	if size > min(maxCompared, *left) {
		return nil, false, nil
	}
	*left -= size
	values, err = yamledit.Compare(change.Path, before, after)
	return values, err == nil && len(values) <= maxValues, nil
}
