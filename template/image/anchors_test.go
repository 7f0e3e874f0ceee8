package image

import (
	"strings"
	"testing"
	"testing/fstest"
)

// An anchored tag that would have to go, and a tag that another entry merges, are refused: others use them.
func TestSharedEntries(t *testing.T) {
	t.Parallel()
	digest := "@sha256:" + strings.Repeat("a", 64)
	for _, tt := range []struct{ src, image, want string }{
		{"images:\n- name: acme/shop\n  newTag: &t v1\n- name: acme/api\n  newTag: *t\n", "acme/shop=" + digest,
			"newTag has an anchor, and would have to go"},
		{"images:\n- &e {name: acme/shop, newTag: v1}\n- {<<: *e, name: acme/api}\n", "acme/shop=" + digest,
			".images[1].newTag takes \"v1\" too, through an alias"},
	} {
		img, err := Parse(tt.image)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{"kustomization.yaml": {Data: []byte(tt.src)}}
		_, err = Set(fsys, Request{Images: []Image{img}, Globs: []string{"**"}}, ignore)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v", tt.src, err)
		}
	}
}
