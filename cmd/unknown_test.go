package cmd

import (
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/secret"
)

// TestUnknownVariables: a variable that is meant for this program, as its name shows, and is no flag's is an error, and
// one that others set is none.
func TestUnknownVariables(t *testing.T) {
	const value = "value-of-nobody"
	for _, test := range []struct {
		name, value string
		near        string // the flag's variable that the hint names; empty: none
	}{
		{"UPDATE_GITOPS_REPO_DRYRUN", value, "DRY_RUN"},
		{"UPDATE_GITOPS_REPO_DRY-RUN", value, "DRY_RUN"},
		{"UPDATE_GITOPS_REPO_DRY_RUNN", value, "DRY_RUN"},
		{"UPDATE_GITOPS_REPO_dry_run", value, "DRY_RUN"},
		{"update_gitops_repo_dry_run", value, "DRY_RUN"},
		{"UPDATE_GITOPS_REPO__DRY_RUN", value, "DRY_RUN"},
		{"UPDATE_GITOPS_REPODRY_RUN", value, "DRY_RUN"},
		{"UPDATEGITOPSREPO_DRY_RUN", value, "DRY_RUN"},
		{"UPDATE_GITOP_REPO_DRY_RUN", value, "DRY_RUN"},
		{"UPDATE_GITOPS_REPO_DRYRUN", "", "DRY_RUN"},
		{"UPDATE_GITOPS_REPO_SETS", value, "SET"},
		{"UPDATE_GITOPS_REPO_SUBSTITUTES", value, "SUBSTITUTE"},
		{"UPDATE_GITOPS_REPO_PR_LABELS", value, "PR_LABEL"},
		{"UPDATE_GITOPS_REPO_LABEL", value, "PR_LABEL"},
		{"UPDATE_GITOPS_REPO_REVISION", value, "GIT_REVISION"},
		{"UPDATE_GITOPS_REPO_CREATE_PULLREQUEST", value, "CREATE_PULL_REQUEST"},
		{"UPDATE_GITOPS_REPO_VALIDAT", value, "VALIDATE"},
		{"UPDATE_GITOPS_REPO_XYZZY", value, ""},
		{"UPDATE_GITOPS_REPO_PORT", value, ""},
	} {
		_, err := parseConfig([]string{"-set=a.yaml:.b=1", "-config=/does/not/exist"},
			[]string{"HOME=/", test.name + "=" + test.value}, &secret.Redactor{})
		hint, ok := usage.Hint(err)
		if !ok || !strings.Contains(err.Error(), test.name) || strings.Contains(err.Error()+hint, value) {
			t.Errorf("%s: %v", test.name, err)
		}
		want := "did you mean " + envPrefix + "_" + test.near + "? "
		if test.near == "" && strings.Contains(hint, "did you mean") ||
			test.near != "" && !strings.HasPrefix(hint, want) {
			t.Errorf("%s: the hint is %q, want %q", test.name, hint, want)
		}
	}
	for _, other := range []string{
		"UPDATE_GITOPS_REPO_SERVICE_HOST=10.0.0.1", "UPDATE_GITOPS_REPO_SERVICE_PORT=80",
		"UPDATE_GITOPS_REPO_SERVICE_PORT_HTTP=80", "UPDATE_GITOPS_REPO_PORT=tcp://10.0.0.1:80",
		"UPDATE_GITOPS_REPO_PORT_80_TCP=tcp://10.0.0.1:80", "UPDATE_GITOPS_REPO_PORT_80_TCP_PROTO=tcp",
		"UPDATE_GITOPS_REPO_PORT_80_TCP_PORT=80", "UPDATE_GITOPS_REPO_PORT_80_TCP_ADDR=10.0.0.1",
		"UPDATE_GITOPS_REPO_HOOK_SERVICE_HOST=10.0.0.1", "UPDATE_GITOPS_REPO_HOOK_PORT=udp://10.0.0.1:80",
		"UPDATE_GITOPS_REPO_TOKEN_USR=a", "UPDATE_GITOPS_REPO_SSH_KEY_FILE_PSW=a",
		"UPDATE_GITOPS_REPO_VERSION=1.2", "UPDATE_GITOPS_REPO_BRANCH=",
		"UPDATE_GITOPS_REPO=https://git.example.com/acme/gitops", "UPDATE_GITOPS_REPOSITORY=a", "UPDATE_GITOPS_DIR=a",
		"GITOPS_REPO=a", "GITOPS_REPO_TOKEN=a", "UPDATE_REPO=a", "TOKEN=a", "=C:=C:\\", "A",
	} {
		if _, err := parseConfig([]string{"-set=a.yaml:.b=1"}, []string{other}, &secret.Redactor{}); err != nil {
			t.Errorf("%s: %v", other, err)
		}
	}
}
