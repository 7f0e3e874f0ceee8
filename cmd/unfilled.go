package cmd

import (
	"fmt"
	"regexp"
	"strings"

	"update-gitops-repo/cmd/internal/usage"
)

// leftVariable finds a variable in a text that may hold such characters for themselves: what a pipeline system fills
// in, as ${{ github.sha }}, $(params.tag), $[[ inputs.tag ]] and {{inputs.parameters.tag}}, and a variable of a shell
// or of Windows, $TAG, ${TAG}, $(TAG), %TAG%, that is all of the text or its end, where an image has its tag.
var leftVariable = regexp.MustCompile(`\$\{\{.*?\}\}` +
	`|\$\((params|tasks|context|inputs|outputs|workspaces|results|resources|steps)\.[^()]*\)` +
	`|\$\[\[ *inputs\..*?\]\]` +
	`|\{\{ *(inputs|outputs|workflow|tasks|steps|item)\..*?\}\}` +
	`|(?:^|[:@])(\$[A-Za-z_]\w*|\$\{[A-Za-z_]\w*\}|\$\([\w.-]+\)|%[A-Z_]+%)$`)

// leftInName finds a variable in a name: also a shell's that is a word of the name, and any action of a template.
var leftInName = regexp.MustCompile(
	`(?:^|[-_/.:@])(?:\$[A-Za-z_]\w*|\$\{\w+\}|\$\([\w.-]+\))(?:[-_/.:@]|$)|\{\{.*\}\}|^%\w+%$`)

// nothing matches what programs print for a value that is not there: jq and JavaScript, templates, Go.
var nothing = regexp.MustCompile(`^(null|undefined|<no value>|<nil>)$`)

// checkFilled refuses a name that can only be a mistake: with a variable in it that nobody has filled in, or what
// programs print for none.
func checkFilled(flag, value string) error {
	switch {
	case leftVariable.MatchString(value), leftInName.MatchString(value):
		return usage.Errorf("check how the variable is called, and that the pipeline system replaces it there",
			"-%s %q has a variable in it that nobody has filled in", flag, value)
	case nothing.MatchString(value):
		return usage.Errorf("check where it comes from", "-%s %q is what programs print for a value that is not there",
			flag, value)
	}
	return nil
}

// zeros is what git and CI systems have for the commit of a branch that is not there.
var zeros = regexp.MustCompile(`^0{7,}$`)

// warnUnfilled warns of a text that is probably not what was meant. It may be on purpose, for Flux fills in ${TAG}
// itself, and Tekton $(params.tag).
func (c *config) warnUnfilled(flag, text string) {
	switch {
	case leftVariable.MatchString(text):
		c.warnings = append(c.warnings,
			fmt.Sprintf("%s: %q has a variable in it that nobody has filled in", flag, text))
	case nothing.MatchString(text):
		c.warnings = append(c.warnings,
			fmt.Sprintf("%s: %q is what programs print for a value that is not there", flag, text))
	}
}

// warnOfTexts warns of what people read, and of a branch, that is probably not what was meant.
func (c *config) warnOfTexts() {
	if last := strings.TrimRight(c.branch, "-_"); last != c.branch {
		c.warnings = append(c.warnings, fmt.Sprintf("-branch %q ends in %q; is the variable that comes next set?",
			c.branch, c.branch[len(last):]))
	}
	for f := range all(c.flags()) {
		if f.isText {
			for _, text := range f.values() {
				c.warnUnfilled("-"+f.name, text)
			}
		}
	}
}
