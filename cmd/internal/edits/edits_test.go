package edits

import (
	"reflect"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/template"
	"update-gitops-repo/template/image"
	"update-gitops-repo/template/yamledit/yqedit"
)

func TestScope(t *testing.T) {
	globs := []string{"production/**.yaml.tmpl", "./top.yaml.tmpl", "a/b/*.tmpl", "{x,y}/z.tmpl", "m/**"}
	e := Edits{
		Renderer:    template.Renderer{Globs: globs},
		Local:       []LocalTemplate{{"local", "dest/x.yaml"}},
		Sets:        []yqedit.Assignment{{File: "apps/a/values.yaml"}, {File: "clusters/*/values.yaml"}, {File: "*.yaml"}},
		ImageGlobs:  []string{image.DefaultFiles},
		Expressions: []yqedit.Expression{{File: "q[12]/x.yaml"}},
	}
	want := gitrepo.Scope{
		Paths:   []string{"top.yaml.tmpl", "a/b/*.tmpl", "apps/a/values.yaml", "*.yaml", "dest/x.yaml"},
		Folders: []string{"production", ".", "m", "clusters", "."},
	}
	if got := e.Scope(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	e = Edits{Images: []image.Image{{}}, ImageGlobs: []string{image.DefaultFiles}}
	if got, want := e.Scope(), (gitrepo.Scope{Folders: []string{"."}}); !reflect.DeepEqual(got, want) {
		t.Errorf("images: %+v, want %+v", got, want)
	}
}
