package forge

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const gitHubDocs = "https://docs.github.com/rest"

// routeGitHub adds what is answered below /api/v3/. Paths, fields and errors are those of
// https://docs.github.com/rest/pulls/pulls.
func (s *Server) routeGitHub(mux *http.ServeMux) {
	for _, repo := range []string{"/api/v3/repos/{owner}/{name}", gitHubByNumber + "{id}"} {
		for pattern, answer := range map[string]gitHubAnswer{
			"GET " + repo:                           s.gitHubRepo,
			"GET " + repo + "/pulls":                s.gitHubList,
			"POST " + repo + "/pulls":               s.gitHubCreate,
			"GET " + repo + "/pulls/{number}":       s.gitHubPull(s.gitHubGet),
			"PATCH " + repo + "/pulls/{number}":     s.gitHubPull(s.gitHubUpdate),
			"PUT " + repo + "/pulls/{number}/merge": s.gitHubPull(s.gitHubMerge),

			"POST " + repo + "/pulls/{number}/requested_reviewers": s.gitHubPull(s.gitHubReviewers),
			"GET " + repo + "/pulls/{number}/reviews":              s.gitHubPull(s.gitHubReviews),
			"PATCH " + repo + "/issues/{number}":                   s.gitHubPull(s.gitHubIssue),
			"POST " + repo + "/issues/{number}/labels":             s.gitHubPull(s.gitHubLabels),
			"POST " + repo + "/issues/{number}/comments":           s.gitHubPull(s.gitHubComment),
			"GET " + repo + "/issues/{number}/comments":            s.gitHubPull(s.gitHubComments),
			"GET " + repo + "/milestones":                          s.gitHubMilestones,
			"GET " + repo + "/commits/{sha}/status":                s.gitHubCommit(gitHubStatus),
			"GET " + repo + "/commits/{sha}/check-runs":            s.gitHubCommit(gitHubChecks),
		} {
			mux.HandleFunc(pattern, s.gitHub(answer))
		}
	}
	s.routeApps(mux)
	mux.HandleFunc("POST /api/graphql", s.api(s.graphQL))
	mux.HandleFunc("/api/", s.gitHub(nil))
}

// gitHubByNumber is where repositories are found by their numbers. GitHub redirects there from old names.
const gitHubByNumber = "/api/v3/repositories/"

// gitHubAnswer answers a request about repo, whose branches are at tips.
type gitHubAnswer func(r *http.Request, repo string, tips map[string]string) reply

// gitHub checks the token and finds the repository.
func (s *Server) gitHub(answer gitHubAnswer) http.HandlerFunc {
	return s.api(func(r *http.Request) reply {
		who := s.cfg.gitHubUser(r)
		if who != authToken && who != authRead && who != authApp {
			return gitHubError(http.StatusUnauthorized, "Bad credentials")
		}
		asked := r.PathValue("owner") + "/" + r.PathValue("name")
		if id := r.PathValue("id"); id != "" {
			asked = s.numberless(id)
		}
		repo, ok := s.current(asked)
		if answer == nil || !ok || who == authApp && !s.cfg.apps.reach(bearer(r), repo) {
			return gitHubError(http.StatusNotFound, "Not Found")
		}
		if repo != asked {
			return gitHubMoved(r, s.numbered(r, repo, gitHubByNumber, 5))
		}
		if who == authRead && writes(r) {
			return gitHubError(http.StatusForbidden, "Resource not accessible by personal access token")
		}
		tips, err := s.tips(repo)
		if err != nil {
			return gitHubError(http.StatusInternalServerError, err.Error())
		}
		s.follow(repo, tips)
		return answer(r, repo, tips)
	})
}

