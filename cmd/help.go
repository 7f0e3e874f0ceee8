package cmd

import (
	"fmt"
	"io"
	"strings"

	"update-gitops-repo/cmd/internal/report"
)

// help is the whole command line, grouped.
type help struct{}

// Print implements account. Help is for people, in any format.
func (help) Print(w io.Writer, _ string, _ *report.Failure) error { return printHelp(w) }

// printHelp writes the help.
func printHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`update-gitops-repo changes a GitOps repository and opens a pull request.

Usage: update-gitops-repo [flags]

Every flag can be given as an environment variable too: ` + envPrefix + `_ and the
flag's name in upper snake case; a repeatable flag's variable holds one entry a line.
The command line wins over variables, and variables over the file of -config, whose
keys are the flags' names; a repeatable flag has the entries of all three. An empty
variable is not given; any other empty value is an error.
`)
	for _, g := range new(config).flags() {
		fmt.Fprintf(&b, "\n%s:\n", g.title)
		for _, f := range g.flags {
			value, text := f.explain()
			if value != "" {
				value = " " + value
			}
			fmt.Fprintf(&b, "  -%s%s\n%s", f.name, value, wrap(text, 76, "        "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks text into indented lines of at most width columns, indentation not counted.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			b.WriteString(indent + line + "\n")
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	b.WriteString(indent + line + "\n")
	return b.String()
}
