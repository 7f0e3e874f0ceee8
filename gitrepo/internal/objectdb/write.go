package objectdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"update-gitops-repo/gitrepo/internal/paths"
)

// maxWrites is how often a file is written that somebody removes before it has its name, as "git gc --prune=now" does.
const maxWrites = 10

// WritePack adds a pack to the database. Nobody removes it before release is called, which the caller does once a
// reference leads to its objects. Until then nothing leads to them, and git would remove objects in files of their own,
// or a pack without such a mark, whenever it tidies up (https://git-scm.com/docs/git-index-pack, --keep).
func (db *DB) WritePack(data []byte) (release func() error, err error) {
	index := &idxfile.Writer{}
	parser, err := packfile.NewParser(packfile.NewScanner(bytes.NewReader(data)), index)
	if err != nil {
		return nil, fmt.Errorf("index a pack: %w", err)
	}
	checksum, err := parser.Parse()
	if err != nil {
		return nil, fmt.Errorf("index a pack: %w", err)
	}
	entries, err := index.Index()
	if err != nil {
		return nil, fmt.Errorf("index a pack: %w", err)
	}
	name := filepath.Join(db.dir, "pack", "pack-"+checksum.String())
	if release, err = keep(name); err != nil {
		return nil, err
	}
	// The index last: with it, the pack is there.
	err = write(name+".pack", "tmp_pack_*", func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err == nil {
		err = write(name+".idx", "tmp_idx_*", func(w io.Writer) error {
			_, err := idxfile.NewEncoder(w).Encode(entries)
			return err
		})
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// keep marks a pack as one to be kept, and returns the function that takes the mark off. A mark that is there is
// somebody else's, and stays.
func keep(name string) (release func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name+".keep", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintln(f, "update-gitops-repo is about to push this")
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return func() error {
		if err := os.Remove(f.Name()); !paths.Absent(err) {
			return err
		}
		return nil
	}, nil
}

// write writes a file that nobody sees before it is complete. Its temporary name is one that git cleans up after a
// crash, which a git without patience also does before.
func write(file, temporary string, write func(io.Writer) error) (err error) {
	for range maxWrites {
		var f *os.File
		if f, err = os.CreateTemp(filepath.Dir(file), temporary); err != nil {
			return err
		}
		err = errors.Join(write(f), f.Sync(), f.Chmod(0o444), f.Close())
		if err == nil {
			err = os.Rename(f.Name(), file)
		}
		if err == nil {
			return nil
		}
		if !paths.Absent(err) {
			err = errors.Join(err, os.Remove(f.Name()))
			break
		}
	}
	return fmt.Errorf("write %s: %w", file, err)
}
