package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Checkout is a working tree on this machine and the repository that it belongs to. Only files are read, whoever owns
// them; nothing in it is ever written. It is not safe for concurrent use.
type Checkout struct {
	root      string    // of the working tree
	gitDir    string    // HEAD and index
	commonDir string    // config, objects and branches, which linked worktrees share
	config    *Settings // of the repository alone
	objects   *objects  // nil: in a format that this package cannot read
}

// OpenCheckout finds the checkout that holds dir: the folder itself or one above it, a linked worktree or a submodule
// too (https://git-scm.com/docs/gitrepository-layout). Errors: ErrNoCheckout, which says whether there is none, a bare
// repository, or one that is broken.
func OpenCheckout(dir string) (*Checkout, error) {
	c, err := findCheckout(dir)
	if err == nil {
		err = c.open()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", dir, ErrNoCheckout, err)
	}
	return c, nil
}

func (c *Checkout) open() (err error) {
	if c.config, err = readConfig(c.commonDir); err != nil {
		return err
	}
	if c.gitDir == c.commonDir && c.config.bool("core.bare", false) {
		return fmt.Errorf("%s is a bare repository, which has no working tree", c.gitDir)
	}
	if tree := c.config.get("core.worktree"); tree != "" && c.gitDir == c.commonDir {
		if tree = relativeTo(c.gitDir, tree); !sameFile(tree, c.root) {
			return fmt.Errorf("its files are in %s (core.worktree)", tree)
		}
	}
	if format := c.config.get("extensions.objectformat"); format == "" || format == "sha1" {
		c.objects = &objects{dir: filepath.Join(c.commonDir, "objects")}
		c.objects.open()
	}
	return nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, yerr := os.Stat(b)
	return err == nil && yerr == nil && os.SameFile(x, y)
}

// Root is the folder at the top of the working tree.
func (c *Checkout) Root() string { return c.root }

// Origin gives the URL of the remote "origin", the first where there are several. A relative path comes back joined with
// the checkout's own. No configuration beside the repository's own is read. Errors: ErrNoCheckout.
func (c *Checkout) Origin() (string, error) {
	url := c.config.origin()
	if url == "" {
		return "", fmt.Errorf("%s: %w: it has no remote named origin", c.root, ErrNoCheckout)
	}
	if u, _, err := ParseURL(url); err == nil && u.Scheme == "file" && !strings.HasPrefix(url, "file:") {
		return relativeTo(c.root, url), nil
	}
	return url, nil
}

// findCheckout looks for a .git in dir and the folders above it.
func findCheckout(dir string) (*Checkout, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, err
	}
	var broken error
	for ; ; dir = filepath.Dir(dir) {
		dotGit := filepath.Join(dir, ".git")
		info, err := os.Stat(dotGit)
		switch {
		case err == nil && !info.IsDir():
			c := &Checkout{root: dir}
			c.gitDir, c.commonDir, err = linkedGitDir(dotGit)
			return c, err
		case err == nil && isGitDir(dotGit, dotGit):
			return &Checkout{root: dir, gitDir: dotGit, commonDir: dotGit}, nil
		case err == nil && broken == nil: // Git passes over such a folder too.
			broken = fmt.Errorf("%s is no git folder, and there is none above it", dotGit)
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return nil, err
		case err != nil && filepath.Base(dir) == ".git" && isGitDir(dir, dir):
			return nil, errors.New("it is the inside of a git folder, not the checkout beside it")
		case err != nil && isGitDir(dir, dir):
			return nil, fmt.Errorf("%s is a bare repository, which has no working tree", dir)
		}
		if dir == filepath.Dir(dir) {
			if broken == nil {
				broken = errors.New("no .git in it or above it")
			}
			return nil, broken
		}
	}
}

// isGitDir tells a repository by what git itself looks for.
func isGitDir(gitDir, commonDir string) bool {
	_, head := os.Lstat(filepath.Join(gitDir, "HEAD")) // A symlink to a branch without commits leads nowhere.
	_, objects := os.Stat(filepath.Join(commonDir, "objects"))
	_, refs := os.Stat(filepath.Join(commonDir, "refs"))
	return errors.Join(head, objects, refs) == nil
}

