package template

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"
)

// yq keeps its settings in package variables. They are set once, before its first use.
var setUpYq = sync.OnceFunc(func() {
	yqlib.ConfiguredSecurityPreferences = yqlib.SecurityPreferences{DisableEnvOps: true, DisableFileOps: true}
	yqlib.ConfiguredYamlPreferences.FixMergeAnchorToSpec = true
	yqlib.GetLogger().SetSlogger(slog.New(slog.DiscardHandler))
	yqlib.Now = func() time.Time { panic("the clock is off") } // an operator within a string, "\(now)", is not seen
	yqlib.InitExpressionParser()
})

// refused are the operators of yq, by the name it gives them, that change nodes or look outside of the file.
var refused = regexp.MustCompile(`^(.*ASSIGN|ASSIGN_(ATTRIBUTES|STYLE|TAG|COMMENT|ANCHOR|ALIAS)|DELETE|DEL_PATHS|SET_PATH|EXPLODE|SORT_KEYS|WITH|EVAL|ENV|ENVSUBST|LOAD|LOAD_STRING|SYSTEM|SHUFFLE|NOW)$`)

// CheckPath returns an error when expr is not a yq expression, or not one that merely selects nodes: it changes them, or
// looks at the environment, the clock or other files.
func CheckPath(expr string) error {
	_, err := parseSelector(expr)
	return err
}

// selector is a yq expression that selects nodes.
type selector struct {
	expr  *yqlib.ExpressionNode
	steps []pathStep // the same, where it is made of keys and indices alone
}

func parseSelector(expr string) (selector, error) {
	setUpYq()
	parsed, err := yqlib.ExpressionParser.ParseExpression(expr)
	if err == nil {
		err = checkOperators(parsed)
	}
	if err == nil && parsed == nil {
		return selector{}, errors.New("the path is empty")
	}
	if err == nil && computes(parsed) {
		err = errors.New("yields something computed, which is no node of the file")
	}
	switch {
	case err != nil && undotted.MatchString(expr):
		return selector{}, fmt.Errorf("path %q: %w; a path starts with a dot: .%s", expr, err, expr)
	case err != nil:
		return selector{}, fmt.Errorf("path %q: %w", expr, err)
	}
	s := selector{expr: parsed}
	if steps, ok := simplePath(parsed); ok {
		s.steps = steps
	}
	return s, nil
}

