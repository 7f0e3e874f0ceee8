package forge

import (
	_ "embed"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// gitHubSchema is the part of https://docs.github.com/graphql/reference that the forge answers.
//
//go:embed schema.graphql
var gitHubSchema string

var schema = gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphql", Input: gitHubSchema})

// NoAutoMerge switches auto-merge off in repo, as it is in a new repository of GitHub's.
func (s *Server) NoAutoMerge(repo string) error {
	return s.change(repo, func(of *settings) error { of.noAutoMerge = true; return nil })
}

// graphQL answers what is posted to /api/graphql, where GitHub Enterprise Server has it.
func (s *Server) graphQL(r *http.Request) reply {
	user := s.cfg.gitHubUser(r)
	if user != authToken && user != authRead && user != authApp {
		return gitHubError(http.StatusUnauthorized, "Bad credentials")
	}
	var in struct {
		Query, OperationName string
		Variables            map[string]any
	}
	if err := decode(r, &in); err != nil {
		return gitHubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	if in.Query == "" {
		return gitHubError(http.StatusBadRequest, "A query attribute must be specified and must be a string.")
	}
	document, errs := gqlparser.LoadQueryWithRules(schema, in.Query, rules.NewDefaultRules())
	if errs != nil {
		return invalid(errs...)
	}
	operation := document.Operations.ForName(in.OperationName)
	if operation == nil {
		return invalid(gqlerror.Errorf("An operation name is required"))
	}
	variables, err := validator.VariableValues(schema, operation, in.Variables)
	if err != nil {
		return invalid(gqlerror.Wrap(err))
	}
	x := execution{variables: variables, fragments: document.Fragments}
	ask := asker{s, r, user}
	root := object{"repository": resolver(ask.repository)}
	if operation.Operation == ast.Mutation {
		root = object{
			"createCommitOnBranch":       resolver(ask.createCommit),
			"enablePullRequestAutoMerge": resolver(ask.enableAutoMerge),
		}
	}
	body := object{"data": x.pick(nil, operation.SelectionSet, root)}
	if x.errors != nil {
		body["errors"] = x.errors
	}
	return reply{status: http.StatusOK, body: body}
}

// invalid answers a document that does not fit the schema, or variables that do not fit the document.
func invalid(errs ...*gqlerror.Error) reply {
	list := []object{}
	for _, err := range errs {
		list = append(list, object{"message": err.Message, "path": err.Path, "locations": err.Locations,
			"extensions": object{"code": err.Rule}})
	}
	return reply{status: http.StatusOK, body: object{"errors": list}}
}

// resolver is the value of a field that takes arguments, or that costs something to find out. Its error is a refusal.
type resolver func(args map[string]any) (any, error)

// refusal is what GitHub says instead of a field's value.
type refusal struct{ kind, words string }

func (r refusal) Error() string { return r.words }

func refuse(kind, format string, args ...any) error {
	return refusal{kind, fmt.Sprintf(format, args...)}
}

// unprocessable is how GitHub says that something cannot be done now.
func unprocessable(format string, args ...any) error { return refuse("UNPROCESSABLE", format, args...) }

// execution is that of one valid document.
type execution struct {
	variables map[string]any
	fragments ast.FragmentDefinitionList
	errors    []object
}

// pick takes from value what is asked for.
func (x *execution) pick(path []any, set ast.SelectionSet, value any) any {
	from, ok := value.(object)
	if !ok {
		return value
	}
	out := object{}
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			at := append(path[:len(path):len(path)], s.Alias)
			value := from[s.Name]
			if s.Name == "__typename" {
				value = s.ObjectDefinition.Name
			}
			if resolve, ok := value.(resolver); ok {
				var err error
				if value, err = resolve(s.ArgumentMap(x.variables)); err != nil {
					value = nil
					problem := object{"path": at, "message": err.Error(),
						"locations": []object{{"line": s.Position.Line, "column": s.Position.Column}}}
					if r, ok := err.(refusal); ok {
						problem["type"] = r.kind
					}
					x.errors = append(x.errors, problem)
				}
			}
			out[s.Alias] = x.pick(at, s.SelectionSet, value)
		case *ast.InlineFragment:
			maps.Copy(out, x.pick(path, s.SelectionSet, value).(object))
		case *ast.FragmentSpread:
			maps.Copy(out, x.pick(path, x.fragments.ForName(s.Name).SelectionSet, value).(object))
		}
	}
	return out
}

// asker is who asks, and what.
type asker struct {
	*Server
	r    *http.Request
	user string
}

