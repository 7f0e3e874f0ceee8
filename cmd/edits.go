package cmd

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"update-gitops-repo/cmd/internal/edits"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/template"
	"update-gitops-repo/template/yamledit/yqedit"
)

// newEdits parses the flags that say what to change.
func newEdits(c *config, getenv func(string) string) (edits.Edits, error) {
	values, err := parseValues(c, getenv)
	if err != nil {
		return edits.Edits{}, err
	}
	local, err := parseLocal(c)
	if err != nil {
		return edits.Edits{}, err
	}
	sets, err := parseSets(c)
	if err != nil {
		return edits.Edits{}, err
	}
	images, err := newImages(c)
	if err != nil {
		return edits.Edits{}, err
	}
	expressions, err := parseExpressions(c)
	if err != nil {
		return edits.Edits{}, err
	}
	renderer, err := newRenderer(c)
	if err != nil {
		return edits.Edits{}, err
	}
	return edits.Edits{
		Adds: c.adds.values, Renderer: renderer, Values: values, Local: local, Sets: sets,
		Images: images, Expressions: expressions,
	}, nil
}

// setMissing says what each choice of -set-missing does.
var setMissing = map[string]yqedit.Missing{
	"error": yqedit.RefuseMissing, "create": yqedit.CreateMissing, "skip": yqedit.SkipMissing,
}

func parseSets(c *config) ([]yqedit.Assignment, error) {
	var sets []yqedit.Assignment
	for _, s := range c.sets.values {
		a, err := parseSet(s)
		if err != nil {
			return nil, err
		}
		if !a.Text {
			c.warnUnfilled("-set "+a.File+":"+a.Path, a.Value)
		} else if isBlank(a.Value) {
			c.warnBlankText("-set "+a.File+":"+a.Path, a.Value)
		}
		a.Missing = setMissing[c.setMissing]
		sets = append(sets, a)
	}
	return sets, nil
}

// parseSet reads one entry of -set.
func parseSet(s string) (yqedit.Assignment, error) {
	const hint = "give -set=FILE:PATH=VALUE, such as values.yaml:.image.tag=1.2"
	if err := checkParts("-set", s, hint, part{"path", pathOf(s)}); err != nil {
		return yqedit.Assignment{}, err
	}
	a, err := yqedit.ParseAssignment(s)
	if operator, ok := errors.AsType[*yqedit.OperatorError](err); ok {
		return a, usage.Errorf(operator.Instead, "-set %q: %v", s, err)
	}
	if value, ok := errors.AsType[*yqedit.ValueError](err); ok {
		return a, usage.Errorf("close the quotes, with escapes as in JSON; if the quotes are part of the value, "+
			"give "+value.Literal, "-set %q: %v", s, err)
	}
	if err != nil {
		return a, usage.Errorf(hint, "-set %q: %v", s, err)
	}
	if a.Text {
		return a, nil
	}
	err = refuseBlank("-set", s, `to write that on purpose, give it in double quotes: -set='FILE:PATH=""'`,
		part{"value", a.Value})
	if err != nil {
		return a, err
	}
	const hintImage = "give the image's tag or digest; a text that ends so on purpose goes in double quotes"
	return a, refuseCutImage("-set", s, hintImage, a.Value)
}

// written finds the texts that a yq expression assigns, or puts into a list or a map.
var written = regexp.MustCompile(`(?:(?:^|[^=!<>])=|[\[:])\s*"([^"\\]*)"`)

// warnOfTextsIn warns of the texts of a yq expression that lack what comes from a variable.
func (c *config) warnOfTextsIn(flag, expr string) {
	for _, m := range written.FindAllStringSubmatch(expr, -1) {
		if isBlank(m[1]) {
			c.warnBlankText(flag, m[1])
		} else if missing := missingInImage(m[1]); missing != "" {
			c.warnings = append(c.warnings, fmt.Sprintf("%s: %q: %s", flag, m[1], saysBlank(missing, "")))
		}
	}
}

func parseExpressions(c *config) ([]yqedit.Expression, error) {
	var expressions []yqedit.Expression
	const hint = "give -yq=FILE:EXPRESSION, such as values.yaml:.replicas += 1"
	for _, s := range c.expressions.values {
		_, expr, _ := strings.Cut(s, ":")
		if err := checkParts("-yq", s, hint, part{"expression", expr}); err != nil {
			return nil, err
		}
		x, err := yqedit.ParseExpression(s)
		if operator, ok := errors.AsType[*yqedit.OperatorError](err); ok {
			return nil, usage.Errorf(operator.Instead, "-yq %q: %v", s, err)
		}
		if err != nil {
			return nil, usage.Errorf(hint, "-yq %q: %v", s, err)
		}
		c.warnOfTextsIn("-yq "+s, x.Expr)
		expressions = append(expressions, x)
	}
	return expressions, nil
}

// checkParts refuses "FILE:REST" if FILE has nothing in it, or an empty component, or if the other part is blank.
func checkParts(flag, text, hint string, other part) error {
	file, _, ok := strings.Cut(text, ":")
	if !ok {
		return nil // The parser says so.
	}
	if err := refuseBlank(flag, text, hint, part{"file", file}, other); err != nil {
		return err
	}
	if hasGap(file) {
		return errGap(flag, text, "file")
	}
	return nil
}

// noPath finds "FILE:=VALUE".
var noPath = regexp.MustCompile(`^[^:]*:(\s*)=`)

// pathOf returns the path in "FILE:PATH=VALUE" as far as it says whether it is blank.
func pathOf(text string) string {
	if m := noPath.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return text
}

// newRenderer returns the renderer of templates: of which files, and between which delimiters.
func newRenderer(c *config) (template.Renderer, error) {
	r := template.Renderer{Globs: c.filepaths.values, Validate: c.validate}
	substituted := len(c.substitutes.values)+len(c.substituteEnvs.values) > 0
	if len(r.Globs) == 0 && substituted && len(c.templates.values) == 0 {
		r.Globs = []string{"**.tmpl"}
	}
	if c.delims == "" {
		return r, nil
	}
	var err error
	if r.Delims, err = template.ParseDelims(c.delims); err != nil {
		return r, usage.Errorf("give -delims=LEFT,RIGHT, such as -delims='{{,}}'", "-delims %q: %v", c.delims, err)
	}
	return r, nil
}
