package template

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

// tree is a file system that records what is asked of it.
type tree struct {
	fstest.MapFS
	listed     []string
	prefetched [][]string
}

func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	t.listed = append(t.listed, name)
	return t.MapFS.ReadDir(name)
}

func (t *tree) Prefetch(names []string) error {
	t.prefetched = append(t.prefetched, names)
	return nil
}

// broken is a file system that cannot be read.
type broken struct{}

var errBroken = errors.New("the disk is gone")

func (broken) Open(string) (fs.File, error) { return nil, errBroken }

func TestUnreadable(t *testing.T) {
	for _, pattern := range []string{"a.tmpl", "*.tmpl", "a/**.tmpl"} {
		if _, err := (Renderer{Globs: []string{pattern}}).Render(broken{}, nil); !errors.Is(err, errBroken) {
			t.Errorf("Render(%s) = %v", pattern, err)
		}
	}
}
