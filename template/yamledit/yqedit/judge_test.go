package yqedit

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"
)

// agree is the verdict on what is the same as yq's.
const agree = "agree"

// spelled writes out null where yq's encoder would write ”, a string.
var spelled = strings.NewReplacer("{a: }", "{a: null}", "{a, b: 1}", "{a: null, b: 1}", "{{ x }}",
	"{{x: null}: null}")

// judge is yq itself: its own decoder, evaluator and encoder, as "yq -i" uses them on a whole file. It returns the text
// that yq writes, with two amends: a scalar document is written with its quotes, so that "1" and 1 stay two things, and
// each document has its mark, which yq leaves out before those that it computes, so that two become one.
func judge(src, expr string) (string, error) {
	setUpYq()
	tree, err := yqlib.ExpressionParser.ParseExpression(expr)
	if err != nil {
		return "", err
	}
	src = spelled.Replace(src)
	docs, err := decode([]byte(src))
	if err != nil {
		return "", err
	}
	if len(docs) == 0 {
		docs = []*yqlib.CandidateNode{{Kind: yqlib.ScalarNode, Tag: "!!null"}}
	}
	var out strings.Builder
	for i, doc := range docs {
		doc.SetDocument(uint(i))
		doc.SetFilename("f.yaml")
		results, err := navigate((&yqlib.Context{}).SingleChildContext(doc), tree)
		if err != nil {
			return "", err
		}
		for _, result := range results {
			text, err := encode(result)
			if err != nil {
				return "", err
			}
			if out.Len() > 0 && !strings.HasPrefix(text, "---") {
				out.WriteString("---\n")
			}
			out.WriteString(text)
		}
	}
	return out.String(), nil
}

// verdict says how what Evaluate makes of a text compares with what yq makes of it, and why.
func verdict(src, expr string) (string, string) {
	got, _, warnings, err := evaluateOne("f.yaml", src, expr)
	if err != nil {
		return "refused", err.Error()
	}
	if len(warnings) > 0 {
		return "warned", strings.Join(warnings, "\n")
	}
	want, err := judge(src, expr)
	if err != nil {
		return "differ", "yq fails: " + err.Error()
	}
	ours, err := readAs(got)
	if err != nil {
		return "differ", err.Error()
	}
	theirs, err := readAs(want)
	if err != nil {
		return "yq's output does not parse", err.Error()
	}
	if spelled.Replace(src) != src && (strings.Contains(expr, "style") || strings.Contains(expr, "tag")) {
		return "cannot be judged", "yq itself writes null within brackets as a string" // and here it is not the same
	}
	texts := "\n" + got + "-- yq:\n" + want
	before, _ := readAs(src)
	same, _ := judge(src, ".")
	carried, _ := readAs(same)
	tree, _ := parse(expr)
	switch {
	case ours.holds != theirs.holds && ours.withoutNulls == theirs.withoutNulls && adds(got, want):
		return "agree, but for null that yq adds where a path selects nothing", texts
	case ours.holds != theirs.holds:
		return "differ", "in values" + texts
	case findOperator(tree, assignsStyle) != "" && !sameStyles(ours.styles, theirs.styles):
		return "differ", fmt.Sprintf("in styles\n%v\n%v", ours.styles, theirs.styles) + texts
	case slices.Equal(ours.comments, theirs.comments):
		return agree, ""
	case !slices.Equal(before.comments, carried.comments):
		return "agree, but yq moves comments by itself", ""
	case findOperator(tree, assignsComment) == "" && includes(words(ours.comments), words(theirs.comments)):
		return "agree, with comments that stay where yq moves or drops them", ""
	}
	return "differ", fmt.Sprintf("in comments\n%q\n%q", ours.comments, theirs.comments) + texts
}

// sameStyles reports whether styles are the same, but for what is in quotes here to be safe: yes, and y.
func sameStyles(ours, theirs []yqlib.Style) bool {
	return slices.EqualFunc(ours, theirs, func(our, their yqlib.Style) bool {
		return our == their || their == 0 && our == yqlib.DoubleQuotedStyle
	})
}

