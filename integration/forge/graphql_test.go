package forge

import (
	"encoding/base64"
	"strings"
	"testing"
)

// ask posts a GraphQL document, and returns the status and the answer as JSON.
func ask(t *testing.T, s *Server, document string, variables object) (int, string) {
	t.Helper()
	status, _, out := call(t, s, "POST", "/api/graphql", object{"query": document, "variables": variables})
	return status, text(t, out)
}

// What does not fit the schema is refused as GraphQL has it, with status 200.
func TestGraphQLDocuments(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n"})
	branch(t, s, "one", map[string]string{"a.yaml": "a: 2\n"})
	call(t, s, "POST", gitHubPulls, object{"title": "T", "head": "one", "base": "main"})
	for _, tc := range []struct {
		name, document string
		variables      object
		status         int
		want           string // in the answer
	}{
		{"no document", "", nil, 400, "A query attribute must be specified"},
		{"no syntax", "query {", nil, 200, `"errors":[{`},
		{"unknown field", "{ viewer { login } }", nil, 200, `Cannot query field`},
		{"unknown mutation", "mutation { createRef { ref { id } } }", nil, 200, `Cannot query field`},
		{"no argument", `{ repository(owner: "acme") { nameWithOwner } }`, nil, 200,
			`\"name\" of type \"String!\" is required`},
		{"no sub-selection", `{ repository(owner: "acme", name: "gitops") }`, nil, 200,
			`must have a selection of subfields`},
		{"variable of another type",
			`query($n: Int!) { repository(owner: "acme", name: "gitops") { pullRequest(number: $n) { id } } }`,
			object{"n": "one"}, 200, `"errors":[{`},
		{"variable missing",
			`query($n: Int!) { repository(owner: "acme", name: "gitops") { pullRequest(number: $n) { id } } }`,
			nil, 200, `must be defined`},
		{"unknown input field",
			`mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }`,
			object{"input": object{"ref": "main"}}, 200, `"errors":[{`},
		{"bad enum",
			`mutation {
				enablePullRequestAutoMerge(input: {pullRequestId: "x", mergeMethod: OCTOPUS}) { clientMutationId }
			}`,
			nil, 200, `OCTOPUS`},
		{"no repository", `{ repository(owner: "acme", name: "none") { nameWithOwner } }`, nil, 200,
			`{"data":{"repository":null},"errors":[{"locations":[{"column":3,"line":1}],` +
				`"message":"Could not resolve to a Repository with the name 'acme/none'.",` +
				`"path":["repository"],"type":"NOT_FOUND"}]}`},
		{"no pull request",
			`{ r: repository(owner: "acme", name: "gitops") { p: pullRequest(number: 9) { id } } }`, nil, 200,
			`"path":["r","p"],"type":"NOT_FOUND"`},
		{"aliases and fragments",
			`query Q($n: Int!) {
				repository(owner: "acme", name: "gitops") {
					pullRequest(number: $n) { ...P ... on PullRequest { s: state } __typename }
				}
			}
			fragment P on PullRequest { number isDraft }`, object{"n": 1}, 200,
			`{"data":{"repository":{"pullRequest":` +
				`{"__typename":"PullRequest","isDraft":false,"number":1,"s":"OPEN"}}}}`},
		{"ref",
			`{ repository(owner: "acme", name: "gitops") { ref(qualifiedName: "refs/heads/none") { name } } }`, nil,
			200,
			`{"data":{"repository":{"ref":null}}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if status, out := ask(t, s, tc.document, tc.variables); status != tc.status ||
				!strings.Contains(out, tc.want) {
				t.Errorf("got %d %s", status, out)
			}
		})
	}
	t.Run("a GitLab has none", func(t *testing.T) {
		if status, out := ask(t, start(t, GitLab, false), "{ __typename }", nil); status != 404 {
			t.Errorf("got %d %s", status, out)
		}
	})
}

func TestCreateCommitOnBranch(t *testing.T) {
	s := start(t, GitHub, false)
	seed(t, s, "main", map[string]string{"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"})
	const document = `mutation($input: CreateCommitOnBranchInput!) {
		createCommitOnBranch(input: $input) { commit { oid signature { isValid } } }
	}`
	tip := at(t, s, "rev-parse", "main")
	file := func(path, data string) object {
		return object{"path": path, "contents": base64.StdEncoding.EncodeToString([]byte(data))}
	}
	input := func(branch, head string, additions, deletions []object) object {
		return object{"input": object{
			"branch":          object{"repositoryNameWithOwner": repo, "branchName": branch},
			"expectedHeadOid": head, "message": object{"headline": "H", "body": "B"},
			"fileChanges": object{"additions": additions, "deletions": deletions},
		}}
	}
	for _, tc := range []struct {
		name string
		in   object
		want string
	}{
		{"stale", input("main", strings.Repeat("1", 40), nil, nil), `"type":"STALE_DATA"`},
		{"no branch", input("none", tip, nil, nil), `"type":"NOT_FOUND"`},
		{"out of the repository", input("main", tip, []object{file("a/../../b", "")}, nil), `malformed`},
		{"git's own", input("main", tip, []object{file("x/.GIT/config", "")}, nil), `malformed`},
		{"twice", input("main", tip, []object{file("a.yaml", ""), file("a.yaml", "")}, nil),
			`Path must be unique: a.yaml`},
		{"not there", input("main", tip, nil, []object{{"path": "none"}}),
			"for deletion which does not exist as of commit oid `" + tip},
		{"no base64", input("main", tip, []object{{"path": "x", "contents": "%"}}, nil), `is no Base64String`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, out := ask(t, s, document, tc.in); !strings.Contains(out, tc.want) ||
				!strings.Contains(out, `"createCommitOnBranch":null`) {
				t.Errorf("got %s", out)
			}
		})
	}
	if at(t, s, "rev-parse", "main") != tip {
		t.Fatal("main has moved")
	}
	_, out := ask(t, s, document,
		input("main", tip, []object{file("c/d.yaml", "d: 1\n")}, []object{{"path": "a.yaml"}}))
	if want := at(t, s, "rev-parse", "main"); !strings.Contains(out,
		`"commit":{"oid":"`+want+`","signature":{"isValid":true}}`) {
		t.Errorf("got %s", out)
	}
	if got := at(t, s, "log", "--format=%s|%b|%P", "-1", "main"); got != "H|B\n|"+tip {
		t.Errorf("commit %q", got)
	}
	if got := at(t, s, "diff", "--name-status", tip, "main"); got != "D\ta.yaml\nA\tc/d.yaml" {
		t.Errorf("changes %q", got)
	}
}
