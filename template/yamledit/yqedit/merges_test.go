package yqedit

import (
	"strings"
	"testing"
)

// Merge keys are resolved as the specification of YAML says; a warning tells where yq by its default makes something
// else of the document, and only there.
func TestMergeKeys(t *testing.T) {
	t.Parallel()
	const src = "d: &d {tag: x, only: o}\ne: &e {tag: z}\nfirst:\n  <<: *d\n  tag: f\nlast:\n  tag: l\n  <<: *d\n" +
		"both:\n  <<: [*d, *e]\n"
	for _, tt := range []struct {
		expr, old, new string
		differs        bool
	}{
		{`.last.tag = "9"`, "tag: l", `tag: "9"`, true},
		{`.last.tag line_comment = "c"`, "tag: l", "tag: l # c", true},
		{`.last.only = "9"`, "only: o", `only: "9"`, false},
		{`.first.tag = "9"`, "tag: f", `tag: "9"`, false},
		{`.d.tag = "9"`, "tag: x", `tag: "9"`, false},
		{`.last.new = "9"`, "  tag: l\n  <<: *d\n", "  tag: l\n  <<: *d\n  new: \"9\"\n", false},
		{`.new = .first.tag`, "*e]\n", "*e]\nnew: f\n", false},
		{`.new = .last.tag`, "*e]\n", "*e]\nnew: l\n", true},
		{`.new = .both.tag`, "*e]\n", "*e]\nnew: x\n", true},
		{`.new = .both.only`, "*e]\n", "*e]\nnew: o\n", false},
		{`(select(.last.tag == "l") | .new) = "9"`, "*e]\n", "*e]\nnew: \"9\"\n", true},
		{`(select(.first.tag == "f") | .new) = "9"`, "*e]\n", "*e]\nnew: \"9\"\n", false},
		{`del(.last.tag)`, "  tag: l\n", "", true},
		{`explode(.first)`, "  <<: *d\n  tag: f\n", "  only: o\n  tag: f\n", false},
		{`explode(.last)`, "  tag: l\n  <<: *d\n", "  tag: l\n  only: o\n", true},
	} {
		got, _, warnings, err := evaluateOne("f.yaml", src, tt.expr)
		if want := strings.Replace(src, tt.old, tt.new, 1); got != want || err != nil {
			t.Errorf("%s: %v:\n%s\nwant\n%s", tt.expr, err, got, want)
		}
		told := strings.Contains(strings.Join(warnings, "\n"), "document 0 without --yaml-fix-merge-anchor-to-spec")
		if told != tt.differs || !tt.differs && len(warnings) > 0 {
			t.Errorf("%s: %q", tt.expr, warnings)
		}
	}
}

// The document that differs is named, also where yq by its default selects another one.
func TestMergeKeysOfStreams(t *testing.T) {
	t.Parallel()
	const src = "a: 1\n---\nd: &d {k: x}\nm: {<<: *d, k: y}\n---\nd: &d {k: x}\nm: {k: y, <<: *d}\n"
	got, _, warnings, err := evaluateOne("f.yaml", src, `del(select(.m.k == "y"))`)
	if got != "a: 1\n" || err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "of document 2 ") {
		t.Errorf("%q, %q, %v", got, warnings, err)
	}
}
