package yqedit

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
)

// OperatorError tells of an operator of yq that is refused on purpose, wherever it stands in an expression.
type OperatorError struct {
	Operator string // as it is written: env
	Why      string // what the operator does: "reads the environment"
	Instead  string // what to do instead, for a person
}

func (e *OperatorError) Error() string { return e.Operator + " is refused: it " + e.Why }

// refusal is a row of the table of what no expression may do, so that the same inputs make the same files.
type refusal struct {
	names   []string       // as yq's users write them, and the README; the first stands for other spellings
	types   *regexp.Regexp // yq's own names for the operators
	written *regexp.Regexp // how they are written, where the type is that of others too; nil: in any way
	why     string
	instead string
}

// refusals is the table.
var refusals = []refusal{
	{
		names: []string{"env", "strenv", "envsubst"}, types: regexp.MustCompile(`^ENV(?:SUBST.*)?$`),
		why: "reads the environment", instead: `have the shell put the variable's value into the expression`,
	},
	{
		names: []string{"load", "load_str", "load_xml", "load_props", "load_base64"},
		types: regexp.MustCompile(`^LOAD(?:_STRING)?$`),
		why:   "reads another file", instead: `have the shell put the file's text into the expression`,
	},
	{
		names: []string{"system"}, types: regexp.MustCompile(`^SYSTEM$`),
		why: "runs a program", instead: "run it in a step before, and put its output into the expression",
	},
	{
		names: []string{"now"}, types: regexp.MustCompile(`^NOW$`),
		why:     "reads the clock, so that a second run would change the file again",
		instead: "have the shell put the time into the expression",
	},
	{
		names: []string{"shuffle"}, types: regexp.MustCompile(`^SHUFFLE$`),
		why:     "draws by chance, so that a second run would change the file again",
		instead: "put the items into an order, such as that of sort",
	},
	{
		names: []string{"eval"}, types: regexp.MustCompile(`^EVAL$`),
		why: "runs an expression that nobody knows before the file is read", instead: "write that expression itself",
	},
	{
		names: []string{"split_doc"}, types: regexp.MustCompile(`^SPLIT_DOC$`),
		why: "makes documents of parts", instead: "choose among the documents that there are, by del(select(…))",
	},
	{
		names: []string{"from_xml", "to_xml", "@xml", "@xmld"}, types: regexp.MustCompile(`^(?:EN|DE)CODE$`),
		written: regexp.MustCompile(`xml`),
		why:     "needs yq's XML, which this program is built without",
		instead: "convert the text with yq in a step before",
	},
	{
		names: []string{"tz"}, types: regexp.MustCompile(`^TIMEZONE$`),
		why:     `reads the machine's time zone, unless the zone is a string other than "Local"`,
		instead: `name the zone: tz("Europe/Berlin")`,
	},
}

// checkRefusals returns an OperatorError for the first operator of an expression, or of one within its strings, that
// the table has.
func checkRefusals(node *yqlib.ExpressionNode) error {
	if node == nil {
		return nil
	}
	for _, r := range refusals {
		if r.refuses(node) {
			return &OperatorError{Operator: r.name(node.Operation), Why: r.why, Instead: r.instead}
		}
	}
	if node.Operation.OperationType.Type == "STRING_INT" {
		for _, inner := range interpolated(node.Operation.StringValue) {
			// One that does not parse fails when yq comes to it.
			if parsed, err := yqlib.ExpressionParser.ParseExpression(inner); err == nil {
				if err := checkRefusals(parsed); err != nil {
					return fmt.Errorf("within a string, %w", err)
				}
			}
		}
	}
	if err := checkRefusals(node.LHS); err != nil {
		return err
	}
	return checkRefusals(node.RHS)
}

// refuses reports whether the operator of a node is one of the row.
func (r refusal) refuses(node *yqlib.ExpressionNode) bool {
	op := node.Operation
	switch {
	case !r.types.MatchString(op.OperationType.Type), r.written != nil && !r.written.MatchString(op.StringValue):
		return false
	case r.names[0] != "tz" || node.RHS == nil || node.RHS.Operation.OperationType.Type != "STRING_INT":
		return true
	}
	zone := node.RHS.Operation.StringValue
	return zone == "Local" || strings.Contains(zone, `\(`)
}

// name returns how an operator of the row is written.
func (r refusal) name(op *yqlib.Operation) string {
	written, _, _ := strings.Cut(op.StringValue, "(")
	if slices.Contains(r.names, written) {
		return written
	}
	if t := strings.ToLower(op.OperationType.Type); strings.HasPrefix(t, "envsubst") {
		return "envsubst"
	}
	return r.names[0]
}

// interpolated returns the expressions within a string, \(…), as yq finds them.
func interpolated(s string) []string {
	var found []string
	inner, depth := strings.Builder{}, 0 // depth: how many brackets are open, with that of \(
	for i := 0; i < len(s); i++ {
		switch escaped := s[i] == '\\' && i+1 < len(s); {
		case depth == 0 && escaped && s[i+1] == '(':
			depth = 1
			inner.Reset()
			i++
			continue
		case depth == 0:
			if escaped && s[i+1] == '\\' {
				i++
			}
			continue
		case escaped && (s[i+1] == ')' || s[i+1] == '\\'):
			i++
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth--
		}
		if depth == 0 {
			found = append(found, inner.String())
			continue
		}
		inner.WriteByte(s[i])
	}
	return found
}
