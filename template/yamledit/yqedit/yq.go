package yqedit

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
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
var refused = regexp.MustCompile(`^(.*ASSIGN|ASSIGN_(ATTRIBUTES|STYLE|TAG|COMMENT|ANCHOR|ALIAS)|` +
	`DELETE|DEL_PATHS|SET_PATH|EXPLODE|SORT_KEYS|WITH|EVAL|ENV|ENVSUBST|LOAD|LOAD_STRING|SYSTEM|SHUFFLE|NOW)$`)

// impure are the operators of yq, by the name it gives them, whose result depends on more than the file, or cannot be
// known before it is read (eval).
var impure = regexp.MustCompile(`^(ENV|ENVSUBST|LOAD|LOAD_STRING|SYSTEM|SHUFFLE|NOW|EVAL)$`)

// parse parses an expression that changes documents.
func parse(expr string) (*yqlib.ExpressionNode, error) {
	setUpYq()
	parsed, err := yqlib.ExpressionParser.ParseExpression(expr)
	switch {
	case err != nil:
		return nil, fmt.Errorf("expression %q: %w", expr, err)
	case parsed == nil:
		return nil, errors.New("the expression is empty")
	}
	if computesZone(parsed) {
		const rule = "the time zone of tz must be a string, and not Local, which depends on the machine"
		return nil, fmt.Errorf("expression %q: %s", expr, rule)
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

// zoned finds an expression within a string that asks for a time zone.
var zoned = regexp.MustCompile(`\\\((?s:.*)\btz\s*[(".$]`)

// computesZone reports whether the time zone of a tz is, or may come out as, that of the machine.
func computesZone(node *yqlib.ExpressionNode) bool {
	if node == nil {
		return false
	}
	switch op := node.Operation; op.OperationType.Type {
	case "TIMEZONE":
		zone := node.RHS
		if zone == nil || zone.Operation.OperationType.Type != "STRING_INT" {
			return true
		}
		if name := zone.Operation.StringValue; name == "Local" || strings.Contains(name, `\(`) {
			return true
		}
	case "STRING_INT":
		return zoned.MatchString(op.StringValue)
	}
	return computesZone(node.LHS) || computesZone(node.RHS)
}

// errFails is that an expression does not fit a document, or is wrong in itself.
var errFails = errors.New("fails")

// navigate has yq evaluate an expression. Whatever yq does with odd input, it ends in an errFails at worst.
func navigate(context yqlib.Context, expr *yqlib.ExpressionNode) (nodes []*yqlib.CandidateNode, err error) {
	defer func() {
		if p := recover(); p != nil {
			nodes, err = nil, fmt.Errorf("%w: %v", errFails, p)
		}
	}()
	result, err := yqlib.NewDataTreeNavigator().GetMatchingNodes(context, expr)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFails, err)
	}
	for el := result.MatchingNodes.Front(); el != nil; el = el.Next() {
		nodes = append(nodes, el.Value.(*yqlib.CandidateNode))
	}
	return nodes, nil
}
