package cmd

import (
	"fmt"
	"regexp"
	"strings"

	"update-gitops-repo/cmd/internal/usage"
)

// variable finds what looks like a variable of a shell or of a pipeline system: $TAG, ${TAG}, $(params.tag),
// ${{ github.sha }}, $[[ inputs.tag ]], {{inputs.parameters.tag}}, %TAG%.
var variable = regexp.MustCompile(`\$\w|\$[({[]|\{\{|^%\w+%$`)

// leftVariable is the same in a text, where these characters may stand for themselves: only what one of the systems
// fills in, or a variable that is all of the text or the end of it, where an image has its tag.
var leftVariable = regexp.MustCompile(`\$\{\{.*?\}\}` +
	`|\$\((params|tasks|context|inputs|outputs|workspaces|results|resources|steps)\.[^()]*\)` +
	`|\$\[\[ *inputs\..*?\]\]` +
	`|\{\{ *(inputs|outputs|workflow|tasks|steps|item)\..*?\}\}` +
	`|(?:^|[:@])(\$[A-Za-z_]\w*|\$\{[A-Za-z_]\w*\}|\$\([\w.-]+\)|%[A-Z_]+%)$`)

// nothing matches what programs print for a value that is not there: jq and JavaScript, templates, Go.
var nothing = regexp.MustCompile(`^(null|undefined|<no value>|<nil>)$`)

// checkFilled refuses a name that can only be a mistake: with a variable in it that nobody has filled in, or what
// programs print for none.
func checkFilled(flag, value string) error {
	switch {
	case variable.MatchString(value):
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
