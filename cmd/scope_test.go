package cmd

import (
	"reflect"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/template"
)

func TestScope(t *testing.T) {
	e := edits{
		renderer:    template.Renderer{Globs: []string{"production/**.yaml.tmpl", "./top.yaml.tmpl", "a/b/*.tmpl", "{x,y}/z.tmpl", "m/**"}},
		texts:       []text{{"local", "dest/x.yaml"}},
		sets:        []template.Assignment{{File: "apps/a/values.yaml"}, {File: "clusters/*/values.yaml"}, {File: "*.yaml"}},
		imageGlobs:  []string{template.DefaultImageFiles},
		expressions: []template.Expression{{File: "q[12]/x.yaml"}},
	}
	want := gitrepo.Scope{
		Paths:   []string{"top.yaml.tmpl", "a/b/*.tmpl", "apps/a/values.yaml", "*.yaml", "dest/x.yaml"},
		Folders: []string{"production", ".", "m", "clusters", "."},
	}
	if got := e.scope(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	e = edits{images: []template.Image{{}}, imageGlobs: []string{template.DefaultImageFiles}}
	if got, want := e.scope(), (gitrepo.Scope{Folders: []string{"."}}); !reflect.DeepEqual(got, want) {
		t.Errorf("images: %+v, want %+v", got, want)
	}
}

func TestByteSize(t *testing.T) {
	for in, want := range map[string]int64{"1": 1, "1048576": 1 << 20, "500MiB": 500 << 20, "3KiB": 3 << 10, "2 GiB": 2 << 30, "8589934591GiB": 8589934591 << 30} {
		var s byteSize
		if err := s.Set(in); err != nil || int64(s) != want {
			t.Errorf("%q is %d, %v; want %d", in, s, err, want)
		}
		var again byteSize
		if err := again.Set(s.String()); err != nil || again != s {
			t.Errorf("%d prints as %q, which is %d, %v", s, s.String(), again, err)
		}
	}
	for _, in := range []string{"", "0", "-1", "GiB", "2GB", "2gib", "1.5GiB", "8589934592GiB", "9223372036854775808", "0x10"} {
		var s byteSize
		if s.Set(in) == nil {
			t.Errorf("%q is taken, as %d", in, s)
		}
	}
}
