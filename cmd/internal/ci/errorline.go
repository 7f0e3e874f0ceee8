package ci

import (
	"io"
	"strings"

	"update-gitops-repo/cmd/internal/escape"
)

// PrintError writes the line that has the CI system show an error beside the build, above the log; nothing where the
// system has no such line. The text may have several lines, and words of others, which stay text. It must have no
// secrets: what the line encodes, no redactor finds.
func PrintError(w io.Writer, getenv func(string) string, text string) error {
	for _, s := range systems {
		if getenv(s.marker) == "" {
			continue
		}
		if s.errorLine == nil {
			return nil
		}
		_, err := io.WriteString(w, s.errorLine(escape.Output(text))+"\n")
		return err
	}
	return nil
}

// title is what stands above the text where the system has room for that.
const title = "update-gitops-repo"

// gitHubError encodes the text as https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts does.
func gitHubError(text string) string {
	return "::error title=" + title + "::" + strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// azureError encodes the text as
// https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands#formatting-commands has it.
func azureError(text string) string {
	return "##vso[task.logissue type=error]" + title + ": " +
		strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A").Replace(text)
}
