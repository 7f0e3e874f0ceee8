// Package rendered holds what -image does against the programs that render what a repository deploys: kustomize, Helm's
// engine, and the fields of Argo CD and Flux that are given to these. It builds the program, runs it on small
// repositories, renders these before and after, and compares the images. It is a module of its own, so that the
// program's stays small.
package rendered

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"
)

// renderers are the programs, by the first word of a line of a case, which has the argument behind it.
var renderers = map[string]func(tree, string) ([]string, error){
	"kustomize": kustomizeImages, // a folder
	"helm":      helmImages,      // the folder of a chart, and files with values
	"argocd":    argoImages,      // a file with an Application
	"flux":      fluxImages,      // a file with a HelmRelease or Kustomization
}

// TestCases renders the files of each case before and after a run. A case is a txtar archive: a comment with lines
//
//	run ARGS       what the program is run with
//	render WORDS   what is rendered, as renderers has it; the files must not be there where it is a folder's own
//	said TEXT      what the program says of what it left
//	refused        the program fails, and pushes nothing
//
// and the files "before" and "after" with the images that are rendered, a line "NAME IMAGE" each.
func TestCases(t *testing.T) {
	names, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(name, "testdata/"), ".txtar"), func(t *testing.T) {
			c := readCase(t, name)
			if got := renderAll(t, c.files, c.renders); got != c.before {
				t.Fatalf("before, rendered are\n%swant\n%s", got, c.before)
			}
			made := built.set(t, c.files, c.args...)
			got := renderAll(t, made.tree, c.renders)
			if made.refused != c.refused || got != c.after {
				t.Errorf("after, rendered are\n%swant\n%srefused: %v, said:\n%s", got, c.after, made.refused, made.said)
			}
			for _, said := range c.said {
				if !strings.Contains(made.said, said) {
					t.Errorf("the program does not say %q:\n%s", said, made.said)
				}
			}
			if len(c.said) == 0 && strings.Contains(made.said, "is not set everywhere") {
				t.Errorf("the program says:\n%s", made.said)
			}
		})
	}
}

// oneCase is a case of TestCases.
type oneCase struct {
	files         tree
	args          []string
	renders       []string
	said          []string
	refused       bool
	before, after string
}

func readCase(t *testing.T, name string) oneCase {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c := oneCase{files: tree{}}
	for line := range strings.Lines(string(archive.Comment)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "run":
			c.args = strings.Fields(rest)
		case "render":
			c.renders = append(c.renders, rest)
		case "said":
			c.said = append(c.said, rest)
		case "refused":
			c.refused = true
		case "#", "":
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	for _, f := range archive.Files {
		switch f.Name {
		case "before":
			c.before = string(f.Data)
		case "after":
			c.after = string(f.Data)
		default:
			c.files[f.Name] = string(f.Data)
		}
	}
	if c.refused {
		c.after = c.before
	}
	return c
}

// renderAll returns the images of all that is rendered, a line each.
func renderAll(t *testing.T, files tree, renders []string) string {
	t.Helper()
	var out strings.Builder
	for _, words := range renders {
		tool, args, _ := strings.Cut(words, " ")
		images, err := renderers[tool](files, args)
		if err != nil {
			t.Fatalf("%s: %v", words, err)
		}
		for _, image := range images {
			fmt.Fprintln(&out, image)
		}
	}
	return out.String()
}

// imagesOf returns the images of an object, "NAME IMAGE" each: of containers, of image volumes, and those that an
// operator is told to deploy. A container is named OBJECT/CONTAINER.
func imagesOf(object map[string]any) []string {
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	var out []string
	visit(object, func(m map[string]any) {
		inner, _ := m["name"].(string)
		at := strings.TrimSuffix(name+"/"+inner, "/")
		switch image := m["image"].(type) {
		case string:
			out = append(out, at+" "+image)
		case map[string]any:
			if reference, ok := image["reference"].(string); ok {
				out = append(out, at+" "+reference)
			}
		}
		if value, ok := m["value"].(string); ok && strings.HasPrefix(inner, "RELATED_IMAGE_") {
			out = append(out, at+" "+value)
		}
	})
	slices.Sort(out)
	return out
}

// visit calls see with each map in a value.
func visit(value any, see func(map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		see(v)
		for _, child := range v {
			visit(child, see)
		}
	case []any:
		for _, child := range v {
			visit(child, see)
		}
	}
}

// imagesIn returns the images of all objects in a text.
func imagesIn(text string) ([]string, error) {
	var out []string
	for document := range strings.SplitSeq("\n"+text, "\n---") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			return nil, err
		}
		out = append(out, imagesOf(object)...)
	}
	return out, nil
}

// errField is the error for what a case must have and has not.
var errField = errors.New("missing")
