package yqedit

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/yamledit"
)

// TestMissing checks what becomes of files in which a path selects nothing.
func TestMissing(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"a.yaml": "tag: 1\n", "b.yaml": "x: 1\n", "c.yaml": "",
		"d.yaml": "x: 1\n---\ntag: 1\n---\nx: 2\n", "e.json": "[]",
		"f.yml": "[1]\n---\ntag: 1\n", // in whose first document the path fails
	}
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, tt := range []struct {
		file    string
		missing Missing
		want    map[string]string
		warning string
		err     string
		hint    string
	}{
		{file: "*.yaml", err: "*.yaml: .tag selects nothing in 2 of 4 files: b.yaml, c.yaml",
			hint: "-set-missing=skip"},
		{file: "[ab].yaml", err: "b.yaml: .tag selects nothing", hint: "-set-missing=skip"},
		{file: "b.yaml", err: "b.yaml: .tag selects nothing"},
		{file: "d.yaml", want: map[string]string{"d.yaml": "x: 1\n---\ntag: 2\n---\nx: 2\n"}},
		{file: "*", missing: SkipMissing,
			want: map[string]string{"a.yaml": "tag: 2\n", "d.yaml": "x: 1\n---\ntag: 2\n---\nx: 2\n",
				"f.yml": "[1]\n---\ntag: 2\n"},
			warning: "*: .tag selects nothing in 3 of 6 files: b.yaml, c.yaml, e.json (. is a list); skipped"},
		{file: "f.yml", missing: SkipMissing, want: map[string]string{"f.yml": "[1]\n---\ntag: 2\n"}},
		{file: "f.yml", err: "f.yml: .tag selects nothing: . is a list in document 0",
			hint: "-set-missing=skip skips the documents"},
		{file: "*", err: "*: .tag selects nothing in 4 of 6 files: b.yaml, c.yaml, e.json (. is a list), " +
			"f.yml (. is a list in document 0)", hint: "-set-missing=skip"},
		{file: "e.json", err: "e.json: .tag selects nothing: . is a list", hint: "named by its index"},
		{file: "e.json", missing: SkipMissing, err: "e.json: .tag selects nothing: . is a list", hint: "at least one"},
		{file: "f.yml", missing: CreateMissing, err: "f.yml: .tag selects nothing: . is a list in document 0",
			hint: "-set-missing=skip skips the documents"},
		{file: "[bc].yaml", missing: SkipMissing,
			err:  "[bc].yaml: .tag selects nothing in 2 of 2 files: b.yaml, c.yaml",
			hint: "needs at least one"},
		{file: "b.yaml", missing: SkipMissing, err: "b.yaml: .tag selects nothing", hint: "needs at least one"},
		{file: "*.yaml", missing: CreateMissing, want: map[string]string{
			"a.yaml": "tag: 2\n", "b.yaml": "x: 1\ntag: \"2\"\n",
			"c.yaml": "tag: \"2\"\n", "d.yaml": "x: 1\n---\ntag: 2\n---\nx: 2\n"}},
		{file: "[be].*", missing: CreateMissing, err: "e.json: .tag cannot be created, since . is a sequence"},
	} {
		a := []Assignment{{File: tt.file, Path: ".tag", Value: "2", Missing: tt.missing}}
		result, err := Assign(fsys, a, ignore)
		if tt.err != "" {
			e, ok := errors.AsType[*yamledit.Error](err)
			if !ok || !strings.HasPrefix(e.Error(), tt.err) || !strings.Contains(e.Hint, tt.hint) ||
				result.Files != nil {
				t.Errorf("%+v: got %+v, %v", a, result, err)
			}
			continue
		}
		got := map[string]string{}
		for name, text := range result.Files {
			got[name] = string(text)
		}
		if err != nil || !maps.Equal(got, tt.want) || strings.Join(result.Warnings, "|") != tt.warning {
			t.Errorf("%+v: got %q, %q, %v", a, got, result.Warnings, err)
		}
	}
}

// TestMissingAndUnreadable checks that a file which does not parse is an error whatever becomes of those without the
// path, and that a message names no endless number of files.
func TestMissingAndUnreadable(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"a.yaml": {Data: []byte("tag: 1\n")}, "b.yaml": {Data: []byte("a: b: c\n")}}
	for _, missing := range []Missing{RefuseMissing, CreateMissing, SkipMissing} {
		_, err := Assign(fsys, []Assignment{{File: "*", Path: ".tag", Value: "2", Missing: missing}}, ignore)
		if !errors.Is(err, yamledit.ErrSyntax) || !strings.HasPrefix(err.Error(), "b.yaml:1: ") {
			t.Errorf("%d: got %v", missing, err)
		}
	}
	fsys = fstest.MapFS{}
	for i := range 100 {
		fsys[fmt.Sprintf("%03d.yaml", i)] = &fstest.MapFile{Data: []byte("x: 1\n")}
	}
	_, err := Assign(fsys, []Assignment{{File: "*", Path: ".tag", Value: "2"}}, ignore)
	start, end := "*: .tag selects nothing in 100 of 100 files: 000.yaml, 001.yaml, ", ", 019.yaml and 80 more"
	if err == nil || !strings.HasPrefix(err.Error(), start) || !strings.HasSuffix(err.Error(), end) {
		t.Errorf("got %v", err)
	}
}

// TestLeftOut checks that a path which selects several values says where it selects none.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ src, path, want string }{
		{"l:\n- tag: 1\n- n: b\n- n: c\n", ".l[].tag", ".l[1].tag, .l[2].tag"},
		{"a: 1\n", `.a, .b["c.d"]`, `.b["c.d"]`},
		{"a: {tag: 1}\nb: {}\n", ".[].tag", ".b.tag"},
		{"a: {tag: 1}\nb: ~\n", "(.a, .b) | .tag", ".b.tag"},
		{"a: {tag: 1}\nb: {}\n", ".. | .tag", ""}, // which looks everywhere
		{"a: {tag: 1}\nb: {}\n", ".[] | select(.tag) | .tag", ""},
		{"a: {tag: 1}\nb: {}\n", ".b.tag // .a.tag", ""},
		{"l:\n- {n: a, tag: 1}\n- n: b\n", `.l[] | select(.n == "a" or .x == "b") | .tag`, ""},
		{"a: &x {tag: 1}\nb: {<<: *x}\n", "(.a).tag", ""},
		{"a: 1\n---\nb: 1\n", ".a | select(. > 0)", ""}, // another document
	} {
		result, err := Assign(fstest.MapFS{"f.yaml": {Data: []byte(tt.src)}},
			[]Assignment{{File: "f.yaml", Path: tt.path, Value: "2"}}, ignore)
		var want []string
		if tt.want != "" {
			want = []string{"f.yaml: " + tt.path + " selects nothing at " + tt.want + ", which is left out"}
		}
		if err != nil || !slices.Equal(result.Warnings, want) || len(result.Files) != 1 {
			t.Errorf("%q, %s: got %q, %v; want %q", tt.src, tt.path, result.Warnings, err, want)
		}
	}
}
