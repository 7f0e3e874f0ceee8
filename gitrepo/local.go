package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

// local is a repository on this machine's disk, read and written without a git program.
type local struct {
	dir   string // the folder with HEAD, objects and refs
	bare  bool
	hooks string // core.hooksPath
	store *filesystem.Storage
}

func openLocal(dir string) (*local, error) {
	l := &local{dir: dir, bare: true}
	dotGit := filepath.Join(dir, ".git")
	if info, err := os.Stat(dotGit); err == nil {
		l.dir, l.bare = dotGit, false
		if !info.IsDir() {
			if _, l.dir, err = linkedGitDir(dotGit); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
			}
		}
	}
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(l.dir, name)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
		}
	}
	l.store = filesystem.NewStorageWithOptions(osfs.New(l.dir), cache.NewObjectLRUDefault(), filesystem.Options{AlternatesFS: osfs.New("/")})
	config, err := readConfig(l.dir)
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"objectFormat", "refStorage"} {
		if v := config.get("extensions." + strings.ToLower(key)); v != "" && v != "sha1" && v != "files" {
			return nil, fmt.Errorf("a repository with %s %q is not supported", key, v)
		}
	}
	l.hooks = config.get("core.hookspath")
	return l, nil
}

// references reads what git keeps in packed-refs and, with precedence, below refs/heads
// (https://git-scm.com/docs/gitrepository-layout). Symbolic references are left out.
func (l *local) references(context.Context) (references, error) {
	refs := references{branches: map[string]plumbing.Hash{}}
	head, err := l.store.Reference(plumbing.HEAD)
	if err != nil {
		return refs, fmt.Errorf("read HEAD: %w", err)
	}
	packed, err := os.ReadFile(filepath.Join(l.dir, "packed-refs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return refs, err
	}
	for line := range strings.Lines(string(packed)) {
		hash, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok && plumbing.IsHash(hash) {
			refs.branches[branch] = plumbing.NewHash(hash)
		}
	}
	heads := os.DirFS(filepath.Join(l.dir, "refs", "heads"))
	err = fs.WalkDir(heads, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".lock") {
			return err
		}
		return l.readReference(heads, name, refs.branches)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return refs, fmt.Errorf("read references: %w", err)
	}
	if head.Type() == plumbing.SymbolicReference && head.Target().IsBranch() {
		refs.head = head.Target().Short()
		// Listing a folder can miss a file that is renamed meanwhile, as every update of a reference does; asking for
		// it by its name cannot.
		if err := l.readReference(heads, refs.head, refs.branches); err != nil {
			return refs, fmt.Errorf("read references: %w", err)
		}
	}
	if len(refs.branches) == 0 {
		return refs, ErrEmpty
	}
	return refs, nil
}

// readReference adds a loose reference to the branches, if it is there.
func (l *local) readReference(heads fs.FS, name string, branches map[string]plumbing.Hash) error {
	data, err := fs.ReadFile(heads, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if hash := strings.TrimSpace(string(data)); plumbing.IsHash(hash) {
		branches[name] = plumbing.NewHash(hash)
	}
	return err
}

func (l *local) fetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash) error {
	return l.fetchObjects(ctx, store, []plumbing.Hash{tip})
}

func (l *local) fetchObjects(ctx context.Context, store *memory.Storage, hashes []plumbing.Hash) error {
	for _, h := range hashes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyObject(store, l.store, h); err != nil {
			return fmt.Errorf("object %s: %w", h, err)
		}
	}
	return nil
}

func copyObject(to, from storer.EncodedObjectStorer, h plumbing.Hash) error {
	o, err := from.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return err
	}
	_, err = to.SetEncodedObject(o)
	return err
}

