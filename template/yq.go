package template

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"
)

// Expression is a yq expression that changes every document of every file that File matches.
type Expression struct {
	File string // a pattern as Glob takes it
	Expr string // a yq expression that yields the document itself: .image.tag = "1.7.0"
}

// ParseExpression reads "FILE:EXPRESSION", FILE up to the first ":". FILE is checked with CheckGlob. EXPRESSION must be
// one that yq parses, and may not look at the environment, the clock, chance or other files.
func ParseExpression(s string) (Expression, error) {
	file, expr, ok := strings.Cut(s, ":")
	if !ok {
		return Expression{}, fmt.Errorf("%q has no \":\": it shall be FILE:EXPRESSION", s)
	}
	if err := CheckGlob(file); err != nil {
		return Expression{}, err
	}
	if _, err := parseExpression(expr); err != nil {
		return Expression{}, err
	}
	return Expression{File: file, Expr: expr}, nil
}

// impure are the operators of yq, by the name it gives them, whose result depends on more than the file, or cannot be
// known before it is read (eval).
var impure = regexp.MustCompile(`^(ENV|ENVSUBST|LOAD|LOAD_STRING|SYSTEM|SHUFFLE|NOW|EVAL)$`)

// zoned finds an expression within a string that asks for a time zone.
var zoned = regexp.MustCompile(`\\\((?s:.*)\btz\s*[(".$]`)

func parseExpression(expr string) (*yqlib.ExpressionNode, error) {
	setUpYq()
	parsed, err := yqlib.ExpressionParser.ParseExpression(expr)
	switch {
	case err != nil:
		return nil, fmt.Errorf("expression %q: %w", expr, err)
	case parsed == nil:
		return nil, errors.New("the expression is empty")
	}
	if computesZone(parsed) {
		return nil, fmt.Errorf("expression %q: the time zone of tz shall be a string, and not Local, which depends on the machine", expr)
	}
	if op := findOperator(parsed, impure); op != "" {
		return nil, fmt.Errorf("expression %q: %s depends on more than the file", expr, op)
	}
	return parsed, nil
}

// findOperator returns the first operator of an expression whose type matches, or "".
func findOperator(node *yqlib.ExpressionNode, types *regexp.Regexp) string {
	if node == nil {
		return ""
	}
	if op := node.Operation; types.MatchString(op.OperationType.Type) {
		return strings.ToLower(op.OperationType.Type)
	}
	if op := findOperator(node.LHS, types); op != "" {
		return op
	}
	return findOperator(node.RHS, types)
}

// computesZone reports whether the time zone of a tz is, or may come out as, that of the machine.
func computesZone(node *yqlib.ExpressionNode) bool {
	if node == nil {
		return false
	}
	switch op := node.Operation; op.OperationType.Type {
	case "TIMEZONE":
		zone := node.RHS
		if zone == nil || zone.Operation.OperationType.Type != "STRING_INT" || zone.Operation.StringValue == "Local" || strings.Contains(zone.Operation.StringValue, `\(`) {
			return true
		}
	case "STRING_INT":
		return zoned.MatchString(op.StringValue)
	}
	return computesZone(node.LHS) || computesZone(node.RHS)
}

