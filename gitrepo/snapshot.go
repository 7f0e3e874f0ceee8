package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/transport"
)

// Snapshot is the tree of a branch's tip, with the edits of With and Add on top of it. Trees and blobs are fetched
// when they are first read. It is not safe for concurrent use.
type Snapshot struct {
	repo  *Repo
	tip   plumbing.Hash // the commit
	base  plumbing.Hash // its tree
	root  plumbing.Hash // the tree with the edits
	store *memory.Storage
	trees map[plumbing.Hash]*object.Tree // parsed

	edits   map[string]edit // what With and Add made
	changes []Change        // those of edits that differ from base, sorted
	objects []plumbing.Hash // what root has and base has not
}

// Tip returns the commit of the snapshot, in 40 hex digits.
func (s *Snapshot) Tip() string { return s.tip.String() }

// Files returns the snapshot as a read-only file system. In addition to fs.FS it has ReadDir, ReadFile, Stat, and
// Prefetch(names []string) error, which fetches the named files' contents together; a file that does not exist is an
// error of the read only. The context bounds every fetch.
//
// Symlinks and submodules appear in listings with their types, but cannot be read; ReadLink returns a symlink's
// target. Entries that lead out of their folder, such as "..", do not appear.
func (s *Snapshot) Files(ctx context.Context) fs.FS { return files{ctx: ctx, s: s} }

// fetcher fetches objects into a store.
type fetcher interface {
	// FetchTip fetches a commit, and below it as much as is cheap, or all trees.
	FetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash, what transport.Extent) error
	// FetchObjects fetches objects by their hashes. More may come along.
	FetchObjects(context.Context, *memory.Storage, []plumbing.Hash, transport.Extent) error
	// FetchCommits fetches the commits that tip reaches and base does not.
	FetchCommits(ctx context.Context, store *memory.Storage, tip, base plumbing.Hash) error
	// FetchLog fetches the last n commits that tip, which the store has, reaches. It sets as shallow those whose
	// parents are missing.
	FetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error
}

