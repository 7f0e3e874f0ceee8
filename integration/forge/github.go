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
		} {
			mux.HandleFunc(pattern, s.gitHub(answer))
		}
	}
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
		if who != authToken && who != authRead {
			return gitHubError(http.StatusUnauthorized, "Bad credentials")
		}
		asked := r.PathValue("owner") + "/" + r.PathValue("name")
		if id := r.PathValue("id"); id != "" {
			asked = s.numberless(id)
		}
		repo, ok := s.current(asked)
		if answer == nil || !ok {
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
	// The role of the user, whatever the token was granted. Scopes are told of classic tokens only.
	push := s.cfg.gitHubUser(r) == authToken
	body["permissions"] = object{"admin": false, "maintain": false, "push": push, "triage": push, "pull": true}
	header := http.Header{}
	if push {
		header.Set("X-OAuth-Scopes", "repo")
	}
	return reply{http.StatusOK, header, body}
}

// gitHubUser names the token that came with r as the API wants it.
func (c Config) gitHubUser(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "token") {
		return ""
	}
	return c.who(token)
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
		"allow_merge_commit": true,
		"allow_squash_merge": true,
		"allow_rebase_merge": true,
	}, nil
}

func (s *Server) gitHubList(r *http.Request, repo string, tips map[string]string) reply {
	q := r.URL.Query()
	state := cmp.Or(q.Get("state"), "open")
	if !slices.Contains([]string{"open", "closed", "all"}, state) {
		return gitHubInvalid("state")
	}
	// A head without an owner does not narrow the list: GitHub ignores it.
	headOwner, head, byHead := strings.Cut(q.Get("head"), ":")
	owner, _, _ := strings.Cut(repo, "/")
	found := s.list(repo, func(p *pull) bool {
		return (state == "all" || (state == "open") == (p.State == stateOpen)) &&
			(!byHead || strings.EqualFold(headOwner, owner) && head == p.Head) &&
			(q.Get("base") == "" || q.Get("base") == p.Base)
	})
	pg := paginate(r, len(found), 30)
	body := []object{}
	for _, p := range found[pg.first:pg.last] {
		body = append(body, s.gitHubObject(r, p, tips))
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
			return gitHubError(http.StatusUnprocessableEntity, fmt.Sprintf("Invalid request.\n\n%q wasn't supplied.", f[0]))
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
	p := &pull{repo: repo, PullRequest: PullRequest{
		Title: in.Title, Body: in.Body, Head: head, Base: in.Base, Draft: in.Draft, HeadSHA: tips[head],
	}}
	s.open(p)
	p.URL = fmt.Sprintf("%s/%s/pull/%d", s.url, repo, p.Number)
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
	}
	title, message := fmt.Sprintf("%s (#%d)", p.Title, p.Number), ""
	if how == byMerge {
		owner, _, _ := strings.Cut(p.repo, "/")
		title, message = fmt.Sprintf("Merge pull request #%d from %s/%s", p.Number, owner, p.Head), p.Title
	}
	title = cmp.Or(in.Title, title)
	set(&message, in.Message)
	err := s.merge(p, tips, how, strings.TrimSpace(title+"\n\n"+message))
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
	ok, err := s.mergeable(p, tips)
	if err != nil {
		return gitHubError(http.StatusInternalServerError, err.Error())
	}
	repo, err := s.gitHubRepoObject(r, p.repo)
	if err != nil {
		return gitHubError(http.StatusInternalServerError, err.Error())
	}
	body := s.gitHubObject(r, p, tips)
	body["head"].(object)["repo"], body["base"].(object)["repo"] = repo, repo
	body["merged"] = p.State == stateMerged
	body["mergeable"] = ok
	body["mergeable_state"] = map[bool]string{true: "clean", false: "dirty"}[ok]
	return reply{status: status, body: body}
}

func (s *Server) gitHubObject(r *http.Request, p *pull, tips map[string]string) object {
	owner, _, _ := strings.Cut(p.repo, "/")
	branch := func(ref, sha string) object {
		return object{"label": owner + ":" + ref, "ref": ref, "sha": sha, "user": object{"login": owner}}
	}
	labels := []object{}
	for _, l := range p.Labels {
		labels = append(labels, object{"name": l})
	}
	o := object{
		"id":               1000 + p.Number,
		"number":           p.Number,
		"state":            stateOpen,
		"title":            p.Title,
		"body":             nil,
		"draft":            p.Draft,
		"url":              fmt.Sprintf("%s/api/v3/repos/%s/pulls/%d", origin(r), p.repo, p.Number),
		"html_url":         s.pageURL(r, p),
		"head":             branch(p.Head, p.HeadSHA),
		"base":             branch(p.Base, tips[p.Base]),
		"labels":           labels,
		"user":             object{"login": "forge"},
		"created_at":       p.created,
		"updated_at":       p.updated,
		"closed_at":        p.closed,
		"merged_at":        nil,
		"merge_commit_sha": nil,
	}
	if p.Body != "" {
		o["body"] = p.Body
	}
	if p.State != stateOpen {
		o["state"] = stateClosed
	}
	if p.State == stateMerged {
		o["merged_at"], o["merge_commit_sha"] = p.closed, p.MergeSHA
	}
	return o
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

// gitHubMoved redirects r, as https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api has it.
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