func (l *local) fetchCommits(ctx context.Context, store *memory.Storage, tip, base plumbing.Hash) error {
	merged := map[plumbing.Hash]bool{}
	if err := l.walk(ctx, base, merged, func(plumbing.Hash) error { return nil }); err != nil {
		return err
	}
	return l.walk(ctx, tip, merged, func(h plumbing.Hash) error { return copyObject(store, l.store, h) })
}

// walk visits the commits that tip reaches and that are not seen yet. A shallow repository ends early, as git's own
// walks do.
func (l *local) walk(ctx context.Context, tip plumbing.Hash, seen map[plumbing.Hash]bool, visit func(plumbing.Hash) error) error {
	for next := []plumbing.Hash{tip}; len(next) > 0; {
		h := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[h] {
			continue
		}
		seen[h] = true
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := object.GetCommit(l.store, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		if err := visit(h); err != nil {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		next = append(next, c.ParentHashes...)
	}
	return nil
}

func (l *local) keySource() string { return "" }

func (l *local) checkPush(context.Context) error {
	// A name that git takes for no branch's, since every update of one is a file that ends like this for a while.
	f, err := os.CreateTemp(filepath.Join(l.dir, "refs", "heads"), "*.lock")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// push writes the objects and moves the branch under git's own lock file, so that it races safely with git programs
// (https://git-scm.com/docs/gitrepository-layout; the lock is NAME.lock beside the reference).
func (l *local) push(ctx context.Context, store *memory.Storage, objects []plumbing.Hash, u update) (err error) {
	name := plumbing.NewBranchReferenceName(u.branch)
	if err := l.refuse(name); err != nil {
		return err
	}
	for _, h := range objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyObject(l.store, store, h); err != nil {
			return fmt.Errorf("write object %s: %w", h, err)
		}
	}
	file := filepath.Join(l.dir, filepath.FromSlash(name.String()))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	lock, err := os.OpenFile(file+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: somebody holds %s.lock", ErrMoved, name)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	held := true
	defer func() {
		if held {
			err = errors.Join(err, os.Remove(lock.Name()))
		}
	}()
	_, err = io.WriteString(lock, u.new.String()+"\n")
	if err = errors.Join(err, lock.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	now := plumbing.ZeroHash
	ref, err := l.store.Reference(name)
	if err == nil {
		now = ref.Hash()
	} else if !errors.Is(err, plumbing.ErrReferenceNotFound) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if now != u.old {
		return fmt.Errorf("%w: it is at %s, not at %s", ErrMoved, now, u.old)
	}
	if err := os.Rename(lock.Name(), file); err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	held = false
	return nil
}

// refuse stops pushes that git itself would stop or would hand to a program: to a branch that is checked out
// (receive.denyCurrentBranch), to a symbolic one, and to a repository with hooks.
func (l *local) refuse(branch plumbing.ReferenceName) error {
	heads, err := filepath.Glob(filepath.Join(l.dir, "worktrees", "*", "HEAD"))
	if err != nil {
		return err
	}
	if !l.bare {
		heads = append(heads, filepath.Join(l.dir, "HEAD"))
	}
	for _, head := range heads {
		if data, err := os.ReadFile(head); err == nil && strings.TrimSpace(string(data)) == "ref: "+branch.String() {
			return fmt.Errorf("%w: the branch is checked out there", ErrRejected)
		}
	}
	if ref, err := l.store.Reference(branch); err == nil && ref.Type() == plumbing.SymbolicReference {
		return fmt.Errorf("%w: the branch is another name for %s", ErrRejected, ref.Target())
	}
	if l.hooks != "" {
		return fmt.Errorf("%w: the repository has hooks (core.hooksPath), which a push by path would not run", ErrRejected)
	}
	for _, hook := range []string{"pre-receive", "update", "reference-transaction", "post-receive", "post-update"} {
		info, err := os.Stat(filepath.Join(l.dir, "hooks", hook))
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return fmt.Errorf("%w: the repository has a %s hook, which a push by path would not run", ErrRejected, hook)
		}
	}
	return nil
}
