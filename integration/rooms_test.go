package integration

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestRooms enforces who may import whom: the rooms know nothing of each other, and each library has one importer.
func TestRooms(t *testing.T) {
	const module = "update-gitops-repo/"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	// Who may import what a prefix names. Of several prefixes of a path, the longest counts.
	importers := map[string][]string{
		"github.com/go-git/":                {"gitrepo", "gitrepo/giturl", "gitrepo/internal/objectdb", "gitrepo/internal/pack", "gitrepo/ssh", "integration/bench/peer"},
		"github.com/Masterminds/sprig":      {"template"},
		"github.com/distribution/reference": {"template"},
		"github.com/mikefarah/yq":           {"template", "integration/bench/peer"},
		"github.com/google/go-github":       {"scm/github"},
		"gitlab.com/gitlab-org/":            {"scm/gitlab"},
		"github.com/peterbourgon/ff":        {"cmd"},
		"github.com/vektah/gqlparser":       {"integration/forge"},
		module + "cmd":                      {"cmd/update-gitops-repo"},
		module + "template":                 {"cmd", "cmd/internal/message"},
		module + "gitrepo":                  {"cmd", "cmd/internal/retry"},
		module + "secret":                   {"cmd", "cmd/internal/message", "gitrepo/credential", "gitrepo/giturl", "scm", "scm/github", "scm/internal/rest"},
		module + "scm":                      {"cmd", "scm/github", "scm/gitlab", "scm/internal/rest"},
		module + "integration":              {"integration/bench", "integration/demo", "integration/image"},
		"net/http/httptest":                 {"scm/internal/resttest"},
		"testing":                           {"scm/internal/resttest", "cmd/internal/escape/escapetest", "gitrepo/internal/gittest"},
		"github.com/rogpeppe/go-internal/":  {},
		"golang.org/x/crypto/ssh":           {"integration/forge", "gitrepo", "gitrepo/internal/gittest", "gitrepo/ssh"},
		"os/exec":                           {"gitrepo/credential", "gitrepo/internal/gittest", "integration/forge", "integration/bench", "integration/demo", "integration/image"},

		module + "cmd/internal/ci":      {"cmd"},
		module + "cmd/internal/retry":   {"cmd"},
		module + "cmd/internal/escape":  {"cmd", "cmd/internal/message", "cmd/internal/retry"},
		module + "cmd/internal/message": {"cmd"},
		module + "cmd/internal/escape/": {}, // Helpers for tests.
		"github.com/yuin/goldmark":      {"cmd/internal/escape/escapetest"},

		// The rooms of gitrepo. The program imports those that it has to do with directly; gitrepo does not re-export them.
		module + "gitrepo/credential":        {"cmd"},
		module + "gitrepo/giturl":            {"cmd", "gitrepo", "gitrepo/credential", "gitrepo/ssh"},
		module + "gitrepo/settings":          {"cmd", "gitrepo", "gitrepo/credential", "gitrepo/ssh"},
		module + "gitrepo/ssh":               {"cmd", "gitrepo"},
		module + "gitrepo/internal/gittest":  {}, // Helpers for tests.
		module + "gitrepo/internal/layout":   {"gitrepo", "gitrepo/settings"},
		module + "gitrepo/internal/objectdb": {"gitrepo"},
		module + "gitrepo/internal/pack":     {"gitrepo"},
		module + "gitrepo/internal/paths":    {"gitrepo", "gitrepo/credential", "gitrepo/internal/layout", "gitrepo/settings", "gitrepo/ssh"},
		module + "gitrepo/internal/unseen":   {"gitrepo", "gitrepo/giturl"},
	}
	met := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], module)
		for _, path := range fields[1:] {
			longest, found := "", false
			for prefix := range importers {
				if strings.HasPrefix(path, prefix) && len(prefix) > len(longest) {
					longest, found = prefix, true
				}
			}
			met[longest] = true
			if allowed := importers[longest]; found && !slices.Contains(allowed, pkg) {
				t.Errorf("%s imports %s; only %v may", pkg, path, allowed)
			}
		}
	}
	for prefix, allowed := range importers {
		if len(allowed) > 0 && !met[prefix] {
			t.Errorf("nothing imports %s: the rule is out of date", prefix)
		}
	}
}
