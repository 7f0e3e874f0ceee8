package integration

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestBuildFlags compares the flags that goreleaser compiles with to those of build.sh, which make and the Dockerfile run. The
// version of Go has to be one, too: that of go.mod, which the workflows install, and that of the image's base.
func TestBuildFlags(t *testing.T) {
	var releaser struct {
		Builds []struct {
			Env, Flags, Tags, Ldflags []string
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "../.goreleaser.yaml")), &releaser); err != nil {
		t.Fatal(err)
	}
	if len(releaser.Builds) != 1 {
		t.Fatalf(".goreleaser.yaml has %d builds, want 1", len(releaser.Builds))
	}
	build := releaser.Builds[0]
	named := strings.NewReplacer("v{{ .Version }}", "$VERSION", "{{ .FullCommit }}", "$REVISION")
	got := slices.Concat(build.Env, build.Flags,
		[]string{"tags=" + strings.Join(build.Tags, ","), `-ldflags="` + named.Replace(strings.Join(build.Ldflags, " ")) + `"`})

	script := read(t, "../cmd/update-gitops-repo/build.sh")
	want := regexp.MustCompile(`(?m)CGO_ENABLED=\d|-trimpath|-buildvcs=\w+|^tags=.*|-ldflags=".*"`).FindAllString(script, -1)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf(".goreleaser.yaml builds with %q\nbuild.sh builds with %q", got, want)
	}

	toolchain := find(t, "../go.mod", `(?m)^toolchain go([\d.]+)$`)
	if base := find(t, "../Dockerfile", `/golang:([\d.]+)-`); base != toolchain {
		t.Errorf("the Dockerfile builds with Go %s, go.mod with %s", base, toolchain)
	}
}

// find returns the first group of the pattern's first match in the file.
func find(t *testing.T, file, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(read(t, file))
	if match == nil {
		t.Fatalf("%s has no %s", file, pattern)
	}
	return match[1]
}
