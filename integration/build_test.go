package integration

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestBuildFlags compares the flags that goreleaser compiles with to those of build.sh, which make and the Dockerfile
// run. The version of Go has to be one, too: that of go.mod, which the workflows install, and that of the image's base.
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
		[]string{"tags=" + strings.Join(build.Tags, ","),
			`-ldflags="` + named.Replace(strings.Join(build.Ldflags, " ")) + `"`})

	script := read(t, "../cmd/update-gitops-repo/build.sh")
	want := regexp.MustCompile(`(?m)CGO_ENABLED=\d|-trimpath|-buildvcs=\w+|^tags=.*|-ldflags=".*"`).
		FindAllString(script, -1)
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

// TestPins asserts that what the builds take from others cannot change under them: each action is named by its commit
// and each base image by its digest, with the tag beside it for the reader.
func TestPins(t *testing.T) {
	const image = "docker.io/library/golang:"
	if !regexp.MustCompile(`\nFROM \S+ ` + image + `\S+@sha256:[0-9a-f]{64} `).MatchString(read(t, "../Dockerfile")) {
		t.Errorf("the Dockerfile's %s has no digest", image)
	}

	files, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflow found: %v", err)
	}
	uses := regexp.MustCompile(`(?m)^\s*(?:- )?uses: (.*)$`)
	pinned := regexp.MustCompile(`^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	commits := map[string]string{}
	for _, file := range append(files, "../examples/github-actions/workflow.yml") {
		for _, match := range uses.FindAllStringSubmatch(read(t, file), -1) {
			action, commit, _ := strings.Cut(match[1], "@")
			if strings.HasPrefix(action, "acme/") {
				continue // A reader's own.
			}
			if !pinned.MatchString(match[1]) {
				t.Errorf("%s uses %s, want ACTION@COMMIT # TAG", file, match[1])
			}
			if other, ok := commits[action]; ok && other != commit {
				t.Errorf("%s uses %s at %s, another file at %s", file, action, commit, other)
			}
			commits[action] = commit
		}
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
