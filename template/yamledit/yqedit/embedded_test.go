package yqedit

import (
	"strings"
	"testing"
	"testing/fstest"
)

// assignEmbedded makes assignments "PATH=VALUE" in a file, and returns what it becomes, the changes and warnings.
func assignEmbedded(text string, missing Missing, args ...string) (after string, r Result, err error) {
	var all []Assignment
	for _, arg := range args {
		a, err := ParseAssignment("app.yaml:" + arg)
		if err != nil {
			return "", Result{}, err
		}
		a.Missing = missing
		all = append(all, a)
	}
	r, err = Assign(fstest.MapFS{"app.yaml": {Data: []byte(text)}}, all, func(string, string) {})
	if out, ok := r.Files["app.yaml"]; ok {
		text = string(out)
	}
	return text, r, err
}

const application = `apiVersion: argoproj.io/v1alpha1
kind: Application
spec:
  sources:
    - chart: x
      helm:
        values: |
          # the image
          image:
            tag: v1 # now
            port: 80
          list: [1, 2]
    - chart: y
      helm:
        values: '{"image": {"tag": "v1"}}'
    - chart: z
      patch: |-
        - op: replace
          path: /a
          value: "{\"tag\": \"v1\"}"
`

// TestEmbeddedPaths sets values in documents that strings hold: each case changes lines of application.
func TestEmbeddedPaths(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, arg string
		changed   []string // old and new, in turn
		path      string   // of the first change
	}{
		{"keys and indices", ".spec.sources[0].helm.values | from_yaml | .image.tag=v2",
			[]string{"tag: v1 # now", "tag: v2 # now"}, ".spec.sources[0].helm.values | from_yaml | .image.tag"},
		{"a number stays one", ".spec.sources[0].helm.values | from_yaml | .image.port=8080",
			[]string{"port: 80", "port: 8080"}, ".spec.sources[0].helm.values | from_yaml | .image.port"},
		{"a version is text", ".spec.sources[0].helm.values | from_yaml | .image.tag=1.10",
			[]string{"tag: v1 # now", `tag: "1.10" # now`}, ".spec.sources[0].helm.values | from_yaml | .image.tag"},
		{"text in double quotes", `.spec.sources[0].helm.values | from_yaml | .image.port="80"`,
			[]string{"port: 80", `port: "80"`}, ".spec.sources[0].helm.values | from_yaml | .image.port"},
		{"a selection outside", `.spec.sources[] | select(.chart=="x") | .helm.values | from_yaml | .image.tag=v2`,
			[]string{"tag: v1 # now", "tag: v2 # now"}, ".spec.sources[0].helm.values | from_yaml | .image.tag"},
		{"a selection inside", `.spec.sources[0].helm.values | from_yaml | .list[] | select(. == 2)=3`,
			[]string{"[1, 2]", "[1, 3]"}, ".spec.sources[0].helm.values | from_yaml | .list[1]"},
		{"JSON", ".spec.sources[1].helm.values | from_json | .image.tag=v2",
			[]string{`'{"image": {"tag": "v1"}}'`, `'{"image": {"tag": "v2"}}'`},
			".spec.sources[1].helm.values | from_json | .image.tag"},
		{"JSON read as YAML", ".spec.sources[1].helm.values | from_yaml | .image.tag=v2",
			[]string{`'{"image": {"tag": "v1"}}'`, `'{"image": {"tag": "v2"}}'`},
			".spec.sources[1].helm.values | from_json | .image.tag"},
		{"several strings", ".spec.sources[].helm.values | select(.) | from_yaml | .image.tag=v2",
			[]string{"tag: v1 # now", "tag: v2 # now", `{"tag": "v1"}}'`, `{"tag": "v2"}}'`},
			".spec.sources[0].helm.values | from_yaml | .image.tag"},
		{"twice", `.spec.sources[2].patch | from_yaml | .[] | select(.op == "replace") | .value | from_json | .tag=v2`,
			[]string{`"{\"tag\": \"v1\"}"`, `"{\"tag\": \"v2\"}"`},
			".spec.sources[2].patch | from_yaml | .[0].value | from_json | .tag"},
		{"in brackets", "(.spec.sources[2] | .patch | from_yaml).[0].value | @jsond | .tag=v2",
			[]string{`"{\"tag\": \"v1\"}"`, `"{\"tag\": \"v2\"}"`},
			".spec.sources[2].patch | from_yaml | .[0].value | from_json | .tag"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, r, err := assignEmbedded(application, RefuseMissing, c.arg)
			want := strings.NewReplacer(c.changed...).Replace(application)
			if err != nil || got != want || len(r.Warnings) > 0 {
				t.Fatalf("%v, %v, got\n%s", err, r.Warnings, got)
			}
			if len(r.Changes) != len(c.changed)/2 || r.Changes[0].Path != c.path || r.Changes[0].File != "app.yaml" {
				t.Errorf("%+v", r.Changes)
			}
		})
	}
}

