package yqedit

import (
	"errors"
	"strings"
	"testing"

	"update-gitops-repo/template/yamledit"
)

// Comments are read and written as yq documents it; a warning says where yq itself would have them elsewhere.
func TestComments(t *testing.T) {
	t.Parallel()
	const src = "# top\n\n# a\na:   1 # one\nb:\n  c:  2\nl:\n- x\n- y:  1\n"
	const elsewhere = "f.yaml: comments stand where the expression puts them; " +
		"yq itself would write some of them elsewhere"
	for _, tt := range []struct{ expr, old, new, warning string }{
		{`. head_comment = "new"`, "# top\n\n# a\n", "# new\n", ""},
		{`. head_comment = "new" | .a = 2`, "# top\n\n# a\na:   1", "# new\na:   2", ""},
		{`. head_comment |= "x\n" + head_comment`, "# top\n", "# x\n# top\n", ""},
		{`(.b | key) head_comment = "h"`, "b:\n", "# h\nb:\n", ""},
		{`.b head_comment = "h"`, "b:\n", "# h\nb:\n", elsewhere},
		{`.b.c head_comment = "h"`, "  c:  2\n", "  # h\n  c:  2\n", elsewhere},
		{`.l[0] head_comment = "h"`, "- x\n", "# h\n- x\n", ""},
		{`.l[1] head_comment = "h"`, "- y:  1\n", "# h\n- y:  1\n", ""},
		{`.a line_comment = "new"`, "# one", "# new", ""},
		{`.a line_comment = ""`, " # one", "", ""},
		{`.a line_comment |= . + "!"`, "# one", "# 1!", ""},
		{`.b.c line_comment = "two" | .a = 5`, "1 # one\nb:\n  c:  2\n", "5 # one\nb:\n  c:  2 # two\n", ""},
		{`(.b | key) line_comment = "k"`, "b:\n", "b: # k\n", ""},
		{`.b line_comment = "k"`, "b:\n", "b: # k\n", elsewhere},
		{`.. line_comment = ""`, " # one", "", ""},
		{`... comments = ""`, "# top\n\n# a\na:   1 # one\n", "\na:   1\n", ""},
		{`.b.c = (.a | line_comment)`, "c:  2", "c:  one", ""},
		{`.b.c = (. | head_comment)`, "c:  2\n", `c:  "top\n\na"` + "\n", ""},
		{`. foot_comment = "end"`, "- y:  1\n", "- y:  1\n# end\n", ""},
	} {
		got, changes, warnings, err := evaluateOne("f.yaml", src, tt.expr)
		want := strings.Replace(src, tt.old, tt.new, 1)
		if tt.warning != "" && !strings.HasPrefix(strings.Join(warnings, "\n"), tt.warning) ||
			tt.warning == "" && warnings != nil || err != nil || len(changes) == 0 {
			t.Errorf("%s: %q, %v, %v", tt.expr, warnings, changes, err)
		}
		if got != want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.expr, got, want)
		}
		if !strings.Contains(tt.warning, "elsewhere") {
			if v, why := verdict(src, tt.expr); v != "agree" {
				t.Errorf("%s: %s: %s", tt.expr, v, why)
			}
		}
	}
}

// So they are in each document of a file.
func TestCommentsOfStreams(t *testing.T) {
	t.Parallel()
	const src = "# top\na:  1\n---\na:  2\n---\n# third\na:  3 # x\n"
	for _, tt := range []struct {
		expr, old, new string
		elsewhere      bool
	}{
		{`(select(di == 1) | .b) head_comment = "x"`, "a:  2\n", "a:  2\n# x\nb: null\n", true},
		{`(select(di == 1) | .a) head_comment = "x"`, "a:  2\n", "# x\na:  2\n", true},
		{`(select(di == 1) | .a | key) head_comment = "x"`, "a:  2\n", "# x\na:  2\n", false},
		{`select(di == 1) head_comment = "x"`, "a:  2\n", "# x\na:  2\n", false},
		{`select(di == 1) foot_comment = "x"`, "a:  2\n", "a:  2\n# x\n", false},
		{`(select(di == 1) | .a) line_comment = "x"`, "a:  2\n", "a:  2 # x\n", false},
		{`(select(di == 2) | .a) line_comment = "y"`, "# x", "# y", false},
		{`(select(di == 2) | ...) comments = ""`, "# third\na:  3 # x\n", "a:  3\n", false},
	} {
		got, _, warnings, err := evaluateOne("f.yaml", src, tt.expr)
		if want := strings.Replace(src, tt.old, tt.new, 1); got != want || err != nil {
			t.Errorf("%s: %v:\n%s\nwant\n%s", tt.expr, err, got, want)
		}
		told := strings.Contains(strings.Join(warnings, "\n"), "yq itself would write some of them elsewhere")
		if told != tt.elsewhere || !told && warnings != nil {
			t.Errorf("%s: %q", tt.expr, warnings)
		}
	}
}