// adds reports whether there is more null in what yq makes.
func adds(ours, theirs string) bool {
	count := func(text string) int {
		n := 0
		for _, doc := range parsed(text) {
			n += nulls(doc)
		}
		return n
	}
	return count(theirs) > count(ours)
}

func nulls(n *yaml.Node) int {
	count := 0
	if n.Tag == "!!null" || len(n.Content) == 0 && n.Kind != yaml.ScalarNode {
		count++
	}
	for _, c := range n.Content {
		count += nulls(c)
	}
	return count
}

// words returns comments without where they stand.
func words(comments []string) []string {
	var out []string
	for _, c := range comments {
		out = append(out, strings.TrimLeft(c, "0123456789"))
	}
	return out
}

// includes reports whether all of the strings in part are in whole, each as often.
func includes(whole, part []string) bool {
	left := slices.Clone(whole)
	for _, s := range part {
		i := slices.Index(left, s)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

// reading is what a text reads as to yq: what it holds, its styles, and its comments, each where it stands.
type reading struct {
	holds  string
	styles []yqlib.Style
	// withoutNulls is what it holds without what is null or empty.
	withoutNulls string
	comments     []string
}

// readAs reads a text as yq does.
func readAs(text string) (reading, error) {
	setUpYq()
	decoder := yqlib.NewYamlDecoder(yqlib.NewDefaultYamlPreferences())
	if err := decoder.Init(strings.NewReader(text)); err != nil {
		return reading{}, err
	}
	var holds strings.Builder
	var r reading
	at := 0
	comment := func(kind, text string) {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "#"))
			if line != "" && line != "$yqDocSeparator$" && !strings.HasPrefix(line, "%YAML") {
				r.comments = append(r.comments, fmt.Sprint(at, kind, line))
			}
		}
	}
	var visit func(n, key *yqlib.CandidateNode)
	visit = func(n, key *yqlib.CandidateNode) {
		comment("own", n.HeadComment)
		at++
		value := n.Value
		if n.Tag == "!!null" {
			value = ""
		}
		tag := n.Tag
		if n.Kind == yqlib.AliasNode || n.Kind == yqlib.ScalarNode && value == "" {
			tag = "" // yq writes null within [] as ''
		}
		fmt.Fprintf(&holds, "(%d %s %q &%s", n.Kind, tag, value, n.Anchor)
		style := n.Style
		if len(n.Content) == 0 && value == "" {
			style = 0 // of {} and [], and of null
		}
		r.styles = append(r.styles, style)
		comment("line", n.LineComment)
		for i, c := range n.Content {
			visit(c, nil)
			if n.Kind == yqlib.MappingNode && i%2 == 1 {
				comment("own", n.Content[i-1].FootComment)
			}
		}
		if key == nil {
			holds.WriteString(")")
		}
		if !n.IsMapKey {
			comment("own", n.FootComment)
		}
	}
	for {
		doc, err := decoder.Decode()
		if errors.Is(err, io.EOF) {
			r.holds = holds.String()
			if r.holds == "" { // an empty file is null
				r.holds, r.styles = "(4  \"\" &)---", []yqlib.Style{0}
			}
			return r, nil
		}
		if err != nil {
			return reading{}, err
		}
		comment("own", doc.LeadingContent)
		visit(doc, nil)
		holds.WriteString("---")
		r.withoutNulls += solid(doc)
	}
}

// solid returns what a node holds, without what is null or empty in it.
func solid(n *yqlib.CandidateNode) string {
	switch {
	case n.Tag == "!!null":
		return ""
	case n.Kind != yqlib.SequenceNode && n.Kind != yqlib.MappingNode:
		return fmt.Sprintf("%s %q;", n.Tag, n.Value)
	}
	out := ""
	for i, c := range n.Content {
		if n.Kind == yqlib.SequenceNode {
			out += solid(c)
		} else if value := solid(c); i%2 == 1 && value != "" {
			out += n.Content[i-1].Value + ":" + value
		}
	}
	if out == "" {
		return ""
	}
	return fmt.Sprintf("%d(%s)", n.Kind, out)
}
