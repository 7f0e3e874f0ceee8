// Command release checks a configuration of goreleaser, with goreleaser's own types, and that it builds the program with the
// flags that BINARY was built with.
//
//	release CONFIG BINARY
package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

func main() {
	if err := check(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func check(file, binary string) error {
	project, err := config.Load(file)
	if err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	if len(project.Builds) != 1 {
		return fmt.Errorf("%d builds", len(project.Builds))
	}
	b := project.Builds[0]
	if !slices.Contains(b.Flags, "-trimpath") {
		return fmt.Errorf("flags are %q, want -trimpath", b.Flags)
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "-tags" && s.Value != strings.Join(b.Tags, ","):
			return fmt.Errorf("tags are %q, those of %s %s", b.Tags, binary, s.Value)
		case s.Key == "CGO_ENABLED" && !slices.Contains(b.Env, "CGO_ENABLED="+s.Value):
			return fmt.Errorf("env is %q, %s has CGO_ENABLED=%s", b.Env, binary, s.Value)
		}
	}
	return nil
}
