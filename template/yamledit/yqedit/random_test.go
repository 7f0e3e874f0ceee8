package yqedit

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// chain returns a few expressions, one after the other, on paths of a document.
func (g *generator) chain(src string) string {
	docs := parsed(src)
	p, q := g.path(docs[g.IntN(len(docs))]), g.path(docs[0])
	one := func() string {
		return g.pick(`P = "v9"`, `P = 5`, `P = Q`, `P = {"n": [1, {"x": "y"}]}`, `P = ["v1", "n"]`, `del(P)`,
			`P line_comment = "new"`, `P head_comment = "new"`, `P foot_comment = "new"`, `. head_comment = "top"`,
			`. foot_comment = "end"`, `. line_comment = "l"`,
			`P comments = "all"`, `... comments = ""`, `.. line_comment |= "x" + .`, `.. head_comment = ""`,
			`(P | key) line_comment = "kl"`, `(P | key) head_comment = "kh"`,
			`P style = "double"`, `P style = "single"`, `P style = "literal"`, `P style = "folded"`, `P style = "flow"`,
			`P style = ""`, `P style = "tagged"`, `... style = ""`, `.. style = "double"`, `.. style |= "single"`,
			`P tag = "!!str"`, `P tag = "!t"`, `P tag = "!!int"`, `P anchor = "anc"`, `P alias = "x1"`, `explode(.)`,
			`sort_keys(..)`, `(P | select(kind == "seq")) |= sort`, `(P | select(kind == "seq")) |= sort_by(.a)`,
			`. *+ {"a": ["n"]}`, `. *d {"a": [{"z": 1}]}`, `. *n {"a": 1, "nn": 2}`, `. *? {"a": 1}`,
			`P *= {"b": 1}`, `P += {"b": 1}`, `P += ["v1"]`, `P //= "dflt"`, `.q = 1 | .x = .missing`,
			`with(P; . = .missing)`, `(P | select(kind == "map")) |= with_entries(.value = .missing)`,
			`P |= .missing`, `P += .missing`, `P *= .missing`, `P //= .missing`, `P = .missing`,
			`(P | select(kind == "seq")) |= map(. = "m")`, `(P | select(kind == "seq")) |= flatten`,
			`(P | select(kind == "seq")) |= unique`, `(P | select(kind == "seq")) |= group_by(.a)`,
			`(P | select(kind == "seq")) |= reverse`, `(P | select(kind == "seq")) |= [.[] | select(. != "v1")]`,
			`(P | select(kind == "map")) |= to_entries`, `(P | select(kind == "map")) |= pick(["b", "a"])`,
			`(P | select(kind == "map")) |= omit(["a"])`, `with(P; .x = 1 | .y = 2)`, `P as $x | .new = $x`,
			`P ref $x | $x = "via"`, `select(di == 0)`, `select(di == 1)`, `del(select(di == 0))`,
			`select(has("a"))`, `select(has("a")) | .a = 1`, `., .`, `P`, `P | document_index`, `split_doc`,
			`.[] | split_doc`, `{"new": .}`, `[.]`, `P |= (. | to_yaml)`, `P =c Q`, `P = (P | head_comment)`,
			`.new = (. | head_comment)`, `.new = (P | line_comment)`, `.new = (. | foot_comment)`,
			`(P | select(kind == "seq"))[0] = "first"`, `del(P[0])`, `(P | select(kind == "seq")) += ["a", "b"]`,
			`.[] |= .`, `. = .`, `to_entries | from_entries`,
			`with_entries(.key |= . + "x")`, `(.. | select(tag == "!!str")) |= upcase`,
			`(.. | select(has("a"))) |= (.z = .a)`,
			`. as $d | .k = ($d | keys)`, `pivot`, `del(.. | select(. == "v1"))`,
			`(.. | select(. == "v1")) line_comment = "was v1"`,
			`delpaths([["a"], ["b", 0]])`, `setpath(["a", "b"]; 1)`,
			`P |= setpath(["n"]; "v")`, `.a, .b |= "u"`, `(.a, .b) = "both"`, `.[] += "s"`, `.. |= .`, `first`,
			`reduce .[] as $i ({}; .k = $i)`,
			`.[] as $i ireduce ({}; .k = $i)`, `.[] as $i ireduce (.; .k = $i)`,
			`if has("a") then .a = "t" else .b = "e" end`)
	}
	expr := one()
	for g.IntN(3) == 0 {
		expr += " | " + one()
	}
	return strings.NewReplacer("P", p, "Q", q).Replace(expr)
}

// What Evaluate makes of random documents with comments by random expressions is what yq makes of them, or it is
// refused, or a warning says what is not carried over.
func TestRandomExpressions(t *testing.T) {
	t.Parallel()
	g := &generator{Rand: rand.New(rand.NewPCG(11, 12))}
	counts, done := map[string]int{}, 0
	for range 1200 {
		src := g.document()
		expr := g.chain(src)
		if _, err := parse(expr); err != nil {
			continue
		}
		what, why := verdict(src, expr)
		done++
		counts[what]++
		if what == "differ" {
			t.Errorf("%s\n%q\n%s", expr, src, why)
		}
	}
	t.Log(done, counts)
	if done < 1000 || counts[agree] < done*3/10 {
		t.Errorf("of %d, %d agree: %v", done, counts[agree], counts)
	}
}
