package edits

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/template/yamledit"
	"update-gitops-repo/template/yamledit/yqedit"
)

// TestExplained checks of which files that do not parse the hint says that they are templates of another language.
func TestExplained(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text    string
		foreign bool
	}{
		"Helm":             {"a: 1\n{{- if .Values.b }}\nb: 2\n{{- end }}\n", true},
		"Helm in a value":  {"image: {{ .Values.image }}:{{ .Values.tag }}\n", true},
		"Jinja":            {"{% if a %}\na: 1\n{% endif %}\n", true},
		"our own":          {"$({ if .a })\na: 1\n$({ end })\n", true},
		"a mistake":        {"a: b: c\n", false},
		"a mistake beside": {"a: \"{{ .a }}\"\nb: c: d\n", false},
		"a tab":            {"a:\n\tb: 1\n", false},
	} {
		fsys := fstest.MapFS{"a.yaml": {Data: []byte("x: 1\n")}, "b.yaml": {Data: []byte(test.text)}}
		e := Edits{
			Sets:        []yqedit.Assignment{must(yqedit.ParseAssignment("*.yaml:.x=2"))},
			Expressions: []yqedit.Expression{must(yqedit.ParseExpression("*.yaml:.x = 2"))},
		}
		_, set := e.assign(fsys)
		_, yq := e.evaluate(fsys)
		for _, err := range []error{set, yq} {
			failed, ok := errors.AsType[*yamledit.Error](err)
			if !ok || failed.File != "b.yaml" || !errors.Is(err, yamledit.ErrSyntax) ||
				strings.HasPrefix(failed.Hint, "it is a template of another language") != test.foreign {
				t.Errorf("%s: %+v", name, err)
			}
		}
	}
}
