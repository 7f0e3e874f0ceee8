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
func (d *Disk) Push(ctx context.Context, store *memory.Storage, objects []plumbing.Hash, u Update) error {
	now, err := d.tip(u.name())
	if err != nil || now.IsZero() && u.deletes() {
		return err
	}
	if err := d.refuse(u); err != nil {
		return err
	}
	for _, h := range objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyObject(d.store, store, h); err != nil {
			return fmt.Errorf("write object %s: %w", h, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.move(ctx, u)
}

// move moves the branch under git's own lock file, so that it races safely with git programs
// (https://git-scm.com/docs/gitrepository-layout; the lock is NAME.lock beside the reference).
func (d *Disk) move(ctx context.Context, u Update) (err error) {
	name := u.name()
	file := filepath.Join(d.dir, filepath.FromSlash(name.String()))
	lock, err := lockReference(file)
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
		return fmt.Errorf("%w: it is at %s, not at %s", ErrMoved, now, u.Old)
	}
	if u.deletes() {
		return d.remove(ctx, name, file)
	}
	clearFolders(file)
	if err := os.Rename(lock.Name(), file); err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	held = false
	return nil
}

// lockReference makes the lock file of a reference. Whoever deletes another one, git too, removes empty folders
// meanwhile.
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
	ref, err := d.store.Reference(name)
	// There is a branch a, and a/b is asked for.
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

// lockPacked makes the lock file of packed-refs. It waits for it as long as git does: a second.
func lockPacked(ctx context.Context, packed string) (*os.File, error) {
	for range 100 {
		lock, err := os.OpenFile(packed+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			return lock, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%w: %w", ErrRejected, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
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
func (d *Disk) refuse(u Update) error {
	if u.deletes() && d.denyDeletes {
		return fmt.Errorf("%w: the repository lets no branch be deleted (receive.denyDeletes)", ErrRejected)
	}
	if !u.deletes() && u.Present {
		if _, err := object.GetCommit(d.store, u.New); err != nil {
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
	heads, err := filepath.Glob(filepath.Join(d.dir, "worktrees", "*", "HEAD"))
	if err != nil {
		return err
	}
	if !withoutHead {
		heads = append(heads, filepath.Join(d.dir, "HEAD"))
	}
	for _, head := range heads {
		data, err := os.ReadFile(head)
		if err == nil && strings.TrimSpace(string(data)) == "ref: "+name.String() {
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
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return fmt.Errorf("%w: the repository has a %s hook, which a push by path would not run", ErrRejected, hook)
		}
	}
	return nil
}
