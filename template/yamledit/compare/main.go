// Compare runs the cases of template/yamledit/testdata/torture through other programs' libraries, and prints what they
// do with them as a Markdown table. It is a module of its own, since nothing else needs those libraries.
//
//	TORTURE_OUT=DIR go test ./template/yamledit -run TestTorture
//	cd template/yamledit/compare && go run . ../testdata/torture DIR
//
// The first column of the table is what the first command wrote.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	goccy "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v4"
	"sigs.k8s.io/kustomize/kyaml/kio"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

// testCase is one file of the suite, as its README describes.
type testCase struct {
	name, path, value string
	input, want       []byte
	json              bool
	tag               string // of the wanted value
}

// tool sets a value, by path and type, in the way of its documentation that leaves most in place.
type tool struct {
	name string
	set  func(testCase) ([]byte, error)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: compare SUITE OUTPUTS [TOOL]")
	}
	names, err := filepath.Glob(filepath.Join(os.Args[1], "*.txtar"))
	if err != nil || len(names) == 0 {
		log.Fatalf("no cases in %s: %v", os.Args[1], err)
	}
	var cases []testCase
	for _, name := range names {
		c, err := read(name)
		if err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		cases = append(cases, c)
	}
	yqlib.GetLogger().SetSlogger(slog.New(slog.DiscardHandler))
	yqlib.InitExpressionParser()
	tools := []tool{
		{"update-gitops-repo",
			func(c testCase) ([]byte, error) { return os.ReadFile(filepath.Join(os.Args[2], c.name)) }},
		{"yq", setByYq},
		{"kyaml (kustomize)", setByKyaml},
		{"goccy/go-yaml", setByGoccy},
	}
	fmt.Printf("| %d cases | as wanted, to the byte | only the lines of the value | other lines too | "+
		"reads otherwise | refused | comments lost |\n|---|---|---|---|---|---|---|\n", len(cases))
	for _, t := range tools {
		count := map[string]int{}
		for _, c := range cases {
			got, err := attempt(t, c)
			result := c.judge(got, err)
			count[result]++
			if err == nil && c.losesComments(got) {
				count["comments"]++
			}
			if len(os.Args) > 3 && os.Args[3] == t.name && result != "exact" {
				fmt.Fprintf(os.Stderr, "%s: %s: %v\n%s\n", c.name, result, err, got)
			}
		}
		fmt.Printf("| %s | %d | %d | %d | %d | %d | %d |\n", t.name,
			count["exact"], count["lines"], count["more"], count["wrong"], count["refused"], count["comments"])
	}
}

func read(name string) (testCase, error) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		return testCase{}, err
	}
	files := map[string][]byte{}
	c := testCase{name: filepath.Base(name)}
	for _, f := range archive.Files {
		key, ext, _ := strings.Cut(f.Name, ".")
		files[key] = f.Data
		c.json = c.json || ext == "json"
	}
	for _, word := range strings.Fields(string(files["layout"])) {
		for _, key := range []string{"input", "want"} {
			switch word {
			case "crlf":
				files[key] = bytes.ReplaceAll(files[key], []byte("\n"), []byte("\r\n"))
			case "no-final-newline":
				files[key] = bytes.TrimSuffix(files[key], []byte("\n"))
			case "byte-order-mark":
				files[key] = append([]byte("\ufeff"), files[key]...)
			default:
				return testCase{}, fmt.Errorf("unknown layout %q", word)
			}
		}
	}
	c.path, c.input, c.want = strings.TrimSpace(string(files["path"])), files["input"], files["want"]
	if err := json.Unmarshal(files["value"], &c.value); err != nil {
		return testCase{}, err
	}
	before, err := nodes(c.input)
	if err != nil {
		return testCase{}, err
	}
	after, err := nodes(c.want)
	if err != nil || len(before) != len(after) {
		return testCase{}, fmt.Errorf("input and want differ in shape: %v", err)
	}
	for i := range before {
		if before[i].Value != after[i].Value {
			c.tag = after[i].Tag
		}
	}
	return c, nil
}

// typed reports whether the wanted value is no string.
func (c testCase) typed() bool { return slices.Contains([]string{"!!int", "!!float", "!!bool"}, c.tag) }

func attempt(t tool, c testCase) (got []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return t.set(c)
}

func (c testCase) judge(got []byte, err error) string {
	switch {
	case err != nil:
		return "refused"
	case bytes.Equal(got, c.want):
		return "exact"
	case !c.readsRight(got):
		return "wrong"
	case changed(c.input, got) <= changed(c.input, c.want):
		return "lines"
	}
	return "more"
}

// readsRight reports whether got reads as what is wanted.
func (c testCase) readsRight(got []byte) bool {
	if c.json {
		var is, want any
		return json.Unmarshal(got, &is) == nil && json.Unmarshal(c.want, &want) == nil && reflect.DeepEqual(is, want)
	}
	is, err := nodes(got)
	want, _ := nodes(c.want)
	return err == nil && slices.EqualFunc(is, want, func(a, b *yaml.Node) bool {
		return a.Kind == b.Kind && a.Tag == b.Tag && a.Anchor == b.Anchor && (a.Value == b.Value || a.Tag == "!!null")
	})
}

// version is fine, but the parser refuses YAML 1.2 by name.
var version = regexp.MustCompile(`(?m)^%YAML 1\.2`)

