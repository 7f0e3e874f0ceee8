package yamledit

import (
	"path"
	"slices"
	"strings"
	"testing"

	goccy "github.com/goccy/go-yaml"
	"go.yaml.in/yaml/v4"
	kubernetes "sigs.k8s.io/yaml"
)

// TestParsers sets strings of every style to nasty values, and has three parsers read them: the one that Kubernetes
// uses, which is of YAML 1.1, and two of YAML 1.2. All find the very string.
func TestParsers(t *testing.T) {
	t.Parallel()
	parsers := map[string]func([]byte, any) error{
		"sigs.k8s.io/yaml": func(src []byte, v any) error { return kubernetes.Unmarshal(src, v) },
		"yaml/v4":          func(src []byte, v any) error { return yaml.Load(src, v) },
		"goccy":            func(src []byte, v any) error { return goccy.Unmarshal(src, v) },
	}
	for name, src := range map[string]string{
		"plain.yaml":         "a: {}\nk: v1 # c\nz: 1\n",
		"single.yaml":        "k: 'v1' # c\nz: 1\n",
		"double.yaml":        "k: \"v1\" # c\nz: 1\n",
		"literal.yaml":       "k: | # c\n  v1\n  v1\n\nz: 1\n",
		"keep.yaml":          "k: |2+ # c\n  v1\n\nz: 1\n",
		"folded.yaml":        "k: >-\n   v1\n   v1\n\n# c\nz: 1\n",
		"flow.yaml":          "{k: v1, z: 1}\n",
		"unspaced.yaml":      "{\"k\":\"v1\",\"z\":1}\n",
		"nothing.yaml":       "k:\nz: 1\n",
		"nothing.flow.yaml":  "{k: , z: 1}\n",
		"crlf.yaml":          "k: |\r\n  v1\r\nz: 1\r\n",
		"json.json":          "{\"k\": \"v1\", \"z\": 1}",
		"unterminated.yaml":  "z: 1\nk: |\n  v1",
		"unterminated2.yaml": "z: 1\nk: v1",
	} {
		for _, value := range nasty {
			old := "v1"
			if strings.HasPrefix(name, "nothing") {
				old = "null"
			}
			if old == "null" && (value == "true" || value == "null" || smallInt.MatchString(value)) {
				continue
			}
			docs, err := parseAs(name, []byte(src))
			if err != nil {
				t.Fatal(err)
			}
			places := scalars(docs)
			k := places[slices.IndexFunc(places, func(p scalarAt) bool { return p.path == ".k" })]
			if err := setOne(name, []byte(src), k, value); err != nil {
				t.Errorf("%s to %q: %v", name, value, err)
				continue
			}
			got := setText(t, name, src, "k", value)
			for parser, parse := range parsers {
				var read struct {
					K any `yaml:"k" json:"k"`
					Z int `yaml:"z" json:"z"`
				}
				if err := parse([]byte(got), &read); err != nil || read.K != any(value) || read.Z != 1 {
					t.Errorf("%s: %s to %q gives %q, which reads %q, %d, %v", parser, name, value,
						got, read.K, read.Z, err)
				}
			}
			if path.Ext(name) == ".json" && strings.Count(got, "\"") < 6 {
				t.Errorf("%q gives %s", value, got)
			}
		}
	}
}
