package image

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/yamledit"
)

const (
	passedTemplate = "passed over 1 file of another template language: t.yaml"
	passedBroken   = "passed over 1 file that cannot be read as YAML: t.yaml"
	leftAlone      = "acme/shop is not set everywhere: acme/shop"
)

// TestForeign has files of other template languages, and broken ones, beside one that deploys the image: what is set is
// always that one, and what is not is said, or refused.
func TestForeign(t *testing.T) {
	t.Parallel()
	const helm = "{{- if .Values.on }}\nkind: Deployment\n{{- end }}\n"
	for _, test := range []struct{ name, src, want string }{ // want: the warnings, or the error
		// They happen to be YAML.
		{"Helm's values", "image:\n  repository: acme/shop\n  tag: {{ .Values.tag }}\n",
			leftAlone + ":{{ … }} (t.yaml:2, a placeholder)"},
		{"with a pipe", "image: {repository: acme/shop, tag: {{ .Values.tag | quote }}}\n",
			leftAlone + ":{{ … }} (t.yaml:1, a placeholder)"},
		{"a digest", "image:\n  repository: acme/shop\n  digest: {{ .d }}\n",
			leftAlone + "@{{ … }} (t.yaml:2, a placeholder)"},
		{"a registry", "image:\n  registry: {{ .r }}\n  repository: acme/shop\n  tag: 1\n",
			leftAlone + ":1 (t.yaml:3, a placeholder)"},
		{"a kustomization", "kind: Kustomization\nimages:\n- name: acme/shop\n  newTag: {{ .tag }}\n",
			leftAlone + ":{{ … }} (t.yaml:3, a placeholder)"},
		{"the tag of an image", "image: acme/shop:{{ .tag }}\n",
			leftAlone + ":{{ .tag }} (t.yaml:1, a placeholder)"},
		{"in quotes", "image: 'acme/shop:{{ .tag }}'\n", leftAlone + ":{{ .tag }} (t.yaml:1, a placeholder)"},
		{"all of an image", "app: shop\nimage: {{ .image }}\n", ""},
		{"Levant", "image:\n  repository: acme/shop\n  tag: [[ .tag ]]\n",
			leftAlone + ":[[ … ]] (t.yaml:2, a placeholder)"},
		{"Levant in quotes", "image:\n  repository: acme/shop\n  tag: \"[[ .tag ]]\"\n",
			leftAlone + ":[[ .tag ]] (t.yaml:2, a placeholder)"},
		{"ERB", "image: acme/shop:<%= tag %>\n", leftAlone + ":<%= tag %> (t.yaml:1, a placeholder)"},
		{"envsubst", "image: acme/shop:${TAG}\n", leftAlone + ":${TAG} (t.yaml:1, a placeholder)"},
		{"envsubst with a default", "image: acme/shop:${TAG:-1.6}\n",
			leftAlone + ":${TAG:-1.6} (t.yaml:1, a placeholder)"},
		{"envsubst that sets", "image: {repository: acme/shop, tag: '${TAG:=1.6}'}\n",
			leftAlone + ":${TAG:=1.6} (t.yaml:1, a placeholder)"},
		{"envsubst for the registry", "image: ${REGISTRY:-ghcr.io}/acme/shop:1.6\n", ""},
		{"a variable of kustomize", "image: {repository: acme/shop, tag: $(TAG)}\n",
			leftAlone + ":$(TAG) (t.yaml:1, a placeholder)"},
		{"our own", "image: acme/shop:$({ .tag })\n", leftAlone + ":$({ .tag }) (t.yaml:1, a placeholder)"},
		{"Maven in quotes", "image: {repository: acme/shop, tag: '@TAG@'}\n",
			leftAlone + ":@TAG@ (t.yaml:1, a placeholder)"},
		{"an action elsewhere", "name: {{ .name }}\nimage: acme/shop:2\n", ""},
		{"ytt", "#@ load(\"x\")\nimage: acme/shop:2 #@ y\n", ""},
		// They are not.
		{"a condition", helm + "image: {{ .Values.shop }}\napp: shop\n", passedTemplate},
		{"a condition, and the image", helm + "image: acme/shop:{{ .tag }}\n",
			passedTemplate + "\n" + leftAlone + ":{{ .tag }} (t.yaml:4, a placeholder)"},
		{"a condition, and a tag", helm + "image:\n  repository: acme/shop\n  tag: 1\n",
			passedTemplate + "\n" + leftAlone + " (t.yaml:5)"},
		{"two actions in a value", "app: shop\nimage: {{ .r }}:{{ .t }}\n", passedTemplate},
		{"a branch each", "image: {{ if .x }}acme/shop:1{{ else }}acme/shop:3{{ end }}\n",
			passedTemplate + "\n" + leftAlone + ":1 (t.yaml:1), acme/shop:3 (t.yaml:1)"},
		{"an include", "labels:\n  {{- include \"shop\" . | nindent 2 }}\n  x: y\n", passedTemplate},
		{"a comment", "{{/* shop */}}\nkind: x\n", passedTemplate},
		{"of two lines", "{{- /*\nthe shop\n*/ -}}\nkind: x\n", passedTemplate},
		{"Jinja", "{% if shop %}\nkind: x\n{% endif %}\nimage: {{ image }}\n", passedTemplate},
		{"a comment of Jinja", "{# shop #}\nkind: x\n", passedTemplate},
		{"lines of ERB", "<% if shop %>\nkind: x\n<% end %>\n", passedTemplate},
		{"lines of our own", "$({ if eq .app \"shop\" })\nkind: x\n$({ end })\n", passedTemplate},
		{"a placeholder of Maven", "app: shop\nreplicas: @replicas@\n", passedTemplate},
		{"a placeholder in percents", "app: shop\nreplicas: %replicas%\n", passedTemplate},
		{"envsubst in a list", "app: shop\nargs: [${A}, ${B}]\n", passedTemplate},
		{"the image in a comment", helm + "# acme/shop:1\n", passedTemplate},
		{"the image that it shall be", helm + "image: acme/shop:2\n", passedTemplate},
		{"the image at its tag", helm + "image: acme/shop:1\n", "t.yaml:4: acme/shop is deployed here, but cannot"},
		// Those are broken.
		{"a tab", "a:\n\tb: 1\nimage:\n  repository: acme/shop\n  tag: 1\n",
			"t.yaml:2: acme/shop is named here, and may be deployed, but the file is not YAML: "},
		{"an open quote", "a: \"b\nimage: {repository: acme/shop, tag: 1}\n", "t.yaml:"},
		{"a conflict", "<<<<<<< HEAD\nimage: nginx:1\n=======\nimage: nginx:2\n>>>>>>> x\nx:\n- name: acme/shop\n",
			"t.yaml:"},
		{"actions in quotes", "a: \"{{ $labels.x }} is down\"\nb:\n\tc: 1\nname: acme/shop\n", "t.yaml:3: "},
		{"actions in a text", "a: |\n  {{ $labels.x }} is down\nb:\n\tc: 1\nname: acme/shop\n", "t.yaml:"},
		{"another image", "a:\n\tb: 1\nimage: ghcr.io/acme/shop:1\n", passedBroken},
		{"a name", "a:\n\tb: 1\napp: shop\n", passedBroken},
		{"a comment only", "a:\n\tb: 1\n# acme/shop:1\n", passedBroken},
		{"nothing of it", "a:\n\tb: 1\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fsys := fstest.MapFS{"ok.yaml": {Data: []byte("image: acme/shop:1\n")}, "t.yaml": {Data: []byte(test.src)}}
			result, err := Set(fsys, Request{Images: []Image{{"acme/shop", "acme/shop:2"}}}, ignore)
			if strings.HasPrefix(test.want, "t.yaml:") {
				if !errors.Is(err, yamledit.ErrSyntax) || !strings.HasPrefix(err.Error(), test.want) {
					t.Errorf("%v, want %q", err, test.want)
				}
				return
			}
			if got := strings.Join(result.Warnings(), "\n"); err != nil || got != test.want {
				t.Errorf("%v, warnings:\n%s\nwant\n%s", err, got, test.want)
			}
			if got := string(result.Files["ok.yaml"]); got != "image: acme/shop:2\n" || len(result.Files) != 1 {
				t.Errorf("files %q", result.Files)
			}
		})
	}
}

