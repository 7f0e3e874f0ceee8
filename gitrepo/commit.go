package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"update-gitops-repo/gitrepo/checkout"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/transport"
)

// Signature names who made a commit, and when.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Message is what a commit says beside its tree.
type Message struct {
	Text      string // subject, blank line, body, blank line, trailers
	Author    Signature
	Committer Signature // zero: the author; without a When, at the author's
	Signer    Signer    // nil: unsigned
}

// Commit is a commit that was made, but not pushed yet.
type Commit struct {
	Hash string // 40 hex digits
	Tree string // 40 hex digits

	hash    plumbing.Hash
	objects []plumbing.Hash // all that the remote does not have: blobs, trees, the commit
}

// edit is what is made of one path.
type edit struct {
	contents []byte
	mode     filemode.FileMode // Empty: that of the file that is there, Regular for a new one
	deleted  bool
}

// With gives the snapshot as it is with the given files written: a file that exists keeps its mode, a new one is 0644,
// and every other entry stays the object that it is. Only the trees on the files' paths are read or written.
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

// Add gives the snapshot with files of a checkout as they stand there, with their modes, and without the deleted ones.
// The branch may have moved since the checkout was made: what counts is how a file differs from the checkout's HEAD.
// Where the branch has that difference already, there is nothing to do.
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

// file finds a file, a symlink or a submodule. A folder is none, and what does not exist is none either.
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
		tree, err = w.put(&object.Tree{}) // The last file is gone.
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(w.changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	edited := *s
	edited.edits, edited.root, edited.changes, edited.objects = edits, tree, w.changes, w.objects
	return &edited, nil
}

// Changed lists the files that With and Add wrote or deleted and that differ from the tip's, sorted.
func (s *Snapshot) Changed() []string {
	var names []string
	for _, c := range s.changes {
		names = append(names, c.Path)
	}
	return names
}

// Change is what a commit of the snapshot would make of one path. The modes are those that Files gives for it: 0o644 or
// 0o755 for a file, with fs.ModeSymlink for a symlink, whose contents are its target; 0 stands for none.
type Change struct {
	Path          string
	Before, After fs.FileMode
}

// Changes lists what Changed does, for whoever makes the same commit by another way. The contents are those of Files.
func (s *Snapshot) Changes() []Change { return slices.Clone(s.changes) }

// Commit makes a commit of the snapshot on top of its tip. Errors: ErrNoChange when their trees are equal.
func (s *Snapshot) Commit(m Message) (Commit, error) {
	if m.Committer == (Signature{}) {
		m.Committer = m.Author
	}
	if m.Committer.When.IsZero() {
		m.Committer.When = m.Author.When
	}
	author, err := m.Author.object("author")
	if err != nil {
		return Commit{}, err
	}
	committer, err := m.Committer.object("committer")
	if err != nil {
		return Commit{}, err
	}
	if s.root == s.base {
		return Commit{}, ErrNoChange
	}
	c := &object.Commit{
		Author:       author,
		Committer:    committer,
		Message:      m.Text,
		TreeHash:     s.root,
		ParentHashes: []plumbing.Hash{s.tip},
	}
	if err := addSignature(c, m.Signer); err != nil {
		return Commit{}, err
	}
	hash, err := put(s.store, c)
	if err != nil {
		return Commit{}, fmt.Errorf("encode commit: %w", err)
	}
	return Commit{Hash: hash.String(), Tree: s.root.String(), hash: hash,
		objects: append(slices.Clone(s.objects), hash)}, nil
}

func (s Signature) object(role string) (object.Signature, error) {
	if err := CheckIdentity(s.Name, s.Email); err != nil {
		return object.Signature{}, fmt.Errorf("%s: %w", role, err)
	}
	return object.Signature{Name: s.Name, Email: s.Email, When: s.When}, nil
}

// node is a folder, a file to write or to delete, or both when the one takes the other's place.
type node struct {
	children map[string]*node
	edit     *edit
}

func newNode() *node { return &node{children: map[string]*node{}} }

// writes tells whether there is a file to write in the folder.
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

// write merges n into the tree old (zero: there is none) and gives the resulting tree: old itself when nothing differs,
// zero when it would have no entries.
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

// entry gives what becomes of an entry; the mode Empty stands for none, before and after.
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
			return was, nil // What was to go from the folder has gone with it.
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

// pusher moves branches.
type pusher interface {
	// CheckPush asks for what Push would ask for, and stops there.
	CheckPush(context.Context) error
	// PreparePush begins a push in the background.
	PreparePush(context.Context)
	// Push sends the named objects of the store and moves the branch, if it still is at u.Old.
	Push(ctx context.Context, store *memory.Storage, objects []plumbing.Hash, u transport.Update) error
}

// Push sends the commit and moves the branch to it, creating the branch where it is new. The server compares and swaps:
// the branch must still be where Open saw it, else ErrMoved. That makes the push a lease, and safe to use to replace a
// branch as well as to extend it. Other errors: ErrRejected with the server's words, ErrAuth.
func (s *Snapshot) Push(ctx context.Context, c Commit, branch string) error {
	u := transport.Update{Branch: branch, Old: s.repo.refs.Branches[branch], New: c.hash}
	if other := s.repo.refs.Conflict(branch); other != "" {
		return fmt.Errorf("%s: push to branch %q: %w: there is a branch %q, and git has no room for both names",
			s.repo.url, branch, ErrRejected, other)
	}
	if err := s.repo.conn.Push(ctx, s.store, c.objects, u); err != nil {
		return fmt.Errorf("%s: push to branch %q: %w", s.repo.url, branch, err)
	}
	return nil
}
