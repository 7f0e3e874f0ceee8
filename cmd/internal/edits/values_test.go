package edits

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"update-gitops-repo/gitrepo"
)

// TestCompareBounded has files of which not every value is told: those that are large, all together too, those in which
// more differs than anybody reads, and what is no file before and after.
func TestCompareBounded(t *testing.T) {
	const file, link = fs.FileMode(0o644), fs.ModeSymlink | 0o777
	padding := strings.Repeat("#", maxCompared/2-10)
	var many strings.Builder
	for i := range maxValues + 1 {
		fmt.Fprintf(&many, "k%d: 1\n", i)
	}
	for name, test := range map[string]struct {
		before, after string
		was, is       fs.FileMode
		left          int
		values        int
		ok            bool
	}{
		"small":             {"a: 1\n", "a: 2\n", file, file, 10, 1, true},
		"more than is left": {"a: 1\n", "a: 2\n", file, file, 9, 0, false},
		"large":             {"a: 1\n" + padding, "a: 2\n" + padding, file, file, maxAllCompared, 1, true},
		"too large":         {"a: 1\n" + padding, "a: 2\n" + padding + padding, file, file, maxAllCompared, 0, false},
		"many values":       {"a: 1\n", many.String(), file, file, maxAllCompared, maxValues + 2, false},
		"no YAML":           {"a: 1\n", "a: [\n", file, file, 99, 0, false},
		"new":               {"", "a: 2\n", 0, file, 99, 0, false},
		"deleted":           {"a: 1\n", "", file, 0, 99, 0, false},
		"to a symlink":      {"a: 1\n", "a: 2\n", file, link, 99, 0, false},
		"from a symlink":    {"a: 1\n", "a: 2\n", link, file, 99, 0, false},
	} {
		c := comparer{
			fstest.MapFS{"f.yaml": {Data: []byte(test.before)}}, fstest.MapFS{"f.yaml": {Data: []byte(test.after)}},
		}
		left := test.left
		values, ok, err := c.compare(gitrepo.Change{Path: "f.yaml", Before: test.was, After: test.is}, &left)
		if err != nil || ok != test.ok || len(values) != test.values {
			t.Errorf("%s: %v, %t, %d values, want %t, %d", name, err, ok, len(values), test.ok, test.values)
		}
		if ok && left != test.left-len(test.before)-len(test.after) {
			t.Errorf("%s: %d bytes are left of %d", name, left, test.left)
		}
	}
}
