package transport

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/layout"
	"update-gitops-repo/gitrepo/internal/objectdb"
	"update-gitops-repo/gitrepo/internal/paths"
	"update-gitops-repo/gitrepo/internal/refs"
	"update-gitops-repo/gitrepo/settings"
)

// Disk is a repository on this machine, read and written without a git program. Others may write to it at the same
// time. It is not safe for concurrent use.
type Disk struct {
	dir         string // with HEAD, objects and refs
	bare        bool
	hooks       string // core.hooksPath
	denyDeletes bool   // receive.denyDeletes
	refs        refs.Store
	objects     *objectdb.DB
	seen        References // what References returned
}

// OpenDisk opens the repository in a folder, bare or in a .git below it. Errors: ErrNotFound.
func OpenDisk(dir string) (*Disk, error) {
	d := &Disk{dir: dir, bare: true}
	dotGit := filepath.Join(dir, ".git")
	info, err := os.Stat(dotGit)
	switch {
	case err == nil && info.IsDir():
		d.dir, d.bare = dotGit, false
	case err == nil:
		d.bare = false
		if _, d.dir, err = layout.FollowLink(dotGit); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
		}
	case !paths.Absent(err):
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(d.dir, name)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
		}
	}
	config, err := settings.ReadRepository(d.dir)
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"objectFormat", "refStorage"} {
		if v := config.Get("extensions." + strings.ToLower(key)); v != "" && v != "sha1" && v != "files" {
			return nil, fmt.Errorf("a repository with %s %q is not supported", key, v)
		}
	}
	d.hooks = config.Get("core.hookspath")
	d.denyDeletes = config.BoolOr("receive.denydeletes", false)
	d.refs = refs.Store{GitDir: d.dir, CommonDir: d.dir}
	d.objects = objectdb.Open(filepath.Join(d.dir, "objects"))
	return d, nil
}

// References reads the branches. Symbolic ones are left out. Errors: ErrEmpty.
func (d *Disk) References(context.Context) (References, error) {
	var err error
	if d.seen, err = d.references(); err == nil && len(d.seen.Branches) == 0 {
		err = ErrEmpty
	}
	return d.seen, err
}

func (d *Disk) references() (found References, err error) {
	head, err := d.refs.Read(plumbing.HEAD)
	if err != nil {
		return found, fmt.Errorf("read HEAD: %w", err)
	}
	if found.Branches, err = d.refs.Branches(); err != nil {
		return found, fmt.Errorf("read references: %w", err)
	}
	if head.Type() == plumbing.SymbolicReference && head.Target().IsBranch() {
		found.Head = head.Target().Short()
	}
	return found, nil
}

// FetchTip copies the commit alone: what is below it is as near.
func (d *Disk) FetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash, _ Extent) error {
	return d.FetchObjects(ctx, store, []plumbing.Hash{tip}, Single)
}

// FetchObjects copies objects. Errors: ErrMoved if one is missing, and the branches have changed.
func (d *Disk) FetchObjects(ctx context.Context, store *memory.Storage, hashes []plumbing.Hash, _ Extent) error {
	missing, err := d.objects.Copy(ctx, store, hashes...)
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("object %s: %w", missing[0], plumbing.ErrObjectNotFound)
	}
	return d.explain(err)
}

// explain makes the error for a missing object ErrMoved if that may be why: git removes what no branch leads to any
// more.
func (d *Disk) explain(err error) error {
	if !errors.Is(err, plumbing.ErrObjectNotFound) {
		return err
	}
	now, failed := d.references()
	if failed != nil {
		return errors.Join(err, failed)
	}
	if !maps.Equal(now.Branches, d.seen.Branches) {
		return fmt.Errorf("%w: %w", ErrMoved, err)
	}
	return err
}

// FetchCommits copies the commits that tip reaches and base does not. Errors: ErrMoved if one is missing, and the
// branches have changed.
func (d *Disk) FetchCommits(ctx context.Context, store *memory.Storage, tip, base plumbing.Hash) error {
	err := d.fetchCommits(ctx, store, tip, base)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		err = d.fetchCommits(ctx, store, tip, base) // The repository may have become shallow in the meantime.
	}
	return d.explain(err)
}

func (d *Disk) fetchCommits(ctx context.Context, store *memory.Storage, tip, base plumbing.Hash) error {
	ends, err := d.shallow()
	if err != nil {
		return err
	}
	w := walk{Disk: d, seen: map[plumbing.Hash]bool{}, ends: map[plumbing.Hash]bool{}}
	for _, h := range ends {
		w.ends[h] = true
	}
	if err := w.from(ctx, base, func(plumbing.EncodedObject) error { return nil }); err != nil {
		return err
	}
	return w.from(ctx, tip, func(o plumbing.EncodedObject) error {
		_, err := store.SetEncodedObject(o)
		return err
	})
}

// FetchLog copies the last n commits that tip reaches, and where the repository itself is shallow. Errors: ErrMoved if
// one is missing, and the branches have changed.
func (d *Disk) FetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error {
	err := d.fetchLog(ctx, store, tip, n)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		err = d.fetchLog(ctx, store, tip, n) // The repository may have become shallow in the meantime.
	}
	return d.explain(err)
}

func (d *Disk) fetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error {
	ends, err := d.shallow()
	if err != nil {
		return err
	}
	if err := store.SetShallow(ends); err != nil {
		return err
	}
	_, err = NewestFetched(store, tip, n, func(h plumbing.Hash) error {
		_, err := d.objects.Copy(ctx, store, h) // One that is missing may be a parent of where the repository ends.
		return errors.Join(err, ctx.Err())
	})
	return err
}

// shallow returns the commits whose parents the repository does not have (https://git-scm.com/docs/shallow).
func (d *Disk) shallow() (ends []plumbing.Hash, err error) {
	data, err := os.ReadFile(filepath.Join(d.dir, "shallow"))
	if err != nil && !paths.Absent(err) {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); plumbing.IsHash(line) {
			ends = append(ends, plumbing.NewHash(line))
		}
	}
	return ends, nil
}

// walk is a walk through the history, which visits no commit twice.
type walk struct {
	*Disk
	seen map[plumbing.Hash]bool
	ends map[plumbing.Hash]bool // the commits that a shallow repository ends at
}

// from visits the commits that tip reaches and that are not seen yet. A missing one is an error: what it leads to may
// be somebody's work.
func (w walk) from(ctx context.Context, tip plumbing.Hash, visit func(plumbing.EncodedObject) error) error {
	for next := []plumbing.Hash{tip}; len(next) > 0; {
		h := next[len(next)-1]
		next = next[:len(next)-1]
		if w.seen[h] {
			continue
		}
		w.seen[h] = true
		o, err := w.objects.Object(ctx, h)
		if err != nil {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		c := &object.Commit{}
		if err := c.Decode(o); err != nil {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		if err := visit(o); err != nil {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		if !w.ends[h] {
			next = append(next, c.ParentHashes...)
		}
	}
	return nil
}

// KeySource returns nothing: there is no key.
func (d *Disk) KeySource() string { return "" }
