package yqedit

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// decoders are yq's operators that read YAML or JSON out of a string, as they are written.
var decoders = regexp.MustCompile(`^(?:from_?(?:yaml|json)|@(?:yaml|json)d)$`)

// stage is a part of a path: what selects in a file, or in the documents that strings of the part before hold.
type stage struct {
	expr    *yqlib.ExpressionNode // nil: the documents
	decoder string                // of the strings that it selects; empty in the last stage
}

// stages cuts an expression at the decoders in its pipe: ".a | from_yaml | .b" selects .b in the documents that the
// strings at .a hold.
func stages(e *yqlib.ExpressionNode) []stage {
	if e == nil {
		return []stage{{}}
	}
	switch op := e.Operation; {
	case op.OperationType.Type == "DECODE" && decoders.MatchString(op.StringValue):
		return []stage{{decoder: op.StringValue}, {}}
	case op.OperationType.Type == "PIPE", op.OperationType.Type == "SHORT_PIPE":
		left, right := stages(e.LHS), stages(e.RHS)
		if len(left)+len(right) == 2 {
			break
		}
		joined := right[0]
		switch last := left[len(left)-1]; {
		case joined.expr == nil:
			joined.expr = last.expr
		case last.expr != nil:
			joined.expr = &yqlib.ExpressionNode{Operation: op, LHS: last.expr, RHS: joined.expr}
		}
		return slices.Concat(left[:len(left)-1], []stage{joined}, right[1:])
	}
	return []stage{{expr: e}}
}

// newSelector returns the selector of stages.
func newSelector(all []stage) (selector, error) {
	expr := all[0].expr
	if expr == nil {
		var err error
		if expr, err = yqlib.ExpressionParser.ParseExpression("."); err != nil {
			return selector{}, err
		}
	}
	s := selector{expr: expr, descends: findOperator(expr, descents) != "", decoder: all[0].decoder}
	if steps, ok := simplePath(expr); ok {
		s.steps = steps
	}
	if len(all) > 1 {
		next, err := newSelector(all[1:])
		if err != nil {
			return selector{}, err
		}
		s.next = &next
	}
	return s, nil
}

// assignWithin makes an assignment in the documents that a string holds.
func (f *assignedFile) assignWithin(file *yamledit.File, s selected, sel selector, a Assignment) (outcome, error) {
	if p := s.holderProblem(file, sel, a); p != nil {
		return outcome{}, f.fail(file, s.node.Line, a, *p)
	}
	path := file.Path(s.node)
	inner, err := file.Embedded(s.node)
	if err != nil {
		return outcome{}, withHint(withKey(err, a.Path), "set it by hand, or give a path to a string that holds YAML")
	}
	if isJSON := strings.Contains(sel.decoder, "json"); isJSON && !inner.IsJSON() {
		return outcome{}, f.fail(file, s.node.Line, a,
			problem{fmt.Sprintf("reads JSON in %s, which holds none", path), "give from_yaml, which reads both"})
	}
	out, err := f.assignIn(inner, *sel.next, a)
	if err != nil {
		return outcome{}, err
	}
	if !out.found {
		return outcome{without: []string{path}, unfit: out.unfit, inPart: out.inPart}, nil
	}
	without := make([]string, len(out.without))
	for i, lack := range out.without {
		without[i] = fmt.Sprintf("%s | %s | %s", path, sel.decoder, lack)
	}
	out.without = without
	return out, nil
}

// holderProblem returns why no document can be read out of a selected node, or nil.
func (s selected) holderProblem(f *yamledit.File, sel selector, a Assignment) *problem {
	if len(s.node.Content) > 0 {
		return &problem{fmt.Sprintf("reads YAML in %s, which is no string", f.Path(s.node)),
			fmt.Sprintf("leave %s out, or name the string that holds the YAML", sel.decoder)}
	}
	return s.problem(f, a)
}

// made returns the value that has to be created where the selector selects nothing: that of the assignment, or the text
// of a document that has it.
func (s selector) made(a Assignment) (newValue, *problem) {
	if s.next == nil {
		return a.value(), nil
	}
	v, p := s.next.made(a)
	if p != nil {
		return nil, p
	}
	steps, ok := simplePath(s.next.expr)
	if !ok {
		return nil, notSimple()
	}
	tree, p := chain(".", steps, v)
	if p != nil {
		return nil, p
	}
	name := ""
	if strings.Contains(s.decoder, "json") {
		name = "new.json"
	}
	f, err := yamledit.Parse(name, nil)
	if err == nil {
		err = f.Become(tree)
	}
	if err != nil {
		return nil, &problem{reason(err), hintByHand}
	}
	text, _, err := f.Bytes()
	if err != nil {
		return nil, &problem{reason(err), hintByHand}
	}
	if name != "" {
		return value{text: strings.TrimSpace(string(text)), isText: true}, nil
	}
	return lines(text), nil
}

// newValue is what comes where there is nothing yet, or in place of a scalar, as yamledit takes it.
type newValue interface {
	at(path string) any
	instead(f *yamledit.File, of *yaml.Node) any
}

// lines is a text that is written on lines of its own, where that can be.
type lines string

func (l lines) at(string) any { return string(l) }

func (l lines) instead(*yamledit.File, *yaml.Node) any { return string(l) }
