package cmd

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"update-gitops-repo/cmd/internal/report"
)

// The linker sets these (-X) where Go cannot read them from a repository, as when the image is built.
var buildVersion, buildRevision string

// version returns the version given at build time, else the module's, which holds the revision where there is no tag.
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}

// build is what -version tells.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // empty where the version has it, or nobody knows
	Go       string `json:"go"`
}

// readBuild returns what is known of this program.
func readBuild() build {
	b := build{Version: version(), Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Revision = s.Value
			}
		}
	}
	if strings.Contains(b.Version, "-") {
		b.Revision = "" // A pseudo-version has it already.
	}
	b.Revision = cmp.Or(buildRevision, b.Revision)
	return b
}

// Print implements account.
func (b build) Print(w io.Writer, format string, _ *report.Failure) error {
	if format == "json" {
		return report.PrintJSON(w, b)
	}
	revision := ""
	if b.Revision != "" {
		revision = " (" + b.Revision + ")"
	}
	_, err := fmt.Fprintf(w, "update-gitops-repo %s%s %s\n", b.Version, revision, b.Go)
	return err
}
