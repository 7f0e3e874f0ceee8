// Package objectdb is the object database of a git repository on this machine: loose objects, packs, and those of its
// alternates (https://git-scm.com/docs/gitrepository-layout). Others may work in the repository at the same time: git
// moves objects from files of their own into packs, and from packs into others, whenever it tidies up.
package objectdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/paths"
)

// maxLooks is how often an object is looked for at most, while the packs keep changing.
const maxLooks = 10

// DB is an object database. It is not safe for concurrent use.
type DB struct {
	dir   string
	packs packs
	bases cache.Object // of deltas
}

// Open returns the database in a folder "objects". It reads nothing yet.
func Open(dir string) *DB {
	return &DB{dir: dir, packs: packs{dir: dir}, bases: cache.NewObjectLRUDefault()}
}

// Object reads an object into memory. Errors: plumbing.ErrObjectNotFound if the database does not have it; any other
// one says why it cannot be read.
func (db *DB) Object(ctx context.Context, hash plumbing.Hash) (plumbing.EncodedObject, error) {
	found, missing, err := db.find(ctx, []plumbing.Hash{hash})
	if len(missing) > 0 {
		if err == nil {
			err = plumbing.ErrObjectNotFound
		}
		return nil, err
	}
	return found[0], nil
}

// Copy copies objects into the store, unless it has them, and returns those that the store lacks then. The error says
// why objects cannot be read, as a damaged one cannot; it is nil if the database does not have them.
func (db *DB) Copy(
	ctx context.Context, to *memory.Storage, hashes ...plumbing.Hash,
) (missing []plumbing.Hash, err error) {
	var wanted []plumbing.Hash
	for _, hash := range hashes {
		if to.HasEncodedObject(hash) != nil {
			wanted = append(wanted, hash)
		}
	}
	found, missing, err := db.find(ctx, wanted)
	for _, o := range found {
		if _, err := to.SetEncodedObject(o); err != nil {
			return wanted, err
		}
	}
	return missing, err
}

// find reads objects, and returns those that are missing with the reason if it is not that the database does not have
// them. Before an object counts as missing, it is looked for once more in packs listed anew, as git does: it may have
// moved from where nobody had looked yet to where somebody had. While the packs change, the search goes on.
func (db *DB) find(
	ctx context.Context, hashes []plumbing.Hash,
) (found []plumbing.EncodedObject, missing []plumbing.Hash, err error) {
	missing = hashes
	if len(missing) > 0 && !db.packs.listed {
		db.packs.list()
	}
	for looks := 1; len(missing) > 0; looks++ {
		var more []plumbing.EncodedObject
		more, missing, err = db.look(ctx, missing)
		found = append(found, more...)
		if len(missing) == 0 || looks == maxLooks {
			break
		}
		if changed := db.packs.list(); !changed && looks > 1 {
			break
		}
	}
	if err == nil && len(missing) > 0 {
		err = db.packs.unread
	}
	return found, missing, err
}

// look looks once for each of the objects.
func (db *DB) look(
	ctx context.Context, hashes []plumbing.Hash,
) (found []plumbing.EncodedObject, missing []plumbing.Hash, err error) {
	for i, hash := range hashes {
		if err := ctx.Err(); err != nil {
			return found, append(missing, hashes[i:]...), err
		}
		o, unread := db.read(hash)
		if o != nil {
			found = append(found, o)
			continue
		}
		missing = append(missing, hash)
		if !errors.Is(unread, plumbing.ErrObjectNotFound) {
			err = fmt.Errorf("object %s: %w", hash, unread)
		}
	}
	return found, missing, err
}

// read reads an object from wherever it is intact. The error is plumbing.ErrObjectNotFound if it is nowhere.
func (db *DB) read(hash plumbing.Hash) (plumbing.EncodedObject, error) {
	o, err := db.packs.read(hash, db.bases)
	if err == nil {
		return o, nil
	}
	for _, dir := range db.packs.folders {
		name := hash.String()
		o, other := readLoose(filepath.Join(dir, name[:2], name[2:]), hash)
		if other == nil {
			return o, nil
		}
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			err = other
		}
	}
	return nil, err
}

// readLoose reads an object in a file of its own. The error is plumbing.ErrObjectNotFound if there is no such file.
func readLoose(file string, hash plumbing.Hash) (_ plumbing.EncodedObject, err error) {
	f, err := os.Open(file)
	if paths.Absent(err) {
		return nil, plumbing.ErrObjectNotFound
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := objfile.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	kind, _, err := r.Header()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	o := &plumbing.MemoryObject{}
	o.SetType(kind)
	if _, err := io.Copy(o, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return intact(o, hash, file)
}

// intact returns an object if it is what its name says.
func intact(o plumbing.EncodedObject, hash plumbing.Hash, file string) (plumbing.EncodedObject, error) {
	if o.Hash() != hash {
		return nil, fmt.Errorf("%s: it is damaged", file)
	}
	return o, nil
}
