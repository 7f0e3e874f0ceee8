package yqedit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"update-gitops-repo/template/yamledit"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"
)

// generator writes small random documents in all sorts of layouts.
type generator struct {
	*rand.Rand
	out strings.Builder
	ids int
}

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *generator) scalar(indent int, inFlow bool) string {
	switch g.IntN(12) {
	case 0:
		return g.pick("1", "-5", "1.5", "true", "null", "~", "0x1F", "yes", "2026-11-20")
	case 1:
		return g.pick(`"a b"`, `'it''s'`, `"x # y"`, `"1.10"`, `'- x'`, `"é"`)
	case 2:
		if !inFlow {
			pad := strings.Repeat(" ", indent+2)
			return g.pick("|", "|-", "|+", ">", ">-") + g.pick("", " # lit") + "\n" + pad + "l1 # no\n" +
				g.pick("", "\n") + pad + "l2" + g.pick("", "\n", "\n"+pad+"# text")
		}
	case 3:
		if !inFlow {
			return g.pick("", "", "a\n"+strings.Repeat(" ", indent+3)+"b", "&x"+g.id()+" v", "!t v", "!!str 5")
		}
	case 4:
		if pad := strings.Repeat(" ", indent+2); !inFlow && g.IntN(3) == 0 {
			return g.pick("[v1, # f"+g.id()+"\n"+pad+"# g"+g.id()+"\n"+pad+"z, v2 # h"+g.id()+"\n"+pad+"]",
				"{ # f"+g.id()+"\n"+pad+"b: v1,\n"+pad+"a: 5, # g"+g.id()+"\n"+pad+"}")
		}
		return g.pick("[]", "{}", "[1, x, {a: b}]", "{a: 1, b: [2]}", "{ a: 1 , 'b': x }", "[ v1 ]", "{a: }",
			"{a, b: 1}", "{{ x }}", "[{a: }, 1]")
	}
	return g.pick("v1", "v2", "x y", "acme/app:1", "z")
}

func (g *generator) id() string { g.ids++; return fmt.Sprint(g.ids) }

// between writes what may stand between two entries.
func (g *generator) between(indent int) {
	pad := strings.Repeat(" ", indent)
	g.out.WriteString(g.pick("", "", "", "", "\n", pad+"# c"+g.id()+"\n", "\n"+pad+"# d"+g.id()+"\n",
		pad+"# e"+g.id()+"\n\n", pad+"  # f"+g.id()+"\n"))
}

func (g *generator) value(indent, depth int, item bool) {
	tail := g.pick("", "", "", " # t"+g.id())
	if depth > 0 && g.IntN(3) > 0 {
		switch {
		case g.IntN(3) == 0:
			by := g.IntN(2) * 2
			if item {
				by = 2
			}
			g.out.WriteString(tail + "\n")
			g.sequence(indent+by, depth-1, true)
		case item && g.IntN(4) > 0:
			g.out.WriteString(" ")
			g.mapping(indent+2, depth-1, false)
		default:
			g.out.WriteString(tail + "\n")
			g.mapping(indent+g.IntN(3)+1, depth-1, true)
		}
		return
	}
	v := g.scalar(indent, false)
	if strings.HasPrefix(v, "|") || strings.HasPrefix(v, ">") {
		tail = ""
	}
	if v != "" {
		v = g.pick(" ", " ", "  ") + v
	}
	g.out.WriteString(v + tail + "\n")
}

func (g *generator) mapping(indent, depth int, start bool) {
	keys := []string{"a", "b", "c", "d", "e f", "'q'", "é"}
	g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for i := range 1 + g.IntN(3) {
		if i > 0 || start {
			g.between(indent)
			g.out.WriteString(strings.Repeat(" ", indent))
		}
		g.out.WriteString(keys[i] + ":")
		g.value(indent, depth, false)
	}
}

func (g *generator) sequence(indent, depth int, start bool) {
	for i := range 1 + g.IntN(4) {
		if i > 0 || start {
			g.between(indent)
			g.out.WriteString(strings.Repeat(" ", indent))
		}
		g.out.WriteString("-")
		g.value(indent, depth, true)
	}
}

