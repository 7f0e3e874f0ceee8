// Package packtest makes packs by hand, for tests: with whatever lies they are told.
package packtest

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// The types of a pack's entries (https://git-scm.com/docs/pack-format).
const (
	Commit      = 1
	Tree        = 2
	Blob        = 3
	OffsetDelta = 6
	RefDelta    = 7
)

// Packer collects the entries of a pack. The zero value is ready to use.
type Packer struct {
	bytes.Buffer
	Count int // of entries

	z *zlib.Writer
}

// Entry adds an object that declares a size, and returns its offset in the pack. A delta's base stands between the
// header and the data: a hash, or the Distance to it.
func (p *Packer) Entry(kind int, size uint64, base, data []byte) (offset int) {
	offset = 12 + p.Len()
	b := byte(kind<<4) | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		p.WriteByte(b | 0x80)
		b = byte(size & 0x7f)
	}
	p.WriteByte(b)
	p.Write(base)
	if p.z == nil {
		p.z = zlib.NewWriter(p)
	}
	p.z.Reset(p)
	// Writing to a buffer does not fail.
	_, _ = p.z.Write(data)
	_ = p.z.Close()
	p.Count++
	return offset
}

// Object adds an object that is not a delta.
func (p *Packer) Object(kind int, data []byte) (offset int) {
	return p.Entry(kind, uint64(len(data)), nil, data)
}

// Delta adds a delta against the base, and returns its offset in the pack.
func (p *Packer) Delta(kind int, base, data []byte) (offset int) {
	return p.Entry(kind, uint64(len(data)), base, data)
}

// Pack returns the whole pack, whose header has a count that need not be true.
func (p *Packer) Pack(count int) []byte {
	out := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(count))
	out = append(out, p.Bytes()...)
	sum := sha1.Sum(out)
	return append(out, sum[:]...)
}

// ID returns an object's hash.
func ID(kind string, data []byte) []byte {
	sum := sha1.Sum(append(fmt.Appendf(nil, "%s %d\x00", kind, len(data)), data...))
	return sum[:]
}

// Distance returns how far back an earlier entry is, in bytes, as an offset delta names it.
func Distance(n int) []byte {
	out := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		out = append([]byte{byte(n&0x7f) | 0x80}, out...)
	}
	return out
}

// Delta returns a delta's data: the sizes of base and result, then the instructions.
func Delta(base, result uint64, instructions ...byte) []byte {
	data := binary.AppendUvarint(binary.AppendUvarint(nil, base), result)
	return append(data, instructions...)
}

// Repository is a commit of one file "f".
type Repository struct {
	Blob, Tree, Commit []byte
}

// NewRepository returns the objects for a file with the content.
func NewRepository(content string) Repository {
	r := Repository{Blob: []byte(content)}
	r.Tree = append([]byte("100644 f\x00"), ID("blob", r.Blob)...)
	const who = "A <a@example.com> 1700000000 +0000"
	r.Commit = fmt.Appendf(nil, "tree %x\nauthor %s\ncommitter %[2]s\n\nx\n", ID("tree", r.Tree), who)
	return r
}

// Tip returns the commit's hash in 40 hex digits.
func (r Repository) Tip() string { return hex.EncodeToString(ID("commit", r.Commit)) }

// Start returns a pack of the commit and the tree.
func (r Repository) Start() *Packer {
	p := &Packer{}
	p.Object(Commit, r.Commit)
	p.Object(Tree, r.Tree)
	return p
}
