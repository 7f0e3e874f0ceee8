package image

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/yamledit"
)

// TestMissed: what changes an image further out by its old name must not miss it once it has a new one. Where that says
// the version that is kept, or another one than was chosen, the run is refused.
func TestMissed(t *testing.T) {
	t.Parallel()
	const application = "kind: Application\n" +
		"spec:\n  source:\n    path: prod\n    kustomize: {images: ['acme/shop:v3']}\n"
	const flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" +
		"spec:\n  path: ./prod\n  images: [{name: acme/shop, newTag: v3}]\n"
	const moved, chosen = "acme/shop=ghcr.io/acme/shop:*", "acme/shop:v1=ghcr.io/acme/shop:v2"
	for _, tt := range []struct{ name, image, prod, outer, refused string }{
		{"an Application, the tag is kept", moved, "", application, "base/pod.yaml"},
		{"an Application, an old tag is chosen", chosen, "", application, "base/pod.yaml"},
		{"an Application with the tag that is there", moved, "", strings.Replace(application, "v3", "v1", 1), ""},
		{"an Application with another image", moved, "", strings.Replace(application, "shop:", "shops:", 1), ""},
		{"Flux, the tag is kept", moved, "", flux, "base/pod.yaml"},
		{"an entry with another tag than the chosen one", chosen, "images: [{name: acme/shop, newTag: v3}]\n", "",
			"base/pod.yaml"},
		{"an entry that has the chosen tag", "acme/shop:v3=ghcr.io/acme/shop:v2",
			"images: [{name: acme/shop, newTag: v3}]\n", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			img, err := Parse(tt.image)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Set(fstest.MapFS{
				"base/pod.yaml":           {Data: []byte("kind: Pod\nspec: {containers: [{image: 'acme/shop:v1'}]}\n")},
				"base/kustomization.yaml": {Data: []byte("resources: [pod.yaml]\n")},
				"prod/kustomization.yaml": {Data: []byte("resources: [../base]\n" + tt.prod)},
				"app.yaml":                {Data: []byte(tt.outer)},
			}, Request{Images: []Image{img}}, ignore)
			e, ok := errors.AsType[*yamledit.Error](err)
			switch {
			case tt.refused == "" && err != nil:
				t.Error(err)
			case tt.refused != "" && (!ok || e.File != tt.refused || !errors.Is(err, yamledit.ErrUneditable) ||
				!strings.HasSuffix(e.Reason, "would miss it")):
				t.Errorf("got %v, want a refusal of %s", err, tt.refused)
			}
		})
	}
}
