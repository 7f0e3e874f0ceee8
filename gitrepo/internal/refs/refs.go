// Package refs reads the references of a git repository on this machine: each is a file, or a line of packed-refs
// (https://git-scm.com/docs/gitrepository-layout). Others may move, pack and delete references at the same time.
package refs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"update-gitops-repo/gitrepo/internal/paths"
)

// maxDepth is how many symbolic references git follows.
const maxDepth = 5

// Store is where a repository's references are. GitDir has HEAD, CommonDir the branches; they differ for a linked
// worktree.
type Store struct{ GitDir, CommonDir string }

// Read returns the reference of a full name. Errors: plumbing.ErrReferenceNotFound if there is none; any other one says
// why it cannot be read.
//
// Git packs a reference by writing it to packed-refs before it removes the file, so this is the order to read them in.
// One that was unpacked and packed in the meantime is found by a second look.
func (s Store) Read(name plumbing.ReferenceName) (*plumbing.Reference, error) {
	file, err := s.file(name)
	if err != nil {
		return nil, err
	}
	for range 2 {
		ref, err := readFile(file, name)
		if !errors.Is(err, plumbing.ErrReferenceNotFound) {
			return ref, err
		}
		packed, err := s.packed()
		if err != nil {
			return nil, err
		}
		if hash, ok := packed[name]; ok {
			return plumbing.NewHashReference(name, hash), nil
		}
	}
	return nil, plumbing.ErrReferenceNotFound
}

// Resolve returns the commit that HEAD leads to. Errors: plumbing.ErrReferenceNotFound if HEAD's branch has no commit.
func (s Store) Resolve() (plumbing.Hash, error) {
	name := plumbing.HEAD
	for range maxDepth + 1 {
		ref, err := s.Read(name)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if ref.Type() == plumbing.HashReference {
			return ref.Hash(), nil
		}
		name = ref.Target()
	}
	return plumbing.ZeroHash, fmt.Errorf("it leads through more than %d symbolic references", maxDepth)
}

// Branches returns the tips of all branches, by their short names. Symbolic ones are left out, and so are files that
// hold no reference.
func (s Store) Branches() (map[string]plumbing.Hash, error) {
	names := map[string]bool{}
	// Listing a folder may miss a file that is renamed meanwhile, as every update of a reference does. Twice in a row
	// that would take two updates of the same one.
	for range 2 {
		if err := s.list(names); err != nil {
			return nil, err
		}
	}
	branches, leftOut := map[string]plumbing.Hash{}, map[string]bool{}
	for short := range names {
		name := plumbing.NewBranchReferenceName(short)
		ref, err := readFile(filepath.Join(s.CommonDir, filepath.FromSlash(name.String())), name)
		switch {
		case errors.Is(err, errMalformed), err == nil && ref.Type() != plumbing.HashReference:
			leftOut[short] = true
		case err == nil:
			branches[short] = ref.Hash()
		case !errors.Is(err, plumbing.ErrReferenceNotFound):
			return nil, err
		}
	}
	// After the files, as in Read.
	packed, err := s.packed()
	if err != nil {
		return nil, err
	}
	for name, hash := range packed {
		if short := name.Short(); name.IsBranch() && !leftOut[short] {
			if _, loose := branches[short]; !loose {
				branches[short] = hash
			}
		}
	}
	return branches, nil
}

// list adds the names of the files below refs/heads. A folder goes when the last branch in it is deleted.
func (s Store) list(names map[string]bool) error {
	heads := filepath.Join(s.CommonDir, "refs", "heads")
	return filepath.WalkDir(heads, func(file string, entry fs.DirEntry, err error) error {
		if paths.Absent(err) {
			return nil
		}
		if err != nil || entry.IsDir() || strings.HasSuffix(file, ".lock") {
			return err
		}
		names[filepath.ToSlash(strings.TrimPrefix(file, heads+string(filepath.Separator)))] = true
		return nil
	})
}

// file returns where a reference's file is, if it has one.
func (s Store) file(name plumbing.ReferenceName) (string, error) {
	dir := s.CommonDir
	for _, own := range []string{"refs/bisect/", "refs/worktree/", "refs/rewritten/"} { // each worktree's
		if strings.HasPrefix(name.String(), own) {
			dir = s.GitDir
		}
	}
	switch {
	case name == plumbing.HEAD:
		dir = s.GitDir
	case !strings.HasPrefix(name.String(), "refs/"), path.Clean(name.String()) != name.String():
		return "", fmt.Errorf("%q is not the name of a reference", name.String())
	}
	return filepath.Join(dir, filepath.FromSlash(name.String())), nil
}

// errMalformed: a file holds no reference.
var errMalformed = errors.New("it is not a reference")

// readFile reads a reference's file. The error is plumbing.ErrReferenceNotFound if there is none, as where there is a
// folder.
func readFile(file string, name plumbing.ReferenceName) (*plumbing.Reference, error) {
	data, err := os.ReadFile(file)
	if paths.Absent(err) {
		return nil, plumbing.ErrReferenceNotFound
	}
	if err != nil {
		if info, statErr := os.Stat(file); statErr == nil && info.IsDir() {
			return nil, plumbing.ErrReferenceNotFound
		}
		return nil, err
	}
	text := strings.TrimSpace(string(data))
	if target, ok := strings.CutPrefix(text, "ref:"); ok {
		target := plumbing.ReferenceName(strings.TrimSpace(target))
		return plumbing.NewSymbolicReference(name, target), nil
	}
	if !plumbing.IsHash(text) {
		return nil, fmt.Errorf("%s: %w", file, errMalformed)
	}
	return plumbing.NewHashReference(name, plumbing.NewHash(text)), nil
}

// packed reads packed-refs. Git replaces the file by another one, so that there is always one or the other.
func (s Store) packed() (map[plumbing.ReferenceName]plumbing.Hash, error) {
	data, err := os.ReadFile(filepath.Join(s.CommonDir, "packed-refs"))
	if err != nil && !paths.Absent(err) {
		return nil, err
	}
	refs := map[plumbing.ReferenceName]plumbing.Hash{}
	for line := range strings.Lines(string(data)) {
		hash, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && plumbing.IsHash(hash) {
			refs[plumbing.ReferenceName(name)] = plumbing.NewHash(hash)
		}
	}
	return refs, nil
}
