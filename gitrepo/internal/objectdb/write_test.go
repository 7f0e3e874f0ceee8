package objectdb

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
)

// newPack returns a pack that git made of a commit that no reference leads to, and the commit.
func newPack(t *testing.T) (data []byte, commit plumbing.Hash) {
	t.Helper()
	from, commit := repository(t)
	git(t, from, "", "repack", "-adq")
	data, err := os.ReadFile(onlyPack(t, from) + ".pack")
	check(t, err)
	return data, commit
}

// TestWritePack: git takes the pack as its own, and keeps it until it is released, however it tidies up.
func TestWritePack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	git(t, dir, "", "init", "--quiet", "--bare")
	data, commit := newPack(t)
	db := Open(filepath.Join(dir, "objects"))
	release, err := db.WritePack(data)
	check(t, err)
	git(t, dir, "", "verify-pack", onlyPack(t, dir)+".idx")
	git(t, dir, "", "repack", "-adq")
	git(t, dir, "", "gc", "--quiet", "--prune=now")
	git(t, dir, "", "cat-file", "-e", commit.String())
	if !copied(t, db, memory.NewStorage(), commit) {
		t.Error("the database has not what was written to it")
	}
	check(t, release())
	check(t, release())
	git(t, dir, "", "gc", "--quiet", "--prune=now")
	if copied(t, db, memory.NewStorage(), commit) {
		t.Error("git keeps what nothing leads to: the test proves nothing")
	}
	left, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%q are left, %v", left, err)
	}
}

// TestWritePackTwice: somebody else's mark stays, and a pack that is there is written again.
func TestWritePackTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	git(t, dir, "", "init", "--quiet", "--bare")
	data, _ := newPack(t)
	db := Open(filepath.Join(dir, "objects"))
	first, err := db.WritePack(data)
	check(t, err)
	second, err := db.WritePack(data)
	check(t, err)
	mark := onlyPack(t, dir) + ".keep"
	check(t, second())
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("the first one's mark: %v", err)
	}
	check(t, first())
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the mark is left: %v", err)
	}
	git(t, dir, "", "verify-pack", onlyPack(t, dir)+".idx")
}

// TestWriteRemoved: a file that somebody removes while it is written is written again, but not for ever.
func TestWriteRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, removals := range []int{1, maxWrites - 1, maxWrites} {
		n := 0
		err := write(filepath.Join(dir, "file"), "tmp_*", func(w io.Writer) error {
			_, err := io.WriteString(w, "text")
			if n++; n <= removals {
				left, _ := filepath.Glob(filepath.Join(dir, "tmp_*"))
				check(t, os.Remove(left[0]))
			}
			return err
		})
		if (err == nil) != (removals < maxWrites) {
			t.Errorf("after %d removals: %v", removals, err)
		}
	}
	full := errors.New("no space")
	err := write(filepath.Join(dir, "other"), "tmp_*", func(io.Writer) error { return full })
	if left, _ := filepath.Glob(filepath.Join(dir, "tmp_*")); !errors.Is(err, full) || len(left) > 0 {
		t.Errorf("%v, and %q are left", err, left)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(data) != "text" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestWriteRefused: no file is left where one cannot be written.
func TestWriteRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(dir, "objects", "pack"), 0o755))
	data, _ := newPack(t)
	if _, err := Open(filepath.Join(dir, "objects")).WritePack(data[:len(data)/2]); err == nil {
		t.Error("half a pack is written")
	}
	check(t, os.Remove(filepath.Join(dir, "objects", "pack")))
	check(t, os.WriteFile(filepath.Join(dir, "objects", "pack"), nil, 0o644))
	_, err := Open(filepath.Join(dir, "objects")).WritePack(data)
	if err == nil || !strings.Contains(err.Error(), "pack") {
		t.Errorf("a file in place of the folder: %v", err)
	}
}
