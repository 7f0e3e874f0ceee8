package image

import (
	"errors"
	"maps"
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
			"a: {image: acme/mono:api-1}\nb: {image: acme/mono:web-1}\nc: {image: \"acme/mono:api-1@" + digestA + "\"}\n",
			"a: {image: acme/mono:api-2}\nb: {image: acme/mono:web-1}\nc: {image: \"acme/mono:api-2\"}\n"},
		{"by a glob", "acme/mono:api-*=:api-2",
			"a: {image: acme/mono:api-1}\nb: {image: acme/mono:web-1}\nimage: {repository: acme/mono, tag: api-0}\n",
			"a: {image: acme/mono:api-2}\nb: {image: acme/mono:web-1}\nimage: {repository: acme/mono, tag: api-2}\n"},
		{"two by globs", "acme/mono:api-*=:api-2 acme/mono:web-*=:web-2",
			"a: {image: acme/mono:api-1}\nb: {image: acme/mono:web-1}\n",
			"a: {image: acme/mono:api-2}\nb: {image: acme/mono:web-2}\n"},
		{"by a tag, set before", "acme/mono:api-1=:api-2", "a: {image: acme/mono:api-2}\n", "a: {image: acme/mono:api-2}\n"},
		{"another registry, the tag kept", "acme/shop=ghcr.io/acme/shop:",
			"a: {image: acme/shop:v1}\nb: {image: \"acme/shop:v1" + atA + "\"}\nimage: {repository: acme/shop, tag: v1}\n" +
				"c: {image: \"acme/shop" + atA + "\"}\ncontainers: [{image: acme/shop}]\n" +
				"d: {registry: docker.io, repository: acme/shop, tag: v3}\n",
			"a: {image: ghcr.io/acme/shop:v1}\nb: {image: \"ghcr.io/acme/shop:v1" + atA + "\"}\n" +
				"image: {repository: ghcr.io/acme/shop, tag: v1}\nc: {image: \"ghcr.io/acme/shop" + atA + "\"}\n" +
				"containers: [{image: ghcr.io/acme/shop}]\nd: {registry: ghcr.io, repository: acme/shop, tag: v3}\n"},
		{"a digest added", "acme/shop=:" + atB,
			"a: {image: acme/shop:v1}\nb: {image: \"acme/shop:v1" + atA + "\"}\nimage: {repository: acme/shop, tag: v1}\n" +
				"xImage: {repository: acme/shop, tag: v1, digest: ''}\n",
			"a: {image: acme/shop:v1" + atB + "}\nb: {image: \"acme/shop:v1" + atB + "\"}\n" +
				"image: {repository: acme/shop, tag: v1" + atB + "}\n" +
				"xImage: {repository: acme/shop, tag: v1, digest: '" + digestB + "'}\n"},
		{"a digest removed", "acme/shop=:@",
			"a: {image: acme/shop:v1}\nb: {image: \"acme/shop:v1" + atA + "\"}\n" +
				"image: {repository: acme/shop, tag: v1, digest: '" + digestA + "'}\n" +
				"xImage: {repository: acme/shop, tag: 'v1" + atA + "'}\n",
			"a: {image: acme/shop:v1}\nb: {image: \"acme/shop:v1\"}\n" +
				"image: {repository: acme/shop, tag: v1, digest: ''}\nxImage: {repository: acme/shop, tag: 'v1'}\n"},
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
		{"acme/shop=:@", "image: acme/shop@" + digestA + "\n", yamledit.ErrUneditable,
			"acme/shop cannot be set: there is no tag here that could stay without the digest"},
		{"ghcr.io/acme/shop=quay.io/acme/shop:v2",
			"global: {imageRegistry: ghcr.io}\nimage: {repository: acme/shop, tag: v1}\n", yamledit.ErrUneditable,
			"ghcr.io/acme/shop cannot be set: its registry is that of global.imageRegistry"},
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

// treeCase is a repository, and what changes in it.
type treeCase struct {
	name, images string
	missing      Missing
	globs        []string
	files, want  map[string]string // want has what changes
	left         []string
}

const pod = "kind: Pod\nspec:\n  containers:\n  - image: acme/shop:v1\n"

func kustomization(fields string) string { return "kind: Kustomization\n" + fields }

