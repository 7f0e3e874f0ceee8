package forge

import (
	"strings"
	"testing"
)

// The branch is moved under git's own compare-and-swap.
func TestCommitFilesMoved(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	old := at(t, s, "rev-parse", "main")
	seed(t, s, "main", map[string]string{"a.yaml": "a: 2\n"})
	tip := at(t, s, "rev-parse", "main")
	if _, err := s.commitFiles(repo, "main", old, "M", []fileChange{{path: "b", mode: "100644"}}); err == nil ||
		!strings.Contains(err.Error(), errBranchMoved.Error()) {
		t.Errorf("got error %v", err)
	}
	if at(t, s, "rev-parse", "main") != tip {
		t.Error("main has moved")
	}
}

func TestGitLabCommits(t *testing.T) {
	s := start(t, GitLab, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"})
	old := at(t, s, "rev-parse", "main")
	at(t, s, "update-ref", "refs/heads/deploy/x", "main")
	seed(t, s, "main", map[string]string{"a.yaml": "a: 2\n"})
	const project = "/api/v4/projects/acme%2Fgitops/repository"
	do := func(fields object, actions ...object) (int, string) {
		t.Helper()
		body := object{"branch": "main", "commit_message": "M", "actions": append([]object{}, actions...)}
		for k, v := range fields {
			body[k] = v
		}
		status, _, out := call(t, s, "POST", project+"/commits", body)
		return status, text(t, out)
	}
	action := func(kind, path, last string) object {
		return object{"action": kind, "file_path": path, "content": "bmV3Cg==", "encoding": "base64",
			"last_commit_id": last}
	}
	tip := at(t, s, "rev-parse", "main")
	for _, tc := range []struct {
		name    string
		fields  object
		actions []object
		want    string
	}{
		{"nothing said", object{"branch": nil, "commit_message": nil, "actions": nil}, nil,
			"branch is missing, commit_message is missing, actions is missing"},
		{"unknown action", nil, []object{action("touch", "x", "")}, "actions[0][action] does not have a valid value"},
		{"no branch", object{"branch": "none"}, nil, "You can only create or edit files when you are on a branch"},
		{"start_sha", object{"start_sha": old}, nil, "A branch called 'main' already exists"},
		{"force", object{"start_sha": old, "force": true}, nil, "neither force"},
		{"exists", nil, []object{action("create", "a.yaml", "")}, "A file with this name already exists"},
		{"does not exist", nil, []object{action("update", "none", "")}, "A file with this name doesn't exist"},
		{"has changed", nil, []object{action("update", "a.yaml", old)},
			"The file has changed since you started editing it: a.yaml"},
		{"deleted, but has changed", nil, []object{action("delete", "a.yaml", old)},
			"The file has changed since you started editing it: a.yaml"},
		{"bad path", nil, []object{action("create", "/x", "")}, "invalid path"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if status, out := do(tc.fields, tc.actions...); status != 400 || !strings.Contains(out, tc.want) {
				t.Errorf("got %d %s", status, out)
			}
		})
	}
	if at(t, s, "rev-parse", "main") != tip {
		t.Fatal("main has moved")
	}
	// What has not changed since, in b.yaml, is no obstacle; the commit goes on the present tip.
	status, out := do(nil, action("update", "b.yaml", old), action("create", "c.yaml", ""))
	made := at(t, s, "rev-parse", "main")
	if status != 201 || !strings.Contains(out, `"id":"`+made+`"`) ||
		!strings.Contains(out, `"parent_ids":["`+tip+`"]`) {
		t.Errorf("got %d %s", status, out)
	}
	if got := at(t, s, "show", "main:b.yaml"); got != "new" {
		t.Errorf("b.yaml: %q", got)
	}
	if status, _, out := call(t, s, "GET", project+"/branches/deploy%2Fx", nil); status != 200 ||
		!strings.Contains(text(t, out), `"id":"`+old+`"`) {
		t.Errorf("branch: %d %v", status, out)
	}
	if status, _, out := call(t, s, "GET", project+"/branches/none", nil); status != 404 ||
		!strings.Contains(text(t, out), "404 Branch Not Found") {
		t.Errorf("no branch: %d %v", status, out)
	}
}

// GitLab takes the order to merge back when there is something new, and without a pipeline it takes none.
func TestGitLabAutoMerge(t *testing.T) {
	s := start(t, GitLab, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	branch(t, s, "one", map[string]string{"a.yaml": "a: 2\n"})
	const requests = "/api/v4/projects/acme%2Fgitops/merge_requests"
	call(t, s, "POST", requests, object{"title": "T", "source_branch": "one", "target_branch": "main"})
	merge := func() (int, string) {
		status, _, out := call(t, s, "PUT", requests+"/1/merge", object{"auto_merge": true})
		return status, text(t, out)
	}
	if status, out := merge(); status != 405 {
		t.Errorf("without a pipeline: %d %s", status, out)
	}
	check := func(state string) {
		t.Helper()
		if err := s.SetChecks(repo, at(t, s, "rev-parse", "one"), state); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Protect(repo, "main"); err != nil {
		t.Fatal(err)
	}
	check("pending")
	if status, out := merge(); status != 200 || !strings.Contains(out, `"merge_when_pipeline_succeeds":true`) {
		t.Errorf("ordered: %d %s", status, out)
	}
	seed(t, s, "one", map[string]string{"a.yaml": "a: 3\n"})
	check("success")
	if got := s.PullRequests(repo)[0]; got.State != "open" {
		t.Errorf("merged what nobody asked for: %+v", got)
	}
	if status, out := merge(); status != 200 || !strings.Contains(out, `"state":"merged"`) {
		t.Errorf("at once: %d %s", status, out)
	}
}
