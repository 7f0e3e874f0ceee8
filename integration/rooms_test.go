package integration

import (
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "update-gitops-repo/"

// rooms has every package of the module, and the packages of the module that it imports: all arrows there are. The
// tests' own imports are not among them.
var rooms = map[string][]string{
	"cmd": {
		"cmd/internal/auth",
		"cmd/internal/ci",
		"cmd/internal/edits",
		"cmd/internal/escape",
		"cmd/internal/forges",
		"cmd/internal/heapwatch",
		"cmd/internal/message",
		"cmd/internal/report",
		"cmd/internal/retry",
		"cmd/internal/update",
		"cmd/internal/usage",
		"gitrepo",
		"gitrepo/checkout",
		"gitrepo/giturl",
		"gitrepo/settings",
		"gitrepo/sign",
		"gitrepo/ssh",
		"scm",
		"secret",
		"template",
		"template/glob",
		"template/image",
		"template/yamledit",
		"template/yamledit/yqedit",
	},
	"cmd/internal/auth": {
		"cmd/internal/ci",
		"cmd/internal/forges",
		"cmd/internal/usage",
		"gitrepo",
		"gitrepo/credential",
		"gitrepo/giturl",
		"gitrepo/settings",
		"scm",
		"secret",
	},
	"cmd/internal/ci":   {"cmd/internal/escape"},
	"cmd/internal/diff": {},
	"cmd/internal/edits": {
		"cmd/internal/heapwatch",
		"gitrepo",
		"gitrepo/checkout",
		"gitrepo/settings",
		"template",
		"template/glob",
		"template/image",
		"template/yamledit",
		"template/yamledit/yqedit",
	},
	"cmd/internal/escape":            {},
	"cmd/internal/escape/escapetest": {},
	"cmd/internal/forges":            {"scm", "scm/github", "scm/gitlab", "secret"},
	"cmd/internal/heapwatch":         {},
	"cmd/internal/message":           {"cmd/internal/escape", "secret", "template", "template/yamledit"},
	"cmd/internal/report":            {"cmd/internal/escape", "secret"},
	"cmd/internal/retry":             {"cmd/internal/escape", "gitrepo"},
	"cmd/internal/update": {
		"cmd/internal/diff",
		"cmd/internal/edits",
		"cmd/internal/escape",
		"cmd/internal/message",
		"cmd/internal/report",
		"cmd/internal/retry",
		"gitrepo",
		"scm",
		"secret",
	},
	"cmd/internal/usage":     {},
	"cmd/update-gitops-repo": {"cmd"},

	"gitrepo": {
		"gitrepo/checkout",
		"gitrepo/giturl",
		"gitrepo/internal/pack",
		"gitrepo/internal/transport",
		"gitrepo/internal/unseen",
	},
	"gitrepo/checkout": {
		"gitrepo/giturl",
		"gitrepo/internal/layout",
		"gitrepo/internal/objectdb",
		"gitrepo/internal/paths",
		"gitrepo/internal/refs",
		"gitrepo/settings",
		"gitrepo/wildmatch",
	},
	"gitrepo/credential": {
		"gitrepo/giturl",
		"gitrepo/internal/paths",
		"gitrepo/settings",
		"secret",
	},
	"gitrepo/giturl":                 {"gitrepo/internal/unseen", "secret"},
	"gitrepo/internal/gittest":       {},
	"gitrepo/internal/layout":        {"gitrepo/internal/paths"},
	"gitrepo/internal/objectdb":      {"gitrepo/internal/paths"},
	"gitrepo/internal/pack":          {},
	"gitrepo/internal/pack/packtest": {},
	"gitrepo/internal/paths":         {},
	"gitrepo/internal/refs":          {"gitrepo/internal/paths"},
	"gitrepo/internal/repotest": {
		"gitrepo",
		"gitrepo/giturl",
		"gitrepo/internal/gittest",
		"gitrepo/internal/pack/packtest",
		"gitrepo/ssh",
		"integration/forge",
		"secret",
	},
	"gitrepo/internal/transport": {
		"gitrepo/checkout",
		"gitrepo/giturl",
		"gitrepo/internal/layout",
		"gitrepo/internal/objectdb",
		"gitrepo/internal/pack",
		"gitrepo/internal/paths",
		"gitrepo/internal/refs",
		"gitrepo/settings",
		"gitrepo/ssh",
	},
	"gitrepo/internal/unseen": {},
	"gitrepo/settings":        {"gitrepo/internal/layout", "gitrepo/internal/paths", "gitrepo/wildmatch"},
	"gitrepo/sign":            {},
	"gitrepo/ssh":             {"gitrepo/giturl", "gitrepo/internal/paths", "gitrepo/settings", "gitrepo/wildmatch"},
	"gitrepo/wildmatch":       {},

	"integration":               {},
	"integration/bench":         {"integration/forge"},
	"integration/bench/measure": {},
	"integration/bench/peer":    {},
	"integration/demo":          {"integration/forge"},
	"integration/forge":         {},
	"integration/image":         {"integration/forge"},
	"integration/memnet":        {},

	"scm":                   {"secret"},
	"scm/github":            {"scm", "scm/internal/rest", "secret"},
	"scm/gitlab":            {"scm", "scm/internal/rest"},
	"scm/internal/rest":     {"scm", "secret"},
	"scm/internal/resttest": {"scm"},

	"secret": {},

	"template/glob":                       {"gitrepo/wildmatch"}, // patterns are git's everywhere
	"template":                            {"template/glob", "template/yamledit"},
	"template/image":                      {"template/glob", "template/yamledit"},
	"template/yamledit":                   {"template/yamledit/internal/parallel"},
	"template/yamledit/internal/parallel": {},
	"template/yamledit/yqedit": {
		"template/glob", "template/yamledit", "template/yamledit/internal/parallel",
	},
}

// importers has, by the beginning of an import path, the packages that may import it; "x/..." is x and all below it. Of
// several beginnings, the longest counts.
var importers = map[string][]string{
	"github.com/Masterminds/sprig":      {"template"},
	"github.com/ProtonMail/":            {"gitrepo/sign"},
	"github.com/agext/levenshtein":      {"cmd"},
	"github.com/aymanbagabas/go-udiff":  {"cmd/internal/diff", "template/yamledit"},
	"github.com/distribution/reference": {"template/image"},
	"github.com/go-git/": {
		"gitrepo", "gitrepo/checkout", "gitrepo/giturl", "gitrepo/internal/objectdb", "gitrepo/internal/pack",
		"gitrepo/internal/refs", "gitrepo/internal/transport", "gitrepo/ssh", "integration/bench/peer",
	},
	"github.com/google/go-github":      {"scm/github"},
	"github.com/mikefarah/yq":          {"template/yamledit/yqedit", "integration/bench/peer"},
	"github.com/rogpeppe/go-internal/": {}, // tests only
	"github.com/vektah/gqlparser":      {"integration/forge"},
	"github.com/yuin/goldmark":         {"cmd/internal/escape/escapetest"},
	"gitlab.com/gitlab-org/":           {"scm/gitlab"},
	"golang.org/x/crypto/ssh": {
		"gitrepo/internal/gittest", "gitrepo/internal/transport", "gitrepo/sign", "gitrepo/ssh", "integration/forge",
	},
	"net/http/httptest": {"gitrepo/internal/repotest", "scm/internal/resttest"},
	"os/exec": {
		"gitrepo/credential", "gitrepo/internal/gittest", "gitrepo/internal/repotest",
		"integration/bench", "integration/demo", "integration/forge", "integration/image",
	},
	"testing": {
		"cmd/internal/escape/escapetest", "gitrepo/internal/gittest", "gitrepo/internal/repotest",
		"scm/internal/resttest",
	},
}

// TestRooms compares both tables with what is imported. An entry that nobody needs any more fails too.
func TestRooms(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	ours, others := map[string][]string{}, map[string][]string{} // what a room imports
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		room := strings.TrimPrefix(fields[0], module)
		ours[room] = []string{}
		for _, path := range fields[1:] {
			if to, ok := strings.CutPrefix(path, module); ok {
				ours[room] = append(ours[room], to)
			} else {
				others[room] = append(others[room], path)
			}
		}
	}
	checkRooms(t, ours)
	checkImporters(t, others)
}