// TestForeignByName: a file that is asked for by its name has to be read.
func TestForeignByName(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{
		"ok.yaml": {Data: []byte("image: acme/shop:1\n")},
		"t.yaml":  {Data: []byte("{{ if .x }}\napp: shop\n{{ end }}\n")},
	}
	images := []Image{{"acme/shop", "acme/shop:2"}}
	_, err := Set(fsys, Request{Images: images, Globs: []string{"ok.yaml", "t.yaml"}}, ignore)
	if !errors.Is(err, yamledit.ErrSyntax) || !strings.HasPrefix(err.Error(), "t.yaml:") {
		t.Errorf("by name: %v", err)
	}
	if _, err := Set(fsys, Request{Images: images, Globs: []string{"ok.yaml", "t*.yaml"}}, ignore); err != nil {
		t.Errorf("by a pattern: %v", err)
	}
}

// TestForeignMany: one line has all of them, and another one each line that is left.
func TestForeignMany(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"ok.yaml": {Data: []byte("image: acme/shop:1\n")}}
	src := []byte("{{ if .x }}\nimage: acme/shop:{{ .t }}\n{{ end }}\n")
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		fsys["chart/templates/"+name+".yaml"] = &fstest.MapFile{Data: src}
	}
	result, err := Set(fsys, Request{Images: []Image{{"acme/shop", "acme/shop:2"}}}, ignore)
	want := "passed over 5 files of another template language: chart/templates/a.yaml, chart/templates/b.yaml, " +
		"chart/templates/c.yaml and 2 more\n" + leftAlone
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		if i > 0 {
			want += ", acme/shop"
		}
		want += ":{{ .t }} (chart/templates/" + name + ".yaml:2, a placeholder)"
	}
	if got := strings.Join(result.Warnings(), "\n"); err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}
