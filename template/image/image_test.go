package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/glob"
	"update-gitops-repo/template/yamledit"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"nginx=nginx:1", "nginx=:1.7", "nginx=@" + digestA, "nginx=" + digestA, "nginx=:1@" + digestA,
		"acme/shop=acme/shop@" + digestA,
		"registry.example.com:5000/acme/shop=registry.example.com:5000/acme/shop:v1",
		"docker.io/library/nginx=mirror.local/nginx:1",
		"localhost/x=localhost:5000/x:1",
		"nginx:1=nginx:2", "nginx:api-*=:api-2", "nginx=ghcr.io/acme/nginx:*", "nginx=:*@" + digestA,
		"nginx=ghcr.io/acme/nginx:*@" + digestA,
	} {
		name, ref, _ := strings.Cut(in, "=")
		if got, err := Parse(in); err != nil || got != (Image{name, ref}) {
			t.Errorf("Parse(%q) = %v, %v", in, got, err)
		}
	}
	tests := []struct{ in, want string }{
		{"", `"" has no "=": it must be NAME=REF`},
		{"nginx:1", `"nginx:1" has no "=": it must be NAME=REF`},
		{"=nginx:1", `"" is no name of an image: it must be a repository, with or without a tag`},
		{"nginx:=nginx:2", `"nginx:" is no name of an image: it must be a repository, with or without a tag`},
		{"nginx:a/b=nginx:2", `"nginx:a/b" is no name of an image: it must be a repository, with or without a tag`},
		{"nginx@" + digestA + "=:2",
			`"nginx@` + digestA + `" is no name of an image: it must be a repository, with or without a tag`},
		{"Nginx=:2", `"Nginx" is no name of an image: it must be a repository, with or without a tag`},
		{"nginx=", `image nginx: "": invalid reference format`},
		{"nginx=1.7.0",
			`image nginx: "1.7.0" has neither a tag nor a digest: it must be ` +
				"REPO:TAG, REPO@DIGEST, :TAG, @DIGEST, or REPO:* to keep the tag"},
		{"nginx=:", `image nginx: ":": invalid reference format`},
		{"nginx=ghcr.io/nginx:", `image nginx: "ghcr.io/nginx:": invalid reference format`},
		{"nginx=:*", `image nginx: ":*" has neither a tag nor a digest: it must be `},
		{"nginx=:v*", `image nginx: ":v*": invalid reference format`},
		{"nginx=:a b", `image nginx: ":a b": invalid reference format`},
		{"nginx=:1\n", "image nginx: \":1\\n\": invalid reference format"},
		{"nginx=@sha256:4b9d", `image nginx: "@sha256:4b9d": invalid reference format`},
		{"nginx=acme/Shop:1",
			`image nginx: "acme/Shop:1": invalid reference format: repository name (acme/Shop) must be lowercase`},
	}
	for _, tt := range tests {
		if got, err := Parse(tt.in); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Parse(%q) = %v, %v; want %s", tt.in, got, err, tt.want)
		}
	}
}

// ignore is a Progress.
func ignore(string, string) {}

// recorder records what is prefetched.
type recorder struct {
	fstest.MapFS
	prefetched [][]string
}

// Prefetch implements glob.Prefetcher.
func (r *recorder) Prefetch(names []string) error {
	r.prefetched = append(r.prefetched, names)
	return nil
}

// setImage sets images ("NAME=REF NAME=REF") in one file, and says what changed as "PATH: OLD -> NEW".
func setImage(file, src, images string) (string, string, error) {
	var parsed []Image
	for _, s := range strings.Fields(images) {
		img, err := Parse(s)
		if err != nil {
			return src, "", err
		}
		parsed = append(parsed, img)
	}
	req := Request{Images: parsed, Globs: []string{"**"}}
	out, err := Set(fstest.MapFS{file: {Data: []byte(src)}}, req, ignore)
	if text, ok := out.Files[file]; ok {
		src = string(text)
	}
	var said []string
	for _, c := range out.Changes {
		said = append(said, fmt.Sprintf("%s: %s -> %s", c.Path, c.Old, c.New))
	}
	return src, strings.Join(said, "; "), err
}

const deployment = `# the shop
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      initContainers:
      - image: 'acme/shop:v1'   # migrates
        name: migrate
      containers:
      - name: worker
        image: acme/shop-worker:v1
      - name: api
        image: acme/shop/api:v1
      - name: other
        image: ghcr.io/acme/shop:v1

      - name: shop
        image: acme/shop:v1   # keep
        args: ["acme/shop:v1"]
`

