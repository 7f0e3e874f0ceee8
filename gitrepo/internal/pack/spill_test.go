package pack

import (
	"bytes"
	"io"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// small is a file on a disk with room for 1000 bytes.
type small struct{ *os.File }

func (f small) WriteAt(p []byte, at int64) (int, error) {
	if room := 1000 - at; room < int64(len(p)) {
		n, _ := f.File.WriteAt(p[:max(room, 0)], at)
		return n, syscall.ENOSPC
	}
	return f.File.WriteAt(p, at)
}

// TestSpillFull: an object that the file has no room for is kept in memory, and earlier ones stay in the file.
func TestSpillFull(t *testing.T) {
	t.Parallel()
	f := nameless()
	defer f.Close()
	s := spill{tried: true, file: small{f}, kept: maxInMemory}
	want := map[plumbing.EncodedObject][]byte{}
	for i := range byte(3) {
		data := bytes.Repeat([]byte{i}, 600)
		if took := s.takes(600); took != (i < 2) {
			t.Fatalf("object %d is taken: %t", i, took)
		} else if !took {
			break
		}
		o, err := s.object(plumbing.BlobObject, 600, func(w io.Writer) error {
			for part := range slices.Chunk(data, 100) {
				if _, err := w.Write(part); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want[o] = data
	}
	for o, data := range want {
		got, err := contents(o)
		if err != nil || !bytes.Equal(got, data) || o.Hash() != plumbing.ComputeHash(plumbing.BlobObject, data) ||
			o.Type() != plumbing.BlobObject || o.Size() != 600 {
			t.Errorf("%d bytes, %s, %v", len(got), o.Hash(), err)
		}
	}
	if s.size != 600 || s.kept != maxInMemory+600 {
		t.Errorf("%d bytes in the file, %d in memory", s.size, s.kept)
	}
}
