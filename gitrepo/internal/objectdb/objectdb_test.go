package objectdb

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
	"github.com/go-git/go-git/v5/storage/memory"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func object(text string) plumbing.EncodedObject {
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.BlobObject)
	_, _ = o.Write([]byte(text))
	return o
}

// newFolder returns an empty folder "objects" and a store that writes to it.
func newFolder(t *testing.T) (string, *filesystem.ObjectStorage) {
	t.Helper()
	dir := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(dir, "objects", "pack"), 0o755))
	return filepath.Join(dir, "objects"), filesystem.NewObjectStorage(dotgit.New(osfs.New(dir)), nil)
}

// loose writes an object of its own file.
func loose(t *testing.T, store *filesystem.ObjectStorage, text string) plumbing.Hash {
	t.Helper()
	hash, err := store.SetEncodedObject(object(text))
	check(t, err)
	return hash
}

// packed writes a pack of one object.
func packed(t *testing.T, store *filesystem.ObjectStorage, text string) plumbing.Hash {
	t.Helper()
	o, from := object(text), memory.NewStorage()
	_, err := from.SetEncodedObject(o)
	check(t, err)
	w, err := store.PackfileWriter()
	check(t, err)
	var data bytes.Buffer
	_, err = packfile.NewEncoder(&data, from, false).Encode([]plumbing.Hash{o.Hash()}, 0)
	check(t, err)
	_, err = w.Write(data.Bytes())
	check(t, err)
	check(t, w.Close())
	return o.Hash()
}

func TestCopy(t *testing.T) {
	t.Parallel()
	dir, store := newFolder(t)
	near, nearStore := newFolder(t)
	far, farStore := newFolder(t)
	check(t, os.MkdirAll(filepath.Join(dir, "info"), 0o755))
	check(t, os.MkdirAll(filepath.Join(near, "info"), 0o755))
	relative, err := filepath.Rel(dir, near)
	check(t, err)
	list := "# a comment\n\n/nosuch/objects\n" + filepath.Dir(far) + "\n" + relative + "\n"
	check(t, os.WriteFile(filepath.Join(dir, "info", "alternates"), []byte(list), 0o644))
	list = far + "\n" + dir + "\n" // The second is a circle.
	check(t, os.WriteFile(filepath.Join(near, "info", "alternates"), []byte(list), 0o644))
	want := map[string]plumbing.Hash{
		"loose":                     loose(t, store, "loose"),
		"packed":                    packed(t, store, "packed"),
		"of an alternate":           loose(t, nearStore, "near"),
		"of an alternate's":         loose(t, farStore, "far"),
		"packed in an alternate":    packed(t, nearStore, "packed near"),
		"packed in an alternate's ": packed(t, farStore, "packed far"),
	}
	db, to := Open(dir), memory.NewStorage()
	for name, hash := range want {
		for range 2 {
			if !copied(t, db, to, hash) || to.HasEncodedObject(hash) != nil {
				t.Errorf("an object that is %s is missing", name)
			}
		}
	}
	if missing := plumbing.NewHash("01"); copied(t, db, to, missing) || to.HasEncodedObject(missing) == nil {
		t.Error("a missing object is there")
	}
}

// copied reports whether an object is copied into the store. That it is not has no other reason than that the database
// does not have it.
func copied(t *testing.T, db *DB, to *memory.Storage, hash plumbing.Hash) bool {
	t.Helper()
	missing, err := db.Copy(t.Context(), to, hash)
	check(t, err)
	return len(missing) == 0
}

// TestCopyDamaged: an object that is not what its name says cannot be read, which is said.
func TestCopyDamaged(t *testing.T) {
	t.Parallel()
	dir, store := newFolder(t)
	file := func(hash plumbing.Hash) string {
		return filepath.Join(dir, hash.String()[:2], hash.String()[2:])
	}
	hash, other := loose(t, store, "one"), loose(t, store, "another")
	data, err := os.ReadFile(file(other))
	check(t, err)
	for name, data := range map[string][]byte{"another": data, "cut off": data[:len(data)/2], "empty": nil} {
		check(t, os.Remove(file(hash)))
		check(t, os.WriteFile(file(hash), data, 0o644))
		to := memory.NewStorage()
		missing, err := Open(dir).Copy(t.Context(), to, hash)
		if len(missing) != 1 || len(to.Objects) > 0 || err == nil || !strings.Contains(err.Error(), file(hash)) {
			t.Errorf("%s: missing %v, %v", name, missing, err)
		}
	}
}

// TestCopyRepacked: packs that come after Open are found.
func TestCopyRepacked(t *testing.T) {
	t.Parallel()
	dir, store := newFolder(t)
	db := Open(dir)
	copied(t, db, memory.NewStorage(), plumbing.NewHash("01")) // Lists the packs.
	hash := packed(t, store, "later")
	if !copied(t, db, memory.NewStorage(), hash) {
		t.Error("a later pack is not found")
	}
}

func TestOpenNothing(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{filepath.Join(t.TempDir(), "objects"), t.TempDir()} {
		if copied(t, Open(dir), memory.NewStorage(), plumbing.NewHash("01")) {
			t.Errorf("%s has an object", dir)
		}
	}
}