// Evaluate runs the expressions in their order, each on every document of its files, and returns the files whose bytes
// changed, by path, what changed in them, by file, and warnings for a person to read.
//
// The files keep their layout. A scalar that an expression changes is replaced by its bytes, in its own style where
// that can be, but in the type that yq gives it: .a = 5 makes a number and .a = "5" a string, where Assign would keep
// the old one's. An entry of a map or a sequence that is added is put in as lines at the indentation of its
// neighbours, and one that is removed is cut out with its comments: the lines directly above it, up to a blank line, and
// what is behind it. An entry that moves takes them along. Comments that a document starts with stay where they are, and
// a warning tells of those that are cut and look like an entry that is commented out. Entries within [] and {} are
// changed there in the same way, but {} and [] alone become lines, save in JSON. Where that cannot be done, since a comment
// is assigned, entries with comments before their commas go or move, or the layout is an unusual one, the node is written
// anew, and a warning names the file and the path and tells whether comments are lost. The styles of nodes (style=) and
// comments (line_comment=) count as changes only in an expression that assigns them.
//
// An expression must yield the document, changed or not; one that just selects or computes (.a) is refused. A document
// in which it selects nothing stays as it is: one for which it yields nothing (select(.kind == "Service") | .a = 1), and
// if all of it is an assignment, one in which its left side selects nothing ((.c[] | select(.name == "x") | .image) = "y")
// or, with "=", its right side (.a = (.c[] | select(.name == "x") | .image)). It is an error when that is so in all
// documents of all its files. That an expression changes nothing is none, so that it can be run twice; nor is it one
// when |=, += and the like find nothing on their right.
//
// An *Error tells of a File that matches nothing (ErrNoMatch), of a file that is not YAML (ErrSyntax), of an expression
// that selects nothing at all (ErrNoNode), and of one that fails, does not yield the document, or whose result cannot be
// written, or that changes a map in which a key is there twice or would be (ErrUneditable). Error.Key holds the expression.
//
// Of an expression that would take more than 1 GiB of memory it is told with ErrLimit, after which the program has to end.
func Evaluate(fsys fs.FS, es []Expression) (map[string][]byte, []Change, []string, error) {
	o, err := watched(maxHeap, func(at func(file, key string)) (o outcome, err error) {
		o.files, o.changes, o.warnings, err = evaluateAll(fsys, es, at)
		return o, err
	})
	return o.files, o.changes, o.warnings, err
}