func TestSet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file, src, images string
		want, changes           string
	}{
		{"a workload", "a.yaml", deployment, "acme/shop=acme/shop:v2",
			strings.NewReplacer("'acme/shop:v1'", "'acme/shop:v2'", "acme/shop:v1   #",
				"acme/shop:v2   #").Replace(deployment),
			".spec.template.spec.initContainers[0].image: acme/shop:v1 -> acme/shop:v2; " +
				".spec.template.spec.containers[3].image: acme/shop:v1 -> acme/shop:v2"},
		{"no tag", "a.yaml", "containers: [{image: acme/shop}]\n", "acme/shop=:1.7",
			"containers: [{image: acme/shop:1.7}]\n", ".containers[0].image: acme/shop -> acme/shop:1.7"},
		{"a tag for a digest", "a.yaml", "image: acme/shop@" + digestA + "\n", "acme/shop=:1.7",
			"image: acme/shop:1.7\n", ".image: acme/shop@" + digestA + " -> acme/shop:1.7"},
		{"a digest for a tag", "a.yaml", "image: acme/shop:v1\n", "acme/shop=" + digestB,
			"image: acme/shop@" + digestB + "\n", ".image: acme/shop:v1 -> acme/shop@" + digestB},
		{"a digest that is an example", "a.yaml", "image: acme/shop@sha256:4b9d\n", "acme/shop=@" + digestB,
			"image: acme/shop@" + digestB + "\n", ".image: acme/shop@sha256:4b9d -> acme/shop@" + digestB},
		{"a tag and a digest", "a.yaml", "image: \"acme/shop:v1@" + digestA + "\"\n",
			"acme/shop=acme/shop:v2@" + digestB, "image: \"acme/shop:v2@" + digestB + "\"\n", ""},
		{"another repository", "a.yaml", "a: {image: acme/shop:v1}\ninitContainers: [{image: acme/shop}]\n",
			"acme/shop=ghcr.io/acme/web:v2",
			"a: {image: ghcr.io/acme/web:v2}\ninitContainers: [{image: ghcr.io/acme/web:v2}]\n", ""},
		{"Docker Hub's many names", "a.yaml",
			"containers:\n- image: nginx\n- image: docker.io/nginx:1\n- image: index.docker.io/library/nginx:1\n" +
				"- image: library/nginx:1\n- image: docker.io/library/nginx:1\n- image: quay.io/nginx:1\n" +
				"- image: acme/nginx:1\n",
			"docker.io/nginx=nginx:2",
			"containers:\n- image: nginx:2\n- image: docker.io/nginx:2\n" +
				"- image: index.docker.io/library/nginx:2\n- image: library/nginx:2\n" +
				"- image: docker.io/library/nginx:2\n- image: quay.io/nginx:1\n- image: acme/nginx:1\n",
			""},
		{"a registry with a port", "a.yaml",
			"ephemeralContainers:\n- image: reg:5000/acme/shop\n- image: reg:5000/acme/shop:1\n" +
				"- image: reg/acme/shop:1\n",
			"reg:5000/acme/shop=:2",
			"ephemeralContainers:\n- image: reg:5000/acme/shop:2\n- image: reg:5000/acme/shop:2\n" +
				"- image: reg/acme/shop:1\n",
			""},
		{"a custom resource in a stream, CRLF", "a.yaml",
			"kind: A\r\n---\r\nkind: B\r\nspec: {app: [{image: \"acme/shop:1\"}]}\r\n---\r\nimage: x", "acme/shop=:2",
			"kind: A\r\n---\r\nkind: B\r\nspec: {app: [{image: \"acme/shop:2\"}]}\r\n---\r\nimage: x",
			".spec.app[0].image: acme/shop:1 -> acme/shop:2"},
		{"JSON", "a.json", "{\"image\":\"acme/shop:1\",\"sideImage\":{\"repository\":\"acme/shop\",\"tag\":1}}",
			"acme/shop=:2", "{\"image\":\"acme/shop:2\",\"sideImage\":{\"repository\":\"acme/shop\",\"tag\":\"2\"}}",
			""},
		{"other keys", "a.yaml",
			"image: acme/shop:1\nimages: acme/shop:1\nname: acme/shop\nvalue: acme/shop:1\n? acme/shop:1\n: image\n",
			"acme/shop=:2",
			"image: acme/shop:2\nimages: acme/shop:1\nname: acme/shop\nvalue: acme/shop:1\n? acme/shop:1\n: image\n",
			".image: acme/shop:1 -> acme/shop:2"},
		{"variables and actions", "a.yaml",
			"- image: acme/shop:${TAG}\n- image: acme/shop:1\n- image: 'acme/shop:{{ .Values.tag }}'\n" +
				"- image: acme/shop:$(TAG)\n- image: acme/shop:<TAG>\n",
			"acme/shop=:2",
			"- image: acme/shop:${TAG}\n- image: acme/shop:2\n- image: 'acme/shop:{{ .Values.tag }}'\n" +
				"- image: acme/shop:$(TAG)\n- image: acme/shop:<TAG>\n",
			".[1].image: acme/shop:1 -> acme/shop:2"},
		{"several images, no chain", "a.yaml", "- image: a/b:1\n- image: b/c:1\n- image: c/d:1\n",
			"a/b=b/c:2 b/c=c/d:3", "- image: b/c:2\n- image: c/d:3\n- image: c/d:1\n", ""},
		{"an alias", "a.yaml", "x: &i acme/shop:1\na: {image: *i}\nb: {image: *i}\n", "acme/shop=:2",
			"x: &i acme/shop:2\na: {image: *i}\nb: {image: *i}\n", ".x: acme/shop:1 -> acme/shop:2"},
		{"set before", "a.yaml", "image: ghcr.io/acme/web:2\n", "acme/shop=ghcr.io/acme/web:2",
			"image: ghcr.io/acme/web:2\n", ""},

		{"kustomize: newTag", "kustomization.yaml",
			"images: # of the shop\n- name: acme/shop-worker\n  newTag: v1\n- name: acme/shop\n  newTag: v1 # keep\n",
			"acme/shop=acme/shop:v2",
			"images: # of the shop\n- name: acme/shop-worker\n  newTag: v1\n- name: acme/shop\n  newTag: v2 # keep\n",
			".images[1].newTag: v1 -> v2"},
		{"kustomize: a string", "kustomization.yml",
			"images:\n- name: acme/shop\n  newTag: 1\n- newName: acme/shop\n  newTag: v1\n  name: x\n",
			"acme/shop=:1.10",
			"images:\n- name: acme/shop\n  newTag: \"1.10\"\n- newName: acme/shop\n  newTag: \"1.10\"\n  name: x\n",
			""},
		{"kustomize: digest", "overlays/prod/kustomization.yaml",
			"images:\n- name: acme/shop\n  digest: " + digestA + "\n", "acme/shop=@" + digestB,
			"images:\n- name: acme/shop\n  digest: " + digestB + "\n", ""},
		{"kustomize: newTag for digest", "kustomization.yaml",
			"images:\n- digest: " + digestA + " # c\n  name: acme/shop\n", "acme/shop=:v2",
			"images:\n- newTag: v2 # c\n  name: acme/shop\n",
			".images[0].newTag:  -> v2; .images[0].digest: " + digestA + " -> "},
		{"kustomize: digest for newTag", "kustomization.yaml", "images:\n- name: acme/shop\n  \"newTag\": 'v1'\n",
			"acme/shop=@" + digestB, "images:\n- name: acme/shop\n  \"digest\": '" + digestB + "'\n", ""},
		{"kustomize: no digest beside newTag", "kustomization.yaml",
			"images:\n- digest: " + digestA + "\n  # c\n  name: acme/shop\n  newTag: v1\n- name: x\n", "acme/shop=:v2",
			"images:\n- # c\n  name: acme/shop\n  newTag: v2\n- name: x\n",
			".images[0].newTag: v1 -> v2; .images[0].digest: " + digestA + " -> "},
		{"kustomize: no newTag beside digest", "kustomization.yaml",
			"images:\n- name: acme/shop\n  # c\n  newTag: v1 # d\n  # e\n  digest: " + digestA, "acme/shop=" + digestB,
			"images:\n- name: acme/shop\n  # c\n  # e\n  digest: " + digestB, ""},
		{"kustomize: comments above what is cut", "kustomization.yaml",
			"images:\r\n  # a\r\n  - name: acme/shop\r\n    # b\r\n\r\n    # c\r\n" +
				"    digest: " + digestA + " # d\r\n                    # about d\r\n    # e\r\n" +
				"    newTag: v1 # {\"$imagepolicy\": \"a:b:tag\"}\r\n  # f\r\n  - name: x\r\n",
			"acme/shop=:v2",
			"images:\r\n  # a\r\n  - name: acme/shop\r\n    # b\r\n\r\n    # c\r\n    # e\r\n" +
				"    newTag: v2 # {\"$imagepolicy\": \"a:b:tag\"}\r\n  # f\r\n  - name: x\r\n",
			".images[0].newTag: v1 -> v2; .images[0].digest: " + digestA + " -> "},
		{"kustomize: comments at the end above what is cut", "kustomization.yaml",
			"\ufeffimages:\n- name: acme/shop\n  newTag: v1\n\n  # c\n  digest:\n    " + digestA + " # d\n# e\n",
			"acme/shop=ghcr.io/acme/web:v2",
			"\ufeffimages:\n- name: acme/shop\n  newName: ghcr.io/acme/web\n  newTag: v2\n\n  # c\n# e\n", ""},
		{"kustomize: a cut before what is added", "kustomization.yaml",
			"images:\n- name: acme/shop\n  digest: x\n  # c\n  newTag: v1\n- name: acme/shop\n" +
				"- {digest: x, newTag: v1, name: acme/shop}\n- newTag: v1\n  # d\n  digest: x\n  name: acme/shop\n",
			"acme/shop=:v2",
			"images:\n- name: acme/shop\n  # c\n  newTag: v2\n- name: acme/shop\n  newTag: v2\n" +
				"- {newTag: v2, name: acme/shop}\n- newTag: v2\n  # d\n  name: acme/shop\n",
			""},
		{"kustomize: a marker beside a swap", "kustomization.yaml",
			"images:\n- name: acme/shop\n  # c\n  newTag: v1 # {\"$imagepolicy\": \"a:b:tag\"}\n",
			"acme/shop=@" + digestB,
			"images:\n- name: acme/shop\n  # c\n  digest: " + digestB + " # {\"$imagepolicy\": \"a:b:tag\"}\n", ""},
		{"kustomize: the last line is cut", "kustomization.yaml",
			"images:\n- name: acme/shop\n  newTag: v1\n  digest: " + digestA, "acme/shop=:v2",
			"images:\n- name: acme/shop\n  newTag: v2", ""},
		{"kustomize: an empty digest", "kustomization.yaml", "images:\n- name: acme/shop\n  digest: \"\"\n  newTag:\n",
			"acme/shop=:v2", "images:\n- name: acme/shop\n  digest: \"\"\n  newTag: v2\n",
			".images[0].newTag: null -> v2"},
		{"kustomize: newTag is added", "kustomization.yaml", "images:\n  -   name: acme/shop # c\n\n  - name: x\n",
			"acme/shop=:v2", "images:\n  -   name: acme/shop # c\n      newTag: v2\n\n  - name: x\n",
			".images[0].newTag:  -> v2"},
		{"kustomize: all is added", "kustomization.yaml", "images:\r\n- name: 'acme/shop'",
			"acme/shop=ghcr.io/acme/web:1.10@" + digestB,
			"images:\r\n- name: 'acme/shop'\r\n  newName: 'ghcr.io/acme/web'\r\n  newTag: '1.10'\r\n" +
				"  digest: '" + digestB + "'",
			""},
		{"kustomize: in one line without an end", "kustomization.yaml", "images: [{name: acme/shop}]",
			"acme/shop=:1.10", "images: [{name: acme/shop, newTag: \"1.10\"}]", ""},
		{"kustomize: cut in flow", "kustomization.yaml",
			"images: [{digest: a, name: acme/shop, newTag: a}, {name: acme/shop, newTag: a, digest: \"a\"}]",
			"acme/shop=:b", "images: [{name: acme/shop, newTag: b}, {name: acme/shop, newTag: b}]", ""},
		{"kustomize: JSON", "Kustomization", "{\"images\":[{\"name\":\"acme/shop\"}]}\n", "acme/shop=:v2",
			"{\"images\":[{\"name\":\"acme/shop\", \"newTag\": \"v2\"}]}\n", ""},
		{"kustomize: cut in JSON", "a.json",
			"{\"kind\":\"Kustomization\",\"images\":[{\n  \"name\":\"acme/shop\",\n  \"newTag\":\"v1\",\n" +
				"  \"digest\":\"x\"\n}]}\n",
			"acme/shop=:v2",
			"{\"kind\":\"Kustomization\",\"images\":[{\n  \"name\":\"acme/shop\",\n  \"newTag\":\"v2\"\n}]}\n", ""},
		{"kustomize: newName is set", "kustomization.yaml",
			"images:\n- name: acme/shop\n  newName: acme/web\n  newTag: v1\n", "acme/shop=ghcr.io/acme/web:v2",
			"images:\n- name: acme/shop\n  newName: ghcr.io/acme/web\n  newTag: v2\n", ""},
		{"kustomize: newName stays", "kustomization.yaml",
			"images:\n- name: acme/shop\n  newName: mirror.local/acme/shop\n  newTag: v1\n", "acme/shop=acme/shop:v2",
			"images:\n- name: acme/shop\n  newName: mirror.local/acme/shop\n  newTag: v2\n", ""},
		{"kustomize: newName keeps its spelling", "kustomization.yaml",
			"images:\n- name: shop\n  newName: docker.io/acme/shop\n  newTag: v1\n", "acme/shop=acme/shop:v2",
			"images:\n- name: shop\n  newName: docker.io/acme/shop\n  newTag: v2\n", ".images[0].newTag: v1 -> v2"},
		{"kustomize: newName keeps its spelling, set before", "kustomization.yaml",
			"images:\n- name: shop\n  newName: docker.io/acme/shop\n  newTag: v1\n", "shop=acme/shop:v2",
			"images:\n- name: shop\n  newName: docker.io/acme/shop\n  newTag: v2\n", ".images[0].newTag: v1 -> v2"},
		{"kustomize: newName is the image's", "kustomization.yaml",
			"images:\n- name: shop\n  newName: acme/shop\n  newTag: v1\n", "acme/shop=acme/shop:v2",
			"images:\n- name: shop\n  newName: acme/shop\n  newTag: v2\n", ""},
		{"kustomize: a merged name", "kustomization.yaml", "x: &x {name: acme/shop}\nimages:\n- <<: *x\n  # c\n",
			"acme/shop=:v2", "x: &x {name: acme/shop}\nimages:\n- <<: *x\n  newTag: v2\n  # c\n", ""},
		{"kustomize: newTag goes behind newName", "kustomization.yaml", "images:\n- name: shop\n  newName: acme/shop\n",
			"acme/shop=:2", "images:\n- name: shop\n  newName: acme/shop\n  newTag: \"2\"\n", ""},
		{"kustomize: an alias to what gets a key", "kustomization.yaml", "images:\n- &e\n  name: acme/shop\n- *e\n",
			"acme/shop=:v2", "images:\n- &e\n  name: acme/shop\n  newTag: v2\n- *e\n", ""},
		{"kustomize: an alias", "kustomization.yaml", "images: [&e {name: acme/shop, newTag: v1}, *e]\n",
			"acme/shop=:v2", "images: [&e {name: acme/shop, newTag: v2}, *e]\n", ""},
		{"kustomize: by kind", "a.yaml",
			"kind: Kustomization\nspec:\n  images:\n  - name: acme/shop\n    newTag: v1\n---\nkind: Other\n" +
				"images:\n- name: acme/shop\n  newTag: v1\n",
			"acme/shop=:v2",
			"kind: Kustomization\nspec:\n  images:\n  - name: acme/shop\n    newTag: v2\n---\nkind: Other\n" +
				"images:\n- name: acme/shop\n  newTag: v1\n",
			".spec.images[0].newTag: v1 -> v2"},

		{"values: tag", "values.yaml",
			"image:\n  repository: acme/shop\n  tag: v1 # c\nworker:\n  image:\n    repository: acme/shop-worker\n" +
				"    tag: v1\n",
			"acme/shop=:1.10",
			"image:\n  repository: acme/shop\n  tag: \"1.10\" # c\nworker:\n  image:\n" +
				"    repository: acme/shop-worker\n    tag: v1\n",
			".image.tag: v1 -> 1.10"},
		{"values: a tag that was a number", "values.yaml",
			"a-image: {repository: acme/shop, tag: 20240101}\nimages: {repository: acme/shop, tag: }\n" +
				"Image: {repository: acme/shop, tag: ''}\n",
			"acme/shop=:20261120",
			"a-image: {repository: acme/shop, tag: \"20261120\"}\n" +
				"images: {repository: acme/shop, tag: \"20261120\"}\nImage: {repository: acme/shop, tag: '20261120'}\n",
			""},
		{"values: a tag that is missing", "values.yaml", "image:\n  tag:\n  repository: acme/shop\n", "acme/shop=:v2",
			"image:\n  tag: v2\n  repository: acme/shop\n", ".image.tag: null -> v2"},
		{"values: registry", "values.yaml",
			"a:\n  registry: ghcr.io\n  repository: acme/shop\n  tag: v1\nb:\n  repository: acme/shop\n  tag: v1\n" +
				"c: {registry: '', repository: ghcr.io/acme/shop, tag: v1}\n",
			"ghcr.io/acme/shop=:v2",
			"a:\n  registry: ghcr.io\n  repository: acme/shop\n  tag: v2\nb:\n  repository: acme/shop\n  tag: v1\n" +
				"c: {registry: '', repository: ghcr.io/acme/shop, tag: v2}\n",
			".a.tag: v1 -> v2; .c.tag: v1 -> v2"},
		{"values: another repository", "values.yaml",
			"a: {registry: docker.io, repository: acme/shop, tag: v1}\nimage: {repository: acme/shop, tag: v1}\n",
			"acme/shop=ghcr.io/acme/web:v2",
			"a: {registry: ghcr.io, repository: acme/web, tag: v2}\nimage: {repository: ghcr.io/acme/web, tag: v2}\n",
			""},
		{"values: another repository of the registry", "values.yaml",
			"a: {registry: docker.io/, repository: library/nginx, tag: v1}\n", "nginx=acme/nginx:v1",
			"a: {registry: docker.io/, repository: acme/nginx, tag: v1}\n",
			".a.repository: library/nginx -> acme/nginx"},
		{"values: digest", "values.yaml", "image:\n  repository: acme/shop\n  tag: v1\n  digest: \"\"\n",
			"acme/shop=@" + digestB, "image:\n  repository: acme/shop\n  tag: v1\n  digest: \"" + digestB + "\"\n", ""},
		{"values: digest and tag", "values.yaml", "image:\n  repository: acme/shop\n  tag: v1\n  digest:\n",
			"acme/shop=:v2@" + digestB, "image:\n  repository: acme/shop\n  tag: v2\n  digest: " + digestB + "\n", ""},
		{"values: only a digest", "values.yaml", "image: {repository: acme/shop, digest: x}\n",
			"acme/shop=:v2@" + digestB, "image: {repository: acme/shop, digest: " + digestB + "}\n", ""},
		{"values: no digest beside a tag", "values.yaml",
			"image:\n  repository: acme/shop\n  tag: v1\n  digest: " + digestA + "\n", "acme/shop=:v2",
			"image:\n  repository: acme/shop\n  tag: v2\n  digest: \"\"\n", ""},
		{"values: the digest in the tag", "values.yaml", "image:\n  repository: acme/shop\n  tag: v1@" + digestA + "\n",
			"acme/shop=:v2@" + digestB, "image:\n  repository: acme/shop\n  tag: v2@" + digestB + "\n", ""},
		{"values: image and tag", "values.yaml",
			"image: acme/shop\ntag: v1\nsidecar:\n  image: acme/shop\n  imageTag: v1\n", "acme/shop=:v2",
			"image: acme/shop\ntag: v2\nsidecar:\n  image: acme/shop\n  imageTag: v2\n",
			".tag: v1 -> v2; .sidecar.imageTag: v1 -> v2"},
		{"values: a complete image beside a tag", "values.yaml", "image: acme/shop:v1\ntag: v1\n", "acme/shop=:v2",
			"image: acme/shop:v2\ntag: v1\n", ""},
		{"values: merged", "values.yaml",
			"images:\n base: &b\n   repository: acme/shop\n   tag: v1\n prod:\n   <<: *b\n canary:\n   <<: [*b]\n" +
				"   tag: v0\n",
			"acme/shop=:v2",
			"images:\n base: &b\n   repository: acme/shop\n   tag: v2\n prod:\n   <<: *b\n canary:\n   <<: [*b]\n" +
				"   tag: v2\n",
			".images.base.tag: v1 -> v2; .images.canary.tag: v0 -> v2"},
		{"values: the digest in the tag, set before", "values.yaml",
			"image:\n  repository: acme/web\n  tag: v2@" + digestB + "\n", "acme/shop=acme/web:v2@" + digestB,
			"image:\n  repository: acme/web\n  tag: v2@" + digestB + "\n", ""},
		{"values: a git source", "a.yaml",
			"with: {repository: acme/shop, tag: v1}\nimage: {repository: acme/shop, tag: v1}\n" +
				"a: {repository: acme/shop, tag: v1, pullPolicy: Always}\n",
			"acme/shop=:v2",
			"with: {repository: acme/shop, tag: v1}\nimage: {repository: acme/shop, tag: v2}\n" +
				"a: {repository: acme/shop, tag: v2, pullPolicy: Always}\n",
			""},
		{"values: image, tag and another repository", "a.yaml",
			"myImage: {image: acme/shop, tag: 1.6.0, repository: https://charts.example.com}\n", "acme/shop=:1.7.0",
			"myImage: {image: acme/shop, tag: 1.7.0, repository: https://charts.example.com}\n", ""},
		{"values: a tag without a colon in braces", "a.yaml", "image: {repository: acme/shop, tag}\n", "acme/shop=:v2",
			"image: {repository: acme/shop, tag: v2}\n", ""},
		{"values: an alias within the places", "a.yaml",
			"image: {repository: acme/shop, tag: &t \"1.6\"}\nbImage: {repository: acme/shop, tag: *t}\n",
			"acme/shop=:1.7",
			"image: {repository: acme/shop, tag: &t \"1.7\"}\nbImage: {repository: acme/shop, tag: *t}\n", ""},
		{"aliases and merges that are the same image", "a.yaml",
			"x-app: &app\n  image: acme/shop:v1\nservices: &s\n  a: {<<: *app, command: x}\n  b: *app\nall: *s\n" +
				"img: &i {repository: acme/shop, tag: v1, pullPolicy: Always}\nprod: {<<: *i, replicas: 2}\n" +
				"y: &y {registry: docker.io, tag: v1}\nyImage: {<<: *y, repository: acme/shop}\n",
			"acme/shop=:v2",
			"x-app: &app\n  image: acme/shop:v2\nservices: &s\n  a: {<<: *app, command: x}\n  b: *app\nall: *s\n" +
				"img: &i {repository: acme/shop, tag: v2, pullPolicy: Always}\nprod: {<<: *i, replicas: 2}\n" +
				"y: &y {registry: docker.io, tag: v2}\nyImage: {<<: *y, repository: acme/shop}\n",
			".x-app.image: acme/shop:v1 -> acme/shop:v2; .img.tag: v1 -> v2; .y.tag: v1 -> v2"},
		{"one tag for two that get the same", "a.yaml",
			"image: {repository: acme/shop, tag: &v v1}\nbImage: {repository: acme/web, tag: *v}\n",
			"acme/shop=:2 acme/web=:2",
			"image: {repository: acme/shop, tag: &v \"2\"}\nbImage: {repository: acme/web, tag: *v}\n", ""},
		{"kustomize: an entry that merges the same image", "kustomization.yaml",
			"images:\n- &e\n  name: acme/shop\n- <<: *e\n", "acme/shop=:v2",
			"images:\n- &e\n  name: acme/shop\n  newTag: v2\n- <<: *e\n  newTag: v2\n", ""},
		{"block scalars", "a.yaml", "image: >- # c\n  acme/shop:1.6.0\nx:\n  image: |\n    acme/shop:1.6.0\n\ny: 1\n",
			"acme/shop=:1.7.0", "image: >- # c\n  acme/shop:1.7.0\nx:\n  image: |\n    acme/shop:1.7.0\n\ny: 1\n", ""},
		{"JSON with a surrogate pair", "a.json", "{\"a\": \"\\ud83d\\ude00\", \"image\": \"acme/shop:1\"}\n",
			"acme/shop=:2", "{\"a\": \"\\ud83d\\ude00\", \"image\": \"acme/shop:2\"}\n", ""},
		{"what watches images", "a.yaml",
			"apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nspec: {image: acme/shop:1}\n---\n" +
				"image: acme/shop:1\n",
			"acme/shop=:2",
			"apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nspec: {image: acme/shop:1}\n---\n" +
				"image: acme/shop:2\n",
			""},
		{"no tag, and no container", "a.yaml", "spec: {image: acme/shop}\ncontainers: [{image: acme/shop}]\n",
			"acme/shop=:2", "spec: {image: acme/shop}\ncontainers: [{image: acme/shop:2}]\n", ""},
		{"no tag, in the containers of Tekton and Argo", "a.yaml",
			"spec:\n  steps: [{image: acme/shop}]\n  sidecars: [{image: acme/shop}]\n" +
				"  stepTemplate: {image: acme/shop}\n" +
				"  templates: [{container: {image: acme/shop}}, {script: {image: acme/shop}}]\n" +
				"  xsteps: [{image: acme/shop}]\n  xcontainer: {image: acme/shop}\n",
			"acme/shop=:v2",
			"spec:\n  steps: [{image: acme/shop:v2}]\n  sidecars: [{image: acme/shop:v2}]\n" +
				"  stepTemplate: {image: acme/shop:v2}\n" +
				"  templates: [{container: {image: acme/shop:v2}}, {script: {image: acme/shop:v2}}]\n" +
				"  xsteps: [{image: acme/shop}]\n  xcontainer: {image: acme/shop}\n",
			""},
		{"kustomize: comments above a swap", "kustomization.yaml",
			"images:\n- name: acme/shop\n  # pinned because\n  newTag: v1 # d\n- name: x\n", "acme/shop=@" + digestB,
			"images:\n- name: acme/shop\n  # pinned because\n  digest: " + digestB + " # d\n- name: x\n",
			".images[0].digest:  -> " + digestB + "; .images[0].newTag: v1 -> "},
		{"kustomize: a swap and a new name", "kustomization.yaml",
			"images: [{name: x, newTag: v1}, {name: acme/shop, newTag: v1}, {name: acme/shop, newTag: v1}]\n",
			"acme/shop=acme/web@" + digestB,
			"images: [{name: x, newTag: v1}, {name: acme/shop, newName: acme/web, digest: " + digestB + "}, " +
				"{name: acme/shop, newName: acme/web, digest: " + digestB + "}]\n",
			""},
		{"kustomize: newTag is set and added in one line", "kustomization.yaml",
			"images: [{name: acme/shop, newTag: v1}, {name: acme/shop}, {name: acme/shop, newTag: v1}, " +
				"{name: acme/shop}]\n",
			"acme/shop=:v2.0",
			"images: [{name: acme/shop, newTag: v2.0}, {name: acme/shop, newTag: v2.0}, {name: acme/shop, " +
				"newTag: v2.0}, {name: acme/shop, newTag: v2.0}]\n",
			".images[0].newTag: v1 -> v2.0; .images[2].newTag: v1 -> v2.0; .images[1].newTag:  -> v2.0; " +
				".images[3].newTag:  -> v2.0"},
		{"values: set before", "values.yaml",
			"- image: {repository: acme/web, tag: v2}\n- {registry: docker.io, repository: acme/web, tag: v1}\n",
			"acme/shop=acme/web:v2",
			"- image: {repository: acme/web, tag: v2}\n- {registry: docker.io, repository: acme/web, tag: v1}\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, changes, err := setImage(tt.file, tt.src, tt.images)
			if err != nil || got != tt.want {
				t.Fatalf("got\n%s\n%v; want\n%s", got, err, tt.want)
			}
			if tt.changes != "" && changes != tt.changes {
				t.Errorf("changes: %s; want %s", changes, tt.changes)
			}
			if (got == tt.src) != (changes == "") {
				t.Errorf("changes: %q", changes)
			}
			if strings.Contains(tt.name, "no chain") {
				return
			}
			if again, changes, err := setImage(tt.file, got, tt.images); err != nil || again != got || changes != "" {
				t.Errorf("the second time: %s, %v, got\n%s", changes, err, again)
			}
		})
	}
}