func (g *generator) document() string {
	g.out.Reset()
	for i := range 1 + g.IntN(2) {
		if i > 0 || g.IntN(5) == 0 {
			g.out.WriteString("---\n")
		}
		if g.IntN(5) == 0 {
			g.sequence(0, 2, true)
		} else {
			g.mapping(0, 2, true)
		}
		g.between(0)
	}
	text := g.out.String()
	if g.IntN(6) == 0 {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if g.IntN(6) == 0 {
		text = strings.TrimRight(text, "\r\n")
	}
	return text
}

// pathBelow returns the path of the i-th node in a collection at a path.
func pathBelow(path string, n *yaml.Node, i int) string {
	if n.Kind == yaml.SequenceNode {
		return fmt.Sprintf("%s[%d]", path, i)
	}
	return yamledit.KeyPath(path, n.Content[i-i%2].Value)
}

// path returns the path of a random node of a document, or of one beside it.
func (g *generator) path(n *yaml.Node) string {
	path := "."
	for n.Kind != yaml.ScalarNode && len(n.Content) > 0 && (path == "." || g.IntN(3) > 0) {
		i := g.IntN(len(n.Content))
		if n.Kind == yaml.MappingNode {
			i |= 1
		}
		path = pathBelow(path, n, i)
		n = n.Content[i]
	}
	return path
}

func (g *generator) expression(docs []*yaml.Node) string {
	p, q := g.path(docs[g.IntN(len(docs))]), g.path(docs[0])
	return strings.NewReplacer("P", p, "Q", q).Replace(g.pick(
		`P = "v9"`, `P = 5`, `P = "1.10"`, `P = true`, `P = null`, `P = ""`, `P = "a\nb"`, `P = "yes"`, `P = {}`,
		`P = []`,
		`P = {"new": {"x": [1, "y"], "z": {}}}`, `P = ["n1", {"x": 1, "y": [2]}]`, `P = Q`, `P = "a" | Q = {"k": "v"}`,
		`(P | select(kind == "scalar")) = "s"`, `(P | select(kind == "map")).new = "x"`,
		`(P | select(kind == "map")).new.deep.er = 1`,
		`(P | select(kind == "seq")) += ["x"]`, `(P | select(kind == "seq")) += [{"a": 1, "b": {"c": 2}}]`,
		`(P | select(kind == "seq")) |= ["x"] + .`,
		`(P | select(kind == "map")) |= {"new": 1} + .`, `(P | select(kind == "map")) *= {"a": {"b": 1}, "new": [1]}`,
		`del(P)`, `del(P, Q)`, `del(.. | select(. == "v1"))`, `del(P) | del(Q)`,
		`(P | select(kind == "seq")) |= reverse`,
		`sort_keys(.)`, `sort_keys(..)`, `(P | select(kind == "map")) |= with_entries(.key |= "n" + .)`,
		`(P | select(kind == "map")) |= to_entries`,
		`with(P; . = "w")`, `(.. | select(tag == "!!str")) |= . + "x"`, `(.. | select(tag == "!!int")) += 1`,
		`(select(di == 1) | P) = "d"`,
		`(.. | select(. == "v1")) = "v2"`, `(.. | select(kind == "map" and has("a"))).a = "v"`,
		`(P | select(kind == "seq")) |= map(select(. != "v1"))`,
		`(P | select(kind == "seq")) |= unique`, `(P | select(kind == "map")) |= pick(["a", "b"])`, `P tag = "!!str"`,
		`.. style = "double"`, `P style = "flow"`,
		`(.. | select(tag == "!!str")) style = "single"`, `P line_comment = "c"`, `... comments = ""`,
		`P anchor = "anc"`, `explode(.)`,
	))
}

// whatYqMakes returns the documents that yq's own evaluator and encoder make of src, or nil where they fail.
func whatYqMakes(src, expr string) []*yaml.Node {
	setUpYq()
	// Its encoder writes nothing as a string within [] and {}.
	spelled := strings.NewReplacer("{a: }", "{a: null}", "{a, b: 1}", "{a: null, b: 1}", "{{ x }}",
		"{{x: null}: null}").Replace(src)
	if spelled != src && (strings.Contains(expr, "style =") || strings.Contains(expr, " tag = ")) {
		return nil // here it is not the same
	}
	src = spelled
	prefs := yqlib.ConfiguredYamlPreferences
	prefs.UnwrapScalar = false
	out, err := yqlib.NewStringEvaluator().Evaluate(expr, src, yqlib.NewYamlEncoder(prefs), yqlib.NewYamlDecoder(prefs))
	if err != nil {
		return nil
	}
	return parsed(out)
}

// readsLike compares the text and the documents by what they hold, without a line of what is tested.
func readsLike(text string, want []*yaml.Node) error {
	f, err := yamledit.Parse("f.yaml", []byte(text))
	if err != nil {
		return err
	}
	var write func(n *yaml.Node) string
	write = func(n *yaml.Node) string {
		out := fmt.Sprint(n.Kind, n.Tag, n.Anchor, "(")
		if n.Tag != "!!null" {
			out += n.Value
		}
		for _, c := range n.Content {
			out += " " + write(c)
		}
		return out + ")"
	}
	got, wanted := "", ""
	for _, n := range f.Documents() {
		got += write(n)
	}
	for _, n := range want {
		wanted += write(n)
	}
	if got != wanted {
		return fmt.Errorf("reads %s, not %s", got, wanted)
	}
	return nil
}

// Whatever yq makes of a document, Evaluate makes of its text, nearly always in place; and again it changes nothing
// more than yq does again.
func TestEvaluateLikeYq(t *testing.T) {
	t.Parallel()
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	done, anew, misplaced := 0, 0, 0
	for range 1500 {
		src := g.document()
		docs := parsed(src)
		if docs == nil {
			t.Fatalf("%q does not parse", src)
		}
		expr := g.expression(docs)
		want := whatYqMakes(src, expr)
		tree, err := parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		for i, doc := range docs {
			// Where it selects nothing, yq may add the path with null.
			if _, selects, err := transformOne(doc, i, tree); err == nil && !selects && len(want) == len(docs) {
				want[i] = doc
			}
		}
		got, changes, warnings, err := evaluateOne("f.yaml", src, expr)
		if errors.Is(err, yamledit.ErrNoNode) || want == nil {
			continue
		}
		if err == nil {
			err = readsLike(got, want)
		}
		if err != nil && strings.Contains(err.Error(), errMisplaced.Error()) {
			misplaced++
			continue
		}
		if err != nil {
			t.Errorf("%s\n%q\n%q: %v", expr, src, got, err)
		}
		if got != src && len(changes) == 0 && !strings.Contains(expr, "comment") {
			t.Errorf("%s\n%q\n%q: no changes", expr, src, got)
		}
		done++
		if strings.Contains(strings.Join(warnings, "\n"), "anew") && !strings.Contains(expr, "comment") {
			anew++
		}
		// Lines of comments are never lost, but for those of what is cut or replaced.
		if strings.HasPrefix(expr, "(.. | select(tag") || strings.HasPrefix(expr, "sort_keys") {
			for line := range strings.Lines(src) {
				if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") && !strings.Contains(got, line) {
					t.Errorf("%s\n%q\n%q: lost %q", expr, src, got, line)
				}
			}
		}
	}
	if done < 900 || anew > done/100 || misplaced > done/100 {
		t.Errorf("%d of %d are written anew, %d have comments that yq writes elsewhere", anew, done, misplaced)
	}
}

