package image

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/yamledit"
)

// TestChoosing sets by a tag that is there now, and keeps, adds, replaces and removes parts of the version.
func TestChoosing(t *testing.T) {
	t.Parallel()
	const atA, atB = "@" + digestA, "@" + digestB
	for _, tt := range []struct{ name, image, src, want string }{
		{"by a tag", "acme/mono:api-1=:api-2",
			"a: {image: acme/mono:api-1}\nb: {image: acme/mono:web-1}\nc: {image: \"acme/mono:api-1" + atA + "\"}\n",
			"a: {image: acme/mono:api-2}\nb: {image: acme/mono:web-1}\nc: {image: \"acme/mono:api-2\"}\n"},
		{"by a glob", "acme/mono:api-*=:api-2",
			"a: {image: acme/mono:api-1}\nb: {image: acme/mono:web-1}\nimage: {repository: acme/mono, tag: api-0}\n",
			"a: {image: acme/mono:api-2}\nb: {image: acme/mono:web-1}\nimage: {repository: acme/mono, tag: api-2}\n"},
		{"two by globs", "acme/mono:api-*=:api-2 acme/mono:web-*=:web-2",
			"a: {image: acme/mono:api-1}\nb: {image: acme/mono:web-1}\n",
			"a: {image: acme/mono:api-2}\nb: {image: acme/mono:web-2}\n"},
		{"by a tag, set before", "acme/mono:api-1=:api-2",
			"a: {image: acme/mono:api-2}\n", "a: {image: acme/mono:api-2}\n"},
		{"another registry, the tag kept", "acme/shop=ghcr.io/acme/shop:*",
			"a: {image: acme/shop:v1}\nb: {image: \"acme/shop:v1" + atA + "\"}\n" +
				"image: {repository: acme/shop, tag: v1}\n" +
				"c: {image: \"acme/shop" + atA + "\"}\ncontainers: [{image: acme/shop}]\n" +
				"d: {registry: docker.io, repository: acme/shop, tag: v3}\n",
			"a: {image: ghcr.io/acme/shop:v1}\nb: {image: \"ghcr.io/acme/shop:v1" + atA + "\"}\n" +
				"image: {repository: ghcr.io/acme/shop, tag: v1}\nc: {image: \"ghcr.io/acme/shop" + atA + "\"}\n" +
				"containers: [{image: ghcr.io/acme/shop}]\nd: {registry: ghcr.io, repository: acme/shop, tag: v3}\n"},
		{"a digest added", "acme/shop=:*" + atB,
			"a: {image: acme/shop:v1}\nb: {image: \"acme/shop:v1" + atA + "\"}\n" +
				"image: {repository: acme/shop, tag: v1}\n" +
				"xImage: {repository: acme/shop, tag: v1, digest: ''}\n",
			"a: {image: acme/shop:v1" + atB + "}\nb: {image: \"acme/shop:v1" + atB + "\"}\n" +
				"image: {repository: acme/shop, tag: v1" + atB + "}\n" +
				"xImage: {repository: acme/shop, tag: v1, digest: '" + digestB + "'}\n"},
		{"a digest removed", "acme/shop:v1=:v1",
			"a: {image: acme/shop:v1}\nb: {image: \"acme/shop:v1" + atA + "\"}\n" +
				"image: {repository: acme/shop, tag: v1, digest: '" + digestA + "'}\n" +
				"xImage: {repository: acme/shop, tag: 'v1" + atA + "'}\nc: {image: acme/shop:v2" + atA + "}\n",
			"a: {image: acme/shop:v1}\nb: {image: \"acme/shop:v1\"}\n" +
				"image: {repository: acme/shop, tag: v1, digest: ''}\nxImage: {repository: acme/shop, tag: 'v1'}\n" +
				"c: {image: acme/shop:v2" + atA + "}\n"},
		{"a digest added where there is no tag", "acme/shop=:*" + atB, "a: {image: acme/shop" + atA + "}\n",
			"a: {image: acme/shop" + atB + "}\n"},
		{"a digest without its algorithm", "acme/shop=:v2" + atB,
			"image: {repository: acme/shop, tag: v1, sha: \"\"}\nxImage: {repository: acme/shop, tag: v1, sha: aa}\n",
			"image: {repository: acme/shop, tag: v2, sha: \"" + digestB[7:] + "\"}\n" +
				"xImage: {repository: acme/shop, tag: v2, sha: " + digestB[7:] + "}\n"},
		{"a registry beside a reference", "ghcr.io/acme/shop=quay.io/acme/web:v2",
			"a: {registry: ghcr.io, image: acme/shop:v1}\nb: {image: ghcr.io/acme/shop:v1}\n",
			"a: {registry: quay.io, image: acme/web:v2}\nb: {image: quay.io/acme/web:v2}\n"},
		{"the registry of all images", "ghcr.io/acme/shop=ghcr.io/acme/web:v2",
			"global: {imageRegistry: ghcr.io}\nimage: {registry: docker.io, repository: acme/shop, tag: v1}\n",
			"global: {imageRegistry: ghcr.io}\nimage: {registry: docker.io, repository: acme/web, tag: v2}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, _, err := setImage("a.yaml", tt.src, tt.image)
			if err != nil || got != tt.want {
				t.Fatalf("%v, got\n%s\nwant\n%s", err, got, tt.want)
			}
			if again, more, err := setImage("a.yaml", got, tt.image); err != nil || again != got {
				t.Errorf("the second time: %v, %s, got\n%s", err, more, again)
			}
		})
	}
}

func TestChoosingErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		image, src string
		kind       error
		want       string
	}{
		{"acme/mono:api-1=:api-2", "image: acme/mono:web-1\n", ErrNotDeployed,
			"acme/mono:api-1 is deployed nowhere; it is named in another way: acme/mono:web-1 (a.yaml:1)"},
		{"ghcr.io/acme/shop=quay.io/acme/shop:v2",
			"global: {imageRegistry: ghcr.io}\nimage: {repository: acme/shop, tag: v1}\n", yamledit.ErrUneditable,
			"ghcr.io/acme/shop cannot be set: its registry is that of global.imageRegistry"},
		{"acme/shop=:*@none", "image: \"acme/shop@" + digestA + "\"\n", yamledit.ErrUneditable,
			"acme/shop cannot be set: there is a digest but no tag here, so REF must have a tag"},
		{"acme/shop=:*@none", "{kind: Kustomization, images: [{name: acme/shop}]}\n", yamledit.ErrUneditable,
			"acme/shop cannot be set: what this changes has the tag, so REF must have a tag too"},
		{"acme/shop=:*@" + digestA, "{kind: Kustomization, images: [{name: acme/shop, newName: shop}]}\n",
			yamledit.ErrUneditable,
			"acme/shop cannot be set: what this changes has the tag, so REF must have a tag too"},
		{"acme/shop=:*@" + digestA, "{kind: Application, spec: {source: {kustomize: {images: [acme/shop]}}}}\n",
			yamledit.ErrUneditable,
			"acme/shop cannot be set: what this changes has the tag, so REF must have a tag too"},
		{"acme/shop=:v2", "image: {repository: acme/shop, tag: v1, digest: " + digestA + ", useDigest: true}\n",
			yamledit.ErrUneditable, "acme/shop cannot be set: useDigest is true here, so REF must have a digest too"},
		{"ghcr.io/acme/shop=:v2", "image: {registry: ghcr.io, repository: acme, name: shop, tag: v1}\n", ErrNotDeployed,
			"ghcr.io/acme/shop is deployed nowhere; it is named in another way: shop:v1 (a.yaml:1, in parts)"},
	} {
		if _, _, err := setImage("a.yaml", tt.src, tt.image); !errors.Is(err, tt.kind) ||
			!strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.image, err, tt.want)
		}
	}
	for _, images := range [][]Image{
		{{"nginx:a", ":1"}, {"docker.io/nginx:a", ":2"}}, {{"nginx:a", ":1"}, {"nginx", ":2"}},
		{{"nginx", ":1"}, {"nginx:a", ":2"}},
	} {
		if err := Check(images); err == nil {
			t.Errorf("%v are taken", images)
		}
	}
	if err := Check([]Image{{"nginx:a", ":1"}, {"nginx:b", ":2"}}); err != nil {
		t.Error(err)
	}
}

// TestElsewhere: an image that only files of CI systems and documentation name is not set there, and the error says so.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"app.yaml": {Data: []byte("kind: Pod\n")}}
	for _, name := range []string{".github/workflows/a.yaml", ".gitlab-ci.yml", "sub/.gitlab-ci.yml", "docs/a.yaml"} {
		fsys[name] = &fstest.MapFile{Data: []byte("image: acme/shop:1\n")}
	}
	req := Request{Images: []Image{{"acme/shop", ":2"}}}
	const want = "{**.{yaml,yml},**/Kustomization}: acme/shop is deployed nowhere; without -image-files these are " +
		"not looked at: acme/shop:1 (.github/workflows/a.yaml:1), acme/shop:1 (.gitlab-ci.yml:1), " +
		"acme/shop:1 (docs/a.yaml:1), acme/shop:1 (sub/.gitlab-ci.yml:1)"
	if _, err := Set(fsys, req, ignore); !errors.Is(err, ErrNotDeployed) || err.Error() != want {
		t.Errorf("got %v", err)
	}
	fsys["apps/docs/a.yaml"] = &fstest.MapFile{Data: []byte("image: acme/shop:1\n")}
	out, err := Set(fsys, req, ignore)
	if err != nil || len(out.Files) != 1 || string(out.Files["apps/docs/a.yaml"]) != "image: acme/shop:2\n" {
		t.Errorf("%v, %q", err, out.Files)
	}
	req.Globs = []string{"docs/*"}
	if out, err = Set(fsys, req, ignore); err != nil || len(out.Files) != 1 {
		t.Errorf("%v, %q", err, out.Files)
	}
}
