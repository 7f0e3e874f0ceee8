package cmd

import (
	"fmt"
	"regexp"
	"strings"

	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo"
)

// shortenRefs replaces the full name of a branch, or of a tag as the revision, with its short one, and adds a warning.
// CI systems hold full names, as in GITHUB_REF and BUILD_SOURCEBRANCH, and refs/heads/main as a branch would become
// refs/heads/refs/heads/main. Which flags had a full name is remembered: that leaves no doubt what is meant. A hash
// gets git's lower case, so that one commit has one branch.
func (c *config) shortenRefs() {
	c.fullNames = map[string]bool{}
	for _, ref := range []struct {
		flag, prefix string
		into         *string
	}{
		{"base", "refs/heads/", &c.base}, {"branch", "refs/heads/", &c.branch},
		{"git-revision", "refs/tags/", &c.revision},
	} {
		short, ok := strings.CutPrefix(*ref.into, ref.prefix)
		if !ok || short == "" || strings.HasPrefix(short, "refs/") {
			continue
		}
		c.warnings = append(c.warnings, fmt.Sprintf("-%s %s: the short name %s is taken", ref.flag, *ref.into, short))
		*ref.into, c.fullNames[ref.flag] = short, true
	}
	if fullHash.MatchString(c.revision) {
		c.revision = strings.ToLower(c.revision)
	}
}

var fullHash = regexp.MustCompile(`^(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$`)

// neverBranch finds names that are not taken for a branch even where refs/heads/ stands before them.
var neverBranch = regexp.MustCompile(`^(?:HEAD$|@$|refs/)`)

// otherRefs are names that git, a forge or a CI system has for something that is no branch, or not by its own name. A
// branch may be called so, but is meant only where its full name is given. $1 in a hint is the branch.
var otherRefs = []struct {
	form       *regexp.Regexp
	what, hint string
}{
	{regexp.MustCompile(`^(?:HEAD|@)$`), "names whatever is checked out", "give the branch's own name"},
	{regexp.MustCompile(`^(?:refs/)?tags/`), "is a tag",
		"give a branch; the tag of the application is for -git-revision"},
	{regexp.MustCompile(`^(?:(?:refs/)?(?:pull|merge-requests)/)?[0-9]+/(?:merge|head)$`),
		"is the ref of a pull request, which only the forge moves",
		"give a branch; for a pull request, CI systems have its source and target in variables of their own"},
	{regexp.MustCompile(`^(?:refs/)?remotes/[^/]+/(.+)$`), "is a remote-tracking branch", "give its own name, $1"},
	{regexp.MustCompile(`^origin/(.+)$`), "is a remote-tracking branch", "give its own name, $1"},
	{regexp.MustCompile(`^heads/(.+)$`), "is half of a full name", "give its short name, $1"},
	{regexp.MustCompile(`^refs/`), "is no branch", "give the short name of a branch, such as main"},
}

// checkBranch takes the short name of a branch, or what is left of a full one.
func (c *config) checkBranch(flag, value string) error {
	if err := checkFilled(flag, value); err != nil {
		return err
	}
	for _, other := range otherRefs {
		if c.fullNames[flag] && !neverBranch.MatchString(value) {
			break
		}
		if m := other.form.FindStringSubmatchIndex(value); m != nil {
			hint := string(other.form.ExpandString(nil, other.hint, value, m))
			if !neverBranch.MatchString(value) {
				hint += "; for a branch that is really called so, its full name: refs/heads/" + value
			}
			return usage.Errorf(hint, "-%s %q %s", flag, value, other.what)
		}
	}
	if err := gitrepo.CheckBranch(value); err != nil {
		return usage.Errorf("see git check-ref-format for what a branch may be called", "-%s: %v", flag, err)
	}
	return nil
}

// relative finds what names a commit by where another one, or a checkout, is.
var relative = regexp.MustCompile(`^(?:HEAD|@)$|^refs/|[~^]|@\{|\.\.`)

// checkRevision takes a commit's hash, or a name that stands for the same commit everywhere.
func checkRevision(flag, value string) error {
	if err := checkFilled(flag, value); err != nil {
		return err
	}
	if zeros.MatchString(value) {
		return usage.Errorf("give the commit that was built; CI systems have another variable for it",
			"-%s %s stands for no commit", flag, value)
	}
	if relative.MatchString(value) {
		return usage.Errorf("give the commit's hash, as git rev-parse and the variables of CI systems have it",
			"-%s %q may be another commit in the next build", flag, value)
	}
	return nil
}
