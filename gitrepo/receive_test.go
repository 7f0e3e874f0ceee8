package gitrepo_test

import (
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
	"update-gitops-repo/gitrepo/internal/pack/packtest"
)

// serve answers as a git server would that has no partial clone.
func serve(t *testing.T, r packtest.Repository, caps string, send func(io.Writer)) gitrepo.Remote {
	line := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/info/refs") {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			io.WriteString(w, line("# service=git-upload-pack\n")+"0000"+line(r.Tip()+" HEAD\x00shallow ofs-delta "+caps+"symref=HEAD:refs/heads/main\n")+line(r.Tip()+" refs/heads/main\n"))
			if caps == "endless " {
				for i := 0; ; i++ {
					if _, err := io.WriteString(w, line(fmt.Sprintf("%s refs/heads/x%d\n", r.Tip(), i))); err != nil {
						return
					}
				}
			}
			io.WriteString(w, "0000")
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		io.WriteString(w, line("shallow "+r.Tip()+"\n")+"0000"+line("NAK\n"))
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

// TestWrongObjects: a server that sends other objects than it was asked for is not believed.
func TestWrongObjects(t *testing.T) {
	r := packtest.NewRepository("x\n")
	for name, test := range map[string]struct {
		pack func(p *packtest.Packer)
		want string
	}{
		"the file": {func(p *packtest.Packer) {
			p.Object(packtest.Commit, r.Commit)
			p.Object(packtest.Tree, r.Tree)
			p.Object(packtest.Blob, r.Blob)
		}, ""},
		"another blob": {func(p *packtest.Packer) {
			p.Object(packtest.Commit, r.Commit)
			p.Object(packtest.Tree, r.Tree)
			p.Object(packtest.Blob, []byte("y\n"))
		}, "did not send object"},
		"a blob for a tree": {func(p *packtest.Packer) {
			p.Object(packtest.Commit, r.Commit)
			p.Object(packtest.Blob, r.Tree)
		}, "did not send object"},
		"no commit": {func(p *packtest.Packer) { p.Object(packtest.Tree, r.Tree) }, r.Tip()},
	} {
		t.Run(name, func(t *testing.T) {
			p := &packtest.Packer{}
			test.pack(p)
			got, err := read(t, serve(t, r, "", func(w io.Writer) { w.Write(p.Pack(p.Count)) }))
			if test.want == "" {
				if err != nil || string(got) != "x\n" {
					t.Errorf("%q, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
		})
	}
}

// TestDamagedPack: a pack that is not whole is a fault, so that another attempt is made.
func TestDamagedPack(t *testing.T) {
	r := packtest.NewRepository("x\n")
	p := r.Start()
	p.Object(packtest.Blob, r.Blob)
	pack := p.Pack(p.Count)
	for name, sent := range map[string][]byte{
		"cut off": pack[:len(pack)-1], "another checksum": append(pack[:len(pack)-1:len(pack)-1], pack[len(pack)-1]+1),
	} {
		_, err := read(t, serve(t, r, "", func(w io.Writer) { w.Write(sent) }))
		if !errors.Is(err, gitrepo.ErrFault) || !strings.Contains(err.Error(), "read pack: ") {
			t.Errorf("%s: %v", name, err)
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

// raced tells that the race detector is on.
var raced bool

// TestEndless: a server that never ends is left.
func TestEndless(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates for its own ends")
	}
	r := packtest.NewRepository("x\n")
	for name, test := range map[string]struct {
		caps string
		send func(io.Writer)
	}{
		"references": {"endless ", nil},
		"empty objects": {"", func(w io.Writer) {
			p := &packtest.Packer{}
			for i := range 1 << 8 {
				p.Object(packtest.Blob, fmt.Append(nil, i))
			}
			w.Write(p.Pack(1<<32 - 1)[:12+p.Len()])
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
			remote := serve(t, r, test.caps, test.send)
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