// What is not as yq has it is said: a comment that is not copied, a style that the text cannot have, and yq's layout.
func TestStyleAndCommentWarnings(t *testing.T) {
	t.Parallel()
	const src = "a: 1 # x\nb:   2\nc: |\n  y\n  z\n"
	for _, tt := range []struct{ expr, old, new, warning string }{
		{`.b = .a`, "b:   2", "b:   1", "f.yaml: a comment is lost that yq keeps: # x"},
		{`.c style = "single"`, "|\n  y\n  z\n", `"y\nz\n"` + "\n",
			"f.yaml: a string of several lines, or with characters that need escapes, is in double quotes"},
		{`.b style = "tagged"`, "b:   2", "b: !!int 2",
			"f.yaml: document 0 is written anew, since it cannot be changed in place: look at its layout"},
	} {
		got, _, warnings, err := evaluateOne("f.yaml", src, tt.expr)
		if want := strings.Replace(src, tt.old, tt.new, 1); got != want || err != nil {
			t.Errorf("%s: %v:\n%s\nwant\n%s", tt.expr, err, got, want)
		}
		if strings.Join(warnings, "\n") != tt.warning {
			t.Errorf("%s: %q", tt.expr, warnings)
		}
	}
}

// A comment that has no place is refused, and so is one in JSON.
func TestCommentsWithoutPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, src, expr string }{
		{"f.yaml", "a: 1\n", `. line_comment = "x"`},
		{"f.yaml", "a: {b: 1}\n", `.a.b head_comment = "x"`},
		{"f.yaml", "a:\n- b: 1\n  c: 2\n", `.a[0] line_comment = "x"`},
		{"f.yaml", "a: 1\n", `. line_comment = "x" | .a = 2`},
		{"f.json", "{\"a\": 1}\n", `.a line_comment = "x"`},
		{"composer.lock", "{\"a\": 1}\n", `. head_comment = "x" | .a = 2`},
	} {
		got, _, _, err := evaluateOne(tt.name, tt.src, tt.expr)
		if !errors.Is(err, yamledit.ErrUneditable) || got != tt.src || !strings.Contains(err.Error(), "comment") {
			t.Errorf("%s: %q, %v", tt.expr, got, err)
		}
	}
}

// Documents of a stream are selected and deleted as yq does it.
func TestDocuments(t *testing.T) {
	t.Parallel()
	const src = "# top\na:  1 # x\n---\n# second\na:  2\n\n---\na:  3\n"
	for _, tt := range []struct{ src, expr, want, warning string }{
		{src, `select(di == 1)`, "# second\na:  2\n\n", ""},
		{src, `select(.a != 2)`, "# top\na:  1 # x\n---\na:  3\n", ""},
		{src, `del(select(di == 0))`, "# second\na:  2\n\n---\na:  3\n", ""},
		{src, `del(select(di == 2)) | .a += 1`, "# top\na:  2 # x\n---\n# second\na:  3\n\n", ""},
		{src, `select(di == 1) | select(.a == 2)`, "# second\na:  2\n\n", ""},
		{src, `.i = document_index`,
			"# top\na:  1 # x\ni: 0\n---\n# second\na:  2\ni: 1\n\n---\na:  3\ni: 2\n", ""},
		{src, `select(di == 1) | .a = 5`, strings.Replace(src, "2", "5", 1),
			"f.yaml: 2 documents, the first in this file, that select(di == 1) | .a = 5 does not yield stay as they " +
				"are; yq would delete them. "},
		{"a: 1 # x\n---\na: 1 # y\n", `select(di == 1) | .a = 2`, "a: 1 # x\n---\na: 2 # y\n",
			"f.yaml: a document that select(di == 1) | .a = 2 does not yield stays as it is; yq would delete it. "},
		{"---\na: 1\n---\na: 2\n", `select(di == 1)`, "---\na: 2\n", ""},
		{"%YAML 1.1\n---\na: 1\n...\n# c\n---\na: 2\n", `select(di == 1)`, "# c\n---\na: 2\n", ""},
		{"a: 1\r\n--- # m\r\na: 2\r\n", `select(di == 1)`, "--- # m\r\na: 2\r\n", ""},
		{"a: |\n  x\n---\na: 2", `select(di == 1)`, "a: 2", ""},
	} {
		got, changes, warnings, err := evaluateOne("f.yaml", tt.src, tt.expr)
		if got != tt.want || err != nil || len(changes) == 0 || tt.warning == "" && warnings != nil ||
			!strings.HasPrefix(strings.Join(warnings, "\n"), tt.warning) {
			t.Errorf("%s: %q, %v, %q, %v", tt.expr, got, changes, warnings, err)
		}
	}
	for _, tt := range []struct {
		src, expr string
		kind      error
		want      string
	}{
		{src, `select(di == 7)`, yamledit.ErrNoNode, "selects nothing"},
		{src, `del(.)`, yamledit.ErrUneditable, "deletes all documents"},
		{"a: 1\n", `del(select(di == 0))`, yamledit.ErrUneditable, "deletes all documents"},
		{"a: 1\n", `., {"b": 1}`, yamledit.ErrUneditable, "yields 2 results for one document"},
		{"- 1\n- 2\n", `.[]`, yamledit.ErrUneditable, "yields 2 results for one document"},
		{"a: 1\n", `.a | document_index`, yamledit.ErrUneditable, "does not yield the document"},
	} {
		got, _, _, err := evaluateOne("f.yaml", tt.src, tt.expr)
		if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) || got != tt.src {
			t.Errorf("%s: %q, %v", tt.expr, got, err)
		}
	}
}

