package transport_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/internal/pack/packtest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

// TestDamagedPack: a damaged pack is ErrFault, so that it is fetched again.
func TestDamagedPack(t *testing.T) {
	t.Parallel()
	r := packtest.NewRepository("x\n")
	p := r.Start()
	p.Object(packtest.Blob, r.Blob)
	pack := p.Pack(p.Count)
	for name, sent := range map[string][]byte{
		"cut off": pack[:len(pack)-1], "another checksum": append(pack[:len(pack)-1:len(pack)-1], pack[len(pack)-1]+1),
	} {
		_, err := repotest.ReadFile(t, repotest.Serve(t, r, "", func(w io.Writer) { w.Write(sent) }))
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

// raced reports whether the race detector is on.
var raced bool

// endless returns a function that sends the same again and again until the client hangs up.
func endless(data []byte) func(io.Writer) {
	return func(w io.Writer) {
		for {
			if _, err := w.Write(data); err != nil {
				return
			}
		}
	}
}

// TestEndless: a server that never stops sending is ErrTooLarge, in bounded memory.
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
			endless(p.Bytes())(w)
		}},
		"progress":    {"side-band-64k ", endless([]byte("0400\x02" + strings.Repeat(".", 1019)))},
		"empty lines": {"side-band-64k ", endless([]byte(strings.Repeat("0005\x02", 1000)))},
	} {
		t.Run(name, func(t *testing.T) {
			remote := repotest.Serve(t, r, test.caps, test.send)
			allocated := measure(func() {
				if _, err := repotest.ReadFile(t, remote); !errors.Is(err, gitrepo.ErrTooLarge) {
					t.Errorf("%v, want too large", err)
				}
			})
			if allocated > 700<<20 {
				t.Errorf("%d MB were allocated", allocated>>20)
			}
		})
	}
}