// nodes returns all nodes of a stream in their order.
func nodes(src []byte) ([]*yaml.Node, error) {
	src = version.ReplaceAll(src, []byte("#YAML 1.2"))
	if json.Valid(src) { // not all of which the parser can read
		var v any
		if err := json.Unmarshal(src, &v); err != nil {
			return nil, err
		}
		src, _ = json.Marshal(v)
	}
	var out []*yaml.Node
	var visit func(*yaml.Node)
	visit = func(n *yaml.Node) {
		out = append(out, n)
		for _, child := range n.Content {
			visit(child)
		}
	}
	for dec := yaml.NewDecoder(bytes.NewReader(src)); ; {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		}
		visit(&doc)
	}
}

var comment = regexp.MustCompile(`(?m)(?:^|[ \t])(# [^\r\n]*)`)

func (c testCase) losesComments(got []byte) bool {
	for _, m := range comment.FindAllSubmatch(c.want, -1) {
		if bytes.Count(got, m[1]) < bytes.Count(c.want, m[1]) {
			return true
		}
	}
	return false
}

// changed returns the number of lines that are in one of two texts alone.
func changed(a, b []byte) int {
	x, y := strings.SplitAfter(string(a), "\n"), strings.SplitAfter(string(b), "\n")
	common := make([]int, len(y)+1) // the longest common sequence of the lines of x so far and the first of y
	for _, line := range x {
		diagonal := 0
		for j := range y {
			above := common[j+1]
			common[j+1] = max(common[j+1], common[j])
			if line == y[j] {
				common[j+1] = diagonal + 1
			}
			diagonal = above
		}
	}
	return len(x) + len(y) - 2*common[len(y)]
}

// setByYq does what "yq '(PATH) = VALUE' FILE" does.
func setByYq(c testCase) ([]byte, error) {
	preferences := yqlib.ConfiguredYamlPreferences.Copy()
	decoder, encoder := yqlib.NewYamlDecoder(preferences), yqlib.NewYamlEncoder(preferences)
	if c.json {
		uncoloured := yqlib.ConfiguredJSONPreferences.Copy()
		uncoloured.ColorsEnabled = false
		decoder, encoder = yqlib.NewJSONDecoder(), yqlib.NewJSONEncoder(uncoloured)
	}
	value := c.value
	if !c.typed() {
		value = "strenv(VALUE)"
		if err := os.Setenv("VALUE", c.value); err != nil {
			return nil, err
		}
	}
	out, err := yqlib.NewStringEvaluator().Evaluate(assignment(c.path, value), string(c.input), encoder, decoder)
	return []byte(out), err
}

// decoder is where a path goes into a string.
var decoder = regexp.MustCompile(` \| from_(yaml|json) \| `)

// assignment returns the expression of yq that sets a value; within a string, that is read, changed and written.
func assignment(path, value string) string {
	at := decoder.FindStringSubmatchIndex(path)
	if at == nil {
		return "(" + path + ") = " + value
	}
	format := path[at[2]:at[3]]
	inner := assignment(path[at[1]:], value)
	return fmt.Sprintf("(%s) |= (from_%s | %s | to_%[2]s)", path[:at[0]], format, inner)
}

var step = regexp.MustCompile(`^(?:\.?([A-Za-z_][A-Za-z0-9_-]*)|\.?\["([^"]*)"\]|\.?\[([0-9]+)\])`)

// steps returns the keys and indices of a path that is made of nothing else.
func (c testCase) steps() (keys []string, isIndex []bool, err error) {
	rest := c.path
	for rest != "" {
		m := step.FindStringSubmatch(rest)
		if m == nil {
			return nil, nil, errors.New("cannot be said")
		}
		rest = rest[len(m[0]):]
		keys, isIndex = append(keys, m[1]+m[2]+m[3]), append(isIndex, m[3] != "")
	}
	return keys, isIndex, nil
}

func setByKyaml(c testCase) ([]byte, error) {
	keys, _, err := c.steps()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	set := func(nodes []*kyaml.RNode) ([]*kyaml.RNode, error) {
		for _, n := range nodes {
			found, err := n.Pipe(kyaml.Lookup(keys...))
			if err != nil {
				return nil, err
			}
			if found == nil {
				return nil, errors.New("finds nothing")
			}
			// In place, since kyaml.Set takes the comment away.
			if scalar := found.YNode(); scalar.Kind == kyaml.ScalarNode {
				scalar.Value, scalar.Tag = c.value, c.tag
			} else {
				return nil, errors.New("finds no scalar")
			}
		}
		return nodes, nil
	}
	file := &kio.ByteReadWriter{Reader: bytes.NewReader(c.input), Writer: &out, PreserveSeqIndent: true}
	err = kio.Pipeline{Inputs: []kio.Reader{file}, Filters: []kio.Filter{kio.FilterFunc(set)},
		Outputs: []kio.Writer{file}}.Execute()
	return out.Bytes(), err
}

func setByGoccy(c testCase) ([]byte, error) {
	keys, isIndex, err := c.steps()
	if err != nil {
		return nil, err
	}
	path := "$"
	for i, key := range keys {
		switch {
		case isIndex[i]:
			path += "[" + key + "]"
		case strings.ContainsAny(key, "./"):
			path += ".'" + key + "'"
		default:
			path += "." + key
		}
	}
	p, err := goccy.PathString(path)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(c.input, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	value := []byte(c.value)
	if !c.typed() {
		if value, err = goccy.Marshal(c.value); err != nil {
			return nil, err
		}
	}
	replacement, err := parser.ParseBytes(value, 0)
	if err != nil {
		return nil, err
	}
	node := replacement.Docs[0].Body
	if old, err := p.FilterFile(file); err == nil && old.GetComment() != nil {
		if err := node.SetComment(old.GetComment()); err != nil { // ReplaceWithReader takes it away
			return nil, err
		}
	}
	if err := p.ReplaceWithNode(file, node); err != nil {
		return nil, err
	}
	return []byte(file.String()), nil
}
