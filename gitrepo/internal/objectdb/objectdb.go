// Package objectdb reads the objects of a git repository on this machine: loose ones, packs, and those of its
// alternates (https://git-scm.com/docs/gitrepository-layout). It writes nothing.
package objectdb

import (
	"errors"
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

// DB is an object database. It is not safe for concurrent use.
type DB struct {
	dir    string
	stores []*filesystem.ObjectStorage
	packed time.Time // when the folder of packs was last changed, as of open
}

// Open returns the database in a folder "objects". What cannot be read counts as missing.
func Open(dir string) *DB {
	db := &DB{dir: dir}
	db.open()
	return db
}

// open lists the folders anew. The library's own way with alternates gives up at the first that is missing, misreads
// relative ones, and reads their packs' indexes again for every object.
func (db *DB) open() {
	db.stores, db.packed = nil, db.lastPacked()
	shared := cache.NewObjectLRUDefault()
	dirs := []string{db.dir}
	for i := 0; i < len(dirs); i++ {
		if filepath.Base(dirs[i]) != "objects" {
			continue // The library opens folders of that name only.
		}
		store := filesystem.NewObjectStorage(dotgit.New(osfs.New(filepath.Dir(dirs[i]))), shared)
		db.stores = append(db.stores, store)
		for _, dir := range alternates(dirs[i]) {
			if !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
}

// alternates returns the folders that a folder "objects" names in info/alternates; none if that cannot be read.
func alternates(dir string) (dirs []string) {
	list, err := os.ReadFile(filepath.Join(dir, "info", "alternates"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(list)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(dir, line)
		}
		dirs = append(dirs, line)
	}
	return dirs
}

func (db *DB) lastPacked() time.Time {
	info, err := os.Stat(filepath.Join(db.dir, "pack"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Copy puts an object into the store, unless the store has it, and reports whether it is there then. A damaged object
// counts as missing.
func (db *DB) Copy(to *memory.Storage, hash plumbing.Hash) bool {
	if to.HasEncodedObject(hash) == nil || db.copy(to, hash) {
		return true
	}
	if db.lastPacked().Equal(db.packed) {
		return false
	}
	db.open() // Somebody has packed the repository since.
	return db.copy(to, hash)
}

func (db *DB) copy(to *memory.Storage, hash plumbing.Hash) bool {
	for _, store := range db.stores {
		o, ok := read(store, hash)
		if !ok {
			continue
		}
		if _, err := to.SetEncodedObject(o); err == nil {
			return true
		}
	}
	return false
}

// read returns an object in memory: the library's own may read its file only later, and trusts the index about the
// hash.
func read(store *filesystem.ObjectStorage, hash plumbing.Hash) (_ plumbing.EncodedObject, ok bool) {
	if store.HasEncodedObject(hash) != nil {
		return nil, false
	}
	from, err := store.EncodedObject(plumbing.AnyObject, hash)
	if err != nil {
		return nil, false
	}
	r, err := from.Reader()
	if err != nil {
		return nil, false
	}
	o := &plumbing.MemoryObject{}
	o.SetType(from.Type())
	_, err = io.Copy(o, r)
	return o, errors.Join(err, r.Close()) == nil && o.Hash() == hash
}
