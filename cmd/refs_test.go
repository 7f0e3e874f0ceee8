package cmd

import (
	"os/exec"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/secret"
)

// TestRefs: which names are branches is what git says of them in a repository that has a ref of each kind. A name is
// taken for the branch that git takes it for, or refused with what it is; from a flag, a variable and a file alike.
func TestRefs(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "a")
	for _, ref := range []string{
		"refs/heads/a/b", "refs/heads/v1", "refs/tags/v2", "refs/pull/7/merge", "refs/pull/7/head",
		"refs/merge-requests/7/head", "refs/remotes/origin/main", "refs/remotes/up/main", "refs/for/main",
		"refs/heads/origin/x", "refs/heads/heads/x", "refs/heads/tags/x", "refs/heads/remotes/up/x",
		"refs/heads/7/merge", "refs/heads/pull/7/head",
	} {
		git("update-ref", ref, "main")
	}
	for name, want := range map[string]string{
		"main": "main", "a/b": "a/b", "v1": "v1", "refs/heads/main": "main", "refs/heads/a/b": "a/b",
		"refs/heads/v1": "v1",

		"refs/tags/v2": "is a tag", "tags/v2": "is a tag",
		"refs/pull/7/merge": "the ref of a pull request", "pull/7/head": "the ref of a pull request",
		"7/merge": "the ref of a pull request", "refs/merge-requests/7/head": "the ref of a pull request",
		"refs/remotes/origin/main": "remote-tracking", "remotes/up/main": "remote-tracking",
		"origin/main": "remote-tracking", "heads/main": "half of a full name", "refs/for/main": "is no branch",
		"refs/heads/refs/heads/main": "is no branch", "refs/heads/": "is no branch",
		"HEAD": "whatever is checked out", "@": "whatever is checked out", "-x": "cannot be the name",
		"a..b": "cannot be the name", "a.lock": "cannot be the name", "a/": "cannot be the name",
		"a.": "cannot be the name", "refs/heads/a..b": "cannot be the name",
		"refs/heads/HEAD": "whatever is checked out", "refs/heads/@": "whatever is checked out",

		// The full name of a branch that is called as something else is beyond doubt.
		"refs/heads/origin/x": "origin/x", "refs/heads/heads/x": "heads/x", "refs/heads/tags/x": "tags/x",
		"refs/heads/remotes/up/x": "remotes/up/x", "refs/heads/7/merge": "7/merge",
		"refs/heads/pull/7/head": "pull/7/head",
		"main~1":                 "cannot be the name", "main^{commit}": "cannot be the name",
		"@{-1}": "cannot be the name",
	} {
		for _, flag := range []string{"base", "branch"} {
			c, err := parseConfig([]string{"-" + flag + "=" + name, "-set=a.yaml:.b=1"}, nil, &secret.Redactor{})
			if err != nil {
				t.Fatal(err)
			}
			short := c.base + c.branch
			if err := refuse(c); err != nil {
				if !strings.Contains(err.Error(), want) || want == short {
					t.Errorf("-%s=%s: %v; want %s", flag, name, err, want)
				}
				continue
			}
			if full := git("rev-parse", "--symbolic-full-name", name); short != want || full != "refs/heads/"+short {
				t.Errorf("-%s=%s is %q, which git takes for %q; want %s", flag, name, short, full, want)
			}
			if warned := len(c.warnings) == 1; warned != (name != short) {
				t.Errorf("-%s=%s: warnings %q", flag, name, c.warnings)
			}
		}
	}
}

// TestRefHints: a name that a branch may have is refused with the full name, which is taken; any other is not.
func TestRefHints(t *testing.T) {
	for name, canBe := range map[string]bool{
		"origin/x": true, "heads/x": true, "tags/x": true, "7/merge": true, "remotes/up/x": true,
		"HEAD": false, "@": false, "refs/tags/x": false, "refs/for/x": false, "refs/remotes/up/x": false,
	} {
		for _, flag := range []string{"base", "branch"} {
			for given, want := range map[string]bool{name: false, "refs/heads/" + name: canBe} {
				c, err := parseConfig([]string{"-" + flag + "=" + given, "-set=a.yaml:.b=1"}, nil, &secret.Redactor{})
				if err != nil {
					t.Fatal(err)
				}
				err = refuse(c)
				if (err == nil) != want {
					t.Errorf("-%s=%s: %v", flag, given, err)
				}
				hint, _ := usage.Hint(err)
				if strings.HasSuffix(hint, "its full name: refs/heads/"+name) != (canBe && !want) {
					t.Errorf("-%s=%s: the hint is %s", flag, given, hint)
				}
			}
		}
	}
}

// TestRevisions: a revision is a hash in git's case, or a name that is not bound to a place.
func TestRevisions(t *testing.T) {
	hash := strings.Repeat("1a2B", 10)
	for given, want := range map[string]string{
		hash: strings.ToLower(hash), hash + hash[:24]: strings.ToLower(hash + hash[:24]), "1a2b3c4": "1a2b3c4",
		"1A2B3C4": "1A2B3C4", // It may be a tag.
		"v1.2":    "v1.2", "refs/tags/v1.2": "v1.2", "release/1": "release/1", "1234": "1234",
		"HEAD": "", "@": "", "HEAD~1": "", "v1^0": "", "@{u}": "", "a..b": "", "refs/heads/main": "",
		"refs/pull/7/merge": "", "refs/tags/": "",
	} {
		c, err := parseConfig([]string{"-git-revision=" + given, "-set=a.yaml:.b=1"}, nil, &secret.Redactor{})
		if err != nil {
			t.Fatal(err)
		}
		if err := refuse(c); (err != nil) != (want == "") || err == nil && c.revision != want {
			t.Errorf("%s is %q, %v; want %q", given, c.revision, err, want)
		}
	}
}