// TestEmbeddedMissing adds what is missing in a string, and the string.
func TestEmbeddedMissing(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, before, arg, after string }{
		{"a key", "v: |\n  a: 1\n", ".v | from_yaml | .image.tag=v2", "v: |\n  a: 1\n  image:\n    tag: v2\n"},
		{"a key of JSON", "v: '{\"a\": 1}'\n", ".v | from_json | .b=2", "v: '{\"a\": 1, \"b\": 2}'\n"},
		{"the string", "a:\n  b: 1\n", ".a.v | from_yaml | .image.tag=v2",
			"a:\n  b: 1\n  v: |\n    image:\n      tag: v2\n"},
		{"the string of JSON", "a: 1\n", ".v | from_json | .b=2", "a: 1\nv: \"{\\\"b\\\": 2}\"\n"},
		{"an empty string", "v: \"\"\n", ".v | from_yaml | .b=2", "v: \"b: 2\\n\"\n"},
		{"null", "v:\na: 1\n", ".v | from_yaml | .b=2", "v: \"b: 2\\n\"\na: 1\n"},
		{"two deep", "a: 1\n", ".v | from_yaml | .w | from_yaml | .b=2", "a: 1\nv: |\n  w: |\n    b: 2\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := assignEmbedded(c.before, RefuseMissing, c.arg); err == nil {
				t.Error("what is missing is set")
			}
			got, r, err := assignEmbedded(c.before, CreateMissing, c.arg)
			if err != nil || got != c.after || len(r.Warnings) > 0 {
				t.Fatalf("%v, %v, got\n%s", err, r.Warnings, got)
			}
			again, r, err := assignEmbedded(got, CreateMissing, c.arg)
			if err != nil || again != got || len(r.Files) > 0 {
				t.Errorf("once more: %v, got\n%s", err, again)
			}
		})
	}
}

func TestEmbeddedPathErrors(t *testing.T) {
	t.Parallel()
	cases := []struct {
		before, arg string
		missing     Missing
		want        string
	}{
		{"v: |\n  a: 1\n", ".v | from_yaml | .b=2", RefuseMissing,
			"app.yaml: .v | from_yaml | .b selects nothing"},
		{"a: 1\n", ".v | from_yaml | .b=2", RefuseMissing, "app.yaml: .v | from_yaml | .b selects nothing"},
		{"x: 1\nv: {a: 1}\n", ".v | from_yaml | .a=2", RefuseMissing,
			"app.yaml:2: .v | from_yaml | .a reads YAML in .v, which is no string"},
		{"x: 1\nv: 5\n", ".v | from_yaml | .a=2", RefuseMissing, "app.yaml:2: .v holds no document: it is no string"},
		{"x: 1\nv: |\n  a: 1\n  b: [\n", ".v | from_yaml | .a=2", SkipMissing,
			"app.yaml:4: .v holds text that cannot be read as YAML"},
		{"x: 1\nv: |\n  a: 1\n", ".v | from_json | .a=2", RefuseMissing,
			"app.yaml:2: .v | from_json | .a reads JSON in .v, which holds none"},
		{"x: &x |\n  a: 1\nv: *x\n", ".v | from_yaml | .a=2", RefuseMissing,
			"app.yaml:3: .v | from_yaml | .a selects the alias *x of .x"},
		{"v: |\n  a: {b: 1}\n", ".v | from_yaml | .a=2", RefuseMissing,
			"app.yaml:2: .v | from_yaml | .a selects a map, not a scalar"},
		{"v: |\n  a: 1\n", ".v | from_yaml | .a | length=2", RefuseMissing,
			"yields something computed, which is no node of the file"},
		{"v: |\n  x: &x 1\n  a: *x\n", ".v | from_yaml | .a=2", RefuseMissing,
			"app.yaml:3: .v | from_yaml | .a selects the alias *x of .x"},
		{"v: >\n  a: 1\n\n  b: 1\n", ".v | from_yaml | .c.d=2", CreateMissing,
			"it is in a folded block (>), where lines can neither come nor go"},
	}
	for _, c := range cases {
		got, _, err := assignEmbedded(c.before, c.missing, c.arg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v\nwant %s\n%s", c.arg, err, c.want, got)
		}
	}
}

// TestEmbeddedAssignments makes several assignments in one string.
func TestEmbeddedAssignments(t *testing.T) {
	t.Parallel()
	got, r, err := assignEmbedded("v: |\n  a: 1\n  b: 1 # c\n  x: 1\nw: 1\n", RefuseMissing,
		".v | from_yaml | .a=2", ".w=3",
		".v | from_yaml | .b=2", ".v | from_yaml | .a=3", ".v | from_yaml | .x=2", ".v | from_yaml | .x=1")
	if want := "v: |\n  a: 3\n  b: 2 # c\n  x: 1\nw: 3\n"; err != nil || got != want {
		t.Fatalf("%v, got\n%s", err, got)
	}
	if len(r.Changes) != 3 || len(r.Warnings) != 2 || !strings.Contains(r.Warnings[0], ".a is set to 2 by") {
		t.Errorf("%+v, %q", r.Changes, r.Warnings)
	}
}
