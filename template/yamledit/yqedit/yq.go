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

// yq keeps its settings in package variables. They are set once, before its first use; navigateByDefault alone changes
// one for a while.
var setUpYq = sync.OnceFunc(func() {
	yqlib.ConfiguredSecurityPreferences = yqlib.SecurityPreferences{DisableEnvOps: true, DisableFileOps: true}
	yqlib.ConfiguredYamlPreferences.FixMergeAnchorToSpec = true
	yqlib.GetLogger().SetSlogger(slog.New(slog.DiscardHandler))
	yqlib.Now = func() time.Time { panic("the clock is off") } // should checkRefusals miss one
	yqlib.InitExpressionParser()
})

// changing are the operators of yq, by the name it gives them, that change nodes.
var changing = regexp.MustCompile(`^(.*ASSIGN|ASSIGN_(ATTRIBUTES|STYLE|TAG|COMMENT|ANCHOR|ALIAS)|` +
	`DELETE|DEL_PATHS|SET_PATH|EXPLODE|SORT_KEYS|WITH)$`)

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
	if err := checkRefusals(parsed); err != nil {
		return nil, fmt.Errorf("expression %q: %w", expr, err)
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

// errFails is that an expression does not fit a document, or is wrong in itself.
var errFails = errors.New("fails")

// settings is held while yq reads its settings, and to change them.
var settings sync.RWMutex

// navigate has yq evaluate an expression. Whatever yq does with odd input, it ends in an errFails at worst.
func navigate(context yqlib.Context, expr *yqlib.ExpressionNode) ([]*yqlib.CandidateNode, error) {
	settings.RLock()
	defer settings.RUnlock()
	return evaluated(context, expr)
}

// navigateByDefault does what navigate does, with merge keys as yq resolves them without
// --yaml-fix-merge-anchor-to-spec.
func navigateByDefault(context yqlib.Context, expr *yqlib.ExpressionNode) ([]*yqlib.CandidateNode, error) {
	settings.Lock()
	defer settings.Unlock()
	yqlib.ConfiguredYamlPreferences.FixMergeAnchorToSpec = false
	defer func() { yqlib.ConfiguredYamlPreferences.FixMergeAnchorToSpec = true }()
	return evaluated(context, expr)
}

// evaluated does what navigate does, for one that holds settings.
func evaluated(context yqlib.Context, expr *yqlib.ExpressionNode) (nodes []*yqlib.CandidateNode, err error) {
	defer func() {
		if p := recover(); p != nil {
			nodes, err = nil, fmt.Errorf("%w: %v", errFails, p)
		}
	}()
	result, err := yqlib.NewDataTreeNavigator().GetMatchingNodes(context, expr)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errFails, inWords(err.Error()))
	}
	for el := result.MatchingNodes.Front(); el != nil; el = el.Next() {
		nodes = append(nodes, el.Value.(*yqlib.CandidateNode))
	}
	return nodes, nil
}
