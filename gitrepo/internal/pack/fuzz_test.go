package pack

import (
	"bytes"
	"io"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/memory"
)

// FuzzSideband: for any input, the output is not longer, and is the same in pieces of any size.
func FuzzSideband(f *testing.F) {
	for _, seed := range []string{
		"", "0000", "0009\x01PACK0000", "0006\x01P0004000a\x02tick\n0008\x01ACK0000", "000c\x03refused0000",
		"0005\x010005\x020000", "0003", "zzzz", "0009\x01PA", "0006\x09x",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, err := io.ReadAll(Demux(bytes.NewReader(data)))
		if len(whole) > len(data) {
			t.Errorf("%d bytes of %d", len(whole), len(data))
		}
		var parts []byte
		d := Demux(bytes.NewReader(data))
		one := make([]byte, 1)
		for {
			n, oneErr := d.Read(one)
			parts = append(parts, one[:n]...)
			if oneErr != nil {
				if (oneErr == io.EOF) != (err == nil) {
					t.Errorf("%v at once, %v by bytes", err, oneErr)
				}
				break
			}
		}
		if !bytes.Equal(whole, parts) {
			t.Errorf("%q at once, %q by bytes", whole, parts)
		}
	})
}

// FuzzPack: for any input, each object has its hash, and all together are within the quota.
func FuzzPack(f *testing.F) {
	store := memory.NewStorage()
	var hashes []plumbing.Hash
	for _, text := range []string{"a\n", "a\nb\n", string(bytes.Repeat([]byte("line\n"), 100)),
		string(bytes.Repeat([]byte("line\n"), 101))} {
		o, err := inMemory(plumbing.BlobObject, []byte(text))
		if err != nil {
			f.Fatal(err)
		}
		hash, err := store.SetEncodedObject(o)
		if err != nil {
			f.Fatal(err)
		}
		hashes = append(hashes, hash)
	}
	for _, window := range []uint{0, 10} {
		var pack bytes.Buffer
		if _, err := packfile.NewEncoder(&pack, store, true).Encode(hashes, window); err != nil {
			f.Fatal(err)
		}
		f.Add(pack.Bytes(), uint32(0))
		f.Add(pack.Bytes(), uint32(1))
		f.Add(pack.Bytes()[:pack.Len()-25], uint32(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, most uint32) {
		const limit = 1 << 20
		store := memory.NewStorage()
		err := NewUnpacker(NewQuota(limit)).UnpackFew(t.Context(), store, bytes.NewReader(data), most)
		if err == nil && most > 0 && uint32(len(store.Objects)) > most {
			t.Errorf("%d objects, %d allowed", len(store.Objects), most)
		}
		total := int64(0)
		for hash, o := range store.Objects {
			data, err := contents(o)
			if err != nil || plumbing.ComputeHash(o.Type(), data) != hash {
				t.Errorf("%s is not %q, %v", hash, data, err)
			}
			total += int64(len(data))
		}
		if total > limit {
			t.Errorf("%d bytes, %d allowed", total, limit)
		}
	})
}
