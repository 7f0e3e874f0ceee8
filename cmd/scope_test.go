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
