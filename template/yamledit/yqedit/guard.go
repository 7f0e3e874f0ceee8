package yqedit

import (
	"container/list"
	"regexp"
	"slices"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
)

// guard is an expression whose assignments of nothing do nothing. yq writes null in the place of what it does not find:
// .image = .missing, which is a slip in a path as good as always.
type guard struct {
	expr    *yqlib.ExpressionNode
	assigns []*assigned                   // its assignments
	deleted map[*yqlib.CandidateNode]bool // the documents that it deletes by del
}

// assigned counts the runs of an assignment.
type assigned struct {
	expr           *yqlib.ExpressionNode
	done           int // runs in which there was something to assign, and a place for it
	nothing        int // others
	withoutSources int // of these, those in which there was nothing to assign
}

// assigning are the operators that assign values; they have a path on their left.
var assigning = regexp.MustCompile(`^(ADD_|SUBTRACT_|MULTIPLY_)?ASSIGN$`)

func newGuard(expr *yqlib.ExpressionNode) *guard {
	g := &guard{deleted: map[*yqlib.CandidateNode]bool{}}
	g.expr = g.guarded(expr)
	return g
}

// guarded returns a copy of an expression in which assignments and deletions are watched.
func (g *guard) guarded(e *yqlib.ExpressionNode) *yqlib.ExpressionNode {
	if e == nil {
		return nil
	}
	out := &yqlib.ExpressionNode{Operation: e.Operation, LHS: g.guarded(e.LHS), RHS: g.guarded(e.RHS)}
	operation, kind := *e.Operation, *e.Operation.OperationType
	switch {
	case assigning.MatchString(kind.Type):
		a := &assigned{expr: e}
		g.assigns = append(g.assigns, a)
		kind.Handler = around(kind.Handler, func(h handling) (yqlib.Context, error) {
			return g.assign(a, h)
		})
	case kind.Type == "DELETE":
		kind.Handler = around(kind.Handler, g.remove)
	default:
		return out
	}
	operation.OperationType = &kind
	out.Operation = &operation
	return out
}

// handling is the run of an operator: on what, and how to go on with it.
type handling struct {
	navigator yqlib.DataTreeNavigator
	context   yqlib.Context
	expr      *yqlib.ExpressionNode
	run       func(yqlib.Context) (yqlib.Context, error)
}

// around returns a handler of yq that runs within another function. yq does not export the type of its handlers, so it
// is inferred.
func around[D yqlib.DataTreeNavigator, H ~func(D, yqlib.Context, *yqlib.ExpressionNode) (yqlib.Context, error)](
	handler H, outer func(handling) (yqlib.Context, error)) H {
	return func(d D, context yqlib.Context, e *yqlib.ExpressionNode) (yqlib.Context, error) {
		run := func(context yqlib.Context) (yqlib.Context, error) { return handler(d, context, e) }
		return outer(handling{d, context, e, run})
	}
}

// remove runs a deletion, and takes note of the documents that it deletes.
func (g *guard) remove(h handling) (yqlib.Context, error) {
	before := candidatesOf(h.context)
	out, err := h.run(h.context)
	if err != nil {
		return out, err
	}
	after := candidatesOf(out)
	for _, c := range before {
		if c.Parent == nil && !slices.Contains(after, c) {
			g.deleted[c] = true
		}
	}
	return out, nil
}

// assign runs an assignment on those of the nodes where it has something to assign, and a place for it.
func (g *guard) assign(a *assigned, h handling) (yqlib.Context, error) {
	nodes := list.New()
	for _, c := range candidatesOf(h.context) {
		place, source, err := h.selects(c)
		switch {
		case err != nil:
			return yqlib.Context{}, err
		case place && source:
			a.done++
			nodes.PushBack(c)
			continue
		case !source:
			a.withoutSources++
		}
		a.nothing++
	}
	if nodes.Len() > 0 {
		if _, err := h.run(h.context.ChildContext(nodes)); err != nil {
			return yqlib.Context{}, err
		}
	}
	return h.context, nil
}

