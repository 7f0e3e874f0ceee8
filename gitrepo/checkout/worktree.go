package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"time"

	"update-gitops-repo/gitrepo/internal/paths"
	"update-gitops-repo/gitrepo/settings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
	"github.com/go-git/go-git/v5/storage/memory"
)

// worktree is what has been read of a checkout to compare its files with HEAD.
type worktree struct {
	ctx        context.Context
	c          *Checkout
	settings   *settings.Settings
	store      *memory.Storage
	head       map[string]Entry        // files, symlinks and submodules of HEAD
	index      map[string]*index.Entry // those that no merge left in conflict
	indexed    time.Time               // when the index was written
	indexErr   error
	tracked    map[string]bool        // files of HEAD and of the index
	folders    map[string]bool        // those of the tracked files
	attributes map[string][]attribute // by folder
	real       map[string]bool        // folders that are such, and not symlinks to some
	everything bool                   // walk into ignored folders too
}

func (c *Checkout) openWorktree(ctx context.Context, settings *settings.Settings) (*worktree, error) {
	if c.objects == nil {
		return nil,
			fmt.Errorf("a repository with objectFormat %q is not supported", c.config.Get("extensions.objectformat"))
	}
	if v := c.config.Get("extensions.refstorage"); v != "" && v != "files" {
		return nil, fmt.Errorf("a repository with refStorage %q is not supported", v)
	}
	w := &worktree{
		ctx: ctx, c: c, settings: settings, store: memory.NewStorage(), head: map[string]Entry{},
		index:   map[string]*index.Entry{},
		tracked: map[string]bool{}, folders: map[string]bool{}, attributes: map[string][]attribute{},
		real: map[string]bool{".": true},
	}
	if err := w.readHead(); err != nil {
		return nil, fmt.Errorf("read HEAD: %w", err)
	}
	for name, e := range w.head {
		w.tracked[name] = e.Mode != filemode.Submodule
	}
	if w.indexErr = w.readIndex(); w.indexErr != nil {
		w.index = nil
	}
	for name, e := range w.index {
		w.tracked[name] = e.Mode != filemode.Submodule
	}
	for name := range w.tracked {
		for dir := path.Dir(name); !w.folders[dir]; dir = path.Dir(dir) {
			w.folders[dir] = true
		}
	}
	maps.DeleteFunc(w.tracked, func(_ string, file bool) bool { return !file })
	return w, nil
}

// readHead lists the files of HEAD's tree. There are none as long as HEAD's branch has no commit.
func (w *worktree) readHead() error {
	dirs := dotgit.NewRepositoryFilesystem(osfs.New(w.c.at.GitDir), osfs.New(w.c.at.CommonDir))
	head, err := storer.ResolveReference(filesystem.NewStorage(dirs, cache.NewObjectLRUDefault()), plumbing.HEAD)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.need(head.Hash()); err != nil {
		return err
	}
	commit, err := object.GetCommit(w.store, head.Hash())
	if err != nil {
		return err
	}
	return w.readTree(commit.TreeHash, "")
}

func (w *worktree) readTree(hash plumbing.Hash, dir string) error {
	if err := errors.Join(w.need(hash), w.ctx.Err()); err != nil {
		return err
	}
	t, err := object.GetTree(w.store, hash)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		if e.Mode != filemode.Dir {
			w.head[dir+e.Name] = NewEntry(e)
		} else if err := w.readTree(e.Hash, dir+e.Name+"/"); err != nil {
			return err
		}
	}
	return nil
}

func (w *worktree) need(hash plumbing.Hash) error {
	if !w.c.objects.Copy(w.store, hash) {
		return fmt.Errorf("object %s is not in the checkout", hash)
	}
	return nil
}