// An assignment of nothing is refused wherever it is, and null is not written for it.
func TestNothing(t *testing.T) {
	t.Parallel()
	const src = "a: 1\nm: {x: 1}\nl:\n- n: 1\n  v: 2\n- n: 2\n"
	for _, expr := range []string{
		`.q = 1 | .x = .missing`, `.q = 1 | .a = .missing`, `with(.m; .x = .missing)`, `with(.m; .y = .missing)`,
		`.m |= (.y = .missing)`, `.m |= with_entries(.value = .missing)`, `.l[] |= (.y = .missing)`,
		`.l |= map(.y = .missing)`, `.l[] as $i ireduce (.; .q = $i.missing)`, `.q |= .missing`, `.q += .missing`,
		`.q *= .missing`, `.q -= .missing`, `if .a == 1 then .q = .missing else .a = 2 end`,
		`.a = 1 | (.q | .r) = .missing`,
		`(.x = .missing) | .q = 1`, `.a = 2, .q = .missing`, `.a = 2 | .m.x = .l[7].n`,
	} {
		got, _, _, err := evaluateOne("f.yaml", src, expr)
		if err == nil || got != src || strings.Contains(err.Error(), "fails") {
			t.Errorf("%s: %q, %v", expr, got, err)
		}
	}
	for _, tt := range []struct{ expr, want string }{
		{`.l[] |= (.w = .v)`, "a: 1\nm: {x: 1}\nl:\n- n: 1\n  v: 2\n  w: 2\n- n: 2\n"},
		{`.l |= map(.w = .v)`, "a: 1\nm: {x: 1}\nl:\n- n: 1\n  v: 2\n  w: 2\n- n: 2\n"},
	} {
		got, _, warnings, err := evaluateOne("f.yaml", src, tt.expr)
		if err != nil || got != tt.want || len(warnings) != 1 || !strings.Contains(warnings[0], "yq would write null") {
			t.Errorf("%s: %q, %q, %v", tt.expr, got, warnings, err)
		}
	}
	for _, tt := range []struct{ expr, which string }{
		{`.a = 2 | (.l[] | select(.n == 7) | .v) = 3`, "2 of 2"},
		{`(.l[] | select(.n == 7) | .v) = 3 | .a = 2`, "1 of 2"},
		{`.a = 2 | .a += 1 | (.l[] | select(.n == 7) | .v) |= 3 | del(.m)`, "3 of 3"},
		{`with(.l[] | select(.n == 7); .v = 3)`, "1 of 1"},
		{`.a = 2 | with(.l[] | select(.n == 7); .v = 3 | .w = 4)`, "2 of 2"},
	} {
		_, _, warnings, err := evaluateOne("f.yaml", src, tt.expr)
		if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], tt.which+" selects nothing") {
			t.Errorf("%s: %q, %v", tt.expr, warnings, err)
		}
	}
	for _, expr := range []string{
		`.a = 2 | if .a == 7 then .q = 1 else .r = 2 end`, `.l[] |= with(select(.n == 7); .v = 3)`,
		`.a = 2 | with(.l[] | select(.n == 2); .v = 3)`, `.a = 2 | .q.r = 3`, `.l |= map(select(.n == 7) |= 2)`,
	} {
		if _, _, warnings, err := evaluateOne("f.yaml", src, expr); err != nil || warnings != nil {
			t.Errorf("%s: %q, %v", expr, warnings, err)
		}
	}
	for _, expr := range []string{`.a |= select(. == 7)`, `.m *= .missing`, `.a += .missing`,
		`.l[] |= select(.n == 1)`} {
		if _, _, warnings, err := evaluateOne("f.yaml", src, expr); err != nil || warnings != nil {
			t.Errorf("%s: %q, %v", expr, warnings, err)
		}
	}
}
