package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"

	"update-gitops-repo/gitrepo/internal/pack/packtest"
)

func unpack(ctx context.Context, pack []byte) (*memory.Storage, error) {
	store := memory.NewStorage()
	return store, NewUnpacker(NewQuota(32<<20)).Unpack(ctx, store, bytes.NewReader(pack))
}

// TestUnpack unpacks packs as servers other than git's may make them.
func TestUnpack(t *testing.T) {
	t.Parallel()
	base := strings.Repeat("base ", 100)
	r := packtest.NewRepository(base + "more")
	baseID := packtest.ID("blob", []byte(base))
	append4 := packtest.Delta(500, 504, append([]byte{0x80 | 0x10 | 0x20, 0xf4, 0x01, 4}, "more"...)...)
	copy504 := packtest.Delta(504, 504, 0x80|0x10|0x20, 0xf8, 0x01)
	for name, fill := range map[string]func(p *packtest.Packer){
		"whole": func(p *packtest.Packer) { p.Object(packtest.Blob, r.Blob) },
		"delta by offset": func(p *packtest.Packer) {
			at := p.Object(packtest.Blob, []byte(base))
			p.Delta(packtest.OffsetDelta, packtest.Distance(12+p.Len()-at), append4)
		},
		"delta by hash": func(p *packtest.Packer) {
			p.Object(packtest.Blob, []byte(base))
			p.Delta(packtest.RefDelta, baseID, append4)
		},
		"deltas before their bases": func(p *packtest.Packer) {
			at := p.Delta(packtest.RefDelta, baseID, append4)
			p.Delta(packtest.OffsetDelta, packtest.Distance(12+p.Len()-at), copy504)
			p.Object(packtest.Blob, []byte(base))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := r.Start()
			fill(p)
			store, err := unpack(t.Context(), p.Pack(p.Count))
			if err != nil {
				t.Fatal(err)
			}
			o, err := store.EncodedObject(plumbing.BlobObject, plumbing.ComputeHash(plumbing.BlobObject, r.Blob))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := contents(o); err != nil || !bytes.Equal(got, r.Blob) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestUnpackReversed: deltas in reverse order are applied, in time that grows with their number only.
func TestUnpackReversed(t *testing.T) {
	t.Parallel()
	const count = 10_000
	// Each blob is the one before and a byte more, of which only the last 100 are kept.
	blobs := [][]byte{[]byte("start")}
	var deltas [][]byte
	for i := range count {
		before := blobs[i]
		tail := before[max(0, len(before)-100):]
		next := fmt.Appendf(bytes.Clone(tail), "%d\n", i)
		added := next[len(tail):]
		instructions := []byte{0x80 | 0x01 | 0x10, byte(len(before) - len(tail)), byte(len(tail)), byte(len(added))}
		deltas = append(deltas,
			packtest.Delta(uint64(len(before)), uint64(len(next)), append(instructions, added...)...))
		blobs = append(blobs, next)
	}
	p := &packtest.Packer{}
	for i, data := range slices.Backward(deltas) {
		p.Delta(packtest.RefDelta, packtest.ID("blob", blobs[i]), data)
	}
	p.Object(packtest.Blob, blobs[0])
	store, err := unpack(t.Context(), p.Pack(p.Count))
	if err != nil || len(store.Objects) != count+1 {
		t.Errorf("%d objects, %v", len(store.Objects), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := unpack(ctx, p.Pack(p.Count)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want canceled", err)
	}
}

// TestUnpackTooManyWaiting: the deltas that wait for their bases have a limit.
func TestUnpackTooManyWaiting(t *testing.T) {
	t.Parallel()
	one := &packtest.Packer{}
	one.Delta(packtest.RefDelta, packtest.ID("blob", nil), packtest.Delta(1, 1, 1, 'x'))
	pack := (&packtest.Packer{}).Pack(math.MaxUint32)[:12]
	pack = append(pack, bytes.Repeat(one.Bytes(), maxWaiting+1)...)
	store := memory.NewStorage()
	err := NewUnpacker(NewQuota(0)).Unpack(t.Context(), store, bytes.NewReader(pack))
	if err == nil || !strings.Contains(err.Error(), "as for 65536 others") {
		t.Error(err)
	}
}

func TestUnpackFew(t *testing.T) {
	t.Parallel()
	r := packtest.NewRepository("x\n")
	other := packtest.NewRepository("y\n")
	for name, test := range map[string]struct {
		fill func(p *packtest.Packer)
		most uint32
		want int // objects that are stored
		err  error
	}{
		"any number": {func(p *packtest.Packer) { p.Object(packtest.Commit, r.Commit) }, 0, 3, nil},
		"few enough": {func(p *packtest.Packer) { p.Object(packtest.Commit, r.Commit) }, 3, 3, nil},
		"too many":   {func(p *packtest.Packer) { p.Object(packtest.Commit, r.Commit) }, 2, 2, ErrTooManyObjects},
		"another tree first": {func(p *packtest.Packer) {
			p.Object(packtest.Commit, r.Commit)
			p.Object(packtest.Tree, other.Tree)
		}, 2, 1, ErrTooManyObjects},
		"no tree first": {func(p *packtest.Packer) {
			p.Object(packtest.Commit, r.Commit)
			p.Object(packtest.Blob, r.Blob)
		}, 2, 1, ErrTooManyObjects},
		"no commit first": {func(p *packtest.Packer) { p.Object(packtest.Tree, r.Tree) }, 2, 0, ErrTooManyObjects},
	} {
		p := &packtest.Packer{}
		test.fill(p)
		p.Object(packtest.Tree, r.Tree)
		p.Object(packtest.Blob, r.Blob)
		store := memory.NewStorage()
		err := NewUnpacker(NewQuota(0)).UnpackFew(t.Context(), store, bytes.NewReader(p.Pack(p.Count)), test.most)
		if !errors.Is(err, test.err) || err != nil && test.err == nil || len(store.Objects) != test.want {
			t.Errorf("%s: %d objects, %v; want %d, %v", name, len(store.Objects), err, test.want, test.err)
		}
	}
	for name, fill := range map[string]func(p *packtest.Packer){
		"nothing":               func(*packtest.Packer) {},
		"a commit that is none": func(p *packtest.Packer) { p.Object(packtest.Commit, []byte("tree x\n")) },
		"a cut-off tree":        func(p *packtest.Packer) { p.Object(packtest.Commit, r.Commit) },
		"a lie about the size":  func(p *packtest.Packer) { p.Entry(packtest.Commit, 1<<40, nil, r.Commit) },
	} {
		p := &packtest.Packer{}
		fill(p)
		pack := p.Pack(9)[:12+p.Len()]
		err := NewUnpacker(NewQuota(1<<20)).UnpackFew(t.Context(), memory.NewStorage(), bytes.NewReader(pack), 2)
		if err == nil || errors.Is(err, ErrTooManyObjects) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	r := packtest.NewRepository("x\n")
	p := r.Start()
	from, err := unpack(t.Context(), p.Pack(p.Count))
	if err != nil {
		t.Fatal(err)
	}
	tip := plumbing.NewHash(r.Tip())
	pack, err := Encode(from, []plumbing.Hash{tip})
	if err != nil {
		t.Fatal(err)
	}
	to, err := unpack(t.Context(), pack.Bytes())
	if err != nil || len(to.Objects) != 1 || to.HasEncodedObject(tip) != nil {
		t.Errorf("%d objects, %v", len(to.Objects), err)
	}
	if _, err := Encode(from, []plumbing.Hash{plumbing.NewHash("01")}); err == nil {
		t.Error("an object that is missing was packed")
	}
}

// lie is a pack that is not what it says.
type lie struct {
	fill  func(p *packtest.Packer)
	after func(pack []byte) []byte
	want  error  // nil: any
	text  string // of the error
}

// deltaLies are deltas that are not what they say. They follow the commit and the tree.
func deltaLies(r packtest.Repository) map[string]lie {
	zeros := make([]byte, 16<<20)
	add := func(kind int, base, data []byte) func(*packtest.Packer) {
		return func(p *packtest.Packer) { p.Delta(kind, base, data) }
	}
	tree, blob := packtest.ID("tree", r.Tree), packtest.ID("blob", r.Blob)
	size := uint64(len(r.Tree))
	small := []byte{2, 2, 0x90, 2}
	return map[string]lie{
		"of a terabyte": {
			fill: func(p *packtest.Packer) { p.Entry(packtest.RefDelta, 1<<40, tree, r.Blob) }, text: "a delta of",
		},
		"base missing":      {fill: add(packtest.RefDelta, blob, small), want: ErrBaseMissing},
		"offset to nothing": {fill: add(packtest.OffsetDelta, packtest.Distance(3), small), want: ErrBaseMissing},
		"offset to itself":  {fill: add(packtest.OffsetDelta, packtest.Distance(0), small), text: "offset"},
		"offset too far":    {fill: add(packtest.OffsetDelta, packtest.Distance(9000), small), text: "offset"},
		"result of a terabyte": {
			fill: add(packtest.RefDelta, tree, packtest.Delta(size, 1<<40, 0x90, 2)), text: "a delta from",
		},
		"result of 100 MiB": {fill: func(p *packtest.Packer) {
			p.Object(packtest.Blob, zeros)
			megabyte := []byte{0x80 | 0x40, 0x10} // From the start.
			data := packtest.Delta(1<<24, 100<<20, bytes.Repeat(megabyte, 100)...)
			p.Delta(packtest.RefDelta, packtest.ID("blob", zeros), data)
		}, want: ErrTooLarge},
		"wrong base":     {fill: add(packtest.RefDelta, tree, small), text: "invalid delta"},
		"beyond base":    {fill: add(packtest.RefDelta, tree, []byte{29, 2, 0x91, 100, 2}), text: "invalid delta"},
		"ends early":     {fill: add(packtest.RefDelta, tree, []byte{29, 2}), text: "invalid delta"},
		"without a size": {fill: add(packtest.RefDelta, tree, []byte{0x80}), text: "invalid delta"},
		"wrong base that comes later": {fill: func(p *packtest.Packer) {
			p.Delta(packtest.RefDelta, blob, packtest.Delta(9, 2, 0x90, 2))
			p.Object(packtest.Blob, r.Blob)
		}, text: "invalid delta"},
	}
}

// objectLies are objects that are not what they say. They follow the commit and the tree.
func objectLies(r packtest.Repository) map[string]lie {
	zeros := make([]byte, 16<<20)
	blob := func(size uint64, data []byte) func(*packtest.Packer) {
		return func(p *packtest.Packer) { p.Entry(packtest.Blob, size, nil, data) }
	}
	return map[string]lie{
		"a size of a terabyte": {fill: blob(1<<40, r.Blob), want: ErrTooLarge},
		"a size of 2^59":       {fill: blob(1<<59, r.Blob), want: ErrTooLarge},
		"a size of 2^64 - 1":   {fill: blob(1<<64-1, r.Blob), text: "overflow"},
		"more than its size":   {fill: blob(1, r.Blob)},
		"less than its size":   {fill: blob(3, r.Blob), text: "2 bytes, not 3"},
		"nothing of its size":  {fill: blob(3, nil), text: "0 bytes, not 3"},
		"one bomb":             {fill: blob(3<<24, bytes.Repeat(zeros, 3)), want: ErrTooLarge},
		"many bombs": {fill: func(p *packtest.Packer) {
			for i := range 3 {
				zeros[0] = byte(i)
				p.Object(packtest.Blob, zeros)
			}
		}, want: ErrTooLarge},
		"an unknown type": {fill: func(p *packtest.Packer) { p.Object(5, r.Blob) }, text: "unsupported object type"},
		"type 0":          {fill: func(p *packtest.Packer) { p.Object(0, r.Blob) }, text: "type 0"},
	}
}

// packLies are wrong in what is around the objects.
func packLies(r packtest.Repository) map[string]lie {
	count := func(more int) func(*packtest.Packer) {
		return func(p *packtest.Packer) { p.Object(packtest.Blob, r.Blob); p.Count += more }
	}
	honest, nothing := count(0), func(*packtest.Packer) {}
	without := func(n int) func([]byte) []byte {
		return func(b []byte) []byte { return b[:len(b)-n] }
	}
	return map[string]lie{
		"count too high": {fill: count(1)},
		"highest count":  {fill: count(math.MaxUint32 - 3)},
		"count too low":  {fill: count(-1)},
		"wrong checksum": {
			fill: honest, after: func(b []byte) []byte { b[len(b)-1]++; return b }, text: "checksum",
		},
		"no end":             {fill: honest, after: without(30)},
		"no checksum":        {fill: honest, after: without(20)},
		"does not inflate":   {fill: honest, after: func(b []byte) []byte { b[len(b)-28] ^= 0xff; return b }},
		"not a pack":         {fill: nothing, after: func([]byte) []byte { return []byte("<html>Sorry</html>") }},
		"nothing":            {fill: nothing, after: func([]byte) []byte { return nil }},
		"an unknown version": {fill: nothing, after: func(b []byte) []byte { b[7] = 9; return b }, text: "version"},
		"a wrong delta and a wrong checksum": {fill: func(p *packtest.Packer) {
			p.Delta(packtest.RefDelta, packtest.ID("blob", r.Blob), []byte{2, 2, 0x90, 2})
		}, after: func(b []byte) []byte { b[len(b)-1]++; return b }, text: "checksum"},
	}
}

// TestUnpackLies refuses packs that are not what they say, and allocates no memory for what they say. It is not
// parallel: it measures what is allocated.
func TestUnpackLies(t *testing.T) {
	r := packtest.NewRepository("x\n")
	for kind, lies := range map[string]map[string]lie{
		"delta": deltaLies(r), "object": objectLies(r), "pack": packLies(r),
	} {
		for name, lie := range lies {
			t.Run(kind+" "+name, func(t *testing.T) {
				p := r.Start()
				lie.fill(p)
				pack := p.Pack(p.Count)
				if lie.after != nil {
					pack = lie.after(pack)
				}
				var err error
				if allocated := measure(func() { _, err = unpack(t.Context(), pack) }); allocated > 200<<20 {
					t.Errorf("%d MB were allocated", allocated>>20)
				}
				if err == nil || !errors.Is(err, lie.want) && lie.want != nil ||
					!strings.Contains(err.Error(), lie.text) {
					t.Errorf("%v; want %v with %q", err, lie.want, lie.text)
				}
			})
		}
	}
}

func measure(f func()) (allocated uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
