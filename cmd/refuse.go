package cmd

import (
	"slices"
	"strings"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/template/glob"
)

// refuse returns an error for flags that make no sense, whatever the repository holds: first each by itself, then
// together.
func refuse(c *config) error {
	for f := range all(c.flags()) {
		if err := f.refuse(); err != nil {
			return err
		}
	}
	return c.refuseTogether()
}

// refuse checks the flag's values by themselves.
func (s flagSpec) refuse() error {
	for _, value := range s.values() {
		if value == "" && s.preset == "" && !s.isRepeatable() {
			continue // It is not given.
		}
		if s.choices != nil && !slices.Contains(s.choices, value) {
			return usage.Errorf("use one of: "+strings.Join(s.choices, ", "), "-%s %q is not known", s.name, value)
		}
		if s.check == nil {
			continue
		}
		if err := s.check(s.name, value); err != nil {
			return err
		}
	}
	return nil
}

func checkIdentity(flag, value string) error {
	if err := gitrepo.CheckIdentity(value, ""); err != nil {
		return usage.Errorf("give a plain name and address", "-%s %v", flag, err)
	}
	return nil
}

// checkLine takes one line of characters that a reader sees.
func checkLine(flag, value string) error {
	if value != escape.Visible(value) || strings.ContainsAny(value, "\r\n\t") {
		return usage.Errorf("give one line of visible characters",
			"-%s %q has a line break or control character in it", flag, value)
	}
	return nil
}

func checkGlob(flag, value string) error {
	if hasGap(value) {
		return errGap("-"+flag, value, "glob")
	}
	if err := glob.Check(value); err != nil {
		return usage.Errorf("give -"+flag+" a glob such as production/**.yaml", "-%s %q: %v", flag, value, err)
	}
	return nil
}

// refuseTogether checks numbers, and what flags mean to each other.
func (c *config) refuseTogether() error {
	switch {
	case c.timeout <= 0:
		return usage.Errorf("give a time such as 10m", "-timeout must be positive, not %s", c.timeout)
	case c.createPull && c.branch != "" && c.branch == c.base:
		return usage.Errorf(hintSameBranch, "-branch and -base are both %q", c.branch)
	case c.sequence < 0:
		return usage.Errorf("give the number of the build, such as 1234",
			"-sequence must be positive, not %d", c.sequence)
	case c.autoMerge && c.mergePull:
		return usage.Errorf("give -auto-merge to have the forge merge once it may, or -merge-pull-request to merge now",
			"-auto-merge and -merge-pull-request are both given")
	case c.createPull && c.draft && c.mergePull:
		return usage.Errorf("leave one of them out",
			"-pr-draft and -merge-pull-request are both given: a draft is not merged")
	case c.pullBody != "" && c.pullBodyFile != "":
		return usage.Errorf("give one of them", "-pr-body and -pr-body-file are both given")
	case (c.appID == "") != (c.appKeyFile == ""):
		return usage.Errorf("give both", "-github-app-id and -github-app-key-file belong together")
	case c.signKeyFile != "" && c.commitViaAPI && !c.dryRun:
		return usage.Errorf("leave one of them out",
			"-sign-key-file and -commit-via-api are both given: the forge signs its own commits")
	case !c.changesAnything() && !c.checkAuth:
		return usage.Errorf("give -substitute, -filepath, -template, -set, -image, -yq or -add",
			"there is nothing to do")
	}
	return nil
}

// changesAnything reports whether a flag is given that changes files.
func (c *config) changesAnything() bool {
	for _, l := range []list{
		c.adds, c.filepaths, c.substitutes, c.substituteEnvs, c.templates, c.sets, c.images, c.expressions,
	} {
		if len(l.values) > 0 {
			return true
		}
	}
	return false
}

// idle returns a warning for each flag that does nothing without another. That is harmless, and old command lines have
// some.
func idle(groups []flagGroup) []string {
	needed := map[string]flagSpec{}
	for f := range all(groups) {
		needed[f.name] = f
	}
	var warnings []string
	for f := range all(groups) {
		other := needed[f.needs]
		if f.needs == "" || !f.isSet() || !other.isOff() {
			continue
		}
		warning := "-" + f.name + " does nothing without -" + other.name
		if other.isSwitch() {
			warning = "-" + f.name + " does nothing with -" + other.name + "=false"
		}
		if f.because != "" {
			warning += ": " + f.because
		}
		warnings = append(warnings, warning)
	}
	return warnings
}