// undotted is what looks like a path, but for the dot at its start.
var undotted = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(?:[.\[].*)?$`)

// computed are the operators of yq, by the name it gives them, that never yield a node of the file.
var computed = regexp.MustCompile(`^(VALUE|STRING_INT|LENGTH|LINE|KEYS|NOT|TO_.*|HAS|JOIN|SUBSTR|TEST|MATCH|SPLIT|GET_(STYLE|TAG|KIND|COMMENT|ANCHOR|ALIAS|DOCUMENT_INDEX|FILENAME|FILE_INDEX|PATH))$`)

// computes reports whether what an expression yields can be no node of the file.
func computes(node *yqlib.ExpressionNode) bool {
	switch t := node.Operation.OperationType.Type; t {
	case "PIPE", "SHORT_PIPE":
		return node.RHS != nil && computes(node.RHS)
	default:
		return computed.MatchString(t)
	}
}

func checkOperators(node *yqlib.ExpressionNode) error {
	if node == nil {
		return nil
	}
	if op := node.Operation; refused.MatchString(op.OperationType.Type) {
		return fmt.Errorf("%q does more than select nodes", op.StringValue)
	}
	if err := checkOperators(node.LHS); err != nil {
		return err
	}
	return checkOperators(node.RHS)
}

// place is a node of a file, and where it is.
type place struct {
	node     *yaml.Node
	document int    // counted from 0
	path     string // as yq writes it
	isKey    bool
	inFlow   bool  // within [] or {}
	anchored bool  // it, or a node that it is within, has an anchor
	aliased  bool  // it was reached by way of an alias or a merge key alone
	near     *mark // for spanFrom; nil where few nodes are looked for
}

// uneditable says what is at p, when that is nothing to be set.
func (p place) uneditable() string {
	switch {
	case p.isKey:
		return fmt.Sprintf("the key %q, not a value", p.node.Value)
	case p.node.Kind == yaml.MappingNode:
		return "a map, not a scalar"
	case p.node.Kind == yaml.SequenceNode:
		return "a sequence, not a scalar"
	case p.node.Kind == yaml.AliasNode:
		return fmt.Sprintf("the alias *%s; set the value at its anchor &%[1]s, or in the file by hand", p.node.Value)
	case p.aliased:
		return fmt.Sprintf("%s through an alias, and so would change every other use of it; set it there", p.path)
	}
	return ""
}

// places returns the nodes that the expression selects in docs, in the order of the file. A node that yq makes up, for a
// key that is not there, is none.
func (s selector) places(docs []*yaml.Node) ([]place, error) {
	var out []place
	for i, doc := range docs {
		if p, ok := s.follow(doc, i); ok {
			out = append(out, p...)
			continue
		}
		// Aliases of aliases can make a small file a huge one. Such a one is read without them.
		tooMany := aliasesTooMany(doc)
		found, err := s.evaluate(doc, i, tooMany)
		if err != nil {
			return nil, err
		}
		direct := map[*yaml.Node]bool{}
		if !tooMany && slices.ContainsFunc(found, func(p place) bool { return p.anchored }) {
			without, err := s.evaluate(doc, i, true)
			if err != nil {
				return nil, err
			}
			for _, p := range without {
				direct[p.node] = true
			}
		}
		for _, p := range found {
			p.aliased = !tooMany && p.anchored && !direct[p.node]
			out = append(out, p)
		}
	}
	return out, nil
}

// follow returns what evaluate does for keys and indices that lead along nothing but maps and lists of the file itself, as
// most do, in a fraction of its time. It is false for all else.
func (s selector) follow(doc *yaml.Node, index int) ([]place, bool) {
	p := place{node: doc, document: index, path: "."}
	for _, step := range s.steps {
		next := -1
		switch n := p.node; {
		case n.Kind == yaml.MappingNode && !step.isIndex:
			for i := 0; i < len(n.Content); i += 2 {
				switch key := n.Content[i]; {
				case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
					return nil, false
				case key.Value == step.key:
					next = i + 1
				}
			}
		case n.Kind == yaml.SequenceNode && step.isIndex && step.index >= 0:
			if step.index < len(n.Content) {
				next = step.index
			}
		default:
			return nil, false
		}
		if next < 0 {
			return nil, true
		}
		p.inFlow = p.inFlow || p.node.Style&yaml.FlowStyle != 0
		p.path, p.node = childPath(p.path, p.node, next), p.node.Content[next]
	}
	return []place{p}, s.steps != nil
}

// maxReached is how many nodes the aliases of a document may stand for.
const maxReached = 1_000_000

func aliasesTooMany(doc *yaml.Node) bool {
	var size func(n *yaml.Node) int
	size = func(n *yaml.Node) int {
		count := 1
		for _, child := range n.Content {
			count += size(child)
		}
		return count
	}
	limit := size(doc) + maxReached
	return reached(doc, map[*yaml.Node]int{}, limit) > limit
}

// reached returns how many nodes there are at and below n, counting those behind each alias, as far as limit. known holds
// what was counted behind aliases.
func reached(n *yaml.Node, known map[*yaml.Node]int, limit int) int {
	count := 1
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		if _, ok := known[n.Alias]; !ok {
			known[n.Alias] = limit + 1 // for an anchor that holds its own alias
			known[n.Alias] = reached(n.Alias, known, limit)
		}
		count += known[n.Alias]
	}
	for _, child := range n.Content {
		count = min(count+reached(child, known, limit), limit+1)
	}
	return count
}

// evaluate returns the nodes that the expression selects in one document, without following its aliases when they are
// opaque.
func (s selector) evaluate(doc *yaml.Node, index int, opaque bool) ([]place, error) {
	root := &yqlib.CandidateNode{}
	root.SetDocument(uint(index))
	if err := root.UnmarshalYAML(doc, map[string]*yqlib.CandidateNode{}); err != nil {
		return nil, err
	}
	// Where the nodes are is noted as steps back, since few are asked for.
	var order []*visited
	known := map[*yqlib.CandidateNode]*visited{}
	var visit func(c *yqlib.CandidateNode, v visited)
	visit = func(c *yqlib.CandidateNode, v visited) {
		v.anchored = v.anchored || v.node.Anchor != ""
		at := &v
		order, known[c] = append(order, at), at
		if opaque && c.Kind == yqlib.AliasNode {
			c.Kind, c.Alias = yqlib.ScalarNode, nil
		}
		inFlow := v.inFlow || v.node.Style&yaml.FlowStyle != 0
		for i, child := range c.Content {
			visit(child, visited{parent: at, index: i, node: v.node.Content[i], inFlow: inFlow, anchored: v.anchored})
		}
	}
	visit(root, visited{node: doc})

	// Read-only, since yq adds what it does not find.
	context := (&yqlib.Context{}).SingleReadonlyChildContext(root)
	result, err := navigate(context, s.expr)
	if err != nil {
		return nil, err
	}
	for _, c := range result {
		v := known[c]
		switch {
		case v != nil:
			v.selected = true
		case c.Tag != "!!null":
			return nil, errors.New("yields something computed, which is no node of the file")
		}
	}
	var out []place
	for _, v := range order {
		if v.selected {
			out = append(out, place{
				node: v.node, document: index, path: v.path(), inFlow: v.inFlow, anchored: v.anchored,
				isKey: v.parent != nil && v.parent.node.Kind == yaml.MappingNode && v.index%2 == 0,
			})
		}
	}
	return out, nil
}

// visited is a node on the way of evaluate.
type visited struct {
	parent   *visited
	index    int // among the parent's nodes
	node     *yaml.Node
	inFlow   bool
	anchored bool
	selected bool
}

func (v *visited) path() string {
	if v.parent == nil {
		return "."
	}
	return childPath(v.parent.path(), v.parent.node, v.index)
}

// navigate has yq evaluate an expression. Whatever yq does with odd input, it ends in an error at worst.
func navigate(context yqlib.Context, expr *yqlib.ExpressionNode) (nodes []*yqlib.CandidateNode, err error) {
	defer func() {
		if p := recover(); p != nil {
			nodes, err = nil, fmt.Errorf("fails: %v", p)
		}
	}()
	result, err := yqlib.NewDataTreeNavigator().GetMatchingNodes(context, expr)
	if err != nil {
		return nil, fmt.Errorf("fails: %w", err)
	}
	for el := result.MatchingNodes.Front(); el != nil; el = el.Next() {
		nodes = append(nodes, el.Value.(*yqlib.CandidateNode))
	}
	return nodes, nil
}

var simpleKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// childPath returns the path of the i-th of the nodes in parent, which is at path.
func childPath(path string, parent *yaml.Node, i int) string {
	if parent.Kind == yaml.SequenceNode {
		return fmt.Sprintf("%s[%d]", path, i)
	}
	return keyPath(path, parent.Content[i-i%2].Value)
}

// keyPath returns the path of what the map at path has under key.
func keyPath(path, key string) string {
	switch {
	case !simpleKey.MatchString(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == ".":
		return "." + key
	}
	return path + "." + key
}
