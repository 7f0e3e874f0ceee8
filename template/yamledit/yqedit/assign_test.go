package yqedit

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/glob"
	"update-gitops-repo/template/yamledit"
)

func TestParseAssignment(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want Assignment
	}{
		{"a.yaml:.image.tag=v1", Assignment{"a.yaml", ".image.tag", "v1", false, 0}},
		{"charts/**/values.yaml:.image=acme/app:v1=x",
			Assignment{"charts/**/values.yaml", ".image", "acme/app:v1=x", false, 0}},
		{"a.yaml:.a=", Assignment{"a.yaml", ".a", "", false, 0}},
		{"a.yaml:.a= =b==", Assignment{"a.yaml", ".a", " =b==", false, 0}},
		{`a.yaml:.c[] | select(.name == "x").image=V`,
			Assignment{"a.yaml", `.c[] | select(.name == "x").image`, "V", false, 0}},
		{`a.yaml:.c[] | select(.name == "x)=" and .n != 1).image=V=W`,
			Assignment{"a.yaml", `.c[] | select(.name == "x)=" and .n != 1).image`, "V=W", false, 0}},
		{`a.yaml:.["a=b"]=c`, Assignment{"a.yaml", `.["a=b"]`, "c", false, 0}},
		{`a.yaml:.b | select(.a == "x\"=)").c=d`, Assignment{"a.yaml", `.b | select(.a == "x\"=)").c`, "d", false, 0}},
		{"a.yaml:.a | select(. >= 3)=4", Assignment{"a.yaml", ".a | select(. >= 3)", "4", false, 0}},
		{"a.yaml:(.a == .b)=4", Assignment{"a.yaml", "(.a == .b)", "4", false, 0}},
		{"a.yaml:.a==v", Assignment{"a.yaml", ".a", "=v", false, 0}},
		{"a.yaml:.a as $x | .b[$x]=4", Assignment{"a.yaml", ".a as $x | .b[$x]", "4", false, 0}},
	}
	for _, tt := range tests {
		if got, err := ParseAssignment(tt.in); err != nil || got != tt.want {
			t.Errorf("ParseAssignment(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{
		"", "a.yaml", "a.yaml:", "a.yaml:.a", "a.yaml:=v", ":.a=v", ".a=v", "../a.yaml:.a=v", "/a.yaml:.a=v",
		"a[.yaml:.a=v",
		"a.yaml:.a == .b=4", "a.yaml:.a[=v", "a.yaml:.a[]]=v", "a.yaml:.a | =v", "a.yaml:.a |= v", `a.yaml:."a=v`,
		"a.yaml:.a=\xff",
		"a.yaml:select(.a=v", "a.yaml:.a != .b",
	} {
		if got, err := ParseAssignment(in); err == nil {
			t.Errorf("ParseAssignment(%q) = %+v", in, got)
		}
	}
}

// An "=" within brackets is part of the path, for which it is then refused.
func TestParseAssignmentBrackets(t *testing.T) {
	t.Parallel()
	_, err := ParseAssignment("a.yaml:.a | select(.b = 1)=v")
	if want := `path ".a | select(.b = 1)": "=" does more than select nodes`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAssignFiles(t *testing.T) {
	t.Parallel()
	fsys := func() *recorder {
		return &recorder{MapFS: fstest.MapFS{
			"charts/a/values.yaml": {Data: []byte("image: {tag: v1}\nn: 1\n")},
			"charts/b/values.yaml": {Data: []byte("image: {tag: v2}\n")},
			"charts/c/other.yaml":  {Data: []byte("x: 1\n")},
			"app.json":             {Data: []byte("{\n\t\"a\": \"v1\", \"n\": 1,\n\t\"t\": true, \"z\": null\n}\n")},
		}}
	}
	tests := []struct {
		name    string
		as      []Assignment
		want    map[string]string
		changes []yamledit.Change
		err     string
	}{
		{"a glob", []Assignment{{"charts/**/values.yaml", ".image.tag", "v2", false, 0}},
			map[string]string{"charts/a/values.yaml": "image: {tag: v2}\nn: 1\n"},
			[]yamledit.Change{{File: "charts/a/values.yaml", Path: ".image.tag", Old: "v1", New: "v2"}}, ""},
		{"in order",
			[]Assignment{
				{"charts/a/*", ".image.tag", "v3", false, 0}, {"charts/b/*", ".image.tag", "v3", false, 0},
				{"charts/*/values.yaml", ".image.tag", "v4", false, 0}, {"charts/a/values.yaml", ".n", "2", false, 0},
			},
			map[string]string{
				"charts/a/values.yaml": "image: {tag: v4}\nn: 2\n",
				"charts/b/values.yaml": "image: {tag: v4}\n",
			},
			[]yamledit.Change{
				{File: "charts/a/values.yaml", Path: ".image.tag", Old: "v1", New: "v4"},
				{File: "charts/a/values.yaml", Path: ".n", Old: "1", New: "2"},
				{File: "charts/b/values.yaml", Path: ".image.tag", Old: "v2", New: "v4"},
			}, ""},
		{"a later path sees an earlier value",
			[]Assignment{
				{"charts/a/*", ".image.tag", "v3", false, 0},
				{"charts/a/*", `.image | select(.tag == "v3").tag`, "v5", false, 0},
			},
			map[string]string{"charts/a/values.yaml": "image: {tag: v5}\nn: 1\n"},
			[]yamledit.Change{{File: "charts/a/values.yaml", Path: ".image.tag", Old: "v1", New: "v5"}}, ""},
		{"there and back",
			[]Assignment{{"charts/a/*", ".image.tag", "v3", false, 0}, {"charts/a/*", ".image.tag", "v1", false, 0}},
			map[string]string{}, nil, ""},
		{"JSON",
			[]Assignment{
				{"*.json", ".a", "é\u00a0\"\n", false, 0}, {"*.json", ".n", "v2", false, 0},
				{"*.json", ".t", "false", false, 0}, {"*.json", ".z", "5", false, 0},
			},
			map[string]string{
				"app.json": "{\n\t\"a\": \"é\\u00a0\\\"\\n\", \"n\": \"v2\",\n\t\"t\": false, \"z\": 5\n}\n",
			},
			[]yamledit.Change{
				{File: "app.json", Path: ".a", Old: "v1", New: "é\u00a0\"\n"},
				{File: "app.json", Path: ".n", Old: "1", New: "v2"},
				{File: "app.json", Path: ".t", Old: "true", New: "false"},
				{File: "app.json", Path: ".z", Old: "null", New: "5"},
			}, ""},
		{"none", nil, map[string]string{}, nil, ""},
		{"a path that one file lacks", []Assignment{{"charts/**", ".image.tag", "v2", false, 0}}, nil, nil,
			"charts/c/other.yaml: .image.tag selects nothing"},
		{"no such file",
			[]Assignment{
				{"charts/a/values.yaml", ".n", "2", false, 0}, {"charts/d/values.yaml", ".n", "2", false, 0},
			}, nil, nil, "charts/d/values.yaml: no such file"},
		{"a bad glob", []Assignment{{"/etc/*", ".n", "2", false, 0}}, nil, nil,
			`pattern "/etc/*" is absolute: give it relative to the repository`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fsys()
			result, err := Assign(fsys, tt.as, ignore)
			out, changes := result.Files, result.Changes
			if tt.err != "" {
				if err == nil || err.Error() != tt.err || out != nil || changes != nil {
					t.Fatalf("got %q, %v, %v; want %s", out, changes, err, tt.err)
				}
				return
			}
			got := map[string]string{}
			for name, text := range out {
				got[name] = string(text)
			}
			if err != nil || !maps.Equal(got, tt.want) || !reflect.DeepEqual(changes, tt.changes) {
				t.Fatalf("got %q, %+v, %v\nwant %q, %+v", got, changes, err, tt.want, tt.changes)
			}
			if len(tt.as) > 0 && len(fsys.prefetched) != 1 {
				t.Errorf("prefetched %q, not once", fsys.prefetched)
			}
			if text, ok := got["app.json"]; ok && !json.Valid([]byte(text)) {
				t.Errorf("not JSON: %s", text)
			}
		})
	}
}

// bool11 are the booleans of YAML 1.1 that are strings in YAML 1.2.
var bool11 = strings.Fields("y Y yes Yes YES n N no No NO on On ON off Off OFF")

// FuzzAssign sets a scalar of any style to any value. Whatever comes out reads as the value there, and as before
// elsewhere; the lines around are the same.
func FuzzAssign(f *testing.F) {
	values := []string{"v2", "", " ", "5", "1.10", "yes", "~", "a: b", "a #b", "it's", `"`, `\`, "a\nb",
		"a\r\nb", "\ufeff", "\u2028", "- a",
		"{a: b}", "[", "]", ",", "|", "---", "...", "\x00", "\xff", "😀", "\ufffe", "\U000e0001", "%YAML 1.2",
		"a:", "!!int 5", "*x", "&x y", "? a"}
	olds := []string{"v1", "'v1'", `"v1"`, "5", "1.5", "true", "~", "", "2026-11-20", "yes", "v1\n    more",
		"'v1\n\n    more'", "&x v1", "!!str v1", "!x 'v1'", "{}", "*y"}
	for i, old := range olds {
		for j, value := range values {
			f.Add(old, value, (i+j)%4 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, old, value string, flow bool) {
		before, after := "# é\nx: &y 1 # c\nk:\n  é: ", " # d\nz: [2] # e\n"
		if flow {
			before, after = "# é\nx: &y 1 # c\nk: {b: [1], é: ", ", a: \"}\"} # d\nz: [2] # e\n"
		}
		src := before + old + after
		docs := parsed(src)
		if docs == nil {
			return
		}
		got, changes, err := assignOne(src, ".k.é", value)
		if err != nil {
			var e *yamledit.Error
			if !errors.As(err, &e) {
				t.Fatalf("%q to %q: %v", old, value, err)
			}
			return
		}
		read := func(text string) (all map[string]any, value any) {
			err := yaml.Unmarshal([]byte(text), &all)
			k, ok := all["k"].(map[string]any)
			if err != nil || !ok {
				t.Skip() // duplicate keys, keys that are no strings, and the like
			}
			value = k["é"]
			delete(k, "é")
			return all, value
		}
		wasAll, was := read(src)
		isAll, is := read(got)
		if !reflect.DeepEqual(wasAll, isAll) || len(docs) != 1 {
			t.Errorf("%q to %q changes more: %q", old, value, got)
		}
		if text, isString := is.(string); isString && text != value || is == nil && value != "null" {
			t.Errorf("%q to %q reads %q: %q", old, value, is, got)
		}
		if _, wasString := was.(string); wasString && !slices.Contains(bool11, old) {
			if _, isString := is.(string); !isString {
				t.Errorf("%q to %q is no string any more: %q", old, value, got)
			}
		}
		if len(changes) == 0 != (got == src) {
			t.Errorf("%q to %q: %q, %v", old, value, got, changes)
		}
		if !strings.ContainsAny(old, "\r\n\u0085\u2028\u2029") {
			a, b := strings.Split(src, "\n"), strings.Split(got, "\n")
			if len(a) != len(b) || !slices.Equal(a[:2], b[:2]) {
				t.Errorf("%q to %q changes more than one line: %q", old, value, got)
			}
		}
		if again, _, err := assignOne(got, ".k.é", value); err != nil || again != got {
			t.Errorf("%q to %q, again: %q, %v", old, value, again, err)
		}
	})
}

func FuzzParseAssignment(f *testing.F) {
	for _, s := range []string{"a:.b=c", `a:.b[] | select(.c == "d=").e=f`, "a:.b==c", "a", "a:=", `a:."\"=b"=c`,
		"a:.b as $x | .c=d", ":", "a:env(X)=1",
		"a:first(.b)=1", "a:.b[1:2]=1", "a:.. style=\"\"=1", "a:if .a then .b else .c end=1", "[[:digit:]]:.b=c",
		`{a:b,c}\::.["=]\""]==`, "a:.b[=1", "a:.b]=1", `a:."\"="=1`, "a:.b #=1", "a:.b += 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAssignment(s)
		if err != nil {
			return
		}
		if whole := a.File + ":" + a.Path + "=" + a.Value; !a.Text && whole != s {
			t.Errorf("%q is read as %q", s, whole)
		}
		if glob.Check(a.File) != nil || CheckPath(a.Path) != nil {
			t.Errorf("%q is read as %+v", s, a)
		}
	})
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"a.yaml", "*.yaml", "a/**.yaml"} {
		if _, err := Assign(broken{}, []Assignment{{File: pattern, Path: ".a"}}, ignore); !errors.Is(err,
			errBroken) {
			t.Errorf("Assign(%s) = %v", pattern, err)
		}
	}
}
