package forge

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// change is what a commit does to one file.
type fileChange struct {
	path    string
	data    []byte
	mode    string // "100644"; empty to delete the file
	deleted bool
}

// errBranchMoved is returned when a branch is not where a commit was to be put.
var errBranchMoved = errors.New("the branch moved")

// commitFiles puts one commit with the changes on top of parent and moves branch there, from parent and from nowhere
// else.
func (s *Server) commitFiles(repo, branch, parent, message string, changes []fileChange) (string, error) {
	dir, err := os.MkdirTemp("", "forge-index-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}
	git := "--git-dir=" + s.GitDir(repo)
	if _, err := s.run(index, nil, git, "read-tree", parent); err != nil {
		return "", err
	}
	var entries bytes.Buffer // see git-update-index(1), --index-info
	for _, c := range changes {
		if c.deleted {
			fmt.Fprintf(&entries, "0 %s\t%s\x00", strings.Repeat("0", 40), c.path)
			continue
		}
		blob, err := s.run(nil, bytes.NewReader(c.data), git, "hash-object", "-w", "--stdin")
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&entries, "%s %s\t%s\x00", c.mode, blob, c.path)
	}
	if _, err := s.run(index, &entries, git, "update-index", "--replace", "-z", "--index-info"); err != nil {
		return "", err
	}
	tree, err := s.run(index, nil, git, "write-tree")
	if err != nil {
		return "", err
	}
	return s.commitOnto(repo, branch, parent, tree, message)
}

// commitOnto puts one commit with the tree on top of parent and moves branch there, from parent and from nowhere else.
func (s *Server) commitOnto(repo, branch, parent, tree, message string) (string, error) {
	tip, err := s.commit(repo, tree, message, parent)
	if err != nil {
		return "", err
	}
	if _, err := s.repoGit(repo, "update-ref", "refs/heads/"+branch, tip, parent); err != nil {
		return "", fmt.Errorf("%w: %w", errBranchMoved, err)
	}
	return tip, nil
}

// tip is where a branch is now; empty if it is nowhere.
func (s *Server) tip(repo, branch string) string {
	tips, err := s.tips(repo)
	if err != nil {
		return ""
	}
	return tips[branch]
}

// fileMode is the mode of a file in a commit, empty where there is no such file.
func (s *Server) fileMode(repo, commit, name string) (string, error) {
	out, err := s.repoGit(repo, "ls-tree", "--full-tree", commit, "--", ":(literal)"+name)
	mode, rest, _ := strings.Cut(out, " ")
	if err != nil || !strings.HasPrefix(rest, "blob") {
		return "", err
	}
	return mode, nil
}

// goodPath reports whether name may be a file's path in a repository.
func goodPath(name string) bool {
	return name != "" && path.Clean("/"+name) == "/"+name &&
		!slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
			return strings.EqualFold(part, ".git")
		}) && !strings.ContainsAny(name, "\x00\n")
}

// createCommit answers https://docs.github.com/graphql/reference/mutations#createcommitonbranch. Every file becomes an
// ordinary one, whatever it was.
func (a asker) createCommit(args map[string]any) (any, error) {
	in := args["input"].(map[string]any)
	branch := in["branch"].(map[string]any)
	name, ok := branch["repositoryNameWithOwner"].(string)
	ref, two := branch["branchName"].(string)
	if !ok || !two || branch["id"] != nil {
		return nil, unprocessable("The forge wants repositoryNameWithOwner and branchName, and no id")
	}
	repo, tips, err := a.repo(name, true)
	if err != nil {
		return nil, err
	}
	ref = strings.TrimPrefix(ref, "refs/heads/")
	tip, expected := tips[ref], in["expectedHeadOid"].(string)
	if tip == "" {
		return nil, refuse("NOT_FOUND", "Could not resolve to a Branch with the name '%s'.", ref)
	}
	if tip != expected {
		return nil, refuse("STALE_DATA", "Expected branch to point to %q but it did not. Pull and try again.", expected)
	}
	changes, err := a.fileChanges(repo, tip, in["fileChanges"])
	if err != nil {
		return nil, err
	}
	text := in["message"].(map[string]any)
	body, _ := text["body"].(string)
	message := strings.TrimSpace(text["headline"].(string) + "\n\n" + body)
	oid, err := a.commitFiles(repo, ref, expected, message, changes)
	if errors.Is(err, errBranchMoved) {
		return nil, unprocessable("Ref refs/heads/%s is at %s but expected %s", ref, a.tip(repo, ref), expected)
	} else if err != nil {
		return nil, err
	}
	return object{"clientMutationId": in["clientMutationId"], "commit": object{
		"oid": oid, "url": origin(a.r) + "/" + repo + "/commit/" + oid,
		"signature": object{"isValid": true, "state": "VALID", "wasSignedByGitHub": true},
	}}, nil
}

