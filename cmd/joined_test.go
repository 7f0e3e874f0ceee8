package cmd

import (
	"slices"
	"testing"

	"update-gitops-repo/secret"
)

// TestSettle: of entries about one thing the last one counts, in the order file, variable, command line, whichever flag
// and position they have there; a warning names both where they differ.
func TestSettle(t *testing.T) {
	file := t.TempDir() + "/flags.yaml"
	write(t, file, "timeout: 5m\nsequence: 3\nsubstitute: [k=file, same=1, x=file]\nimage: a=a:1\npr-label: [l, m]\n")
	environ := []string{envPrefix + "_APP=shop", envPrefix + "_WAIT=true", envPrefix + "_SUBSTITUTE_ENV=k",
		envPrefix + "_SUBSTITUTE=same=1\ny=variable", envPrefix + "_PR_LABEL=m\nn"}
	args := []string{"-config=" + file, "-substitute=k=argument", "-substitute=y=1", "-substitute=y=2",
		"-image=docker.io/library/a=a:2", "-pr-label=l"}
	c, err := parseConfig(args, environ, &secret.Redactor{})
	if err != nil {
		t.Fatal(err)
	}
	values, err := parseValues(c, environment("k=environment"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"k": "argument", "same": "1", "x": "file", "y": "2"} {
		if values[key] != want {
			t.Errorf("%s is %v, want %s", key, values[key], want)
		}
	}
	images, err := parseImages(c)
	if err != nil || len(images) != 1 || images[0].Ref != "a:2" {
		t.Errorf("the images are %v, %v", images, err)
	}
	pull, err := newPull(c, "b")
	if err != nil || !slices.Equal(pull.Request.Labels, []string{"l", "m", "n"}) {
		t.Errorf("the labels are %q, %v", pull.Request.Labels, err)
	}
	want := []string{
		`-substitute="k=argument" of the command line replaces -substitute="k=file" of ` + file,
		`-substitute="k=argument" of the command line replaces -substitute-env="k" of UPDATE_GITOPS_REPO_SUBSTITUTE_ENV`,
		`-substitute="y=2" of the command line replaces -substitute="y=variable" of UPDATE_GITOPS_REPO_SUBSTITUTE`,
		`-substitute="y=2" of the command line replaces -substitute="y=1" of the command line`,
		`-image="docker.io/library/a=a:2" of the command line replaces -image="a=a:1" of ` + file,
	}
	got := slices.Clone(c.warnings)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the warnings are\n%q, want\n%q", got, want)
	}
}
