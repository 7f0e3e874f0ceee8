package gitrepo_test

import (
	"io"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/internal/pack/packtest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

// TestWrongObjects: objects other than those that were asked for are an error.
func TestWrongObjects(t *testing.T) {
	t.Parallel()
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
			got, err := repotest.ReadFile(t, repotest.Serve(t, r, "", func(w io.Writer) { w.Write(p.Pack(p.Count)) }))
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
