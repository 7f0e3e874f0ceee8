package image

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// treeCase is a repository, and what becomes of it.
type treeCase struct {
	req         Request
	files, want map[string]string // want has what changes
	left        []string
}

// readTree reads a case: a line "KEY: VALUE" for each field of the request (images, files, missing) and for each
// mention that is left, then the files, each followed by what becomes of it if it changes.
func readTree(t *testing.T, name string) treeCase {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c := treeCase{files: map[string]string{}, want: map[string]string{}}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "images":
			for _, s := range strings.Fields(value) {
				img, err := Parse(s)
				if err != nil {
					t.Fatal(err)
				}
				c.req.Images = append(c.req.Images, img)
			}
		case "files":
			c.req.Globs = strings.Fields(value)
		case "missing":
			c.req.Missing = MissingAdd
		case "left":
			c.left = append(c.left, value)
		default:
			t.Fatalf("%s: %q", name, line)
		}
	}
	for _, f := range archive.Files {
		if of, ok := strings.CutSuffix(f.Name, " becomes"); ok {
			c.want[of] = string(f.Data)
		} else {
			c.files[f.Name] = string(f.Data)
		}
	}
	return c
}

func TestTrees(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/trees/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			checkTree(t, readTree(t, name))
		})
	}
}

func checkTree(t *testing.T, c treeCase) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, src := range c.files {
		fsys[name] = &fstest.MapFile{Data: []byte(src)}
	}
	out, err := Set(fsys, c.req, ignore)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, text := range out.Files {
		got[name] = string(text)
		fsys[name] = &fstest.MapFile{Data: text}
	}
	if !maps.Equal(got, c.want) {
		t.Errorf("got\n%q\nwant\n%q", got, c.want)
	}
	var left []string
	for _, m := range out.Left {
		left = append(left, m.String())
	}
	if !slices.Equal(left, c.left) {
		t.Errorf("left\n%s\nwant\n%s", strings.Join(left, "\n"), strings.Join(c.left, "\n"))
	}
	if again, err := Set(fsys, c.req, ignore); err != nil || len(again.Files) > 0 {
		t.Errorf("the second time: %v, %q", err, again.Files)
	}
	c.req.Strict = true
	if _, err := Set(fsys, c.req, ignore); errors.Is(err, ErrLeft) != (len(c.left) > 0) {
		t.Errorf("strict: %v", err)
	}
}

// TestTagSuffix: kustomize ignores a suffix beside a version, so a version that comes is told.
func TestTagSuffix(t *testing.T) {
	t.Parallel()
	const told = `acme/shop: kustomize ignores the tagSuffix -slim (kustomization.yaml:1) from now on, ` +
		`since its entry has a tag or digest now`
	for _, tt := range []struct{ image, fields, want string }{
		{"acme/shop=:v2", "tagSuffix: -slim", told},
		{"acme/shop=ghcr.io/acme/shop:v2", "newName: acme/shop, tagSuffix: -slim", told},
		{"acme/shop=@" + digestA, "tagSuffix: -slim", told},
		{"acme/shop=ghcr.io/acme/shop:*", "tagSuffix: -slim", ""},
		{"acme/shop=:v2", "newTag: v1, tagSuffix: -slim", ""},
		{"acme/shop=:v2", "tagSuffix: ''", ""},
	} {
		img, err := Parse(tt.image)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{"kustomization.yaml": {Data: []byte("images: [{name: acme/shop, " + tt.fields + "}]\n")}}
		out, err := Set(fsys, Request{Images: []Image{img}}, ignore)
		if got := strings.Join(out.Warnings(), "\n"); err != nil || got != tt.want {
			t.Errorf("%s at %s: %v, %q", tt.image, tt.fields, err, got)
		}
		if after := string(out.Files["kustomization.yaml"]); !strings.Contains(after, "tagSuffix: ") {
			t.Errorf("%s at %s: got %s", tt.image, tt.fields, after)
		}
	}
}