// gitHubPull finds the pull request that the path names.
func (s *Server) gitHubPull(answer func(*http.Request, *pull, map[string]string) reply) gitHubAnswer {
	return func(r *http.Request, repo string, tips map[string]string) reply {
		number, err := strconv.Atoi(r.PathValue("number"))
		p := s.find(repo, number)
		if err != nil || p == nil {
			return gitHubError(http.StatusNotFound, "Not Found")
		}
		return answer(r, p, tips)
	}
}

func (s *Server) gitHubRepo(r *http.Request, repo string, _ map[string]string) reply {
	body, err := s.gitHubRepoObject(r, repo)
	if err != nil {
		return gitHubError(http.StatusInternalServerError, err.Error())
	}
	// The role of the user, whatever the token was granted; an app is no user. Scopes are told of classic tokens only.
	who := s.cfg.gitHubUser(r)
	push := who == authToken
	body["permissions"] = object{"admin": false, "maintain": false, "push": push, "triage": push,
		"pull": who != authApp}
	header := http.Header{}
	if push {
		header.Set("X-OAuth-Scopes", "repo")
	}
	return reply{http.StatusOK, header, body}
}

// gitHubUser names the token that came with r as the API wants it.
func (c Config) gitHubUser(r *http.Request) string {
	return c.who(bearer(r))
}

// bearer is the token that came with r as GitHub's API wants it.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "token") {
		return ""
	}
	return token
}

func (s *Server) gitHubRepoObject(r *http.Request, repo string) (object, error) {
	branch, err := s.defaultBranch(repo)
	if err != nil {
		return nil, err
	}
	owner, name, _ := strings.Cut(repo, "/")
	return object{
		"id":                 s.number(repo),
		"name":               name,
		"full_name":          repo,
		"owner":              object{"login": owner},
		"html_url":           origin(r) + "/" + repo,
		"clone_url":          origin(r) + "/" + repo + ".git",
		"private":            true,
		"archived":           false,
		"default_branch":     branch,
		"allow_merge_commit": s.of(repo).allows(byMerge),
		"allow_squash_merge": s.of(repo).allows(bySquash),
		"allow_rebase_merge": s.of(repo).allows(byRebase),
	}, nil
}

func (s *Server) gitHubList(r *http.Request, repo string, tips map[string]string) reply {
	q := r.URL.Query()
	state := cmp.Or(q.Get("state"), "open")
	if !slices.Contains([]string{"open", "closed", "all"}, state) {
		return gitHubInvalid("state")
	}
	sort, direction := cmp.Or(q.Get("sort"), "created"), cmp.Or(q.Get("direction"), "desc")
	if sort != "created" || direction != "asc" && direction != "desc" {
		return gitHubInvalid("sort") // no test needs the others
	}
	// A head without an owner does not narrow the list: GitHub ignores it.
	headOwner, head, byHead := strings.Cut(q.Get("head"), ":")
	found := s.list(repo, func(p *pull) bool {
		return (state == "all" || (state == "open") == (p.State == stateOpen)) &&
			(!byHead || strings.EqualFold(headOwner, p.owner()) && head == p.Head) &&
			(q.Get("base") == "" || q.Get("base") == p.Base)
	})
	if direction == "asc" {
		slices.Reverse(found)
	}
	return gitHubPage(r, found, func(p *pull) (object, error) { return s.gitHubObject(r, p, tips) })
}

// gitHubPage answers with the page of all that r asks for.
func gitHubPage[T any](r *http.Request, all []T, show func(T) (object, error)) reply {
	pg := paginate(r, len(all), 30)
	body := []object{}
	for _, one := range all[pg.first:pg.last] {
		o, err := show(one)
		if err != nil {
			return gitHubError(http.StatusInternalServerError, err.Error())
		}
		body = append(body, o)
	}
	header := http.Header{}
	if link := pg.link(); link != "" {
		header.Set("Link", link)
	}
	return reply{http.StatusOK, header, body}
}

