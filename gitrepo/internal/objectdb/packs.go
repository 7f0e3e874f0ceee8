package objectdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"update-gitops-repo/gitrepo/internal/paths"
)

// packs are the packs of a database and of its alternates, as they were when they were listed.
type packs struct {
	dir     string
	listed  bool
	folders []string // the database's own, and those of its alternates
	all     []*pack  // the one first that had the last object: it is likely to have the next
	unread  error    // why the list may lack some
}

// pack is a pack with its index.
type pack struct {
	name  string               // of its files, without their endings
	index *idxfile.MemoryIndex // nil: not read yet
}

// list lists the packs anew, and reports whether there are others than before. Packs are known by their indexes, as
// git knows them: that is the file that comes last and goes first.
//
// Only names are read. The library's own listing asks for each file's size too, fails when a temporary one has gone
// by then, and takes that for a repository without packs.
func (p *packs) list() (changed bool) {
	known := map[string]*pack{}
	for _, pack := range p.all {
		known[pack.name] = pack
	}
	p.listed, p.unread = true, nil
	p.folders = []string{p.dir}
	there := map[string]bool{}
	for i := 0; i < len(p.folders); i++ {
		names, err := listIndexes(filepath.Join(p.folders[i], "pack"))
		for _, name := range names {
			if there[name] = true; known[name] == nil {
				p.all = slices.Insert(p.all, 0, &pack{name: name}) // What is new is likely to be asked for.
				changed = true
			}
		}
		further, alternatesErr := alternates(p.folders[i])
		for _, dir := range further {
			if !slices.Contains(p.folders, dir) {
				p.folders = append(p.folders, dir)
			}
		}
		p.unread = errors.Join(p.unread, err, alternatesErr)
	}
	before := len(p.all)
	p.all = slices.DeleteFunc(p.all, func(pack *pack) bool { return !there[pack.name] })
	return changed || len(p.all) < before
}

// listIndexes returns the packs in a folder that have an index, by their names without the ending. A folder that is not
// there is empty.
func listIndexes(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if paths.Absent(err) {
		return nil, nil
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".idx"); ok {
			names = append(names, filepath.Join(dir, name))
		}
	}
	return names, err
}

// alternates returns the folders that a folder "objects" names in info/alternates.
func alternates(dir string) (dirs []string, err error) {
	list, err := os.ReadFile(filepath.Join(dir, "info", "alternates"))
	if paths.Absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(list)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		dirs = append(dirs, paths.Resolve(dir, line))
	}
	return dirs, nil
}

// read reads an object from a pack. Where one has it but cannot be read, another one may be able to be. The error is
// plumbing.ErrObjectNotFound if no pack has it.
func (p *packs) read(hash plumbing.Hash, bases cache.Object) (plumbing.EncodedObject, error) {
	err := error(plumbing.ErrObjectNotFound)
	for i, pack := range p.all {
		o, failed := pack.read(hash, bases)
		switch {
		case failed == nil:
			copy(p.all[1:], p.all[:i])
			p.all[0] = pack
			return o, nil
		case !errors.Is(failed, plumbing.ErrObjectNotFound):
			err = failed
		}
	}
	return nil, err
}

// read reads an object. The error is plumbing.ErrObjectNotFound if the pack does not have it, or is gone.
func (p *pack) read(hash plumbing.Hash, bases cache.Object) (plumbing.EncodedObject, error) {
	if err := p.readIndex(); err != nil {
		return nil, err
	}
	if _, err := p.index.FindOffset(hash); err != nil {
		return nil, err
	}
	o, err := p.readAt(hash, bases)
	if err != nil {
		p.index = nil // The next look is at what is there by then.
	}
	return o, err
}

// readIndex reads the index unless that was done before. One that is gone has nothing: its objects are elsewhere.
func (p *pack) readIndex() error {
	if p.index != nil {
		return nil
	}
	f, err := os.Open(p.name + ".idx")
	if paths.Absent(err) {
		return plumbing.ErrObjectNotFound
	}
	if err != nil {
		return err
	}
	index := idxfile.NewMemoryIndex()
	if err := errors.Join(idxfile.NewDecoder(f).Decode(index), f.Close()); err != nil {
		return fmt.Errorf("%s.idx: %w", p.name, err)
	}
	p.index = index
	return nil
}

// readAt reads an object that the index has.
func (p *pack) readAt(hash plumbing.Hash, bases cache.Object) (_ plumbing.EncodedObject, err error) {
	dir, name := filepath.Split(p.name + ".pack")
	f, err := osfs.New(dir).Open(name) // The library wants such a file.
	if paths.Absent(err) {
		return nil, plumbing.ErrObjectNotFound
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// Without a file system, the library returns objects that are in memory, and not to be read from the pack later.
	o, err := packfile.NewPackfileWithCache(p.index, nil, f, bases, 0).Get(hash)
	if err != nil {
		// In words only: what the library does not find, the index says is here.
		return nil, fmt.Errorf("%s.pack: %v", p.name, err)
	}
	return intact(o, hash, p.name+".pack")
}