// In the files, v1 is the version that acme/shop has wherever it is deployed, and nothing else has.
func TestSetShapes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := setImage(filepath.Base(file), string(src), "acme/shop=acme/shop:v2")
		if want := strings.ReplaceAll(string(src), "v1", "v2"); err != nil || got != want || want == string(src) {
			t.Errorf("%s: %v, got\n%s", file, err, got)
		}
	}
}

func TestSetErrors(t *testing.T) {
	t.Parallel()
	const helmTemplate = "{{- if .Values.on }}\nkind: Deployment\n"
	tests := []struct {
		name, file, src, images string
		kind                    error
		want                    string
	}{
		{"nowhere", "a.yaml", "image: acme/shop-worker:1\n", "acme/shop=:2", ErrNotDeployed,
			"**: acme/shop is deployed nowhere; there is acme/shop-worker"},
		{"one of two", "a.yaml", "image: acme/shop:1\n", "acme/shop=:2 nginx=:2", ErrNotDeployed,
			"**: nginx is deployed nowhere"},
		{"a similar workload", "a.yaml", "x:\n- image: ghcr.io/acme/shop:1\n- image: acme/shop:$TAG\n", "acme/shop=:2",
			ErrNotDeployed,
			"**: acme/shop is deployed nowhere; " +
				"it is named in another way: acme/shop:$TAG (a.yaml:3, a placeholder); " +
				"but there is ghcr.io/acme/shop:1 (a.yaml:2)"},
		{"similar values", "a.yaml",
			"x: {registry: ghcr.io, repository: acme/shop, tag: 1}\ny: {repository: shop, digest: x}\n", "acme/shop=:2",
			ErrNotDeployed,
			"**: acme/shop is deployed nowhere; it is named in another way: acme/shop (a.yaml:1); " +
				"but there is shop (a.yaml:2)"},
		{"a similar kustomization", "kustomization.yaml",
			"images:\n- {name: a/shop, newName: shop}\n- {newTag: 2}\n- x\n", "acme/shop=:2", ErrNotDeployed,
			"**: acme/shop is deployed nowhere; but there is a/shop (kustomization.yaml:2), " +
				"shop (kustomization.yaml:2)"},
		{"many similar ones", "a.yaml", "- image: a/shop\n- image: b/shop\n- image: c/shop\n- image: d/shop\n",
			"acme/shop=:2", ErrNotDeployed,
			"**: acme/shop is deployed nowhere; but there is a/shop (a.yaml:1), b/shop (a.yaml:2), " +
				"c/shop (a.yaml:3), " +
				"d/shop (a.yaml:4)"},
		{"the new one at another tag", "a.yaml", "- image: acme/web:1\n- {repository: acme/web, tag: 1}\n",
			"acme/shop=acme/web:2", ErrNotDeployed, "**: acme/shop is deployed nowhere"},

		{"the new one with a digest", "a.yaml", "image: acme/web:2@" + digestA + "\n", "acme/shop=acme/web:2",
			ErrNotDeployed, "**: acme/shop is deployed nowhere"},

		{"a template", "a.yaml", helmTemplate + "image: {{ .shop }} # acme/shop\n", "acme/shop=:2", ErrNotDeployed,
			"**: acme/shop is deployed nowhere; it is named in another way: acme/shop (a.yaml:3)"},
		{"a template with a variable", "a.yaml", helmTemplate + "image: \"acme/shop:{{ .tag }}\"\n", "acme/shop=:2",
			ErrNotDeployed,
			"**: acme/shop is deployed nowhere; " +
				"it is named in another way: acme/shop:{{ .tag }} (a.yaml:3, a placeholder)"},
		{"a template with the image", "a.yaml", helmTemplate + "  - \"image\": 'acme/shop:1' # c\n", "acme/shop=:2",
			yamledit.ErrSyntax,
			"a.yaml:3: acme/shop is deployed here, but cannot be set, since the file is not YAML: "},

		{"an untagged image in no container", "a.yaml", "spec: {image: acme/shop}\n", "acme/shop=:2", ErrNotDeployed,
			"**: acme/shop is deployed nowhere; it is named in another way: acme/shop (a.yaml:1)"},
		{"named elsewhere", "a.yaml",
			"imageURL: https://example.com/acme/shop\nkustomize:\n  images: [acme/shop=ghcr.io/acme/shop:1]\n" +
				"values: |\n  image:\n    repository: acme/shop\n",
			"acme/shop=:2", ErrNotDeployed,
			"**: acme/shop is deployed nowhere; it is named in another way: acme/shop (a.yaml:3), " +
				"acme/shop (a.yaml:6); but there is ghcr.io/acme/shop:1 (a.yaml:3)"},
		{"named as anything is", "a.yaml", "name: nginx\nnginx:\n  nginxImage: nginx\n  resources: [../nginx]\n",
			"nginx=:2", ErrNotDeployed,
			"**: nginx is deployed nowhere; it is named in another way: nginx (a.yaml:3)"},
		{"a tag that is a variable", "kustomization.yaml",
			"images:\n- {name: acme/shop, newTag: $TAG}\n- {name: acme/shop, digest: '{{ x }}'}\n---\n" +
				"image: {repository: acme/shop, tag: <TAG>}\n---\nimage: {repository: acme/shop, digest: $(D)}\n",
			"acme/shop=:2", ErrNotDeployed,
			"**: acme/shop is deployed nowhere; it is named in another way: " +
				"acme/shop:$TAG (kustomization.yaml:2, a placeholder), " +
				"acme/shop@{{ x }} (kustomization.yaml:3, a placeholder), " +
				"acme/shop:<TAG> (kustomization.yaml:5, a placeholder), " +
				"acme/shop@$(D) (kustomization.yaml:7, a placeholder)"},
		{"a name in two keys", "a.yaml",
			"a: {repository: quay.io/x, image: acme/shop, tag: v1}\n" +
				"bImage: {repository: acme/shop, image: worker, tag: v1}\n",
			"acme/shop=:2", ErrNotDeployed,
			"**: acme/shop is deployed nowhere; it is named in another way: acme/shop (a.yaml:1), " +
				"acme/shop (a.yaml:2)"},
		{"minified and no YAML", "a.json", "{\"a\":[{\"image\":\"acme/shop:1\"}]", "acme/shop=:2", yamledit.ErrSyntax,
			"a.json:1: acme/shop is deployed here, but cannot be set, since the file is not YAML: "},
		{"image twice", "a.yaml", "a:\n  image: nginx:1\n  image: acme/shop:1\n", "acme/shop=:2",
			yamledit.ErrUneditable, "a.yaml:3: acme/shop cannot be set: image is there twice"},
		{"newTag twice", "kustomization.yaml", "images:\n- name: acme/shop\n  newTag: v1\n  newTag: v1\n",
			"acme/shop=:2", yamledit.ErrUneditable,
			"kustomization.yaml:4: acme/shop cannot be set: newTag is there twice"},
		{"images twice", "kustomization.yaml", "images: []\nimages: [{name: acme/shop}]\n", "acme/shop=:2",
			yamledit.ErrUneditable, "kustomization.yaml:2: acme/shop cannot be set: images is there twice"},
		{"an alias outside of the places", "a.yaml",
			"image: {repository: acme/shop, tag: &t \"1.6\"}\nappVersion: *t\n", "acme/shop=:1.7",
			yamledit.ErrUneditable,
			"a.yaml:2: acme/shop cannot be set: .appVersion takes \"1.6\" too, through an alias"},
		{"an alias to the tag of another", "a.yaml",
			"image: {repository: acme/shop, tag: &v v1}\nbImage: {repository: acme/web, tag: *v}\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"a.yaml:2: acme/shop cannot be set: .bImage.tag takes \"v1\" too, through an alias"},
		{"a merged tag of another", "a.yaml",
			"a: &a {registry: ghcr.io, repository: acme/shop, tag: v1}\nb:\n  <<: *a\n  repository: acme/web\n",
			"ghcr.io/acme/shop=:2", yamledit.ErrUneditable,
			"a.yaml:3: ghcr.io/acme/shop cannot be set: .b.tag takes \"v1\" too, through an alias"},
		{"an alias to the newTag of another", "kustomization.yaml",
			"images:\n- {name: acme/shop, newTag: &v v1}\n- {name: acme/web, newTag: *v}\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"kustomization.yaml:3: acme/shop cannot be set: .images[1].newTag takes \"v1\" too, through an alias"},
		{"the alias of another's tag", "a.yaml",
			"bImage: {repository: acme/web, tag: &v v1}\nimage: {repository: acme/shop, tag: *v}\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"a.yaml:1: acme/shop cannot be set: .bImage.tag takes \"v1\" too, through an alias"},
		{"the alias of a git source's tag", "a.yaml",
			"with: {repository: acme/shop, tag: &v v1}\nimage: {repository: acme/shop, tag: *v}\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"a.yaml:1: acme/shop cannot be set: .with.tag takes \"v1\" too, through an alias"},
		{"a map that merges and is another image", "a.yaml",
			"image: &i {repository: acme/shop, tag: v1}\nx: &x {<<: *i}\nother: {<<: *x, repository: acme/web}\n",
			"acme/shop=:2", yamledit.ErrUneditable,
			"a.yaml:3: acme/shop cannot be set: .other.tag takes \"v1\" too, through an alias"},
		{"a map that merges and may be another image", "a.yaml",
			"image: &i {repository: acme/shop, tag: v1}\nxImage: {<<: *i, repository: $REPO}\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"a.yaml:2: acme/shop cannot be set: .xImage.tag takes \"v1\" too, through an alias"},
		{"an entry that merges and is another image", "kustomization.yaml",
			"images:\n- &e {name: acme/shop, newTag: v1}\n- {<<: *e, name: acme/web}\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"kustomization.yaml:3: acme/shop cannot be set: .images[1].newTag takes \"v1\" too, through an alias"},
		{"an alias of the map around", "a.yaml",
			"x: &x {y: {tag: &t v1}}\nimage: {repository: acme/shop, tag: *t}\nz: *x\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"a.yaml:3: acme/shop cannot be set: .z takes \"v1\" too, through an alias"},
		{"an alias of the list around", "a.yaml", "x: &x [&t v1]\nimage: {repository: acme/shop, tag: *t}\nz: *x\n",
			"acme/shop=:2", yamledit.ErrUneditable,
			"a.yaml:3: acme/shop cannot be set: .z takes \"v1\" too, through an alias"},
		{"an alias of the map that is merged", "a.yaml",
			"x: &x {tag: v1}\nimage: {<<: *x, repository: acme/shop}\nz: *x\n", "acme/shop=:2", yamledit.ErrUneditable,
			"a.yaml:3: acme/shop cannot be set: .z takes \"v1\" too, through an alias"},
		{"an entry that merges one that gets a key", "kustomization.yaml",
			"images:\n- &e\n  name: acme/shop\n- &f\n  <<: *e\n- {<<: *f, name: acme/web}\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"kustomization.yaml:6: acme/shop cannot be set: .images[2] merges its entry, whose keys change"},
		{"an entry that merges one whose key changes", "kustomization.yaml",
			"images:\n- &e\n  name: acme/shop\n  digest: x\n- {<<: *e, name: acme/web, digest: y}\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"kustomization.yaml:5: acme/shop cannot be set: .images[1] merges its entry, whose keys change"},
		{"an entry that merges one that loses a key", "kustomization.yaml",
			"images:\n- &e\n  name: acme/shop\n  newTag: a\n  digest: x\n- {<<: *e, name: acme/web, newTag: y}\n",
			"acme/shop=:2", yamledit.ErrUneditable,
			"kustomization.yaml:6: acme/shop cannot be set: .images[1] merges its entry, whose keys change"},
		{"one tag for two", "a.yaml",
			"image: {repository: acme/shop, tag: &v v1}\nbImage: {repository: acme/web, tag: *v}\n",
			"acme/shop=:2 acme/web=:3", yamledit.ErrUneditable,
			"a.yaml:1: acme/web cannot be set: tag would have to be both \"2\" and \"3\""},
		{"a digest for a tag", "a.yaml", "image:\n  repository: acme/shop\n  tag: v1\n", "acme/shop=" + digestB,
			yamledit.ErrUneditable,
			"a.yaml:2: acme/shop cannot be set: there is a tag but no digest here, so REF must have a tag too"},
		{"a tag for a digest", "a.yaml", "a:\n  repository: acme/shop\n  digest: x\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"a.yaml:2: acme/shop cannot be set: there is a digest but no tag here, so REF must have a digest too"},
		{"a tag that is a map", "a.yaml", "image:\n  repository: acme/shop\n  tag: {}\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"a.yaml:3: acme/shop cannot be set: tag is not a scalar"},
		{"a tag that has to be a number", "a.yaml", "image:\n  repository: acme/shop\n  tag: !!int 1\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"a.yaml:3: acme/shop cannot be set: "},
		{"one registry for two", "a.yaml",
			"a: {repository: a/a, registry: &r ghcr.io, tag: 1}\nb: {repository: b/b, registry: *r, tag: 1}\n",
			"ghcr.io/a/a=quay.io/a/a:2 ghcr.io/b/b=docker.io/b/b:2", yamledit.ErrUneditable,
			"a.yaml:1: ghcr.io/b/b cannot be set: registry would have to be both \"quay.io\" and \"docker.io\""},
		{"one newName for two", "kustomization.yaml",
			"images:\n- {name: a/a, newName: &n x, newTag: 1}\n- {name: b/b, newName: *n, newTag: 1}\n",
			"a/a=c/c:2 b/b=d/d:2", yamledit.ErrUneditable,
			"kustomization.yaml:2: b/b cannot be set: newName would have to be both \"c/c\" and \"d/d\""},
		{"a newTag that is a list", "kustomization.yaml", "images:\n- name: acme/shop\n  newTag: []\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"kustomization.yaml:3: acme/shop cannot be set: newTag is not a scalar"},
		{"a digest that is a list", "kustomization.yaml", "images:\n- name: acme/shop\n  digest: []\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"kustomization.yaml:3: acme/shop cannot be set: digest is not a scalar"},
		{"a digest by a merge", "kustomization.yaml", "x: &x {digest: a}\nimages:\n- <<: *x\n  name: acme/shop\n",
			"acme/shop=:2", yamledit.ErrUneditable,
			"kustomization.yaml:3: acme/shop cannot be set: digest comes from an anchor"},
		{"an entry for two", "kustomization.yaml", "images:\n- {name: acme/shop, newName: acme/web}\n",
			"acme/shop=:2 acme/web=:3", yamledit.ErrUneditable,
			"kustomization.yaml:2: acme/web cannot be set: its entry is that of acme/shop too"},
		{"a digest below which a merge has one", "kustomization.yaml",
			"x: &x {digest: a}\nimages:\n- <<: *x\n  name: acme/shop\n  newTag: v1\n  digest: b\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"kustomization.yaml:3: acme/shop cannot be set: digest comes from an anchor"},
		{"a digest to be replaced below which a merge has one", "kustomization.yaml",
			"x: &x {digest: a}\nimages:\n- <<: *x\n  name: acme/shop\n  digest: b\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"kustomization.yaml:3: acme/shop cannot be set: digest comes from an anchor"},
		{"a digest that something else takes", "kustomization.yaml",
			"images:\n- name: acme/shop\n  newTag: v1\n  digest: &d x\n- name: y\n  digest: *d\n", "acme/shop=:2",
			yamledit.ErrUneditable,
			"kustomization.yaml:2: acme/shop cannot be set: digest has an anchor, and would have to go"},
		{"a pair without braces", "kustomization.yaml", "images: [name: acme/shop]\n", "acme/shop=:2",
			yamledit.ErrUneditable, "kustomization.yaml:1: acme/shop cannot be set: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, _, err := setImage(tt.file, tt.src, tt.images)
			if !errors.Is(err, tt.kind) || !strings.HasPrefix(err.Error(), tt.want) ||
				!strings.HasSuffix(tt.want, ": ") && err.Error() != tt.want {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
			if strings.Contains(fmt.Sprint(err), "\n") {
				t.Errorf("more than one line: %v", err)
			}
			if out != tt.src {
				t.Errorf("it changed:\n%s", out)
			}
		})
	}
}

// A map that merges itself, another one many times, or many in a chain, is looked through once. Else, this would take
// for ever.
func TestSetCycle(t *testing.T) {
	t.Parallel()
	self := "a: &a\n  <<: [*a, *a, *a, *a, *a, *a, *a, *a]\n  image: acme/shop:1\n"
	many := "a0: &a0 {k: shop}\n"
	for i := range 10 {
		many += fmt.Sprintf("a%d: &a%[1]d {<<: [%s*a%[3]d]}\n", i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 7), i)
	}
	var chain strings.Builder
	chain.WriteString("a0: &a0 {k: shop}\n")
	for i := range 30_000 {
		fmt.Fprintf(&chain, "a%d: &a%[1]d {<<: *a%d}\n", i+1, i)
	}
	for _, src := range []string{self, many + "image: acme/shop:1\n", chain.String() + "image: acme/shop:1\n"} {
		got, _, err := setImage("a.yaml", src, "acme/shop=:2")
		if want := strings.Replace(src, "acme/shop:1", "acme/shop:2", 1); err != nil || got != want {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

func TestSetFiles(t *testing.T) {
	t.Parallel()
	fsys := &recorder{MapFS: fstest.MapFS{}}
	for name, src := range map[string]string{
		"a/one.yaml":           "image: acme/shop:1\n",
		"a/set.yaml":           "image: acme/shop:2\n",
		"b/two.yml":            "image:\n  repository: acme/shop\n  tag: 1\n",
		"b/not.json":           "{\"image\": \"acme/shop:1\"}",
		"b/other.yaml":         "image: nginx:1\n",
		"chart/templates.yaml": "{{ if .x }}\nimage: \"{{ .Values.image }}\" # such as acme/shop\n",
		"chart/latin.yaml":     "name: shop\xe9\n",
		"chart/made.yaml":      "{{ if .x }}\nimage: acme/shop:2\n",
	} {
		fsys.MapFS[name] = &fstest.MapFile{Data: []byte(src)}
	}
	images := []Image{{"acme/shop", "acme/shop:2"}}
	result, err := Set(fsys, Request{Images: images, Globs: []string{DefaultFiles, "a/*"}}, ignore)
	if err != nil {
		t.Fatal(err)
	}
	files, changes := result.Files, result.Changes
	if want := []string{
		"passed over 2 files of another template language: chart/made.yaml, chart/templates.yaml",
		"passed over 1 file that cannot be read as YAML: chart/latin.yaml",
	}; !slices.Equal(result.Warnings(), want) {
		t.Errorf("warnings: %q", result.Warnings())
	}
	if want := map[string][]byte{"a/one.yaml": []byte("image: acme/shop:2\n"),
		"b/two.yml": []byte("image:\n  repository: acme/shop\n  tag: \"2\"\n")}; !reflect.DeepEqual(files, want) {
		t.Errorf("files: %q", files)
	}
	if want := []yamledit.Change{
		{File: "a/one.yaml", Path: ".image", Old: "acme/shop:1", New: "acme/shop:2"},
		{File: "b/two.yml", Path: ".image.tag", Old: "1", New: "2"},
	}; !slices.Equal(changes, want) {
		t.Errorf("changes: %v", changes)
	}
	want := []string{"a/one.yaml", "a/set.yaml", "b/other.yaml", "b/two.yml", "chart/latin.yaml", "chart/made.yaml",
		"chart/templates.yaml"}
	if len(fsys.prefetched) != 1 || !slices.Equal(fsys.prefetched[0], want) {
		t.Errorf("prefetched: %v", fsys.prefetched)
	}
	if _, err := Set(fsys, Request{Images: images, Globs: []string{"a/*", "c/*"}}, ignore); !errors.Is(
		err, glob.ErrNoMatch) || !strings.HasPrefix(err.Error(), "c/*: ") {
		t.Errorf("a glob without a match: %v", err)
	}
	if _, err := Set(fsys, Request{Images: []Image{{"nginx", ":1"}, {"docker.io/nginx", ":2"}}},
		ignore); err == nil || err.Error() != "image docker.io/nginx is given twice" {
		t.Errorf("twice: %v", err)
	}
	if err := Check([]Image{{"nginx", ":1"}, {"docker.io/nginx", ":2"}}); err == nil ||
		err.Error() != "image docker.io/nginx is given twice" {
		t.Errorf("twice: %v", err)
	}
	if err := Check([]Image{{"nginx", ":1"}, {"acme/nginx", ":2"}}); err != nil {
		t.Error(err)
	}
	if _, err := Set(fsys, Request{Images: []Image{{"nginx", "1"}}}, ignore); err == nil {
		t.Error("a bad reference is taken")
	}
	failing := failingFiles{fsys}
	_, err = Set(failing, Request{Images: images, Globs: []string{"a/*"}}, ignore)
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

func TestDefaultFiles(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{}
	for _, name := range []string{"Kustomization", "a.yaml", "a/b/Kustomization", "a/b/c.yml", "a/Kustomization.md",
		"myKustomization", "x.json"} {
		fsys[name] = &fstest.MapFile{}
	}
	got, err := glob.Find(fsys, DefaultFiles)
	if want := []string{"Kustomization", "a.yaml", "a/b/Kustomization", "a/b/c.yml"}; err != nil ||
		!slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestHasWord(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		"": false, "shop": true, "a/shop:1": true, "shops": false, "webshop": false, "a-shop": false, "shop.x": false,
		"shop_": false, "Shop": false, "shop9 shopA x\"shop\"": true, "shop-shop": false,
	} {
		if hasWord([]byte(src), "shop") != want {
			t.Errorf("%q: %v", src, !want)
		}
	}
}

// failingFiles lists files, but does not read them.
type failingFiles struct{ *recorder }

func (f failingFiles) ReadFile(name string) ([]byte, error) {
	return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrPermission}
}
