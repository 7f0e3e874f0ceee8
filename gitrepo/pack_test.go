package gitrepo_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
)

// The types of a pack's entries (https://git-scm.com/docs/pack-format).
const (
	typeCommit, typeTree, typeBlob, typeOffset, typeRef = 1, 2, 3, 6, 7
)

// packer makes a pack by hand, with whatever lies it is told.
type packer struct {
	bytes.Buffer
	count int
}

func id(kind string, data []byte) []byte {
	sum := sha1.Sum(append(fmt.Appendf(nil, "%s %d\x00", kind, len(data)), data...))
	return sum[:]
}

// entry adds an object that declares a size; base is what stands between the header and the data of a delta.
func (p *packer) entry(kind int, size uint64, base, data []byte) (offset int) {
	offset = 12 + p.Len()
	b := byte(kind<<4) | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		p.WriteByte(b | 0x80)
		b = byte(size & 0x7f)
	}
	p.WriteByte(b)
	p.Write(base)
	z := zlib.NewWriter(p)
	z.Write(data)
	z.Close()
	p.count++
	return offset
}

func (p *packer) object(kind int, data []byte) int {
	return p.entry(kind, uint64(len(data)), nil, data)
}

// pack gives the whole, with a count that may be another.
func (p *packer) pack(count int) []byte {
	out := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(count))
	out = append(out, p.Bytes()...)
	sum := sha1.Sum(out)
	return append(out, sum[:]...)
}

// back is the distance to an earlier entry, as an offset delta has it, for those below 128 and two groups above.
func back(n int) []byte {
	if n < 128 {
		return []byte{byte(n)}
	}
	n -= 128
	return []byte{byte(n>>7) | 0x80, byte(n & 0x7f)}
}

// varint is a number as deltas start with.
func varint(n uint64) []byte { return binary.AppendUvarint(nil, n) }

// repository is a commit of one file.
type repository struct {
	blob, tree, commit []byte
}

func newRepository(content string) repository {
	r := repository{blob: []byte(content)}
	r.tree = append([]byte("100644 f\x00"), id("blob", r.blob)...)
	r.commit = fmt.Appendf(nil, "tree %x\nauthor A <a@example.com> 1700000000 +0000\ncommitter A <a@example.com> 1700000000 +0000\n\nx\n", id("tree", r.tree))
	return r
}

func (r repository) tip() string { return hex.EncodeToString(id("commit", r.commit)) }

func (r repository) start() *packer {
	p := &packer{}
	p.object(typeCommit, r.commit)
	p.object(typeTree, r.tree)
	return p
}

// serve answers as a git server would that has no partial clone.
func (r repository) serve(t *testing.T, caps string, send func(io.Writer)) gitrepo.Remote {
	line := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/info/refs") {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			io.WriteString(w, line("# service=git-upload-pack\n")+"0000"+line(r.tip()+" HEAD\x00shallow ofs-delta "+caps+"symref=HEAD:refs/heads/main\n")+line(r.tip()+" refs/heads/main\n"))
			if caps == "endless " {
				for i := 0; ; i++ {
					if _, err := io.WriteString(w, line(fmt.Sprintf("%s refs/heads/x%d\n", r.tip(), i))); err != nil {
						return
					}
				}
			}
			io.WriteString(w, "0000")
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		io.WriteString(w, line("shallow "+r.tip()+"\n")+"0000"+line("NAK\n"))
		send(w)
	}))
	t.Cleanup(server.Close)
	url, _, err := giturl.Parse(server.URL + "/r.git")
	check(t, err)
	return gitrepo.Remote{URL: url, MaxFetch: 32 << 20}
}

func read(t *testing.T, r gitrepo.Remote) ([]byte, error) {
	repo, err := gitrepo.Open(t.Context(), r)
	if err != nil {
		return nil, err
	}
	s, err := repo.Snapshot(t.Context(), "main")
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(s.Files(t.Context()), "f")
}