// fileChanges reads and checks a FileChanges of the schema.
func (a asker) fileChanges(repo, tip string, in any) ([]fileChange, error) {
	var changes []fileChange
	seen := map[string]bool{}
	list := func(kind string) []any {
		fields, _ := in.(map[string]any)
		l, _ := fields[kind].([]any)
		return l
	}
	add := func(c fileChange) error {
		if !goodPath(c.path) {
			return unprocessable("A path was requested which is malformed: %s", c.path)
		}
		if seen[c.path] {
			return unprocessable("Path must be unique: %s", c.path)
		}
		seen[c.path] = true
		changes = append(changes, c)
		return nil
	}
	for _, e := range list("deletions") {
		name := e.(map[string]any)["path"].(string)
		if mode, err := a.fileMode(repo, tip, name); err != nil {
			return nil, err
		} else if mode == "" {
			return nil,
				refuse("NOT_FOUND", "A path was requested for deletion which does not exist as of commit oid `%s`", tip)
		}
		if err := add(fileChange{path: name, deleted: true}); err != nil {
			return nil, err
		}
	}
	for _, e := range list("additions") {
		file := e.(map[string]any)
		data, err := base64.StdEncoding.DecodeString(file["contents"].(string))
		if err != nil {
			return nil,
				refuse("",
					"Variable $input of type CreateCommitOnBranchInput! was provided invalid value: "+
						"contents is no Base64String")
		}
		if err := add(fileChange{path: file["path"].(string), data: data, mode: "100644"}); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// gitLabBranch answers https://docs.gitlab.com/api/branches/#get-single-repository-branch.
func (s *Server) gitLabBranch(r *http.Request, repo string, tips map[string]string) reply {
	name := r.PathValue("branch")
	if tips[name] == "" {
		return gitLabError(http.StatusNotFound, "404 Branch Not Found")
	}
	commit, err := s.gitLabCommitObject(r, repo, tips[name])
	if err != nil {
		return gitLabError(http.StatusInternalServerError, err.Error())
	}
	return reply{status: http.StatusOK, body: object{
		"name": name, "commit": commit, "web_url": origin(r) + "/" + repo + "/-/tree/" + name,
	}}
}

func (s *Server) gitLabCommitObject(r *http.Request, repo, sha string) (object, error) {
	out, err := s.repoGit(repo, "show", "--no-patch", "--format=%P%x00%s%x00%B", sha)
	if err != nil {
		return nil, err
	}
	f := strings.SplitN(out, "\x00", 3)
	return object{
		"id": sha, "short_id": sha[:8], "parent_ids": strings.Fields(f[0]), "title": f[1], "message": f[2],
		"web_url": origin(r) + "/" + repo + "/-/commit/" + sha,
	}, nil
}

// gitLabAction is one of a commit's actions.
type gitLabAction struct {
	Action       string  `json:"action"`
	Path         string  `json:"file_path"`
	Content      *string `json:"content"`
	Encoding     string  `json:"encoding"`
	LastCommitID string  `json:"last_commit_id"`
}

// gitLabCommitInput is the body of a request for gitLabCommit.
type gitLabCommitInput struct {
	Branch       *string        `json:"branch"`
	Message      *string        `json:"commit_message"`
	Actions      []gitLabAction `json:"actions"`
	StartBranch  *string        `json:"start_branch"`
	StartSHA     *string        `json:"start_sha"`
	StartProject any            `json:"start_project"`
	Force        bool           `json:"force"`
}

// invalid returns what is missing or has no valid value, in GitLab's words; empty when nothing is.
func (in gitLabCommitInput) invalid() string {
	var words []string
	for _, f := range []struct {
		name  string
		there bool
	}{{"branch", in.Branch != nil}, {"commit_message", in.Message != nil}, {"actions", in.Actions != nil}} {
		if !f.there {
			words = append(words, f.name+" is missing")
		}
	}
	for i, a := range in.Actions {
		if !slices.Contains([]string{"create", "update", "delete"}, a.Action) {
			words = append(words, fmt.Sprintf("actions[%d][action] does not have a valid value", i))
		}
	}
	return strings.Join(words, ", ")
}

// refused returns why there can be no commit on tip, the branch's; empty when there can.
func (in gitLabCommitInput) refused(tip string) string {
	elsewhere := in.StartBranch != nil || in.StartSHA != nil
	switch {
	case in.Force || in.StartProject != nil:
		return "The forge has neither force nor start_project"
	case tip != "" && elsewhere:
		return fmt.Sprintf("A branch called '%s' already exists. Switch to that branch in order to make changes",
			*in.Branch)
	case tip == "" || elsewhere:
		return "You can only create or edit files when you are on a branch"
	}
	return ""
}

// gitLabCommit answers https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions, for
// branches that are there. As in GitLab, last_commit_id is compared first, and then the commit goes on top of what the
// branch's tip is by then.
func (s *Server) gitLabCommit(r *http.Request, repo string, tips map[string]string) reply {
	var in gitLabCommitInput
	if err := decode(r, &in); err != nil {
		return gitLabRefusal("The body is not valid JSON")
	}
	if words := in.invalid(); words != "" {
		return gitLabRefusal(words)
	}
	tip := tips[*in.Branch]
	if words := in.refused(tip); words != "" {
		return gitLabError(http.StatusBadRequest, words)
	}
	changes := []fileChange{}
	for _, a := range in.Actions {
		change, refusal := s.gitLabChange(repo, tip, a)
		if refusal != nil {
			return *refusal
		}
		changes = append(changes, change)
	}
	sha, err := s.commitFiles(repo, *in.Branch, tip, *in.Message, changes)
	return s.gitLabCommitted(r, repo, *in.Branch, sha, err)
}

// gitLabChange returns what an action changes in the tip's files, or the answer that refuses it.
func (s *Server) gitLabChange(repo, tip string, a gitLabAction) (fileChange, *reply) {
	refuse := func(format string, args ...any) (fileChange, *reply) {
		answer := gitLabError(http.StatusBadRequest, fmt.Sprintf(format, args...))
		return fileChange{}, &answer
	}
	if !goodPath(a.Path) {
		return refuse("invalid path: %s", a.Path)
	}
	mode, err := s.fileMode(repo, tip, a.Path)
	if err != nil {
		answer := gitLabError(http.StatusInternalServerError, err.Error())
		return fileChange{}, &answer
	}
	switch {
	case a.Action != "create" && s.changedSince(repo, a.LastCommitID, tip, a.Path):
		return refuse("The file has changed since you started editing it: %s", a.Path)
	case a.Action == "create" && mode != "":
		return refuse("A file with this name already exists")
	case a.Action != "create" && mode == "":
		return refuse("A file with this name doesn't exist")
	}
	change := fileChange{path: a.Path, deleted: a.Action == "delete", mode: cmp.Or(mode, "100644")}
	if change.deleted {
		return change, nil
	}
	if a.Content == nil {
		answer := gitLabRefusal("actions[0][content] is missing")
		return fileChange{}, &answer
	}
	change.data = []byte(*a.Content)
	if a.Encoding == "base64" {
		if change.data, err = base64.StdEncoding.DecodeString(*a.Content); err != nil {
			return refuse("invalid base64")
		}
	}
	return change, nil
}

// changedSince reports whether the last commit to change a file before tip is another than the last before commit,
// which may be empty. As in GitLab, what is not known has not changed.
func (s *Server) changedSince(repo, commit, tip, name string) bool {
	last := func(at string) string {
		out, err := s.repoGit(repo, "rev-list", "--max-count=1", at, "--", ":(literal)"+name)
		if err != nil {
			return ""
		}
		return out
	}
	if commit == "" {
		return false
	}
	then, now := last(commit), last(tip)
	return then != "" && now != "" && then != now
}

// gitLabCommitted answers with a commit that was made on a branch, unless err says that it was not.
func (s *Server) gitLabCommitted(r *http.Request, repo, branch, sha string, err error) reply {
	if errors.Is(err, errBranchMoved) {
		return gitLabError(http.StatusBadRequest,
			fmt.Sprintf("Could not update refs/heads/%s. Please refresh and try again.", branch))
	}
	var body object
	if err == nil {
		body, err = s.gitLabCommitObject(r, repo, sha)
	}
	if err != nil {
		return gitLabError(http.StatusInternalServerError, err.Error())
	}
	return reply{status: http.StatusCreated, body: body}
}
