package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"update-gitops-repo/gitrepo/internal/layout"
	"update-gitops-repo/gitrepo/settings"

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
	keeps bool   // receive.denyDeletes
	store *filesystem.Storage
}

func openLocal(dir string) (*local, error) {
	l := &local{dir: dir, bare: true}
	dotGit := filepath.Join(dir, ".git")
	if info, err := os.Stat(dotGit); err == nil {
		l.dir, l.bare = dotGit, false
		if !info.IsDir() {
			if _, l.dir, err = layout.FollowLink(dotGit); err != nil {
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
	config, err := settings.ReadRepository(l.dir)
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"objectFormat", "refStorage"} {
		if v := config.Get("extensions." + strings.ToLower(key)); v != "" && v != "sha1" && v != "files" {
			return nil, fmt.Errorf("a repository with %s %q is not supported", key, v)
		}
	}
	l.hooks = config.Get("core.hookspath")
	l.keeps = config.BoolOr("receive.denydeletes", false)
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
	heads := os.DirFS(filepath.Join(l.dir, "refs", "heads"))
	err = fs.WalkDir(heads, ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // A folder went with the last branch in it.
		}
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".lock") {
			return err
		}
		return l.readReference(heads, name, refs.branches)
	})
	if err != nil {
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
	// After the files: "git pack-refs" writes here what it then takes from there.
	packed, err := os.ReadFile(filepath.Join(l.dir, "packed-refs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return refs, err
	}
	for line := range strings.Lines(string(packed)) {
		hash, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		branch, ok := strings.CutPrefix(name, "refs/heads/")
		if _, loose := refs.branches[branch]; ok && !loose && plumbing.IsHash(hash) {
			refs.branches[branch] = plumbing.NewHash(hash)
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

func (l *local) fetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash, _ bool) error {
	return l.fetchObjects(ctx, store, []plumbing.Hash{tip}, alone)
}

func (l *local) fetchObjects(ctx context.Context, store *memory.Storage, hashes []plumbing.Hash, _ extent) error {
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

func (l *local) fetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error {
	ends, err := l.store.Shallow()
	if err != nil {
		return err
	}
	if err := store.SetShallow(ends); err != nil {
		return err
	}
	_, err = newest(store, tip, n, func(h plumbing.Hash) error {
		if err := copyObject(store, l.store, h); err != nil && !errors.Is(err, plumbing.ErrObjectNotFound) {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		return ctx.Err()
	})
	return err
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

func (l *local) preparePush(context.Context) {}

// push writes the objects and moves the branch under git's own lock file, so that it races safely with git programs
// (https://git-scm.com/docs/gitrepository-layout; the lock is NAME.lock beside the reference).
func (l *local) push(ctx context.Context, store *memory.Storage, objects []plumbing.Hash, u update) (err error) {
	name := plumbing.NewBranchReferenceName(u.branch)
	now, err := l.tip(name)
	if err != nil || now.IsZero() && u.new.IsZero() {
		return err
	}
	if err := l.refuse(name, u); err != nil {
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
	if err := ctx.Err(); err != nil {
		return err
	}
	file := filepath.Join(l.dir, filepath.FromSlash(name.String()))
	lock, err := lockReference(file)
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
		if u.new.IsZero() {
			l.prune(name)
		}
	}()
	_, err = io.WriteString(lock, u.new.String()+"\n")
	if err = errors.Join(err, lock.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	now, err = l.tip(name)
	if err != nil || now.IsZero() && u.new.IsZero() {
		return err
	}
	if now != u.old {
		return fmt.Errorf("%w: it is at %s, not at %s", ErrMoved, now, u.old)
	}
	if u.new.IsZero() {
		return l.remove(ctx, name, file)
	}
	clearFolders(file)
	if err := os.Rename(lock.Name(), file); err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	held = false
	return nil
}

// lockReference makes the lock file of a reference. Whoever deletes another one, git too, takes empty folders away.
func lockReference(file string) (lock *os.File, err error) {
	for range 100 {
		if err = os.MkdirAll(filepath.Dir(file), 0o777); err == nil {
			lock, err = os.OpenFile(file+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return lock, err
}

// clearFolders takes away empty folders that stand where a reference is to be: git leaves some, and so do races.
func clearFolders(file string) {
	var dirs []string
	_ = filepath.WalkDir(file, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, name)
		}
		return nil
	})
	for _, dir := range slices.Backward(dirs) {
		_ = os.Remove(dir) // Fails where it is not empty, and the caller then says so.
	}
}

// tip is where a branch is now; zero when there is none. A symbolic one git would push to under its other name.
func (l *local) tip(name plumbing.ReferenceName) (plumbing.Hash, error) {
	ref, err := l.store.Reference(name)
	// A branch a is not in the way of asking for a/b.
	if errors.Is(err, plumbing.ErrReferenceNotFound) || errors.Is(err, syscall.ENOTDIR) {
		return plumbing.ZeroHash, nil
	}
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("read %s: %w", name, err)
	}
	if ref.Type() == plumbing.SymbolicReference {
		return plumbing.ZeroHash, fmt.Errorf("%w: the branch is another name for %s", ErrRejected, ref.Target())
	}
	return ref.Hash(), nil
}

// remove deletes a branch that is locked, in git's order: out of packed-refs first, or its old value there would show
// when the file is gone, and under the lock of packed-refs to the end, or "git pack-refs" could put it in again.
func (l *local) remove(ctx context.Context, name plumbing.ReferenceName, file string) (err error) {
	packed := filepath.Join(l.dir, "packed-refs")
	lock, err := os.OpenFile(packed+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	for try := 0; errors.Is(err, fs.ErrExist) && try < 100; try++ { // As long as git waits, a second.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
		lock, err = os.OpenFile(packed+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: somebody holds packed-refs.lock", ErrMoved)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	defer func() { err = errors.Join(err, lock.Close(), os.Remove(lock.Name())) }()
	// A reference may lack its log, but not the other way round.
	if err := os.Remove(filepath.Join(l.dir, "logs", filepath.FromSlash(name.String()))); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	if err := unpack(packed, name); err != nil {
		return fmt.Errorf("%w: packed-refs: %w", ErrRejected, err)
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return nil
}

// unpack rewrites packed-refs, which the caller has locked, without one reference and what follows from it.
func unpack(packed string, name plumbing.ReferenceName) (err error) {
	data, err := os.ReadFile(packed)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept strings.Builder
	gone := false
	for line := range strings.Lines(string(data)) {
		if _, ref, _ := strings.Cut(strings.TrimRight(line, "\n"), " "); !strings.HasPrefix(line, "^") {
			gone = ref == name.String()
		}
		if !gone {
			kept.WriteString(line)
		}
	}
	if kept.Len() == len(data) {
		return nil
	}
	f, err := os.Create(packed + ".new") // Git's own name for it. One that is there was left by a crash.
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, kept.String())
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil { // All the other references are in it.
		err = os.Rename(f.Name(), packed)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// prune takes away the folders that a deleted branch leaves empty, where branches of their names could not be.
func (l *local) prune(name plumbing.ReferenceName) {
	for dir := path.Dir(name.String()); dir != "refs/heads"; dir = path.Dir(dir) {
		for _, top := range []string{l.dir, filepath.Join(l.dir, "logs")} {
			_ = os.Remove(filepath.Join(top, filepath.FromSlash(dir))) // Fails where it is not empty.
		}
	}
}

// refuse stops pushes that git itself would stop or would hand to a program: to a branch that is checked out
// (receive.denyCurrentBranch), and to a repository with hooks; deletions also of the branch that HEAD
// names in a bare repository (receive.denyDeleteCurrent), and wherever there are to be none (receive.denyDeletes).
func (l *local) refuse(branch plumbing.ReferenceName, u update) error {
	if u.new.IsZero() && l.keeps {
		return fmt.Errorf("%w: the repository lets no branch be deleted (receive.denyDeletes)", ErrRejected)
	}
	if !u.new.IsZero() && u.there {
		if _, err := object.GetCommit(l.store, u.new); err != nil {
			return fmt.Errorf("%w: commit %s: %w", ErrRejected, u.new, err)
		}
	}
	heads, err := filepath.Glob(filepath.Join(l.dir, "worktrees", "*", "HEAD"))
	if err != nil {
		return err
	}
	if !l.bare || u.new.IsZero() {
		heads = append(heads, filepath.Join(l.dir, "HEAD"))
	}
	for _, head := range heads {
		if data, err := os.ReadFile(head); err == nil && strings.TrimSpace(string(data)) == "ref: "+branch.String() {
			return fmt.Errorf("%w: the branch is checked out there", ErrRejected)
		}
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