// TestPacks takes apart packs as servers other than git's may make them.
func TestPacks(t *testing.T) {
	base := strings.Repeat("base ", 100)
	r := newRepository(base + "more")
	change := append(append(varint(500), varint(504)...), append([]byte{0x80 | 0x10 | 0x20, 0xf4, 0x01, 4}, "more"...)...)
	for name, fill := range map[string]func(p *packer){
		"whole": func(p *packer) { p.object(typeBlob, r.blob) },
		"by offset": func(p *packer) {
			at := p.object(typeBlob, []byte(base))
			p.entry(typeOffset, uint64(len(change)), back(12+p.Len()-at), change)
		},
		"by hash": func(p *packer) {
			p.object(typeBlob, []byte(base))
			p.entry(typeRef, uint64(len(change)), id("blob", []byte(base)), change)
		},
		"before its base": func(p *packer) {
			at := p.entry(typeRef, uint64(len(change)), id("blob", []byte(base)), change)
			again := append(append(varint(504), varint(504)...), 0x80|0x10|0x20, 0xf8, 0x01)
			p.entry(typeOffset, uint64(len(again)), back(12+p.Len()-at), again)
			p.object(typeBlob, []byte(base))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.start()
			fill(p)
			got, err := read(t, r.serve(t, "", func(w io.Writer) { w.Write(p.pack(p.count)) }))
			if err != nil || string(got) != string(r.blob) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestLyingPacks refuses what is not what it says, and makes no room for it.
func TestLyingPacks(t *testing.T) {
	r := newRepository("x\n")
	delta := func(p *packer, kind int, base, data []byte) { p.entry(kind, uint64(len(data)), base, data) }
	zeros := make([]byte, 16<<20)
	for name, test := range map[string]struct {
		fill  func(p *packer)
		after func(pack []byte) []byte
		want  error  // nil: any
		text  string // of the error
	}{
		"another blob":          {fill: func(p *packer) { p.object(typeBlob, []byte("y\n")) }, text: "did not send object"},
		"a blob for a tree":     {fill: func(p *packer) { *p = packer{}; p.object(typeCommit, r.commit); p.object(typeBlob, r.tree) }, text: "did not send object"},
		"no commit":             {fill: func(p *packer) { *p = packer{}; p.object(typeTree, r.tree) }, text: r.tip()},
		"a size of a terabyte":  {fill: func(p *packer) { p.entry(typeBlob, 1<<40, nil, r.blob) }, want: gitrepo.ErrTooLarge},
		"a size of 2^59":        {fill: func(p *packer) { p.entry(typeBlob, 1<<59, nil, r.blob) }, want: gitrepo.ErrTooLarge},
		"a size of 2^64 - 1":    {fill: func(p *packer) { p.entry(typeBlob, 1<<64-1, nil, r.blob) }, text: "overflow"},
		"a delta of a terabyte": {fill: func(p *packer) { p.entry(typeRef, 1<<40, id("tree", r.tree), r.blob) }, text: "a delta of"},
		"more than its size":    {fill: func(p *packer) { p.entry(typeBlob, 1, nil, r.blob) }, text: "read pack"},
		"less than its size":    {fill: func(p *packer) { p.entry(typeBlob, 3, nil, r.blob) }, text: "2 bytes, not 3"},
		"nothing of its size":   {fill: func(p *packer) { p.entry(typeBlob, 3, nil, nil) }, text: "0 bytes, not 3"},
		"one bomb":              {fill: func(p *packer) { p.object(typeBlob, bytes.Repeat(zeros, 5)) }, want: gitrepo.ErrTooLarge},
		"many bombs": {fill: func(p *packer) {
			for i := range 3 {
				zeros[0] = byte(i)
				p.object(typeBlob, zeros)
			}
		}, want: gitrepo.ErrTooLarge},
		"a type that is none":    {fill: func(p *packer) { p.object(5, r.blob) }, text: "unsupported object type"},
		"type 0":                 {fill: func(p *packer) { p.object(0, r.blob) }, text: "type 0"},
		"a base that is nowhere": {fill: func(p *packer) { delta(p, typeRef, id("blob", r.blob), []byte{2, 2, 0x90, 2}) }, text: "did not come"},
		"an offset to nothing":   {fill: func(p *packer) { delta(p, typeOffset, back(3), []byte{2, 2, 0x90, 2}) }, text: "did not come"},
		"an offset to itself":    {fill: func(p *packer) { delta(p, typeOffset, back(0), []byte{2, 2, 0x90, 2}) }, text: "offset"},
		"an offset too far":      {fill: func(p *packer) { delta(p, typeOffset, back(9000), []byte{2, 2, 0x90, 2}) }, text: "offset"},
		"a delta that makes a terabyte": {fill: func(p *packer) {
			delta(p, typeRef, id("tree", r.tree), append(append(varint(uint64(len(r.tree))), varint(1<<40)...), 0x90, 2))
		}, text: "a delta from"},
		"a delta that makes much": {fill: func(p *packer) {
			p.object(typeBlob, zeros)
			data := append(varint(1<<24), varint(100<<20)...)
			for range 100 {
				data = append(data, 0x80|0x40, 0x10) // a megabyte from the start
			}
			delta(p, typeRef, id("blob", zeros), data)
		}, want: gitrepo.ErrTooLarge},
		"a delta of a wrong base":     {fill: func(p *packer) { delta(p, typeRef, id("tree", r.tree), []byte{2, 2, 0x90, 2}) }, text: "invalid delta"},
		"a delta beyond its base":     {fill: func(p *packer) { delta(p, typeRef, id("tree", r.tree), []byte{29, 2, 0x91, 100, 2}) }, text: "invalid delta"},
		"a delta that ends early":     {fill: func(p *packer) { delta(p, typeRef, id("tree", r.tree), []byte{29, 2}) }, text: "invalid delta"},
		"a delta without a size":      {fill: func(p *packer) { delta(p, typeRef, id("tree", r.tree), []byte{0x80}) }, text: "invalid delta"},
		"a count that is too high":    {fill: func(p *packer) { p.object(typeBlob, r.blob); p.count++ }, text: "read pack"},
		"a count of all that can be":  {fill: func(p *packer) { p.object(typeBlob, r.blob); p.count = 1<<32 - 1 }, text: "read pack"},
		"a count that is too low":     {fill: func(p *packer) { p.object(typeBlob, r.blob); p.count-- }, text: "read pack"},
		"a checksum that is none":     {fill: func(p *packer) { p.object(typeBlob, r.blob) }, after: func(b []byte) []byte { b[len(b)-1]++; return b }, text: "checksum"},
		"an end that is missing":      {fill: func(p *packer) { p.object(typeBlob, r.blob) }, after: func(b []byte) []byte { return b[:len(b)-30] }, text: "read pack"},
		"a checksum that is missing":  {fill: func(p *packer) { p.object(typeBlob, r.blob) }, after: func(b []byte) []byte { return b[:len(b)-20] }, text: "read pack"},
		"data that does not inflate":  {fill: func(p *packer) { p.object(typeBlob, r.blob) }, after: func(b []byte) []byte { b[len(b)-28] ^= 0xff; return b }, text: "read pack"},
		"something that is no pack":   {fill: func(*packer) {}, after: func([]byte) []byte { return []byte("<html>Sorry</html>") }, text: "read pack"},
		"a version that nobody knows": {fill: func(*packer) {}, after: func(b []byte) []byte { b[7] = 9; return b }, text: "version"},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.start()
			test.fill(p)
			pack := p.pack(p.count)
			if test.after != nil {
				pack = test.after(pack)
			}
			remote := r.serve(t, "", func(w io.Writer) { w.Write(pack) })
			allocated := measure(func() {
				got, err := read(t, remote)
				if err == nil || !errors.Is(err, test.want) && test.want != nil || !strings.Contains(err.Error(), test.text) {
					t.Errorf("%q, %v; want %v with %q", got, err, test.want, test.text)
				}
			})
			if allocated > 200<<20 {
				t.Errorf("%d MB were allocated", allocated>>20)
			}
		})
	}
}

func measure(f func()) (allocated uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// raced tells that the race detector is on.
var raced bool

// TestEndless: a server that never ends is left.
func TestEndless(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates for its own ends")
	}
	r := newRepository("x\n")
	for name, test := range map[string]struct {
		caps string
		send func(io.Writer)
	}{
		"references": {"endless ", nil},
		"empty objects": {"", func(w io.Writer) {
			p := &packer{}
			for i := range 1 << 8 {
				p.object(typeBlob, fmt.Append(nil, i))
			}
			w.Write(p.pack(1<<32 - 1)[:12+p.Len()])
			for {
				if _, err := w.Write(p.Bytes()); err != nil {
					return
				}
			}
		}},
		"progress": {"side-band-64k ", func(w io.Writer) {
			for {
				if _, err := io.WriteString(w, "0400\x02"+strings.Repeat(".", 1019)); err != nil {
					return
				}
			}
		}},
		"empty lines": {"side-band-64k ", func(w io.Writer) {
			for {
				if _, err := io.WriteString(w, strings.Repeat("0005\x02", 1000)); err != nil {
					return
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			remote := r.serve(t, test.caps, test.send)
			allocated := measure(func() {
				if _, err := read(t, remote); !errors.Is(err, gitrepo.ErrTooLarge) {
					t.Errorf("%v, want too large", err)
				}
			})
			if allocated > 700<<20 {
				t.Errorf("%d MB were allocated", allocated>>20)
			}
		})
	}
}

// TestSpill: what is more than fits in memory goes to a file that nobody sees, or stays in memory where there can be none.
func TestSpill(t *testing.T) {
	files := map[string]string{}
	for i := range 9 {
		files[fmt.Sprint("f", i)] = strings.Repeat(fmt.Sprint(i, " "), 1<<21)
	}
	for _, place := range []string{"a folder", "no folder"} {
		t.Run(place, func(t *testing.T) {
			w := open(t, "http without filter", files)
			dir := t.TempDir()
			if place == "no folder" {
				dir += "/nosuch"
			}
			t.Setenv("TMPDIR", dir)
			s := w.snapshot(t, "main")
			kept, spilled := s.Kept()
			if want := map[string]bool{"a folder": true}[place]; (spilled > 0) != want || want && kept > 32<<20 {
				t.Errorf("%d bytes in memory, %d in a file", kept, spilled)
			}
			for name, want := range files {
				got, err := fs.ReadFile(s.Files(t.Context()), name)
				if err != nil || string(got) != want {
					t.Errorf("%s is not what it was: %d bytes, %v", name, len(got), err)
				}
			}
			if left, err := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%v are left, %v", left, err)
			}
			s, err := s.With(t.Context(), contents(map[string]string{"f1": "1"}))
			check(t, err)
			c, err := s.Commit(message("x"))
			check(t, err)
			check(t, s.Push(t.Context(), c, "new"))
		})
	}
}