// repo finds a repository, and its branches, and checks that the asker may do there what is asked.
func (a asker) repo(name string, write bool) (string, map[string]string, error) {
	repo, ok := a.current(name)
	if !ok || a.user == authApp && !a.cfg.apps.reach(bearer(a.r), repo) {
		return "", nil, refuse("NOT_FOUND", "Could not resolve to a Repository with the name '%s'.", name)
	}
	if write && a.user == authRead {
		return "", nil, refuse("FORBIDDEN", "Resource not accessible by personal access token")
	}
	tips, err := a.tips(repo)
	if err == nil {
		a.follow(repo, tips)
	}
	return repo, tips, err
}

func (a asker) repository(args map[string]any) (any, error) {
	repo, tips, err := a.repo(args["owner"].(string)+"/"+args["name"].(string), false)
	if err != nil {
		return nil, err
	}
	return object{"nameWithOwner": repo, "pullRequest": resolver(func(args map[string]any) (any, error) {
		number, ok := args["number"].(int64) // as a literal, and else as JSON has it
		if !ok {
			number = int64(args["number"].(float64))
		}
		p := a.find(repo, int(number))
		if p == nil {
			return nil, refuse("NOT_FOUND", "Could not resolve to a PullRequest with the number of %d.", number)
		}
		return a.pull(p, tips)
	}), "ref": resolver(func(args map[string]any) (any, error) {
		name := strings.TrimPrefix(args["qualifiedName"].(string), "refs/heads/")
		if tips[name] == "" {
			return nil, nil
		}
		return object{"name": name, "target": object{"oid": tips[name]}}, nil
	})}, nil
}

// pull is p as GraphQL has it.
func (a asker) pull(p *pull, tips map[string]string) (object, error) {
	status, err := a.mergeStatus(p, tips)
	if err != nil {
		return nil, err
	}
	o := object{
		"id": p.ID, "number": p.Number, "state": strings.ToUpper(p.State), "url": a.pageURL(a.r, p),
		"headRefOid": p.HeadSHA, "isDraft": p.Draft, "mergeStateStatus": status, "autoMergeRequest": nil,
	}
	if p.autoMerge != nil && p.State == stateOpen {
		o["autoMergeRequest"] = object{"enabledAt": p.updated, "mergeMethod": strings.ToUpper(string(p.autoMerge.how))}
	}
	return o, nil
}

// mergeStatus is what GitHub calls p's mergeStateStatus.
func (s *Server) mergeStatus(p *pull, tips map[string]string) (string, error) {
	stands, err := s.obstacle(p, tips)
	switch checks := s.of(p.repo).checks[p.HeadSHA]; {
	case err != nil:
		return "", err
	case stands == notOpen:
		return "UNKNOWN", nil
	case stands == isDraft:
		return "DRAFT", nil
	case stands == conflicts:
		return "DIRTY", nil
	case stands != nothing:
		return "BLOCKED", nil
	case checks != "" && checks != checksSuccess: // but they are not required
		return "UNSTABLE", nil
	}
	return "CLEAN", nil
}

// enableAutoMerge answers https://docs.github.com/graphql/reference/mutations#enablepullrequestautomerge.
func (a asker) enableAutoMerge(args map[string]any) (any, error) {
	in := args["input"].(map[string]any)
	var p *pull
	for _, other := range a.pulls {
		if other.ID == in["pullRequestId"] {
			p = other
		}
	}
	if p == nil {
		return nil, refuse("NOT_FOUND", "Could not resolve to a node with the global id of '%s'.", in["pullRequestId"])
	}
	repo, tips, err := a.repo(p.repo, true)
	if err != nil {
		return nil, err
	}
	of := a.of(repo)
	how := method(strings.ToLower(in["mergeMethod"].(string)))
	status, err := a.mergeStatus(p, tips)
	// That some begin with "Pull request" twice is GitHub's doing.
	switch oid := in["expectedHeadOid"]; {
	case err != nil:
		return nil, err
	case of.noAutoMerge:
		return nil, unprocessable("Pull request Auto merge is not allowed for this repository")
	case p.State != stateOpen:
		return nil, unprocessable("Pull request Pull request is closed")
	case oid != nil && oid != p.HeadSHA:
		return nil, unprocessable("Head branch was modified. Review and try the merge again.")
	case !of.allows(how):
		return nil, unprocessable("Merge method %s merging is not allowed on this repository", how)
	case status != "BLOCKED":
		return nil, unprocessable("Pull request Pull request is in %s status", strings.ToLower(status))
	}
	headline, _ := in["commitHeadline"].(string)
	body, _ := in["commitBody"].(string)
	p.autoMerge = &mergeOptions{how: how, message: strings.TrimSpace(headline + "\n\n" + body)}
	o, err := a.pull(p, tips)
	return object{"clientMutationId": in["clientMutationId"], "pullRequest": o}, err
}