// selects reports whether the left side of an assignment selects something below a node, and the right side. An update
// of what is there is left to yq: it needs no source to leave that as it is.
func (h handling) selects(c *yqlib.CandidateNode) (place, source bool, err error) {
	readOnly := h.context.SingleReadonlyChildContext(c)
	if findOperator(h.expr.LHS, changing) != "" || findOperator(h.expr.RHS, changing) != "" {
		readOnly = h.context.SingleReadonlyChildContext(c.Copy())
	}
	found, err := h.navigator.GetMatchingNodes(readOnly, h.expr.LHS)
	if err != nil {
		return false, false, err
	}
	plain := h.expr.Operation.OperationType.Type == "ASSIGN"
	isThere := found.MatchingNodes.Len() > 0
	if isThere && (!plain || h.expr.Operation.UpdateAssign) {
		return true, true, nil
	}
	places := candidatesOf(found)
	if !isThere {
		if places, err = h.madeUp(c); err != nil {
			return false, false, err
		}
	}
	from := []*yqlib.CandidateNode{c}
	if plain && h.expr.Operation.UpdateAssign {
		from = places
	}
	for _, n := range from {
		if findOperator(h.expr.RHS, changing) != "" {
			n = n.Copy()
		}
		sources, err := h.navigator.GetMatchingNodes(h.context.SingleReadonlyChildContext(n), h.expr.RHS)
		if err != nil {
			return false, false, err
		}
		source = source || sources.MatchingNodes.Len() > 0
	}
	return len(places) > 0, source || len(from) == 0, nil
}

// madeUp returns what yq would add for the left side of an assignment.
func (h handling) madeUp(c *yqlib.CandidateNode) ([]*yqlib.CandidateNode, error) {
	if steps, ok := simplePath(h.expr.LHS); ok {
		if place, known := creatable(c, steps); known {
			return place, nil
		}
	}
	writable := h.context.SingleChildContext(c.Copy())
	writable.DontAutoCreate = false
	made, err := h.navigator.GetMatchingNodes(writable, h.expr.LHS)
	if err != nil {
		return nil, err
	}
	return candidatesOf(made), nil
}

// creatable returns what yq would add at a path of keys and indices of which the last is not there, if anything. It
// does without a copy of the document, which yq makes in a time that is exponential in the depth of keys that are maps.
// It is not known where there are aliases.
func creatable(n *yqlib.CandidateNode, steps []pathStep) (places []*yqlib.CandidateNode, known bool) {
	for _, s := range steps {
		var next *yqlib.CandidateNode
		switch {
		case n.Kind == yqlib.AliasNode:
			return nil, false
		case n.Kind == yqlib.ScalarNode && n.Tag != "!!null", n.Kind == yqlib.MappingNode && s.isIndex,
			n.Kind == yqlib.SequenceNode && !s.isIndex:
			return nil, false
		case n.Kind == yqlib.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if key := n.Content[i]; key.Tag == "!!merge" {
					return nil, false
				} else if key.Value == s.key {
					next = n.Content[i+1]
				}
			}
		case n.Kind == yqlib.SequenceNode && s.index >= 0 && s.index < len(n.Content):
			next = n.Content[s.index]
		case n.Kind == yqlib.SequenceNode && s.index < 0:
			return nil, false
		}
		if next == nil {
			return []*yqlib.CandidateNode{{Kind: yqlib.ScalarNode, Tag: "!!null", Parent: n}}, true
		}
		n = next
	}
	return nil, false
}

// candidatesOf returns the nodes of a context.
func candidatesOf(context yqlib.Context) []*yqlib.CandidateNode {
	var out []*yqlib.CandidateNode
	for e := context.MatchingNodes.Front(); e != nil; e = e.Next() {
		out = append(out, e.Value.(*yqlib.CandidateNode))
	}
	return out
}

// onlySelects reports whether an expression is made of select alone, so that it says which documents are to stay.
func onlySelects(e *yqlib.ExpressionNode) bool {
	switch e.Operation.OperationType.Type {
	case "SELECT", "SELF", "EMPTY":
		return true
	case "PIPE", "SHORT_PIPE":
		return e.LHS != nil && e.RHS != nil && onlySelects(e.LHS) && onlySelects(e.RHS)
	}
	return false
}

// done returns how many runs of an assignment assigned something.
func (g *guard) done(e *yqlib.ExpressionNode) int {
	for _, a := range g.assigns {
		if a.expr == e {
			return a.done
		}
	}
	return 0
}

// assignsNothing reports whether there is an assignment that never had anything to assign.
func (g *guard) assignsNothing() bool {
	return slices.ContainsFunc(g.assigns, func(a *assigned) bool {
		return a.done == 0 && a.withoutSources > 0 && a.withoutSources == a.nothing
	})
}
