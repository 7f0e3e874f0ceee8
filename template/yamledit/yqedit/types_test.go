package yqedit

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	k8s "sigs.k8s.io/yaml"
)

// TestTypesInReadme checks every cell of the README's table of what a VALUE becomes, as a parser of YAML 1.2 reads it
// and, where it is text, as that of Kubernetes does, which is of YAML 1.1.
func TestTypesInReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	const head = "| VALUE | in place of a number | of `true` or `false` | of text | of null, or new |"
	_, table, _ := strings.Cut(string(readme), head)
	tags := map[string]string{"text": "!!str", "number": "!!int", "boolean": "!!bool", "null": "!!null"}
	olds := [][]string{
		{"3", "1.9", "-7"}, {"true", "false"}, {"old", "'old'", "|\n  old"}, {"null", "~", "", "nothing"},
	}
	tried := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 5 {
			if tried > 0 {
				break
			}
			continue
		}
		for _, value := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[0], -1) {
			for column, want := range cells[1:] {
				for _, old := range olds[column] {
					tried++
					n := reads(t, old, value[1])
					tag := tags[strings.TrimSuffix(want, " |")]
					if n.Tag != tag && !(tag == "!!int" && n.Tag == "!!float") {
						t.Errorf("%s in place of %q is %s, not %s", value[1], old, n.Tag, tag)
					}
				}
			}
		}
	}
	if tried < 200 {
		t.Errorf("%d cells only", tried)
	}
}

// reads returns what a value of -set becomes in place of an old one, or of nothing.
func reads(t *testing.T, old, value string) *yaml.Node {
	t.Helper()
	a, err := ParseAssignment("f.yaml:.a=" + value)
	if err != nil {
		t.Fatal(err)
	}
	src := "a: " + old + "\nb: 1\n"
	if old == "nothing" {
		src = "b: 1\n"
	}
	got, _, err := createAs(src, a)
	if err != nil {
		t.Fatal(err)
	}
	var kubernetes struct{ A any }
	if err := k8s.Unmarshal([]byte(got), &kubernetes); err != nil {
		t.Fatal(err)
	}
	_, isText := kubernetes.A.(string)
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(got), &doc); err != nil {
		t.Fatal(err)
	}
	for i, key := range doc.Content[0].Content {
		if i%2 == 0 && key.Value == "a" {
			n := doc.Content[0].Content[i+1]
			if isText != (n.Tag == "!!str") {
				t.Errorf("Kubernetes reads %v of %q", kubernetes.A, got)
			}
			return n
		}
	}
	t.Fatalf("%q has no a", got)
	return nil
}