var treeCases = []treeCase{
	{name: "newName with a tag", images: "acme/shop=:v2",
		files: map[string]string{"kustomization.yaml": "images:\n- name: shop\n  newName: acme/shop:v1\n"},
		want: map[string]string{
			"kustomization.yaml": "images:\n- name: shop\n  newName: acme/shop\n  newTag: v2\n"}},
	{name: "newName with a tag, and newTag", images: "acme/shop=:v2",
		files: map[string]string{"kustomization.yaml": "images:\n- name: shop\n  newName: acme/shop:v1\n  newTag: v1\n"},
		want: map[string]string{
			"kustomization.yaml": "images:\n- name: shop\n  newName: acme/shop\n  newTag: v2\n"}},
	{name: "newName with a tag gets another name", images: "acme/shop=ghcr.io/acme/shop:",
		files: map[string]string{"kustomization.yaml": "images:\n- name: shop\n  newName: acme/shop:v1\n- name: acme/shop\n"},
		want: map[string]string{"kustomization.yaml": "images:\n- name: shop\n  newName: ghcr.io/acme/shop\n" +
			"  newTag: v1\n- name: acme/shop\n  newName: ghcr.io/acme/shop\n"}},
	{name: "the base of an overlay is left", images: "acme/shop=ghcr.io/acme/shop:v2",
		files: map[string]string{"base/pod.yaml": pod, "base/kustomization.yaml": kustomization("resources: [pod.yaml]\n"),
			"prod/kustomization.yaml": kustomization("resources:\n- ../base\nimages:\n- name: acme/shop\n  newTag: v1\n")},
		want: map[string]string{"prod/kustomization.yaml": kustomization(
			"resources:\n- ../base\nimages:\n- name: acme/shop\n  newName: ghcr.io/acme/shop\n  newTag: v2\n")}},
	{name: "an overlay by the name with a tag", images: "acme/shop=:v2",
		files: map[string]string{"base/pod.yaml": pod, "base/kustomization.yaml": kustomization("resources: [pod.yaml]\n"),
			"prod/kustomization.yaml": kustomization("bases: [../base]\nimages: [{name: 'acme/shop:v1', newTag: v3}]\n")},
		want: map[string]string{"prod/kustomization.yaml": kustomization(
			"bases: [../base]\nimages: [{name: 'acme/shop:v1', newTag: v2}]\n")}},
	{name: "a base that one overlay takes as it is", images: "acme/shop=:v2",
		files: map[string]string{"base/pod.yaml": pod, "base/kustomization.yaml": kustomization("resources: [pod.yaml]\n"),
			"dev/kustomization.yaml":  kustomization("resources: [../base]\n"),
			"prod/kustomization.yaml": kustomization("resources: [../base]\nimages: [{name: acme/shop, newTag: v0}]\n")},
		want: map[string]string{"base/pod.yaml": strings.Replace(pod, "v1", "v2", 1),
			"prod/kustomization.yaml": kustomization("resources: [../base]\nimages: [{name: acme/shop, newTag: v2}]\n")}},
	{name: "an entry that an overlay overrides", images: "acme/shop=ghcr.io/acme/web:v2",
		files: map[string]string{
			"base/kustomization.yaml": kustomization("images: [{name: shop, newName: acme/shop, newTag: v1}]\n"),
			"prod/kustomization.yaml": kustomization("resources: [../base]\nimages: [{name: acme/shop, newTag: v1}]\n")},
		want: map[string]string{"prod/kustomization.yaml": kustomization(
			"resources: [../base]\nimages: [{name: acme/shop, newName: ghcr.io/acme/web, newTag: v2}]\n")}},
	{name: "a component changes what the others of its kustomization take", images: "acme/shop=:v2",
		files: map[string]string{"base/pod.yaml": pod, "base/kustomization.yaml": kustomization("resources: [pod.yaml]\n"),
			"c/kustomization.yaml":    "kind: Component\nimages: [{name: acme/shop, newTag: v1}]\n",
			"prod/kustomization.yaml": kustomization("resources: [../base]\ncomponents: [../c]\n")},
		want: map[string]string{"c/kustomization.yaml": "kind: Component\nimages: [{name: acme/shop, newTag: v2}]\n"}},
	{name: "what images do not change is set", images: "acme/shop=:v2",
		files: map[string]string{"kustomization.yaml": kustomization("resources: [a.yaml]\nimages: [{name: acme/shop, newTag: v1}]\n"),
			"a.yaml": "spec:\n  image: acme/shop:v1\n  volumes: [{image: {reference: acme/shop:v1}}]\n" +
				"  containers: [{image: acme/shop:v1}, {image: 'docker.io/acme/shop:v1'}]\n"},
		want: map[string]string{
			"kustomization.yaml": kustomization("resources: [a.yaml]\nimages: [{name: acme/shop, newTag: v2}]\n"),
			"a.yaml": "spec:\n  image: acme/shop:v2\n  volumes: [{image: {reference: acme/shop:v2}}]\n" +
				"  containers: [{image: acme/shop:v1}, {image: 'docker.io/acme/shop:v2'}]\n"}},
	{name: "patches that images change", images: "acme/shop=:v2",
		files: map[string]string{"p.yaml": pod, "kustomization.yaml": kustomization("patches:\n- path: p.yaml\n- patch: |\n" +
			"    spec: {containers: [{image: acme/shop:v1}]}\nimages: [{name: acme/shop, newTag: v1}]\n")},
		want: map[string]string{"kustomization.yaml": kustomization("patches:\n- path: p.yaml\n- patch: |\n" +
			"    spec: {containers: [{image: acme/shop:v1}]}\nimages: [{name: acme/shop, newTag: v2}]\n")}},
	{name: "an Argo CD image keeps what the base says", images: "acme/shop=ghcr.io/acme/shop:v2",
		files: map[string]string{"a.yaml": argo("kustomize: {images: ['acme/shop:v1', 'x=acme/shop:v1', 'acme/shop=:v1']}\n")},
		want: map[string]string{"a.yaml": argo("kustomize: {images: ['acme/shop=ghcr.io/acme/shop:v2', " +
			"'x=ghcr.io/acme/shop:v2', 'acme/shop=ghcr.io/acme/shop:v2']}\n")}},
	{name: "an Argo CD image with a digest", images: "acme/shop=@" + digestB,
		files: map[string]string{"a.yaml": argo("kustomize: {images: ['acme/shop:v1', 'x=acme/shop@" + digestA + "']}\n")},
		want: map[string]string{"a.yaml": argo("kustomize: {images: ['acme/shop@" + digestB + "', " +
			"'x=acme/shop@" + digestB + "']}\n")}},

	{name: "missing: entries are added", images: "acme/shop=ghcr.io/acme/shop:v2", missing: MissingAdd,
		globs: []string{"*/kustomization.yaml", "x.yaml"},
		files: map[string]string{"a/kustomization.yaml": "resources:\n- ../base\n",
			"b/kustomization.yaml": "images:\n- name: nginx\n  newTag: \"1\"\n# c\n",
			"c/kustomization.yaml": "images:\n- name: acme/shop\n  newTag: v1\n",
			"d/kustomization.yaml": "images: []\nresources:\n- x\n",
			"e/kustomization.yaml": "images:\n",
			"f/kustomization.yaml": "",
			"x.yaml":               "kind: Kustomization\napiVersion: kustomize.toolkit.fluxcd.io/v1\nspec: {}\n"},
		want: map[string]string{
			"a/kustomization.yaml": "resources:\n- ../base\nimages:\n- name: acme/shop\n  newName: ghcr.io/acme/shop\n" +
				"  newTag: v2\n",
			"b/kustomization.yaml": "images:\n- name: nginx\n  newTag: \"1\"\n- name: acme/shop\n" +
				"  newName: ghcr.io/acme/shop\n  newTag: v2\n# c\n",
			"c/kustomization.yaml": "images:\n- name: acme/shop\n  newName: ghcr.io/acme/shop\n  newTag: v2\n",
			"d/kustomization.yaml": "images:\n- name: acme/shop\n  newName: ghcr.io/acme/shop\n  newTag: v2\nresources:\n- x\n",
			"e/kustomization.yaml": "images:\n  - name: acme/shop\n    newName: ghcr.io/acme/shop\n    newTag: v2\n",
			"f/kustomization.yaml": "images:\n  - name: acme/shop\n    newName: ghcr.io/acme/shop\n    newTag: v2\n"}},

	{name: "what is left", images: "acme/shop=:v2",
		files: map[string]string{"a.yaml": pod + "  # acme/shop:v1\n  args: [--image=acme/shop:v1, acme/shop, \"x acme/shop:v2\"]\n" +
			"  other: acme/shop-worker:v1\n  image: acme/shop\n  env: [{name: IMAGE, value: 'acme/shop:v1'}]\n",
			"b.yaml": "image: acme/shop:${TAG}\nx: &x docker://acme/shop:v1\ny: ghcr.io/acme/shop:v1\n" +
				"xImage: {repository: acme/shop, tag: '<TAG>'}\nz: *x\n",
			"c.yaml":           "data:\n  a: |\n    # acme/shop:v1\n    run acme/shop:v1 now\n    b: 1\nmetadata: {annotations: {a: 'acme/shop:v1'}}\n",
			"t/templates.yaml": "{{ if .a }}\nimage: \"acme/shop:{{ .Values.tag }}\"\n{{ end }}\n",
			"docs/a.yaml":      pod, ".github/workflows/a.yml": pod, "sub/.gitlab-ci.yml": "image: acme/shop:v1\n",
		},
		want: map[string]string{"a.yaml": strings.Replace(pod, "v1", "v2", 1) + "  # acme/shop:v1\n" +
			"  args: [--image=acme/shop:v1, acme/shop, \"x acme/shop:v2\"]\n" +
			"  other: acme/shop-worker:v1\n  image: acme/shop\n  env: [{name: IMAGE, value: 'acme/shop:v1'}]\n"},
		left: []string{"acme/shop:v1 (a.yaml:6)", "acme/shop (a.yaml:8)", "acme/shop:v1 (a.yaml:9)",
			"acme/shop:${TAG} (b.yaml:1, a placeholder)", "acme/shop:v1 (b.yaml:2)", "acme/shop:<TAG> (b.yaml:4, a placeholder)",
			"acme/shop:v1 (c.yaml:4)", "acme/shop:{{ .Values.tag }} (t/templates.yaml:2, a placeholder)"}},
	{name: "what is left of a host", images: "nginx=:v2",
		files: map[string]string{"a.yaml": "containers: [{image: nginx}]\nhost: nginx:8080\nurl: http://nginx:80\nx: nginx:1.25\napp: nginx\n"},
		want:  map[string]string{"a.yaml": "containers: [{image: nginx:v2}]\nhost: nginx:8080\nurl: http://nginx:80\nx: nginx:1.25\napp: nginx\n"},
		left:  []string{"nginx:1.25 (a.yaml:4)"}},
	{name: "what is left with a tag", images: "acme/mono:api-*=:api-2",
		files: map[string]string{"a.yaml": "image: acme/mono:api-1\nx: acme/mono:api-1\ny: acme/mono:web-1\n"},
		want:  map[string]string{"a.yaml": "image: acme/mono:api-2\nx: acme/mono:api-1\ny: acme/mono:web-1\n"},
		left:  []string{"acme/mono:api-1 (a.yaml:2)"}},
	{name: "what is left in a string", images: "acme/shop=:v2",
		files: map[string]string{"a.yaml": argo("helm:\n      values: |\n        image: acme/shop:v1\n        x: acme/shop:v1\n")},
		want:  map[string]string{"a.yaml": argo("helm:\n      values: |\n        image: acme/shop:v2\n        x: acme/shop:v1\n")},
		left:  []string{"acme/shop:v1 (a.yaml:8)"}},
}