func evaluateAll(fsys fs.FS, es []Expression, at func(file, key string)) (map[string][]byte, []Change, []string, error) {
	matches := make([][]string, len(es))
	var names []string
	for i, e := range es {
		if _, err := parseExpression(e.Expr); err != nil {
			return nil, nil, nil, err
		}
		var err error
		if matches[i], err = Glob(fsys, e.File); err != nil {
			return nil, nil, nil, err
		}
		names = append(names, matches[i]...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if err := prefetch(fsys, names); err != nil {
		return nil, nil, nil, err
	}

	before := make(map[string][]byte, len(names))
	for _, name := range names {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, nil, nil, err
		}
		before[name] = src
	}
	after := maps.Clone(before)
	var edits []edit
	var warnings []string
	for i, e := range es {
		found := false
		for _, name := range matches[i] {
			at(name, e.Expr)
			result, err := evaluate(name, after[name], e.Expr)
			if err != nil {
				return nil, nil, nil, err
			}
			found = found || result.found
			after[name] = result.src
			edits = append(edits, result.edits...)
			warnings = append(warnings, result.warnings...)
		}
		if !found {
			return nil, nil, nil, &Error{File: e.File, Key: e.Expr, Reason: e.Expr + " selects nothing", Err: ErrNoNode}
		}
	}
	maps.DeleteFunc(after, func(name string, src []byte) bool { return bytes.Equal(src, before[name]) })
	return after, changes(edits), warnings, nil
}

// evaluation is what an expression does to one file.
type evaluation struct {
	src      []byte
	found    bool // it selects something
	edits    []edit
	warnings []string
}

var (
	assignsStyle   = regexp.MustCompile(`^ASSIGN_(STYLE|ATTRIBUTES)$`)
	assignsComment = regexp.MustCompile(`^ASSIGN_(COMMENT|ATTRIBUTES)$`)
)

func evaluate(name string, src []byte, expr string) (evaluation, error) {
	fail := func(reason string) error {
		return &Error{File: name, Key: expr, Reason: reason, Err: ErrUneditable}
	}
	docs, err := parseAs(name, src)
	if err != nil {
		return evaluation{}, unparsed(name, expr, err)
	}
	parsed, err := parseExpression(expr)
	if err != nil {
		return evaluation{}, err
	}
	options := layoutOptions{
		styles:   findOperator(parsed, assignsStyle) != "",
		comments: findOperator(parsed, assignsComment) != "",
	}
	inputs := docs
	if len(docs) == 0 {
		inputs = []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!null"}}
	}
	var after []*yaml.Node
	found := false
	for i, doc := range inputs {
		if aliasesTooMany(doc) {
			return evaluation{}, fail(fmt.Sprintf("%s meets aliases that make more than %d nodes", expr, maxReached))
		}
		result, selects, err := transform(name, doc, i, parsed)
		if err != nil {
			return evaluation{}, fail(expr + " " + err.Error())
		}
		found = found || selects
		after = append(after, result)
	}
	out, edits, warnings, err := restructure(name, src, docs, after, options)
	if twice := (duplicateKey{}); errors.As(err, &twice) {
		return evaluation{}, &Error{File: name, Line: twice.line, Key: expr, Reason: expr + " changes a map in which " + err.Error(), Err: ErrUneditable}
	}
	if err != nil {
		return evaluation{}, fail("what " + expr + " makes of it cannot be written: " + err.Error())
	}
	return evaluation{out, found, edits, warnings}, nil
}

// transform returns what the expression makes of one document, and whether it selects anything there.
func transform(name string, doc *yaml.Node, index int, expr *yqlib.ExpressionNode) (*yaml.Node, bool, error) {
	candidate := func() (*yqlib.CandidateNode, error) {
		root := &yqlib.CandidateNode{}
		root.SetDocument(uint(index))
		root.SetFilename(name)
		return root, root.UnmarshalYAML(doc, map[string]*yqlib.CandidateNode{})
	}
	root, err := candidate()
	if err != nil {
		return nil, false, err
	}
	if op := expr.Operation; expr.LHS != nil && strings.HasSuffix(op.OperationType.Type, "ASSIGN") {
		if op.OperationType.Type == "ASSIGN" && !op.UpdateAssign { // "="
			nodes, err := navigate((&yqlib.Context{}).SingleReadonlyChildContext(root), expr.RHS)
			if err != nil || len(nodes) == 0 {
				return doc, false, err
			}
		}
		// Not read-only, so that yq makes up the nodes that the assignment would.
		nodes, err := navigate((&yqlib.Context{}).SingleChildContext(root), expr.LHS)
		if err != nil || len(nodes) == 0 {
			return doc, false, err // where yq would add the path up to where it ends, with null
		}
		if root, err = candidate(); err != nil {
			return nil, false, err
		}
	}
	kind := root.Kind
	nodes, err := navigate((&yqlib.Context{}).SingleChildContext(root), expr)
	switch {
	case err != nil:
		return nil, false, err
	case len(nodes) == 0:
		return doc, false, nil
	case len(nodes) != 1, nodes[0] != root && (nodes[0].Kind != kind || len(nodes[0].GetPath()) > 0):
		return nil, false, errors.New("does not yield the document: it shall be an assignment, such as .a = 1, or del(.a)")
	}
	result, err := nodes[0].MarshalYAML()
	if err != nil {
		return nil, false, err
	}
	return result, true, settleTags(result)
}

// settleTags gives the scalars below n the tags that they have once they are written, which is not always what yq says
// while it computes. It fails if n reads otherwise once it is written.
func settleTags(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	errWrite := errors.New("makes something that YAML cannot hold")
	text, err := yaml.Dump(bare(n), yaml.WithV3Defaults(), yaml.WithLineWidth(-1))
	if err != nil {
		return errWrite
	}
	docs, err := parse(text)
	if err != nil || len(docs) != 1 {
		return errWrite
	}
	var copyTags func(to, from *yaml.Node) error
	copyTags = func(to, from *yaml.Node) error {
		if to.Kind != from.Kind || len(to.Content) != len(from.Content) || to.Value != from.Value && from.Kind == yaml.ScalarNode && from.Tag != "!!null" {
			return errWrite
		}
		if to.Kind == yaml.ScalarNode && to.Tag == "!!null" && to.Value == "" && to.Style&quoted == 0 {
			return nil // which the encoder writes as '' within [] and {}
		}
		to.Tag, to.Value = from.Tag, from.Value
		if to.Style&block == 0 {
			to.Style = from.Style
		}
		for i := range to.Content {
			if err := copyTags(to.Content[i], from.Content[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return copyTags(n, docs[0])
}

// bare returns a copy of n without comments and block scalars, which the encoder does not always get right.
func bare(n *yaml.Node) *yaml.Node {
	out := *n
	out.HeadComment, out.LineComment, out.FootComment = "", "", ""
	if out.Style&block != 0 {
		out.Style = out.Style&^block | yaml.DoubleQuotedStyle
	}
	out.Content = nil
	for _, c := range n.Content {
		out.Content = append(out.Content, bare(c))
	}
	return &out
}

// unparsed says why a file does not parse.
func unparsed(name, key string, err error) error {
	e := &Error{File: name, Key: key, Reason: "cannot be read as YAML: " + err.Error(), Err: ErrSyntax}
	if load := (*yaml.LoadError)(nil); errors.As(err, &load) {
		e.Line, e.Reason = load.Mark.Line, "cannot be read as YAML: "+load.Message
	}
	return e
}
