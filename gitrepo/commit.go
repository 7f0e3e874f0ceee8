package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Signature names who made a commit, and when.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Message is what a commit says beside its tree.
type Message struct {
	Text   string // subject, blank line, body, blank line, trailers
	Author Signature
}

// Commit is a commit that was made, but not pushed yet.
type Commit struct {
	Hash string // 40 hex digits
	Tree string // 40 hex digits

	hash    plumbing.Hash
	objects []plumbing.Hash // all that the remote does not have: blobs, trees, the commit
}

// With gives the snapshot as it is with the given files written: a file that exists keeps its mode, a new one is 0644,
// and every other entry stays the object that it is. Only the trees on the files' paths are read or written.
//
// Errors: ErrPath when a path is not a clean relative one, has a component ".git", is a folder, a symlink or a
// submodule, or leads through something that is not a folder.
func (s *Snapshot) With(ctx context.Context, contents map[string][]byte) (*Snapshot, error) {
	edited := *s
	// From the tip's own tree again, so that nothing is left of a state in between.
	edited.contents = maps.Clone(s.contents)
	maps.Copy(edited.contents, contents)
	root := newNode()
	for _, name := range slices.Sorted(maps.Keys(edited.contents)) {
		if err := root.add(name, edited.contents[name]); err != nil {
			return nil, err
		}
	}
	w := treeWriter{ctx: ctx, s: s}
	tree, err := w.write(root, s.base, "")
	if err != nil {
		return nil, err
	}
	edited.root, edited.changed, edited.objects = tree, w.changed, w.objects
	return &edited, nil
}

// Changed lists the files that With wrote and that differ from the tip's, sorted.
func (s *Snapshot) Changed() []string { return s.changed }

// Commit makes a commit of the snapshot on top of its tip. Errors: ErrNoChange when their trees are equal.
func (s *Snapshot) Commit(m Message) (Commit, error) {
	if strings.ContainsAny(m.Author.Name+m.Author.Email, "<>\n\x00") {
		return Commit{}, fmt.Errorf("author %q <%q>: a name or address must not contain <, > or a line break", m.Author.Name, m.Author.Email)
	}
	if s.root == s.base {
		return Commit{}, ErrNoChange
	}
	author := object.Signature{Name: m.Author.Name, Email: m.Author.Email, When: m.Author.When}
	hash, err := put(s.store, &object.Commit{
		Author:       author,
		Committer:    author,
		Message:      m.Text,
		TreeHash:     s.root,
		ParentHashes: []plumbing.Hash{s.tip},
	})
	if err != nil {
		return Commit{}, fmt.Errorf("encode commit: %w", err)
	}
	return Commit{Hash: hash.String(), Tree: s.root.String(), hash: hash, objects: append(slices.Clone(s.objects), hash)}, nil
}

// node is a folder or, with contents set, a file to write.
type node struct {
	children map[string]*node
	contents []byte
	file     bool
}

func newNode() *node { return &node{children: map[string]*node{}} }

// CheckPath returns an ErrPath when no file may be written there, whatever the repository holds: the path is not a
// relative, clean one, or has a component ".git".
func CheckPath(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) {
		return fmt.Errorf("%s: %w: it must be relative and clean, with no dots for a component", name, ErrPath)
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.EqualFold(part, ".git") {
			return fmt.Errorf("%s: %w: a component is %q", name, ErrPath, part)
		}
	}
	return nil
}

func (n *node) add(name string, contents []byte) error {
	if err := CheckPath(name); err != nil {
		return err
	}
	for part := range strings.SplitSeq(name, "/") {
		if n.file {
			return fmt.Errorf("%s: %w: it leads through a file that is written too", name, ErrPath)
		}
		child, ok := n.children[part]
		if !ok {
			child = newNode()
			n.children[part] = child
		}
		n = child
	}
	if len(n.children) > 0 {
		return fmt.Errorf("%s: %w: it is a folder that is written to", name, ErrPath)
	}
	n.file, n.contents = true, contents
	return nil
}

// treeWriter writes new blobs and trees into the snapshot's store and remembers which ones are new.
type treeWriter struct {
	ctx     context.Context
	s       *Snapshot
	objects []plumbing.Hash
	changed []string
}

// write merges n into the tree old (zero: there is none) and gives the resulting tree, old itself when nothing differs.
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
		child, at := n.children[name], dir+name
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
		if i < 0 {
			mode := filemode.Dir
			if child.file {
				mode = filemode.Regular
			}
			i = len(entries)
			entries = append(entries, object.TreeEntry{Name: name, Mode: mode})
		}
		e := &entries[i]
		hash, err := w.child(child, *e, at)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		changed = changed || hash != e.Hash
		e.Hash = hash
	}
	if !changed {
		return old, nil
	}
	sort.Sort(object.TreeEntrySorter(entries))
	return w.put(&object.Tree{Entries: entries})
}

func (w *treeWriter) child(n *node, e object.TreeEntry, at string) (plumbing.Hash, error) {
	switch {
	case e.Mode == filemode.Symlink:
		return plumbing.ZeroHash, fmt.Errorf("%s: %w: it is a symlink", at, ErrPath)
	case e.Mode == filemode.Submodule:
		return plumbing.ZeroHash, fmt.Errorf("%s: %w: it is a submodule", at, ErrPath)
	case n.file && e.Mode == filemode.Dir:
		return plumbing.ZeroHash, fmt.Errorf("%s: %w: it is a folder", at, ErrPath)
	case !n.file && e.Mode != filemode.Dir:
		return plumbing.ZeroHash, fmt.Errorf("%s: %w: it is a file, not a folder", at, ErrPath)
	case !n.file:
		return w.write(n, e.Hash, at+"/")
	}
	hash := plumbing.ComputeHash(plumbing.BlobObject, n.contents)
	if hash == e.Hash {
		return hash, nil
	}
	w.changed = append(w.changed, at)
	return w.put(blob(n.contents))
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

// Push sends the commit and moves the branch to it, creating the branch where it is new. The server compares and swaps:
// the branch must still be where Open saw it, else ErrMoved. That makes the push a lease, and safe to use to replace a
// branch as well as to extend it. Other errors: ErrRejected with the server's words, ErrAuth.
func (s *Snapshot) Push(ctx context.Context, c Commit, branch string) error {
	u := update{branch: branch, old: s.repo.refs.branches[branch], new: c.hash}
	if other := s.repo.refs.conflict(branch); other != "" {
		return fmt.Errorf("%s: push to branch %q: %w: there is a branch %q, and git has no room for both names", s.repo.url, branch, ErrRejected, other)
	}
	if err := s.repo.conn.push(ctx, s.store, c.objects, u); err != nil {
		return fmt.Errorf("%s: push to branch %q: %w", s.repo.url, branch, err)
	}
	return nil
}