func TestTrees(t *testing.T) {
	t.Parallel()
	for _, tt := range treeCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fsys := fstest.MapFS{}
			for name, src := range tt.files {
				fsys[name] = &fstest.MapFile{Data: []byte(src)}
			}
			req := Request{Globs: tt.globs, Missing: tt.missing}
			for _, s := range strings.Fields(tt.images) {
				img, err := Parse(s)
				if err != nil {
					t.Fatal(err)
				}
				req.Images = append(req.Images, img)
			}
			out, err := Set(fsys, req, ignore)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name, text := range out.Files {
				got[name] = string(text)
				fsys[name] = &fstest.MapFile{Data: text}
			}
			if !maps.Equal(got, tt.want) {
				t.Errorf("got\n%q\nwant\n%q", got, tt.want)
			}
			var left []string
			for _, m := range out.Left {
				left = append(left, m.String())
			}
			if strings.Join(left, "\n") != strings.Join(tt.left, "\n") {
				t.Errorf("left\n%s\nwant\n%s", strings.Join(left, "\n"), strings.Join(tt.left, "\n"))
			}
			if again, err := Set(fsys, req, ignore); err != nil || len(again.Files) > 0 {
				t.Errorf("the second time: %v, %q", err, again.Files)
			}
			req.Strict = true
			if _, err := Set(fsys, req, ignore); errors.Is(err, ErrLeft) != (len(tt.left) > 0) {
				t.Errorf("strict: %v", err)
			}
		})
	}
}
