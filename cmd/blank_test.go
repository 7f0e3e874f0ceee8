package cmd

import (
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/secret"
)

// TestBlank: no flag, of whatever kind, takes an empty or blank value as an argument or in the file, and each takes an
// empty variable for one that is not given.
func TestBlank(t *testing.T) {
	file := t.TempDir() + "/flags.yaml"
	for f := range all(new(config).flags()) {
		refused := func(args, environ []string, where string) {
			t.Helper()
			_, err := parseConfig(args, environ, &secret.Redactor{})
			hint, ok := usage.Hint(err)
			if !ok || !strings.HasPrefix(err.Error(), where+": the value is ") ||
				!strings.HasPrefix(hint, "give it a value") {
				t.Errorf("%q, %q: %v, %q", args, environ, err, hint)
			}
		}
		refused([]string{"-" + f.name + "="}, nil, "-"+f.name)
		refused([]string{"-" + f.name + "= \t"}, nil, "-"+f.name)
		if f.interactive {
			continue
		}
		if _, err := parseConfig(nil, []string{f.variable() + "="}, &secret.Redactor{}); err != nil {
			t.Errorf("%s is empty: %v", f.variable(), err)
		}
		if !f.isRepeatable() {
			refused(nil, []string{f.variable() + "= "}, f.variable())
		}
		for _, value := range []string{" ", " ''", " ' '", " ~", " null"} {
			write(t, file, f.name+":"+value+"\n")
			refused([]string{"-config=" + file}, nil, "configuration file "+file+": line 1: "+f.name)
		}
		if f.isRepeatable() {
			write(t, file, f.name+": [a, '']\n")
			refused([]string{"-config=" + file}, nil, "configuration file "+file+": line 1: "+f.name)
		}
	}
}
