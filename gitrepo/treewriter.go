package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/checkout"
)

// node is a folder, a file to write or to delete, or both when the one takes the other's place.
type node struct {
	children map[string]*node
	edit     *edit
}

func newNode() *node { return &node{children: map[string]*node{}} }

// writes reports whether there is a file to write in the folder.
func (n *node) writes() bool {
	for _, child := range n.children {
		if child.edit != nil && !child.edit.deleted || child.writes() {
			return true
		}
	}
	return false
}

func (n *node) add(name string, e edit) error {
	if err := CheckPath(name); err != nil {
		return err
	}
	for part := range strings.SplitSeq(name, "/") {
		if n.edit != nil && !n.edit.deleted && !e.deleted {
			return fmt.Errorf("%s: %w: it leads through a file that is written too", name, ErrPath)
		}
		child, ok := n.children[part]
		if !ok {
			child = newNode()
			n.children[part] = child
		}
		n = child
	}
	n.edit = &e
	return nil
}

// treeWriter writes new blobs and trees into the snapshot's store and remembers which ones are new.
type treeWriter struct {
	ctx     context.Context
	s       *Snapshot
	objects []plumbing.Hash
	changes []Change
}

// write merges n into the tree old (zero: there is none) and returns the resulting tree: old itself if nothing
// differs, zero if it would have no entries.
func (w *treeWriter) write(n *node, old plumbing.Hash, dir string) (plumbing.Hash, error) {
	var entries []object.TreeEntry
	if old != plumbing.ZeroHash {
		t, err := w.s.tree(w.ctx, old)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		entries = slices.Clone(t.Entries)
	}
	changed := false
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		was := object.TreeEntry{Name: name}
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
		if i >= 0 {
			was = entries[i]
		}
		now, err := w.entry(n.children[name], was, dir+name)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		switch {
		case now == was:
			continue
		case now.Mode == filemode.Empty:
			entries = slices.Delete(entries, i, i+1)
		case i < 0:
			entries = append(entries, now)
		default:
			entries[i] = now
		}
		changed = true
	}
	if !changed {
		return old, nil
	}
	if len(entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	sort.Sort(object.TreeEntrySorter(entries))
	return w.put(&object.Tree{Entries: entries})
}

// entry returns what becomes of an entry; the mode Empty means that there is none, before and after.
func (w *treeWriter) entry(n *node, was object.TreeEntry, at string) (object.TreeEntry, error) {
	none := object.TreeEntry{Name: was.Name}
	if n.edit != nil && was.Mode != filemode.Empty && was.Mode != filemode.Dir && n.edit.deleted {
		w.changes = append(w.changes, Change{Path: at, Before: info{was}.Mode()})
		was = none
	}
	if n.edit == nil || n.edit.deleted || was.Mode == filemode.Dir {
		switch {
		case was.Mode == filemode.Empty, was.Mode == filemode.Dir:
		case !n.writes():
			return was, nil // The folder is gone, and with it what was to be deleted from it.
		case was.Mode == filemode.Symlink:
			return none, fmt.Errorf("%s: %w: it is a symlink", at, ErrPath)
		case was.Mode == filemode.Submodule:
			return none, fmt.Errorf("%s: %w: it is a submodule", at, ErrPath)
		default:
			return none, fmt.Errorf("%s: %w: it is a file, not a folder", at, ErrPath)
		}
		tree, err := w.write(n, was.Hash, at+"/")
		if err != nil {
			return none, err
		}
		was = none
		if tree != plumbing.ZeroHash {
			was = object.TreeEntry{Name: was.Name, Mode: filemode.Dir, Hash: tree}
		}
	}
	if n.edit == nil || n.edit.deleted {
		return was, nil
	}
	return w.file(*n.edit, was, at)
}

func (w *treeWriter) file(e edit, was object.TreeEntry, at string) (object.TreeEntry, error) {
	now := object.TreeEntry{Name: was.Name, Mode: e.mode, Hash: plumbing.ComputeHash(plumbing.BlobObject, e.contents)}
	switch {
	case was.Mode == filemode.Dir && e.mode != filemode.Empty:
		return was, fmt.Errorf("%s: %w: it is a folder there", at, ErrConflict)
	case was.Mode == filemode.Dir:
		return was, fmt.Errorf("%s: %w: it is a folder", at, ErrPath)
	case was.Mode == filemode.Symlink && e.mode == filemode.Empty:
		return was, fmt.Errorf("%s: %w: it is a symlink", at, ErrPath)
	case was.Mode == filemode.Submodule:
		return was, fmt.Errorf("%s: %w: it is a submodule", at, ErrPath)
	case e.mode == filemode.Empty && was.Mode == filemode.Empty:
		now.Mode = filemode.Regular
	case e.mode == filemode.Empty, e.mode == checkout.NewEntry(was).Mode:
		now.Mode = was.Mode
	}
	if now == was {
		return was, nil
	}
	change := Change{Path: at, After: info{now}.Mode()}
	if was.Mode != filemode.Empty {
		change.Before = info{was}.Mode()
	}
	w.changes = append(w.changes, change)
	if now.Hash == was.Hash {
		return now, nil
	}
	_, err := w.put(blob(e.contents))
	return now, err
}

// encoder is an object that git can store.
type encoder interface {
	Encode(plumbing.EncodedObject) error
}

type blob []byte

func (b blob) Encode(o plumbing.EncodedObject) error {
	o.SetType(plumbing.BlobObject)
	o.SetSize(int64(len(b)))
	wr, err := o.Writer()
	if err != nil {
		return err
	}
	_, err = wr.Write(b)
	return errors.Join(err, wr.Close())
}

func (w *treeWriter) put(e encoder) (plumbing.Hash, error) {
	hash, err := put(w.s.store, e)
	w.objects = append(w.objects, hash)
	return hash, err
}

func put(store *memory.Storage, e encoder) (plumbing.Hash, error) {
	o := store.NewEncodedObject()
	if err := e.Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return store.SetEncodedObject(o)
}
