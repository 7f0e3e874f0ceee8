package cmd

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
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

func printVersion(w io.Writer) error {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " (" + s.Value + ")"
			}
		}
	}
	if strings.Contains(version(), "-") {
		revision = "" // A pseudo-version has it already.
	}
	if buildRevision != "" {
		revision = " (" + buildRevision + ")"
	}
	_, err := fmt.Fprintf(w, "update-gitops-repo %s%s %s\n", version(), revision, runtime.Version())
	return err
}