// readIndex reads what git noted of the files when it last saw them (https://git-scm.com/docs/index-format).
func (w *worktree) readIndex() error {
	name := filepath.Join(w.c.at.GitDir, "index")
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && len(w.head) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	w.indexed = info.ModTime()
	var idx index.Index
	err = index.NewDecoder(bytes.NewReader(data)).Decode(&idx)
	// With index.skipHash there is no checksum; the library has read all else by then.
	if err != nil &&
		!(errors.Is(err, index.ErrInvalidChecksum) && bytes.HasSuffix(data, make([]byte, len(plumbing.ZeroHash)))) {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, e := range idx.Entries {
		w.index[e.Name] = e
		if e.Stage != 0 {
			w.index[e.Name] = &index.Entry{Name: e.Name, Mode: e.Mode} // In conflict: it says nothing of the file.
		}
	}
	return nil
}

func (w *worktree) path(name string) string {
	return filepath.Join(w.c.at.Root, filepath.FromSlash(name))
}

// lstat is nil when there is no file of that name, or only behind a symlink.
func (w *worktree) lstat(name string) (fs.FileInfo, error) {
	if !w.isReal(path.Dir(name)) {
		return nil, nil
	}
	info, err := os.Lstat(w.path(name))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil, nil
	}
	return info, err
}

func (w *worktree) isReal(dir string) bool {
	real, ok := w.real[dir]
	if !ok {
		info, err := os.Lstat(w.path(dir))
		// Whoever may not look will fail on the file itself.
		real = w.isReal(path.Dir(dir)) && (err == nil && info.IsDir() || errors.Is(err, fs.ErrPermission))
		w.real[dir] = real
	}
	return real
}

// file compares a file with HEAD; nil means that nothing is known to be different.
func (w *worktree) file(name string) (*File, error) {
	f := &File{Path: name, Head: w.head[name]}
	indexed := w.index[name]
	info, err := w.lstat(name)
	switch {
	case err != nil:
		return nil, err
	case info == nil && f.Head == (Entry{}), info == nil && indexed != nil && indexed.SkipWorktree:
		return nil, nil
	case info == nil && w.indexErr != nil:
		return nil, fmt.Errorf("it is not there, and whether it was deleted or left out cannot be told: %w", w.indexErr)
	case info == nil:
		f.Deleted = true
		return f, nil
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(w.path(name))
		f.Contents, f.Mode = []byte(target), fs.ModeSymlink
		return f, err
	case !info.Mode().IsRegular():
		return nil, nil
	}
	f.Mode = w.mode(f.Head, indexed, info)
	if indexed != nil && indexed.Hash == f.Head.Hash && f.Entry().Mode == f.Head.Mode && indexed.Mode == f.Head.Mode &&
		indexed.Size == uint32(info.Size()) && indexed.ModifiedAt.Equal(info.ModTime()) &&
		info.ModTime().Before(w.indexed) {
		return nil, nil // As git left it. Not so if it may have been written again in the moment when the index was.
	}
	if f.Contents, err = os.ReadFile(w.path(name)); err != nil {
		return nil, err
	}
	if f.Entry().Hash == f.Head.Hash || f.Mode == fs.ModeSymlink {
		return f, nil // Whatever line ends HEAD has, these are the same.
	}
	f.Contents, err = w.clean(name, f.Contents, f.Head)
	return f, err
}

// mode gives a regular file's mode, which some file systems cannot keep.
func (w *worktree) mode(head Entry, indexed *index.Entry, info fs.FileInfo) fs.FileMode {
	known := head.Mode
	if indexed != nil {
		known = indexed.Mode
	}
	executable := info.Mode()&0o100 != 0
	if !w.settings.BoolOr("core.filemode", true) {
		executable = known == filemode.Executable
	}
	switch {
	case known == filemode.Symlink && !w.settings.BoolOr("core.symlinks", true):
		return fs.ModeSymlink
	case executable:
		return 0o755
	}
	return 0o644
}

// coreFile reads the file that a setting names, by default one of the user's. It need not be there, nor be readable.
func (w *worktree) coreFile(key, unset string) ([]byte, error) {
	name := w.settings.Expand(w.settings.Get(key))
	if name == "" {
		dir := w.settings.UserDir()
		if dir == "" {
			return nil, nil
		}
		name = filepath.Join(dir, unset)
	}
	data, err := optional(paths.Resolve(w.c.at.Root, name))
	if errors.Is(err, fs.ErrPermission) {
		err = nil // As with the settings themselves, and as git has it, but for its warning.
	}
	return data, err
}

func optional(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if paths.Absent(err) {
		err = nil
	}
	return data, err
}

// own reads a folder's .gitignore or .gitattributes, if it has one; symlinks are none, as git has it.
func (w *worktree) own(dir, name string) ([]byte, error) {
	info, err := os.Lstat(w.path(dir + name))
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	return optional(w.path(dir + name))
}
