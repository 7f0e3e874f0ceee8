package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"update-gitops-repo/gitrepo/checkout"
)

// edit is the new state of one path.
type edit struct {
	contents []byte
	mode     filemode.FileMode // Empty: that of the file that is there, Regular for a new one
	deleted  bool
}

// With returns the snapshot with the given files written: a file that exists keeps its mode, a new one is 0644, and
// every other entry stays the object that it is. Only the trees on the files' paths are read or written.
//
// Errors: ErrPath when a path is not a clean relative one, has a component ".git", is a folder, a symlink or a
// submodule, or leads through something that is not a folder.
func (s *Snapshot) With(ctx context.Context, contents map[string][]byte) (*Snapshot, error) {
	edits := maps.Clone(s.edits)
	for name, data := range contents {
		e := edit{contents: data, mode: edits[name].mode}
		if e.mode == filemode.Symlink {
			return nil, fmt.Errorf("%s: %w: it is a symlink", name, ErrPath)
		}
		if edits[name].deleted {
			e.mode = filemode.Regular // A new file, whatever was there before.
		}
		edits[name] = e
	}
	return s.write(ctx, edits)
}

// Add returns the snapshot with files of a checkout, contents and modes, and without those that were deleted there.
// The branch may have moved since the checkout was made: what counts is how a file differs from the checkout's HEAD.
// A difference that the branch has already is no change.
//
// Errors: ErrConflict, with their names, when files are neither as in HEAD nor as in the checkout; ErrPath as for With.
func (s *Snapshot) Add(ctx context.Context, files []checkout.File) (*Snapshot, error) {
	edits := maps.Clone(s.edits)
	deleted := map[string]bool{}
	var paths []string
	for _, f := range files {
		deleted[f.Path] = f.Deleted
		paths = append(paths, f.Path)
	}
	if err := s.reach(ctx, s.root, paths); err != nil {
		return nil, err
	}
	var conflicts []string
	for _, f := range files {
		if err := CheckPath(f.Path); err != nil {
			return nil, err
		}
		now, err := s.file(ctx, f.Path)
		if err != nil {
			return nil, err
		}
		through := false
		for dir := path.Dir(f.Path); dir != "." && !f.Deleted && !through; dir = path.Dir(dir) {
			e, err := s.file(ctx, dir)
			if err != nil {
				return nil, err
			}
			through = e != (checkout.Entry{}) && !deleted[dir]
		}
		wanted := f.Entry()
		switch {
		case now == wanted: // The branch has it already.
		case now != f.Head, through:
			conflicts = append(conflicts, f.Path)
		default:
			edits[f.Path] = edit{contents: f.Contents, mode: wanted.Mode, deleted: f.Deleted}
		}
	}
	if len(conflicts) > 0 {
		return nil, fmt.Errorf("%s: %w", strings.Join(conflicts, ", "), ErrConflict)
	}
	return s.write(ctx, edits)
}

// file returns the entry of a file, a symlink or a submodule; the zero value for a folder and for what does not
// exist.
func (s *Snapshot) file(ctx context.Context, name string) (checkout.Entry, error) {
	e, err := s.entry(ctx, name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && e.Mode == filemode.Dir {
		return checkout.Entry{}, nil
	}
	return checkout.NewEntry(e), err
}

// write makes the edits on the tip's own tree, so that nothing is left of a state in between.
func (s *Snapshot) write(ctx context.Context, edits map[string]edit) (*Snapshot, error) {
	root := newNode()
	// In this order a path comes before all that it leads to.
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		if err := root.add(name, edits[name]); err != nil {
			return nil, err
		}
	}
	if err := s.reach(ctx, s.base, slices.Collect(maps.Keys(edits))); err != nil {
		return nil, err
	}
	w := treeWriter{ctx: ctx, s: s}
	tree, err := w.write(root, s.base, "")
	if err == nil && tree == plumbing.ZeroHash {
		tree, err = w.put(&object.Tree{}) // The last file was deleted.
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(w.changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	edited := *s
	edited.edits, edited.root, edited.changes, edited.objects = edits, tree, w.changes, w.objects
	return &edited, nil
}

// Changed returns the files that With and Add wrote or deleted and that differ from the tip's, sorted.
func (s *Snapshot) Changed() []string {
	var names []string
	for _, c := range s.changes {
		names = append(names, c.Path)
	}
	return names
}

// Change is how a commit of the snapshot changes one path. The modes are those of Files: 0o644 or 0o755 for a file,
// with fs.ModeSymlink for a symlink, whose contents are its target; 0 if there is no file.
type Change struct {
	Path          string
	Before, After fs.FileMode
}

// Changes returns the paths of Changed with their modes, to make the same commit through a forge's API. The contents
// are those of Files.
func (s *Snapshot) Changes() []Change { return slices.Clone(s.changes) }
