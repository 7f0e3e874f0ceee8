package yamledit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/image"
	"update-gitops-repo/template/yamledit"
	"update-gitops-repo/template/yamledit/yqedit"
)

// Files that are made to do harm are edited exactly, which is to say that all but the value and its own bytes is as it
// was, or refused by name.
func TestHostileYAML(t *testing.T) {
	t.Parallel()
	r := strings.Repeat
	bomb := "a0: &a0 [x]\n"
	merges := "m0: &m0 {x: 1}\n"
	for i := range 30 {
		bomb += fmt.Sprintf("a%d: &a%[1]d [%s]\n", i+1, strings.TrimSuffix(r(fmt.Sprintf("*a%d, ", i), 9), ", "))
		merges += fmt.Sprintf("m%d: &m%[1]d\n  <<: [*m%d, *m%[2]d]\n", i+1, i)
	}
	var stairs strings.Builder
	for i := range 1000 {
		stairs.WriteString(r(" ", i) + "a:\n")
	}
	const manyAliases = "aliases that make more than 1000000 nodes"
	tests := []struct {
		name, src string
		set, yq   string // why it is refused; edited when it is empty
	}{
		{"nested, flow", "b: 1\nc: " + r("[", 9_000) + r("]", 9_000) + "\n", "", ""},
		{"nested, maps", "b: 1\nc: " + r("{a: ", 2_000) + "1" + r("}", 2_000) + "\n", "", ""},
		{"nested, block", "b: 1\nc:\n" + r("- ", 9_000) + "x\n", "", ""},
		{"nested, stairs", "b: 1\n" + stairs.String(), "", ""},
		{"nested, keys", "b: 1\nc:\n" + r("? ", 1_000) + "x\n", "", ""},
		{"nested too deep", "b: 1\nc: " + r("[", 1_000_000) + r("]", 1_000_000) + "\n",
			"f.yaml:2: cannot be read as YAML: exceeded max depth of 10000",
			"f.yaml:2: cannot be read as YAML: exceeded max depth of 10000"},
		{"nested too deep, block", "b: 1\nc:\n" + r("- ", 1_000_000) + "x\n",
			"f.yaml:3: cannot be read as YAML: exceeded max depth of 10000",
			"f.yaml:3: cannot be read as YAML: exceeded max depth of 10000"},
		{"open brackets", "b: 1\nc: " + r("[", 9_000), "f.yaml:3: cannot be read as YAML",
			"f.yaml:3: cannot be read as YAML"},
		{"aliases of aliases", "b: 1\n" + bomb, "", manyAliases},
		{"an alias within its anchor", "b: 1\na: &a [*a]\nc: &c {x: *c}\n", "", manyAliases},
		{"merges of merges", "b: 1\n" + merges, "", manyAliases},
		{"a merge in a circle", "b: 1\na: &a\n  <<: *a\n  x: 1\n", "", manyAliases},
		{"merges in a circle", "b: 1\na: &a\n  c: &c\n    <<: *a\n  <<: *c\n", "", manyAliases},
		{"an alias of nothing", "b: 1\na: *x\n", "f.yaml:2: cannot be read as YAML",
			"f.yaml:2: cannot be read as YAML"},
		{"a key twice", "b: 1\nc: 1\nc: 2\n", "",
			"f.yaml:3: .b = 2 changes a map in which the key \"c\" is there twice"},
		{"Latin-1", "b: 1\nc: \xe9\n", "f.yaml:2: cannot be read as YAML: not in UTF-8",
			"f.yaml:2: cannot be read as YAML: not in UTF-8"},
		{"UTF-16", "\xff\xfeb\x00:\x00 \x001\x00", "f.yaml:1: cannot be read as YAML: not in UTF-8",
			"f.yaml:1: cannot be read as YAML: not in UTF-8"},
		{"a NUL byte", "b: 1\nc: x\x00y\n", "f.yaml:2: cannot be read as YAML: it is binary",
			"f.yaml:2: cannot be read as YAML: it is binary"},
		{"a program", "\x7fELF\x02\x01\x01\x00", "f.yaml:1: cannot be read as YAML: it is binary",
			"f.yaml:1: cannot be read as YAML: it is binary"},
		{"a control character", "b: 1\nc: x\x07y\n",
			"f.yaml: cannot be read as YAML: control characters are not allowed",
			"f.yaml: cannot be read as YAML: control characters are not allowed"},
		{"a byte order mark", "\ufeffb: 1\n", "", ""},
		{"a tab", "b: 1\nc:\n\td: 1\n", "f.yaml:3: cannot be read as YAML: found ",
			"f.yaml:3: cannot be read as YAML: found "},
		{"tabs that are allowed", "b:\t1\t# c\n", "", ""},
		{"a long line", "b: 1\nc: " + r("x", 1_000_000) + "\n", "", ""},
		{"a long line in quotes", "b: 1\nc: \"" + r(`\U0001F600`, 50_000) + "\"\n", "", ""},
		{"a long list", "b: 1\nc: [" + r("1,", 20_000) + "1]\n", "", ""},
		{"comments", "b: 1\n" + r("#\n", 200_000), "", ""},
		{"blank lines", "b: 1\n" + r("\n", 200_000), "", ""},
		{"an open quote", "b: 1\nc: '" + r("x\n", 100_000), "f.yaml:", "f.yaml:"},
		{"colons", "b: 1\nc: " + r("a:", 500_000) + "x\n", "", ""},
		{"colons and blanks", "b: 1\nc: " + r("a: ", 100_000) + "\n", "f.yaml:2: cannot be read as YAML",
			"f.yaml:2: cannot be read as YAML"},
		{"tags", r("%TAG !a! b\n", 2) + "---\nb: 1\n", "f.yaml:2: cannot be read as YAML",
			"f.yaml:2: cannot be read as YAML"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{"f.yaml": {Data: []byte(tt.src)}}
			judge := func(by, want string, out map[string][]byte, err error) {
				t.Helper()
				if want != "" {
					if _, ok := errors.AsType[*yamledit.Error](err); !ok ||
						!strings.HasPrefix(err.Error(), "f.yaml:") || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: got %.200v, want %s", by, err, want)
					}
					return
				}
				// The value is the only 1 behind "b:" and blanks.
				i := strings.Index(tt.src, "b:") + 2
				i += strings.Index(tt.src[i:], "1")
				if exact := tt.src[:i] + "2" + tt.src[i+1:]; err != nil || string(out["f.yaml"]) != exact {
					t.Errorf("%s: got %.200q, %.200v", by, out["f.yaml"], err)
				}
			}
			out, _, err := assign(fsys, []yqedit.Assignment{{File: "f.yaml", Path: ".b", Value: "2"}})
			judge("-set", tt.set, out, err)
			out, _, err = assign(fsys,
				[]yqedit.Assignment{{File: "f.yaml", Path: `select(true) | .b`, Value: "2"}})
			judge("-set by yq", tt.set, out, err)
			result, err := yqedit.Evaluate(fsys, []yqedit.Expression{{File: "f.yaml", Expr: ".b = 2"}}, ignore)
			judge("-yq", tt.yq, result.Files, err)

			out, _, err = assign(fsys,
				[]yqedit.Assignment{{File: "f.yaml", Path: ".new.w", Value: "2", Missing: yqedit.CreateMissing}})
			if text, ok := out["f.yaml"]; err == nil &&
				(!ok || strings.Replace(string(text), "new:\n  w: 2\n", "", 1) != tt.src) {
				t.Errorf("-set-missing=create: got %.200q", text)
			} else if err != nil && !strings.HasPrefix(err.Error(), "f.yaml:") {
				t.Errorf("-set-missing=create: got %.200v", err)
			}
			shop, _ := image.Parse("acme/shop=acme/shop:2")
			fsys["f.yaml"].Data = []byte(strings.Replace(tt.src, "b: 1\n", "b: 1\nimage: acme/shop:1\n", 1))
			set, err := image.Set(fsys, image.Request{Images: []image.Image{shop}, Globs: []string{"f.yaml"}}, ignore)
			out = set.Files
			if err == nil &&
				string(out["f.yaml"]) != strings.Replace(string(fsys["f.yaml"].Data), "shop:1", "shop:2", 1) {
				t.Errorf("-image: got %.200q", out["f.yaml"])
			} else if err != nil && !strings.HasPrefix(err.Error(), "f.yaml:") {
				t.Errorf("-image: got %.200v", err)
			}
		})
	}
}