func checkRooms(t *testing.T, imports map[string][]string) {
	t.Helper()
	for _, room := range slices.Sorted(maps.Keys(imports)) {
		if may, ok := rooms[room]; !ok || !slices.Equal(imports[room], may) {
			t.Errorf("rooms has not what is imported; if that is as it should be:\n\t%q: {%s},",
				room, quoted(imports[room]))
		}
	}
	for room := range rooms {
		if _, ok := imports[room]; !ok {
			t.Errorf("there is no %s: rooms is out of date", room)
		}
	}
}

func checkImporters(t *testing.T, imports map[string][]string) {
	t.Helper()
	met := map[string]bool{}
	for _, room := range slices.Sorted(maps.Keys(imports)) {
		for _, path := range imports[room] {
			library := longestPrefix(path)
			met[library] = true
			if library != "" && !slices.ContainsFunc(importers[library], within(room)) {
				t.Errorf("%s imports %s; only %v may", room, path, importers[library])
			}
		}
	}
	for library, may := range importers {
		if len(may) > 0 && !met[library] {
			t.Errorf("nothing imports %s: importers is out of date", library)
		}
	}
}

// within returns a function that reports whether a room is what a pattern of importers names.
func within(room string) func(pattern string) bool {
	return func(pattern string) bool {
		top, below := strings.CutSuffix(pattern, "/...")
		return room == top || below && strings.HasPrefix(room, top+"/")
	}
}

// quoted returns the paths as a Go list has them.
func quoted(paths []string) string {
	var all []string
	for _, path := range paths {
		all = append(all, strconv.Quote(path))
	}
	return strings.Join(all, ", ")
}

// longestPrefix returns the key of importers that path begins with, empty when there is none.
func longestPrefix(path string) string {
	longest := ""
	for library := range importers {
		if strings.HasPrefix(path, library) && len(library) > len(longest) {
			longest = library
		}
	}
	return longest
}
