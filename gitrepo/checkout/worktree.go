package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/objectdb"
	"update-gitops-repo/gitrepo/internal/paths"
	"update-gitops-repo/gitrepo/internal/refs"
	"update-gitops-repo/gitrepo/settings"
)

// worktree is what is known of a checkout, to compare its files with HEAD.
type worktree struct {
	root       string
	commonDir  string
	settings   *settings.Settings
	objects    *objectdb.DB
	store      *memory.Storage  // of objects that were read
	head       map[string]Entry // files, symlinks and submodules of HEAD
	index      stat
	tracked    map[string]bool        // files of HEAD and of the index
	folders    map[string]bool        // of tracked files
	isFolder   map[string]bool        // paths that were asked for: whether they are folders, and not symlinks to some
	attributes map[string][]attribute // by folder
}

// stat is the index: what git noted of the files when it last saw them.
type stat struct {
	entries map[string]*index.Entry
	written time.Time
	err     error // why there are no entries
}

func (c *Checkout) readWorktree(ctx context.Context, s *settings.Settings) (*worktree, error) {
	if c.objects == nil {
		format := c.config.Get("extensions.objectformat")
		return nil, fmt.Errorf("a repository with objectFormat %q is not supported", format)
	}
	if v := c.config.Get("extensions.refstorage"); v != "" && v != "files" {
		return nil, fmt.Errorf("a repository with refStorage %q is not supported", v)
	}
	w := &worktree{
		root: c.at.Root, commonDir: c.at.CommonDir, settings: s, objects: c.objects, store: memory.NewStorage(),
		head: map[string]Entry{}, tracked: map[string]bool{}, folders: map[string]bool{},
		isFolder: map[string]bool{".": true}, attributes: map[string][]attribute{},
	}
	if err := w.readHead(ctx, c.at.GitDir); err != nil {
		return nil, fmt.Errorf("read HEAD: %w", err)
	}
	w.index = w.readIndex(filepath.Join(c.at.GitDir, "index"))
	for name, e := range w.head {
		w.track(name, e.Mode)
	}
	for name, e := range w.index.entries {
		w.track(name, e.Mode)
	}
	return w, nil
}

// track notes an entry of HEAD or, after those, of the index. A submodule is not a file, but counts for its folder.
func (w *worktree) track(name string, mode filemode.FileMode) {
	if mode == filemode.Submodule {
		delete(w.tracked, name)
	} else {
		w.tracked[name] = true
	}
	for dir := path.Dir(name); !w.folders[dir]; dir = path.Dir(dir) {
		w.folders[dir] = true
	}
}

// readHead lists the files of HEAD's tree; none while HEAD's branch has no commit.
func (w *worktree) readHead(ctx context.Context, gitDir string) error {
	head, err := refs.Store{GitDir: gitDir, CommonDir: w.commonDir}.Resolve()
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.need(ctx, head); err != nil {
		return err
	}
	commit, err := object.GetCommit(w.store, head)
	if err != nil {
		return err
	}
	return w.readTree(ctx, commit.TreeHash, "")
}

// readTree lists the files of a tree below dir, "" or "a/b/".
func (w *worktree) readTree(ctx context.Context, hash plumbing.Hash, dir string) error {
	if err := w.need(ctx, hash); err != nil {
		return err
	}
	t, err := object.GetTree(w.store, hash)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		if e.Mode != filemode.Dir {
			w.head[dir+e.Name] = NewEntry(e)
		} else if err := w.readTree(ctx, e.Hash, dir+e.Name+"/"); err != nil {
			return err
		}
	}
	return nil
}

// need reads an object into the store.
func (w *worktree) need(ctx context.Context, hash plumbing.Hash) error {
	missing, err := w.objects.Copy(ctx, w.store, hash)
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%w: %s is not in the checkout", plumbing.ErrObjectNotFound, hash)
	}
	return err
}

// blob returns a file's contents; none if they are not in the checkout, as in a partial clone.
func (w *worktree) blob(ctx context.Context, hash plumbing.Hash) (_ []byte, err error) {
	if hash.IsZero() {
		return nil, nil
	}
	err = w.need(ctx, hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := object.GetBlob(w.store, hash)
	if err != nil {
		return nil, err
	}
	r, err := b.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(r)
}

// readIndex reads the index (https://git-scm.com/docs/index-format). Without a commit there may be none.
func (w *worktree) readIndex(name string) stat {
	data, info, err := readFile(name)
	if errors.Is(err, fs.ErrNotExist) && len(w.head) == 0 {
		return stat{}
	}
	if err != nil {
		return stat{err: err}
	}
	var idx index.Index
	err = index.NewDecoder(bytes.NewReader(data)).Decode(&idx)
	if err != nil && !(errors.Is(err, index.ErrInvalidChecksum) && lacksChecksum(data)) {
		return stat{err: fmt.Errorf("%s: %w", name, err)}
	}
	entries := map[string]*index.Entry{}
	for _, e := range idx.Entries {
		entries[e.Name] = e
		if e.Stage != 0 {
			entries[e.Name] = &index.Entry{Name: e.Name, Mode: e.Mode} // in conflict: it says nothing of the file
		}
	}
	return stat{entries: entries, written: info.ModTime()}
}

// readFile reads a file, and says when that very file was written: git may put another one in its place meanwhile.
func readFile(name string) (data []byte, info fs.FileInfo, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	data, err = io.ReadAll(f)
	return data, info, err
}

// lacksChecksum reports whether an index was written with index.skipHash. The library complains only after it has read
// all the rest.
func lacksChecksum(data []byte) bool {
	return bytes.HasSuffix(data, make([]byte, len(plumbing.ZeroHash)))
}

// path returns where a file of the working tree is on disk.
func (w *worktree) path(name string) string {
	return filepath.Join(w.root, filepath.FromSlash(name))
}

// readConfigured reads the file that a setting names, or else a file of the user's. A missing file, and one that must
// not be read, is empty; git only warns of the latter.
func (w *worktree) readConfigured(key, unset string) ([]byte, error) {
	name := w.settings.Expand(w.settings.Get(key))
	if name == "" {
		dir := w.settings.UserDir()
		if dir == "" {
			return nil, nil
		}
		name = filepath.Join(dir, unset)
	}
	data, err := readIfThere(paths.Resolve(w.root, name))
	if errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	return data, err
}

// readInfo reads a file of the repository's folder "info", if it is there.
func (w *worktree) readInfo(name string) ([]byte, error) {
	return readIfThere(filepath.Join(w.commonDir, "info", name))
}

// readOwn reads a folder's .gitignore or .gitattributes, if it is there. Like git, it does not follow symlinks.
func (w *worktree) readOwn(dir, name string) ([]byte, error) {
	info, err := os.Lstat(w.path(dir + name))
	if paths.Absent(err) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readIfThere(w.path(dir + name))
}

func readIfThere(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if paths.Absent(err) {
		err = nil
	}
	return data, err
}