func (s *Server) gitHubCreate(r *http.Request, repo string, tips map[string]string) reply {
	var in struct {
		Title, Body, Head, Base string
		Draft                   bool
	}
	if err := decode(r, &in); err != nil {
		return gitHubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	for _, f := range [][2]string{{"head", in.Head}, {"base", in.Base}} {
		if f[1] == "" {
			return gitHubError(http.StatusUnprocessableEntity,
				fmt.Sprintf("Invalid request.\n\n%q wasn't supplied.", f[0]))
		}
	}
	if errs := gitHubText(in.Title, in.Body); errs != nil {
		return gitHubError(http.StatusUnprocessableEntity, "Validation Failed", errs...)
	}
	owner, _, _ := strings.Cut(repo, "/")
	head := in.Head
	if headOwner, branch, ok := strings.Cut(head, ":"); ok && strings.EqualFold(headOwner, owner) {
		head = branch
	}
	if tips[in.Base] == "" {
		return gitHubInvalid("base")
	}
	if tips[head] == "" {
		return gitHubInvalid("head")
	}
	if s.rival(repo, head, in.Base, 0) != nil {
		return gitHubCustom(fmt.Sprintf("A pull request already exists for %s:%s.", owner, head))
	}
	if ahead, err := s.ahead(repo, tips[in.Base], tips[head]); err != nil {
		return gitHubError(http.StatusInternalServerError, err.Error())
	} else if !ahead {
		return gitHubCustom(fmt.Sprintf("No commits between %s and %s", in.Base, head))
	}
	if in.Draft && s.of(repo).noDrafts {
		return gitHubError(http.StatusUnprocessableEntity, "Draft pull requests are not supported in this repository.")
	}
	p := &pull{repo: repo, PullRequest: PullRequest{
		Title: in.Title, Body: in.Body, Head: head, Base: in.Base, Draft: in.Draft, HeadSHA: tips[head],
	}}
	s.open(p)
	return s.gitHubOne(r, http.StatusCreated, p, tips)
}

func (s *Server) gitHubGet(r *http.Request, p *pull, tips map[string]string) reply {
	return s.gitHubOne(r, http.StatusOK, p, tips)
}

func (s *Server) gitHubUpdate(r *http.Request, p *pull, tips map[string]string) reply {
	in := struct{ Title, Body, State, Base *string }{}
	if err := decode(r, &in); err != nil {
		return gitHubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	// Everything is checked before anything changes.
	title, body, state, base := p.Title, p.Body, p.State, p.Base
	set(&title, in.Title)
	set(&body, in.Body)
	set(&base, in.Base)
	if errs := gitHubText(title, body); errs != nil {
		return gitHubError(http.StatusUnprocessableEntity, "Validation Failed", errs...)
	}
	if in.State != nil {
		switch *in.State {
		case stateOpen:
			if p.State == stateMerged || tips[p.Head] == "" {
				return gitHubCustom("state cannot be changed.")
			}
			state = stateOpen
		case stateClosed:
			if p.State == stateOpen {
				state = stateClosed
			}
		default:
			return gitHubInvalid("state")
		}
	}
	if base != p.Base {
		if state != stateOpen {
			return gitHubCustom("Cannot change base branch of closed pull request.")
		}
		if tips[base] == "" {
			return gitHubInvalid("base")
		}
	}
	if state == stateOpen && s.rival(p.repo, p.Head, base, p.Number) != nil {
		owner, _, _ := strings.Cut(p.repo, "/")
		return gitHubCustom(fmt.Sprintf("A pull request already exists for %s:%s.", owner, p.Head))
	}
	p.Title, p.Body, p.Base = title, body, base
	p.setState(state)
	s.follow(p.repo, tips)
	return s.gitHubOne(r, http.StatusOK, p, tips)
}

func (s *Server) gitHubMerge(r *http.Request, p *pull, tips map[string]string) reply {
	var in struct {
		SHA     string  `json:"sha"`
		Method  string  `json:"merge_method"`
		Title   string  `json:"commit_title"`
		Message *string `json:"commit_message"`
	}
	if err := decode(r, &in); err != nil {
		return gitHubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	how := method(cmp.Or(in.Method, string(byMerge)))
	if how != byMerge && how != bySquash && how != byRebase {
		return gitHubInvalid("merge_method")
	}
	switch {
	case p.State != stateOpen:
		return gitHubError(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	case p.Draft:
		return gitHubError(http.StatusMethodNotAllowed, "Pull Request is still a draft")
	case in.SHA != "" && in.SHA != p.HeadSHA:
		return gitHubError(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	case !s.of(p.repo).allows(how):
		return gitHubError(http.StatusMethodNotAllowed, map[method]string{
			byMerge: "Merge commits", bySquash: "Squash merges", byRebase: "Rebase merges",
		}[how]+" are not allowed on this repository.")
	}
	if stands, err := s.obstacle(p, tips); err != nil {
		return gitHubError(http.StatusInternalServerError, err.Error())
	} else if stands != nothing {
		return gitHubError(http.StatusMethodNotAllowed, cmp.Or(map[obstacle]string{
			unwanted:  "Changes have been requested.",
			unchecked: `Required status check "ci" is expected.`,
			inChecks:  `Required status check "ci" is pending.`,
			badlyGone: `Required status check "ci" is failing.`,
		}[stands], "Pull Request is not mergeable"))
	}
	title, message := s.ownMessage(p, how)
	title = cmp.Or(in.Title, title)
	set(&message, in.Message)
	err := s.merge(p, tips, mergeOptions{how: how, message: strings.TrimSpace(title + "\n\n" + message)})
	if errors.Is(err, errConflict) {
		return gitHubError(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	} else if err != nil {
		return gitHubError(http.StatusInternalServerError, err.Error())
	}
	return reply{status: http.StatusOK, body: object{
		"sha": p.MergeSHA, "merged": true, "message": "Pull Request successfully merged",
	}}
}

// gitHubOne answers with p in full, which has more than p in a list has.
func (s *Server) gitHubOne(r *http.Request, status int, p *pull, tips map[string]string) reply {
	stands, err := s.obstacle(p, tips)
	if err != nil {
		return gitHubError(http.StatusInternalServerError, err.Error())
	}
	body, err := s.gitHubObject(r, p, tips)
	if err != nil {
		return gitHubError(http.StatusInternalServerError, err.Error())
	}
	body["merged"] = p.State == stateMerged
	body["mergeable"], body["mergeable_state"] = stands != conflicts, "blocked"
	switch stands {
	case notOpen:
		body["mergeable"], body["mergeable_state"] = nil, "unknown"
	case isDraft:
		body["mergeable_state"] = "draft"
	case conflicts:
		body["mergeable_state"] = "dirty"
	case nothing:
		body["mergeable_state"] = "clean"
		if checks := s.of(p.repo).checks[p.HeadSHA]; checks == checksPending || checks == checksFailure {
			body["mergeable_state"] = "unstable" // they are not required
		}
	}
	return reply{status: status, body: body}
}

// owner is whom p's head belongs to.
func (p *pull) owner() string {
	owner, _, _ := strings.Cut(cmp.Or(p.fork, p.repo), "/")
	return owner
}

func (s *Server) gitHubObject(r *http.Request, p *pull, tips map[string]string) (object, error) {
	headRepo, err := s.gitHubRepoObject(r, cmp.Or(p.fork, p.repo))
	if err != nil {
		return nil, err
	}
	baseRepo, err := s.gitHubRepoObject(r, p.repo)
	if err != nil {
		return nil, err
	}
	branch := func(repo object, owner, ref, sha string) object {
		return object{"label": owner + ":" + ref, "ref": ref, "sha": sha, "user": object{"login": owner}, "repo": repo}
	}
	owner, _, _ := strings.Cut(p.repo, "/")
	users, teams := []string{}, []object{}
	for _, name := range p.Reviewers {
		if _, slug, team := strings.Cut(name, "/"); team {
			teams = append(teams, object{"name": slug, "slug": slug})
		} else {
			users = append(users, name)
		}
	}
	o := object{
		"id":                  1000 + p.Number,
		"node_id":             p.ID,
		"number":              p.Number,
		"state":               stateOpen,
		"title":               p.Title,
		"body":                nil,
		"draft":               p.Draft,
		"url":                 fmt.Sprintf("%s/api/v3/repos/%s/pulls/%d", origin(r), p.repo, p.Number),
		"html_url":            s.pageURL(r, p),
		"head":                branch(headRepo, p.owner(), p.Head, p.HeadSHA),
		"base":                branch(baseRepo, owner, p.Base, tips[p.Base]),
		"labels":              objects("name", p.Labels),
		"assignees":           objects("login", p.Assignees),
		"requested_reviewers": objects("login", users),
		"requested_teams":     teams,
		"milestone":           nil,
		"user":                object{"login": author},
		"auto_merge":          nil,
		"comments":            len(p.Comments),
		"created_at":          p.created,
		"updated_at":          p.updated,
		"closed_at":           p.closed,
		"merged_at":           nil,
		"merge_commit_sha":    nil,
	}
	if p.Body != "" {
		o["body"] = p.Body
	}
	if p.Milestone != "" {
		o["milestone"] = object{"number": 1 + slices.Index(s.of(p.repo).milestones, p.Milestone), "title": p.Milestone}
	}
	if p.autoMerge != nil {
		o["auto_merge"] = object{"enabled_by": object{"login": author}, "merge_method": p.autoMerge.how}
	}
	if p.State != stateOpen {
		o["state"] = stateClosed
	}
	if p.State == stateMerged {
		o["merged_at"], o["merge_commit_sha"] = p.closed, p.MergeSHA
	}
	return o, nil
}

// objects makes an object of each name, which has it as the field.
func objects(field string, names []string) []object {
	list := []object{}
	for _, name := range names {
		list = append(list, object{field: name})
	}
	return list
}

// gitHubText checks a title and a body, whose lengths count in characters.
func gitHubText(title, body string) []object {
	switch {
	case strings.TrimSpace(title) == "":
		return []object{{"resource": "PullRequest", "code": "missing_field", "field": "title"}}
	case utf8.RuneCountInString(title) > 256:
		return []object{{"resource": "PullRequest", "code": "custom", "field": "title",
			"message": "title is too long (maximum is 256 characters)"}}
	case utf8.RuneCountInString(body) > 65536:
		return []object{{"resource": "PullRequest", "code": "custom", "field": "body",
			"message": "body is too long (maximum is 65536 characters)"}}
	}
	return nil
}

func gitHubInvalid(field string) reply {
	return gitHubError(http.StatusUnprocessableEntity, "Validation Failed",
		object{"resource": "PullRequest", "code": "invalid", "field": field})
}

func gitHubCustom(message string) reply {
	return gitHubError(http.StatusUnprocessableEntity, "Validation Failed",
		object{"resource": "PullRequest", "code": "custom", "message": message})
}

// gitHubMoved redirects r, as https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api has
// it.
func gitHubMoved(r *http.Request, to string) reply {
	status := http.StatusMovedPermanently
	if writes(r) {
		status = http.StatusTemporaryRedirect // which keeps the method
	}
	return reply{status, http.Header{"Location": {to}}, object{
		"message": "Moved Permanently", "url": to, "documentation_url": gitHubDocs,
	}}
}

// gitHubError is an error as https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api has it.
func gitHubError(status int, message string, errs ...object) reply {
	body := object{"message": message, "documentation_url": gitHubDocs, "status": strconv.Itoa(status)}
	if len(errs) > 0 {
		body["errors"] = errs
	}
	return reply{status: status, body: body}
}