// A key that is added to a map in lines is a line more, and one that is deleted again leaves what was.
func TestOneLine(t *testing.T) {
	t.Parallel()
	g := &generator{Rand: rand.New(rand.NewPCG(3, 4))}
	for range 300 {
		src := g.document()
		if strings.Contains(src, "---") || strings.HasPrefix(strings.TrimLeft(src, "\n"), "-") ||
			!strings.HasSuffix(src, "\n") {
			continue
		}
		docs := parsed(src)
		if docs == nil || docs[0].Kind != yaml.MappingNode {
			continue
		}
		added, _, warnings, err := evaluateOne("f.yaml", src, `.new = "x"`)
		if err != nil || warnings != nil ||
			strings.Replace(strings.Replace(added, "new: x\r\n", "", 1), "new: x\n", "", 1) != src {
			t.Errorf("%q\n%q, %q, %v", src, added, warnings, err)
		}
		if again, _, _, err := evaluateOne("f.yaml", added, `del(.new)`); err != nil || again != src {
			t.Errorf("%q\n%q\n%q, %v", src, added, again, err)
		}
	}
}

// Following a simple path leads where yq goes, or is left to yq.
func TestFollowLikeYq(t *testing.T) {
	t.Parallel()
	followed := 0
	check := func(src, path string) {
		t.Helper()
		sel, err := parseSelector(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, doc := range parsed(src) {
			got, ok := sel.follow(doc)
			if !ok {
				continue
			}
			followed++
			want, err := sel.visit(doc, i, false)
			if err != nil || len(want) > 1 || (got == nil) != (len(want) == 0) || got != nil && got != want[0].node {
				t.Errorf("%s of %q: %v, not %v, %v", path, src, got, want, err)
			}
		}
	}
	g := &generator{Rand: rand.New(rand.NewPCG(5, 6))}
	for range 300 {
		src := g.document()
		for _, doc := range parsed(src) {
			path := g.path(doc)
			check(src, path)
			check(src, yamledit.KeyPath(path, "x"))
			check(src, path+"[0]")
		}
	}
	if followed < 900 {
		t.Errorf("only %d paths are followed", followed)
	}
	for path, src := range map[string]string{
		".b.t": "a: &x {t: 1}\nb: {<<: *x}\n", ".b[0]": "a: &x [1]\nb: *x\n", ".a": "a: 1\na: 2\n",
		".a[-1]": "a: [1, 2]\n", ".a[-3]": "a: [1, 2]\n",
		".a[5]": "a: [1, 2]\n", ".a.b": "a: 1\n", ".a[0]": "a: {0: 1}\n", `.["0"]`: "[1]\n", ".": "[1]\n",
	} {
		check(src, path)
	}
}
