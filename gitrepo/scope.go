package gitrepo

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"update-gitops-repo/gitrepo/internal/transport"
)

// Scope is what will be read of a snapshot, as far as it is known in advance. What it leaves out is fetched when it is
// read; what it names and does not exist is an error of the read only. All are paths as in fs.FS.
type Scope struct {
	Paths   []string // of files that are read or written; the last element may be a pattern
	Folders []string // that are listed, with all that is below them; "." is the whole repository
}

// Merge returns a scope of what either of the two needs.
func (s Scope) Merge(t Scope) Scope {
	return Scope{
		Paths:   append(s.Paths[:len(s.Paths):len(s.Paths)], t.Paths...),
		Folders: append(s.Folders[:len(s.Folders):len(s.Folders)], t.Folders...),
	}
}

// everything reports whether all trees are needed.
func (s Scope) everything() bool { return s.listed(".") }

// listed reports whether a path is in one of the folders, or is one.
func (s Scope) listed(name string) bool {
	for _, f := range s.Folders {
		if f == "." || name == f || strings.HasPrefix(name, f+"/") {
			return true
		}
	}
	return false
}

// fetch fetches the trees that the scope names: first those on the ways to it, those of one depth in one request; then
// all folders with what is below them.
func (s *Snapshot) fetch(ctx context.Context, scope Scope) error {
	ways := append([]string{}, scope.Folders...)
	for _, name := range scope.Paths {
		if dir := path.Dir(name); !scope.listed(dir) {
			ways = append(ways, name)
		}
	}
	if err := s.reach(ctx, s.root, ways); err != nil {
		return err
	}
	var roots []plumbing.Hash
	for _, name := range scope.Folders {
		if e, err := s.entry(ctx, name); err == nil && e.Mode == filemode.Dir {
			roots = append(roots, e.Hash)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.list(ctx, roots)
}

// way is what is left of a path below a tree.
type way struct {
	tree plumbing.Hash
	rest string
}

// reach fetches the trees on the ways from a root to the paths, without those that the paths name.
func (s *Snapshot) reach(ctx context.Context, root plumbing.Hash, paths []string) error {
	var ways []way
	for _, name := range paths {
		if validPath(name) && name != "." {
			ways = append(ways, way{root, name})
		}
	}
	for len(ways) > 0 {
		var trees []plumbing.Hash
		for _, w := range ways {
			trees = append(trees, w.tree)
		}
		err := s.ensure(ctx, transport.Single, trees...)
		if err == nil {
			ways, err = s.step(ctx, ways)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// step returns the ways that lead on, from one folder further.
func (s *Snapshot) step(ctx context.Context, ways []way) (next []way, err error) {
	for _, w := range ways {
		name, rest, further := strings.Cut(w.rest, "/")
		if !further {
			continue
		}
		t, err := s.tree(ctx, w.tree)
		if err != nil {
			return nil, err
		}
		if e, ok := child(t, name); ok && e.Mode == filemode.Dir {
			next = append(next, way{e.Hash, rest})
		}
	}
	return next, nil
}

// list fetches the trees with all those below them.
func (s *Snapshot) list(ctx context.Context, trees []plumbing.Hash) error {
	seen := map[plumbing.Hash]bool{}
	for len(trees) > 0 {
		// Below trees that are here some may be missing. Over the network that is one request: all below come along.
		missing, err := s.missingBelow(ctx, trees, seen)
		if err != nil {
			return err
		}
		if err := s.ensure(ctx, transport.WithTrees, missing...); err != nil {
			return err
		}
		trees = missing
	}
	return nil
}

// missingBelow returns those that are not here yet of the trees and of the trees below them.
func (s *Snapshot) missingBelow(
	ctx context.Context, trees []plumbing.Hash, seen map[plumbing.Hash]bool,
) (missing []plumbing.Hash, err error) {
	for len(trees) > 0 {
		h := trees[len(trees)-1]
		trees = trees[:len(trees)-1]
		if seen[h] {
			continue
		}
		if s.store.HasEncodedObject(h) != nil {
			missing = append(missing, h)
			continue
		}
		seen[h] = true
		t, err := s.tree(ctx, h)
		if err != nil {
			return nil, err
		}
		for _, e := range t.Entries {
			if e.Mode == filemode.Dir {
				trees = append(trees, e.Hash)
			}
		}
	}
	return missing, nil
}

// child returns an entry of a tree. Tree.FindEntry would validate names, but a repository's odd names are its own
// affair.
func child(t *object.Tree, name string) (object.TreeEntry, bool) {
	for _, e := range t.Entries {
		if e.Name == name {
			return e, true
		}
	}
	return object.TreeEntry{}, false
}
