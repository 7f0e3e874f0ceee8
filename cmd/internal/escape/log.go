package escape

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// CI systems look for commands in the output of a step. GitHub Actions takes a name between two pairs of colons at the
// start of a line, white space aside, and its older form anywhere
// (https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs), as Azure Pipelines (##vso[) and
// TeamCity (##teamcity[) do. The address ::1 in a file of hosts is not a command.
var (
	colonCommand = regexp.MustCompile(`(?m)^([\s\p{Z}]*):(:[A-Za-z].*::)`)
	hashCommand  = regexp.MustCompile(`#(#\w*\[)`)
)

// Output returns s for stdout or stderr: all of it can be seen, and no CI system finds a command in it.
func Output(s string) string {
	return hashCommand.ReplaceAllString(colonCommand.ReplaceAllString(Visible(s), `$1\x3a$2`), `\x23$1`)
}

// JSON is [Output] for JSON: a parser reads the same values from the result as from data.
func JSON(data string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(data, "##", `\u0023\u0023`) {
		if Hidden(r) && r != '\n' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// JSONWriter writes what it is given, whole lines of JSON, through [JSON].
type JSONWriter struct{ io.Writer }

// Write implements io.Writer.
func (w JSONWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, JSON(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
