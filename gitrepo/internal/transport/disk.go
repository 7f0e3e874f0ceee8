package transport

import (
	"context"
	"errors"
	"fmt"
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

	"update-gitops-repo/gitrepo/internal/layout"
	"update-gitops-repo/gitrepo/settings"
)

// Disk is a repository on this machine, read and written without a git program.
type Disk struct {
	dir         string // with HEAD, objects and refs
	bare        bool
	hooks       string // core.hooksPath
	denyDeletes bool   // receive.denyDeletes
	store       *filesystem.Storage
}

// OpenDisk opens the repository in a folder, bare or in a .git below it. Errors: ErrNotFound.
func OpenDisk(dir string) (*Disk, error) {
	d := &Disk{dir: dir, bare: true}
	dotGit := filepath.Join(dir, ".git")
	if info, err := os.Stat(dotGit); err == nil {
		d.dir, d.bare = dotGit, false
		if !info.IsDir() {
			if _, d.dir, err = layout.FollowLink(dotGit); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
			}
		}
	}
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(d.dir, name)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
		}
	}
	options := filesystem.Options{AlternatesFS: osfs.New("/")}
	d.store = filesystem.NewStorageWithOptions(osfs.New(d.dir), cache.NewObjectLRUDefault(), options)
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
	return d, nil
}

// References reads what git keeps in packed-refs and, with precedence, below refs/heads
// (https://git-scm.com/docs/gitrepository-layout). Symbolic references are left out.
// Errors: ErrEmpty.
func (d *Disk) References(context.Context) (References, error) {
	refs := References{Branches: map[string]plumbing.Hash{}}
	head, err := d.store.Reference(plumbing.HEAD)
	if err != nil {
		return refs, fmt.Errorf("read HEAD: %w", err)
	}
	heads := os.DirFS(filepath.Join(d.dir, "refs", "heads"))
	err = fs.WalkDir(heads, ".", func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // A folder was deleted with the last branch in it.
		}
		if err != nil || entry.IsDir() || strings.HasSuffix(name, ".lock") {
			return err
		}
		return d.readReference(heads, name, refs.Branches)
	})
	if err != nil {
		return refs, fmt.Errorf("read references: %w", err)
	}
	if head.Type() == plumbing.SymbolicReference && head.Target().IsBranch() {
		refs.Head = head.Target().Short()
		// Listing a folder can miss a file that is renamed meanwhile, as every update of a reference does; asking for
		// it by its name cannot.
		if err := d.readReference(heads, refs.Head, refs.Branches); err != nil {
			return refs, fmt.Errorf("read references: %w", err)
		}
	}
	// After the files: "git pack-refs" writes here what it then takes from there.
	packed, err := os.ReadFile(filepath.Join(d.dir, "packed-refs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return refs, err
	}
	for line := range strings.Lines(string(packed)) {
		hash, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		branch, ok := strings.CutPrefix(name, "refs/heads/")
		if _, loose := refs.Branches[branch]; ok && !loose && plumbing.IsHash(hash) {
			refs.Branches[branch] = plumbing.NewHash(hash)
		}
	}
	if len(refs.Branches) == 0 {
		return refs, ErrEmpty
	}
	return refs, nil
}

// readReference adds a loose reference to the branches, if it is there.
func (d *Disk) readReference(heads fs.FS, name string, branches map[string]plumbing.Hash) error {
	data, err := fs.ReadFile(heads, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if hash := strings.TrimSpace(string(data)); plumbing.IsHash(hash) {
		branches[name] = plumbing.NewHash(hash)
	}
	return err
}

// FetchTip copies the commit alone: what is below it is as near.
func (d *Disk) FetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash, _ Extent) error {
	return d.FetchObjects(ctx, store, []plumbing.Hash{tip}, Single)
}

// FetchObjects copies objects.
func (d *Disk) FetchObjects(ctx context.Context, store *memory.Storage, hashes []plumbing.Hash, _ Extent) error {
	for _, h := range hashes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyObject(store, d.store, h); err != nil {
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

// FetchCommits copies the commits that tip reaches and base does not.
func (d *Disk) FetchCommits(ctx context.Context, store *memory.Storage, tip, base plumbing.Hash) error {
	merged := map[plumbing.Hash]bool{}
	if err := d.walk(ctx, base, merged, func(plumbing.Hash) error { return nil }); err != nil {
		return err
	}
	return d.walk(ctx, tip, merged, func(h plumbing.Hash) error { return copyObject(store, d.store, h) })
}

// FetchLog copies the last n commits that tip reaches, and where the repository itself is shallow.
func (d *Disk) FetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error {
	ends, err := d.store.Shallow()
	if err != nil {
		return err
	}
	if err := store.SetShallow(ends); err != nil {
		return err
	}
	_, err = NewestFetched(store, tip, n, func(h plumbing.Hash) error {
		if err := copyObject(store, d.store, h); err != nil && !errors.Is(err, plumbing.ErrObjectNotFound) {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		return ctx.Err()
	})
	return err
}

// walk visits the commits that tip reaches and that are not seen yet. A shallow repository ends early, as git's own
// walks do.
func (d *Disk) walk(
	ctx context.Context, tip plumbing.Hash, seen map[plumbing.Hash]bool, visit func(plumbing.Hash) error,
) error {
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
		c, err := object.GetCommit(d.store, h)
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

// KeySource returns nothing: there is no key.
func (d *Disk) KeySource() string { return "" }
