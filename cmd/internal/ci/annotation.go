package ci

import (
	"strings"

	"update-gitops-repo/cmd/internal/escape"
)

// Problem is what kind of problem an annotation is about, as GitHub Actions and Azure Pipelines name it.
type Problem string

// The kinds.
const (
	Error   Problem = "error"
	Warning Problem = "warning"
)

// Annotation returns the line of a step's output that has the CI system show a problem beside the build; empty where
// the system has no such line. The text may have several lines, and words of others, which stay text. It must have no
// secrets: what the line encodes, no redactor finds.
func Annotation(getenv func(string) string, of Problem, text string) string {
	for _, s := range systems {
		if getenv(s.marker) == "" {
			continue
		}
		if s.annotation == nil {
			return ""
		}
		return s.annotation(of, escape.Output(text))
	}
	return ""
}

// title is what stands above the text where the system has room for that.
const title = "update-gitops-repo"

// gitHubAnnotation encodes the text as https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts does.
func gitHubAnnotation(of Problem, text string) string {
	text = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
	return "::" + string(of) + " title=" + title + "::" + text
}

// azureAnnotation encodes the text as https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands says.
func azureAnnotation(of Problem, text string) string {
	text = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A").Replace(text)
	return "##vso[task.logissue type=" + string(of) + "]" + title + ": " + text
}
