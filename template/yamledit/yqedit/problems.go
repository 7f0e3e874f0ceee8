package yqedit

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// problem is why a path cannot be set, and what to do about it.
type problem struct{ reason, hint string }

// hintByHand is for what neither the caller nor another path can help.
const hintByHand = "set it by hand, or with -yq, which may write what is around it anew"

// hintFor returns the hint for a scalar that cannot have a value.
func hintFor(n *yaml.Node) string {
	if n.Style&yaml.TaggedStyle != 0 {
		return "give a value of the type that the tag in the file says, or take the tag out of the file"
	}
	return hintByHand
}

// withHint returns an error of yamledit with a hint, unless it has one.
func withHint(err error, hint string) error {
	if e, ok := errors.AsType[*yamledit.Error](err); ok && e.Hint == "" {
		out := *e
		out.Hint = hint
		return &out
	}
	return err
}

// problem returns why a selected node cannot be set, or nil.
func (s selected) problem(f *yamledit.File, a Assignment) *problem {
	switch {
	case s.isKey:
		return &problem{fmt.Sprintf("selects the key %q, not a value", s.node.Value),
			"select the value that the key is of; -yq renames keys"}
	case s.node.Kind == yaml.MappingNode && len(s.node.Content) > 1:
		inner := f.Path(s.node.Content[1])
		return &problem{"selects a map, not a scalar", "name the key of a value in it, such as " + inner}
	case s.node.Kind == yaml.MappingNode:
		return &problem{"selects a map, not a scalar",
			"name a key in it, which -set-missing=create adds; -yq replaces the map"}
	case s.node.Kind == yaml.SequenceNode:
		path := f.Path(s.node)
		return &problem{"selects a sequence, not a scalar",
			fmt.Sprintf("name an item, such as %s[0], or all of them: %[1]s[]", path)}
	case s.node.Kind == yaml.AliasNode:
		return s.aliasProblem(f, a)
	case s.aliased:
		return &problem{
			fmt.Sprintf("selects %s through an alias or a merge key, and so would change every other use of it",
				f.Path(s.node)),
			fmt.Sprintf("set %s to change every use; to change this one alone, %s",
				f.Path(s.node), s.alone(f, a)),
		}
	}
	return nil
}

// aliasProblem returns the problem of a path that selects an alias.
func (s selected) aliasProblem(f *yamledit.File, a Assignment) *problem {
	alias := s.node.Alias
	at := f.Path(alias)
	every := "set " + at
	if alias.Kind != yaml.ScalarNode {
		every = "set a value in " + at
	}
	return &problem{
		fmt.Sprintf("selects the alias *%s of %s, and setting that would change every other use of it",
			s.node.Value, at),
		fmt.Sprintf("%s to change every use; to change this one alone, give %s", every,
			a.expression(f, inDocument(f, s.document), f.Path(s.node))),
	}
}

// alone returns what to do so that a path which leads through an alias or a merge key changes one use alone.
func (s selected) alone(f *yamledit.File, a Assignment) string {
	switch d := s.detour; {
	case d == nil:
		return "give -yq with an explode() of what holds the alias before the assignment"
	case d.isMerge && d.isLast:
		return "give -set-missing=create, which adds an entry that overrides the merged one"
	default:
		return "give " + a.expression(f, inDocument(f, s.document)+"explode("+f.Path(d.node)+") | ", a.Path)
	}
}

// inDocument returns the start of an expression that is for one document of a file, if it has several.
func inDocument(f *yamledit.File, doc *yaml.Node) string {
	docs := f.Documents()
	if len(docs) < 2 {
		return ""
	}
	return fmt.Sprintf("select(di == %d) | ", slices.Index(docs, doc))
}

// maxShown is the longest value that a hint repeats, in bytes.
const maxShown = 80

// literal matches what is no string in the place of null, see yamledit.Untyped.
var literal = regexp.MustCompile(`^(?:true|false|null|0|-?[1-9][0-9]{0,5})$`)

// expression returns the flag that assigns the value with yq, after another expression.
func (a Assignment) expression(f *yamledit.File, first, path string) string {
	text := quote(a.Value)
	if !a.Text && literal.MatchString(a.Value) {
		text = a.Value
	}
	if strings.ContainsAny(path, " |,") {
		path = "(" + path + ")"
	}
	if len(text) > maxShown {
		text = `"VALUE"`
	}
	expression := fmt.Sprintf("%s:%s%s = %s", f.Name(), first, path, text)
	return "-yq='" + strings.ReplaceAll(expression, "'", `'\''`) + "'"
}
