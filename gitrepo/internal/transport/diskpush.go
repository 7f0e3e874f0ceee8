package transport

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

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/pack"
	"update-gitops-repo/gitrepo/internal/paths"
)

// CheckPush returns ErrRejected if no branch could be written.
func (d *Disk) CheckPush(context.Context) error {
	// Git ignores files of such names among its branches: every update makes one for a while.
	f, err := os.CreateTemp(filepath.Join(d.dir, "refs", "heads"), "*.lock")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// CheckTarget returns ErrRejected if no push may move the branch or make it.
func (d *Disk) CheckTarget(branch string) error {
	name := plumbing.NewBranchReferenceName(branch)
	if _, err := d.tip(name); err != nil {
		return err
	}
	if err := d.refuseCheckedOut(name, d.bare); err != nil {
		return err
	}
	return d.refuseHooks()
}

// PreparePush does nothing: a push has nothing to wait for.
func (d *Disk) PreparePush(context.Context) {}

// Push writes the objects and moves the branch. Errors: ErrMoved, ErrRejected.
func (d *Disk) Push(ctx context.Context, store *memory.Storage, objects []plumbing.Hash, u Update) (err error) {
	now, err := d.tip(u.name())
	if err != nil || now.IsZero() && u.deletes() {
		return err
	}
	if err := d.refuse(ctx, u); err != nil {
		return err
	}
	if len(objects) > 0 {
		if now != u.Old {
			return movedFrom(u.Old, now) // Better before the objects are written than after.
		}
		release, err := d.write(store, objects)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.move(ctx, u)
}

// write writes the objects in one pack, which nobody removes before release is called.
func (d *Disk) write(store *memory.Storage, objects []plumbing.Hash) (release func() error, err error) {
	var each []plumbing.Hash // Two files with the same contents are one object.
	for _, h := range objects {
		if !slices.Contains(each, h) {
			each = append(each, h)
		}
	}
	encoded, err := pack.Encode(store, each)
	if err != nil {
		return nil, err
	}
	if release, err = d.objects.WritePack(encoded.Bytes()); err != nil {
		return nil, fmt.Errorf("%w: write objects: %w", ErrRejected, err)
	}
	return release, nil
}

// movedFrom returns ErrMoved for a branch that is not where it should be.
func movedFrom(old, now plumbing.Hash) error {
	return fmt.Errorf("%w: it is at %s, not at %s", ErrMoved, now, old)
}

// move moves the branch under git's own lock file, so that it races safely with git programs
// (https://git-scm.com/docs/gitrepository-layout; the lock is NAME.lock beside the reference).
func (d *Disk) move(ctx context.Context, u Update) (err error) {
	name := u.name()
	file := filepath.Join(d.dir, filepath.FromSlash(name.String()))
	lock, err := lockReference(ctx, file)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s.lock exists", ErrMoved, name)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	held := true
	defer func() {
		if held {
			err = errors.Join(err, os.Remove(lock.Name()))
		}
		if u.deletes() {
			d.prune(name)
		}
	}()
	_, err = io.WriteString(lock, u.New.String()+"\n")
	if err = errors.Join(err, lock.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	now, err := d.tip(name)
	if err != nil || now.IsZero() && u.deletes() {
		return err
	}
	if now != u.Old {
		return movedFrom(u.Old, now)
	}
	if u.deletes() {
		return d.remove(ctx, name, file)
	}
	if err := d.checkParents(ctx, u.New); err != nil {
		return err
	}
	clearFolders(file)
	if err := os.Rename(lock.Name(), file); err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	held = false
	return nil
}

// checkParents returns ErrMoved if a parent of the commit is missing: git removes what no branch leads to any more, and
// nothing must lead to what is not there.
func (d *Disk) checkParents(ctx context.Context, hash plumbing.Hash) error {
	c, err := d.commit(ctx, hash)
	if err != nil {
		return fmt.Errorf("commit %s: %w", hash, err)
	}
	ends, err := d.shallow()
	if err != nil {
		return err
	}
	for _, parent := range c.ParentHashes {
		if _, err := d.commit(ctx, parent); err != nil && !slices.Contains(ends, hash) {
			return fmt.Errorf("%w: commit %s, which it is based on: %w", ErrMoved, parent, err)
		}
	}
	return nil
}

// commit reads a commit.
func (d *Disk) commit(ctx context.Context, hash plumbing.Hash) (*object.Commit, error) {
	o, err := d.objects.Object(ctx, hash)
	if err != nil {
		return nil, err
	}
	c := &object.Commit{}
	return c, c.Decode(o)
}

// How long a lock that somebody else has is waited for. They are git's own times (core.filesRefLockTimeout,
// core.packedRefsTimeout).
const (
	lockPause     = 10 * time.Millisecond
	referenceWait = 100 * time.Millisecond
	packedWait    = time.Second
)

// lockReference makes the lock file of a reference. Others have it for a moment whenever they move the reference, or
// pack it. The error is fs.ErrExist if somebody has it for longer.
func lockReference(ctx context.Context, file string) (lock *os.File, err error) {
	for range referenceWait / lockPause {
		if lock, err = createLock(file); !errors.Is(err, fs.ErrExist) {
			break
		}
		if err := sleep(ctx, lockPause); err != nil {
			return nil, err
		}
	}
	return lock, err
}

// createLock makes the lock file and the folders above it. Whoever deletes another reference, git too, removes empty
// folders meanwhile.
func createLock(file string) (lock *os.File, err error) {
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

// sleep waits, or returns the context's error if that ends before.
func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}

// clearFolders removes empty folders that stand where a reference is to be: git leaves some, and so do races.
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

// tip returns where a branch is now; zero if there is none. A symbolic one is refused: git would move its target.
func (d *Disk) tip(name plumbing.ReferenceName) (plumbing.Hash, error) {
	ref, err := d.refs.Read(name)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
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
func (d *Disk) remove(ctx context.Context, name plumbing.ReferenceName, file string) (err error) {
	packed := filepath.Join(d.dir, "packed-refs")
	lock, err := lockPacked(ctx, packed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close(), os.Remove(lock.Name())) }()
	// A reference may lack its log, but not the other way round.
	reflog := filepath.Join(d.dir, "logs", filepath.FromSlash(name.String()))
	if err := removeIfThere(reflog); err != nil && !errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	if err := removePacked(packed, name); err != nil {
		return fmt.Errorf("%w: packed-refs: %w", ErrRejected, err)
	}
	if err := removeIfThere(file); err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return nil
}

func removeIfThere(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// lockPacked makes the lock file of packed-refs.
func lockPacked(ctx context.Context, packed string) (*os.File, error) {
	for range packedWait / lockPause {
		lock, err := os.OpenFile(packed+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			return lock, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%w: %w", ErrRejected, err)
		}
		if err := sleep(ctx, lockPause); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: packed-refs.lock exists", ErrMoved)
}

// removePacked rewrites packed-refs, which the caller has locked, without one reference and the lines that belong to
// it.
func removePacked(packed string, name plumbing.ReferenceName) (err error) {
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
	f, err := os.Create(packed + ".new") // Git's own name for it. An existing one was left by a crash.
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

// prune removes the folders that a deleted branch leaves empty: they stand in the way of branches of their names.
func (d *Disk) prune(name plumbing.ReferenceName) {
	for dir := path.Dir(name.String()); dir != "refs/heads"; dir = path.Dir(dir) {
		for _, top := range []string{d.dir, filepath.Join(d.dir, "logs")} {
			_ = os.Remove(filepath.Join(top, filepath.FromSlash(dir))) // Fails where it is not empty.
		}
	}
}

// refuse returns ErrRejected for pushes that git itself would refuse or would hand to a program: to a branch that is
// checked out (receive.denyCurrentBranch), and to a repository with hooks; for deletions also of the branch that HEAD
// names in a bare repository (receive.denyDeleteCurrent), and of any if there are to be none (receive.denyDeletes).
// What cannot be read might be such a reason.
func (d *Disk) refuse(ctx context.Context, u Update) error {
	if u.deletes() && d.denyDeletes {
		return fmt.Errorf("%w: the repository lets no branch be deleted (receive.denyDeletes)", ErrRejected)
	}
	if !u.deletes() && u.Present {
		if _, err := d.commit(ctx, u.New); err != nil {
			return fmt.Errorf("%w: commit %s: %w", ErrRejected, u.New, err)
		}
	}
	if err := d.refuseCheckedOut(u.name(), d.bare && !u.deletes()); err != nil {
		return err
	}
	return d.refuseHooks()
}

// refuseCheckedOut returns ErrRejected for the branch of a working tree, and, unless the repository's own HEAD does not
// matter, for the one that this names.
func (d *Disk) refuseCheckedOut(name plumbing.ReferenceName, withoutHead bool) error {
	worktrees, err := os.ReadDir(filepath.Join(d.dir, "worktrees"))
	if err != nil && !paths.Absent(err) {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	var heads []string
	for _, worktree := range worktrees {
		heads = append(heads, filepath.Join(d.dir, "worktrees", worktree.Name(), "HEAD"))
	}
	if !withoutHead {
		heads = append(heads, filepath.Join(d.dir, "HEAD"))
	}
	for _, head := range heads {
		data, err := os.ReadFile(head)
		if err != nil && !paths.Absent(err) {
			return fmt.Errorf("%w: %w", ErrRejected, err)
		}
		if strings.TrimSpace(string(data)) == "ref: "+name.String() {
			return fmt.Errorf("%w: the branch is checked out there", ErrRejected)
		}
	}
	return nil
}

func (d *Disk) refuseHooks() error {
	if d.hooks != "" {
		return fmt.Errorf("%w: the repository has hooks (core.hooksPath), which a push by path would not run",
			ErrRejected)
	}
	for _, hook := range []string{"pre-receive", "update", "reference-transaction", "post-receive", "post-update"} {
		info, err := os.Stat(filepath.Join(d.dir, "hooks", hook))
		if err != nil && !paths.Absent(err) {
			return fmt.Errorf("%w: %w", ErrRejected, err)
		}
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return fmt.Errorf("%w: the repository has a %s hook, which a push by path would not run", ErrRejected, hook)
		}
	}
	return nil
}