// linkedGitDir follows the .git file of a linked worktree or a submodule to its git folder, and to the one that it
// shares config, objects and branches with.
func linkedGitDir(dotGit string) (gitDir, commonDir string, err error) {
	data, err := os.ReadFile(dotGit)
	if err != nil {
		return "", "", err
	}
	target, ok := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), "gitdir: ")
	if !ok {
		return "", "", fmt.Errorf("%s does not name a git folder", dotGit)
	}
	gitDir = relativeTo(filepath.Dir(dotGit), target)
	commonDir = gitDir
	common, err := os.ReadFile(filepath.Join(gitDir, "commondir"))
	if err == nil {
		commonDir = relativeTo(gitDir, strings.TrimRight(string(common), "\r\n"))
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", "", err
	}
	if !isGitDir(gitDir, commonDir) {
		return "", "", fmt.Errorf("%s names %s, which is no git folder", dotGit, target)
	}
	return gitDir, commonDir, nil
}

func relativeTo(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// objects reads an object database: loose objects, packs, and those of its alternates.
type objects struct {
	dir    string
	stores []*filesystem.ObjectStorage
	packed time.Time
}

// open lists the folders anew. The library's own way with alternates gives up at the first that is not there, takes
// relative ones for something else, and reads their packs' indexes again for every object.
func (o *objects) open() {
	o.stores, o.packed = nil, o.lastPacked()
	shared := cache.NewObjectLRUDefault()
	dirs := []string{o.dir}
	for i := 0; i < len(dirs); i++ {
		if filepath.Base(dirs[i]) != "objects" {
			continue // The library has no way to say so.
		}
		o.stores = append(o.stores, filesystem.NewObjectStorage(dotgit.New(osfs.New(filepath.Dir(dirs[i]))), shared))
		alternates, err := os.ReadFile(filepath.Join(dirs[i], "info", "alternates"))
		if err != nil {
			continue // There are none, or none that can be had.
		}
		for line := range strings.Lines(string(alternates)) {
			line = strings.TrimRight(line, "\n")
			if dir := relativeTo(dirs[i], line); line != "" && line[0] != '#' && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
}

func (o *objects) lastPacked() time.Time {
	info, err := os.Stat(filepath.Join(o.dir, "pack"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// copy puts an object into the store and tells whether it could. What is damaged counts as not there.
func (o *objects) copy(to *memory.Storage, h plumbing.Hash) bool {
	if to.HasEncodedObject(h) == nil || o.read(to, h) {
		return true
	}
	if o.lastPacked().Equal(o.packed) {
		return false
	}
	o.open() // Somebody has packed the repository since.
	return o.read(to, h)
}

func (o *objects) read(to *memory.Storage, h plumbing.Hash) bool {
	for _, s := range o.stores {
		if s.HasEncodedObject(h) != nil {
			continue
		}
		from, err := s.EncodedObject(plumbing.AnyObject, h)
		if err != nil {
			continue
		}
		// A copy in memory: the library's object may read its file only later, and takes the index's word for the hash.
		object := &plumbing.MemoryObject{}
		object.SetType(from.Type())
		r, err := from.Reader()
		if err != nil {
			continue
		}
		_, err = io.Copy(object, r)
		if errors.Join(err, r.Close()) != nil || object.Hash() != h {
			continue
		}
		if _, err := to.SetEncodedObject(object); err == nil {
			return true
		}
	}
	return false
}

// reusing is a connection that is asked only for objects that a checkout does not have.
type reusing struct {
	connection
	objects *objects
	tip     plumbing.Hash
	asked   bool // the connection was, for the tip
}

func (r *reusing) fetchTip(ctx context.Context, store *memory.Storage, tip plumbing.Hash, trees bool) error {
	r.tip, r.asked = tip, !r.objects.copy(store, tip)
	if !r.asked {
		return nil
	}
	return r.connection.fetchTip(ctx, store, tip, trees)
}

func (r *reusing) fetchObjects(ctx context.Context, store *memory.Storage, hashes []plumbing.Hash, what extent) error {
	missing := func() (out []plumbing.Hash, err error) {
		for _, h := range hashes {
			if !r.objects.copy(store, h) {
				out = append(out, h)
			}
		}
		return out, ctx.Err()
	}
	left, err := missing()
	if err != nil || len(left) == 0 {
		return err
	}
	if !r.asked {
		// What is missing may be a tree, and then more of them: all come with the tip, in one request, if they are not many.
		r.asked = true
		if err := r.connection.fetchTip(ctx, store, r.tip, false); err != nil {
			return err
		}
		if left, err = missing(); err != nil || len(left) == 0 {
			return err
		}
	}
	return r.connection.fetchObjects(ctx, store, left, what)
}

func (r *reusing) fetchLog(ctx context.Context, store *memory.Storage, tip plumbing.Hash, n int) error {
	// Parents that a shallow checkout leaves out are missing here, whatever it says of where it ends.
	_, err := newest(store, tip, n, func(h plumbing.Hash) error {
		r.objects.copy(store, h)
		return ctx.Err()
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return r.connection.fetchLog(ctx, store, tip, n)
}