// ensure fetches the objects that are not in the store yet.
func (s *Snapshot) ensure(ctx context.Context, what transport.Extent, hashes ...plumbing.Hash) error {
	var missing []plumbing.Hash
	asked := map[plumbing.Hash]bool{}
	for _, h := range hashes {
		if !asked[h] && s.store.HasEncodedObject(h) != nil {
			asked[h] = true
			missing = append(missing, h)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := s.repo.conn.FetchObjects(ctx, s.store, missing, what); err != nil {
		return fmt.Errorf("%s: fetch %d objects: %w", s.repo.url, len(missing), err)
	}
	for _, h := range missing {
		if s.store.HasEncodedObject(h) != nil {
			return fmt.Errorf("%s: the server did not send object %s", s.repo.url, h)
		}
	}
	return nil
}

func (s *Snapshot) tree(ctx context.Context, hash plumbing.Hash) (*object.Tree, error) {
	if t, ok := s.trees[hash]; ok {
		return t, nil
	}
	if err := s.ensure(ctx, transport.Single, hash); err != nil {
		return nil, err
	}
	t, err := object.GetTree(s.store, hash)
	if err != nil {
		return nil, fmt.Errorf("%s: tree %s: %w", s.repo.url, hash, err)
	}
	s.trees[hash] = t
	return t, nil
}

// entry returns the entry of a path, "." for the root. A path that leads through anything but folders is
// fs.ErrNotExist.
func (s *Snapshot) entry(ctx context.Context, name string) (object.TreeEntry, error) {
	if name == "." {
		return object.TreeEntry{Name: ".", Mode: filemode.Dir, Hash: s.root}, nil
	}
	parent, err := s.entry(ctx, path.Dir(name))
	if err != nil {
		return object.TreeEntry{}, err
	}
	if parent.Mode != filemode.Dir {
		return object.TreeEntry{}, fs.ErrNotExist
	}
	t, err := s.tree(ctx, parent.Hash)
	if err != nil {
		return object.TreeEntry{}, err
	}
	if e, ok := child(t, path.Base(name)); ok {
		return e, nil
	}
	return object.TreeEntry{}, fs.ErrNotExist
}

func (s *Snapshot) blob(ctx context.Context, hash plumbing.Hash) (_ []byte, err error) {
	if err := s.ensure(ctx, transport.Blobs, hash); err != nil {
		return nil, err
	}
	b, err := object.GetBlob(s.store, hash)
	if err != nil {
		return nil, fmt.Errorf("%s: blob %s: %w", s.repo.url, hash, err)
	}
	r, err := b.Reader()
	if err != nil {
		return nil, fmt.Errorf("%s: blob %s: %w", s.repo.url, hash, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(r)
}

// files binds a snapshot to a context, because the methods of fs.FS take none.
type files struct {
	ctx context.Context
	s   *Snapshot
}

var (
	_ fs.ReadDirFS  = files{}
	_ fs.ReadFileFS = files{}
	_ fs.StatFS     = files{}
	_ fs.ReadLinkFS = files{}
)

// validPath is fs.ValidPath, except that git's names need not be UTF-8, and that a path too long for any checkout is
// invalid.
func validPath(name string) bool {
	return len(name) <= maxPath && fs.ValidPath(strings.ToValidUTF8(name, "?"))
}

func (f files) lookup(op, name string) (object.TreeEntry, error) {
	if !validPath(name) {
		return object.TreeEntry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	e, err := f.s.entry(f.ctx, name)
	if err != nil {
		return object.TreeEntry{}, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return e, nil
}

// Open implements fs.FS.
func (f files) Open(name string) (fs.File, error) {
	e, err := f.lookup("open", name)
	if err != nil {
		return nil, err
	}
	if e.Mode == filemode.Dir {
		entries, err := f.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openDir{info: info{e}, entries: entries}, nil
	}
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return openFile{Reader: bytes.NewReader(data), info: info{e}}, nil
}

// ReadFile implements fs.ReadFileFS.
func (f files) ReadFile(name string) ([]byte, error) {
	e, err := f.lookup("read", name)
	if err != nil {
		return nil, err
	}
	if !e.Mode.IsRegular() && e.Mode != filemode.Executable {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("not a regular file")}
	}
	data, err := f.s.blob(f.ctx, e.Hash)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return data, nil
}

// ReadDir implements fs.ReadDirFS.
func (f files) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := f.lookup("readdir", name)
	if err != nil {
		return nil, err
	}
	if e.Mode != filemode.Dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	// A caller that lists a folder goes on to those in it.
	err = f.s.ensure(f.ctx, transport.WithTrees, e.Hash)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	t, err := f.s.tree(f.ctx, e.Hash)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	entries := make([]fs.DirEntry, 0, len(t.Entries))
	for _, e := range t.Entries {
		if validPath(e.Name) && e.Name != "." && !strings.Contains(e.Name, "/") {
			entries = append(entries, fs.FileInfoToDirEntry(info{e}))
		}
	}
	// git sorts "a.b" before the folder "a", which it compares as "a/"; fs.ReadDirFS wants names in plain order.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return bytes.Compare([]byte(a.Name()), []byte(b.Name())) })
	return entries, nil
}

// Stat implements fs.StatFS. The size is unknown, 0, until the file is read: blobs may not be here yet.
func (f files) Stat(name string) (fs.FileInfo, error) {
	e, err := f.lookup("stat", name)
	if err != nil {
		return nil, err
	}
	return info{e}, nil
}

// Lstat implements fs.ReadLinkFS; Stat follows no symlinks either.
func (f files) Lstat(name string) (fs.FileInfo, error) { return f.Stat(name) }

// ReadLink implements fs.ReadLinkFS.
func (f files) ReadLink(name string) (string, error) {
	e, err := f.lookup("readlink", name)
	if err != nil {
		return "", err
	}
	if e.Mode != filemode.Symlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: errors.New("not a symlink")}
	}
	target, err := f.s.blob(f.ctx, e.Hash)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(target), nil
}

// Prefetch fetches the named files' contents: a request for each depth of missing trees, and one for all contents.
func (f files) Prefetch(names []string) error {
	if err := f.s.reach(f.ctx, f.s.root, names); err != nil {
		return err
	}
	var hashes []plumbing.Hash
	for _, name := range names {
		e, err := f.lookup("prefetch", name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if e.Mode.IsFile() && e.Mode != filemode.Symlink {
			hashes = append(hashes, e.Hash)
		}
	}
	return f.s.ensure(f.ctx, transport.Blobs, hashes...)
}

// info is a tree entry as fs.FileInfo. Git keeps neither sizes nor times in its trees.
type info struct{ e object.TreeEntry }

func (i info) Name() string       { return i.e.Name }
func (i info) Size() int64        { return 0 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.e.Mode == filemode.Dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	switch i.e.Mode {
	case filemode.Dir:
		return fs.ModeDir | 0o755
	case filemode.Symlink:
		return fs.ModeSymlink | 0o777
	case filemode.Submodule:
		return fs.ModeIrregular
	case filemode.Executable:
		return 0o755
	}
	return 0o644
}

type openFile struct {
	*bytes.Reader
	info info
}

func (f openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f openFile) Close() error               { return nil }

type openDir struct {
	info    info
	entries []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.Name(), Err: errors.New("is a directory")}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n > len(d.entries) {
		if n > 0 && len(d.entries) == 0 {
			return nil, io.EOF
		}
		n = len(d.entries)
	}
	entries := d.entries[:n]
	d.entries = d.entries[n:]
	return entries, nil
}
