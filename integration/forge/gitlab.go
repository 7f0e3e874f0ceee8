package forge

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// routeGitLab adds what is answered below /api/v4. Paths, fields and errors are those of
// https://docs.gitlab.com/api/merge_requests/.
func (s *Server) routeGitLab(mux *http.ServeMux) {
	const project = "/api/v4/projects/{id}"
	for pattern, answer := range map[string]gitLabAnswer{
		"GET " + project:                                 s.gitLabProject,
		"GET " + project + "/merge_requests":             s.gitLabList,
		"POST " + project + "/merge_requests":            s.gitLabCreate,
		"GET " + project + "/merge_requests/{iid}":       s.gitLabPull(s.gitLabGet),
		"PUT " + project + "/merge_requests/{iid}":       s.gitLabPull(s.gitLabUpdate),
		"PUT " + project + "/merge_requests/{iid}/merge": s.gitLabPull(s.gitLabMerge),

		"POST " + project + "/merge_requests/{iid}/notes":  s.gitLabPull(s.gitLabNote),
		"GET " + project + "/merge_requests/{iid}/notes":   s.gitLabPull(s.gitLabNotes),
		"GET " + project + "/users":                        s.gitLabMembers,
		"GET " + project + "/milestones":                   s.gitLabMilestones,
		"GET " + project + "/repository/branches/{branch}": s.gitLabBranch,
		"POST " + project + "/repository/commits":          s.gitLabCommit,
		"/api/": nil,
	} {
		mux.HandleFunc(pattern, s.gitLab(answer))
	}
	mux.HandleFunc("GET /api/v4/users", s.api(s.gitLabUsers))
}

// gitLabAnswer answers a request about the project repo, whose branches are at tips.
type gitLabAnswer func(r *http.Request, repo string, tips map[string]string) reply

// gitLab checks the token and finds the project, by its number or by its path as one escaped segment.
func (s *Server) gitLab(answer gitLabAnswer) http.HandlerFunc {
	return s.api(func(r *http.Request) reply {
		who := s.cfg.gitLabUser(r)
		if who != authToken && who != authRead {
			return gitLabError(http.StatusUnauthorized, "401 Unauthorized")
		}
		if answer == nil {
			return reply{status: http.StatusNotFound, body: object{"error": "404 Not Found"}}
		}
		asked := r.PathValue("id")
		if !strings.Contains(asked, "/") {
			asked = s.numberless(asked)
		}
		repo, ok := s.current(asked)
		if !ok {
			return gitLabError(http.StatusNotFound, "404 Project Not Found")
		}
		if repo != asked { // https://docs.gitlab.com/api/rest/#redirects
			if r.Method != http.MethodGet {
				return gitLabError(http.StatusMethodNotAllowed, "Non GET methods are not allowed for moved projects")
			}
			to := s.numbered(r, repo, "/api/v4/projects/", 4)
			return reply{http.StatusMovedPermanently, http.Header{"Location": {to}},
				plain("This resource has been moved permanently to " + to)}
		}
		if who == authRead && writes(r) {
			if strings.HasSuffix(r.URL.Path, "/merge") { // the one write that documents another answer
				return gitLabError(http.StatusUnauthorized, "401 Unauthorized")
			}
			return gitLabError(http.StatusForbidden, "403 Forbidden")
		}
		tips, err := s.tips(repo)
		if err != nil {
			return gitLabError(http.StatusInternalServerError, err.Error())
		}
		s.follow(repo, tips)
		return answer(r, repo, tips)
	})
}

// gitLabPull finds the merge request that the path names by its iid.
func (s *Server) gitLabPull(answer func(*http.Request, *pull, map[string]string) reply) gitLabAnswer {
	return func(r *http.Request, repo string, tips map[string]string) reply {
		iid, err := strconv.Atoi(r.PathValue("iid"))
		if err != nil {
			return gitLabRefusal("merge_request_iid is invalid")
		}
		p := s.find(repo, iid)
		if p == nil {
			return gitLabError(http.StatusNotFound, "404 Not found")
		}
		return answer(r, p, tips)
	}
}

func (s *Server) gitLabProject(r *http.Request, repo string, _ map[string]string) reply {
	branch, err := s.defaultBranch(repo)
	if err != nil {
		return gitLabError(http.StatusInternalServerError, err.Error())
	}
	of, squash := s.of(repo), "default_off"
	if !of.allows(bySquash) {
		squash = "never"
	} else if !of.allows(byMerge) {
		squash = "always"
	}
	level := 30 // developer
	if s.cfg.gitLabUser(r) == authRead {
		level = 20 // reporter
	}
	return reply{status: http.StatusOK, body: object{
		"id":                          s.number(repo),
		"name":                        repo[strings.LastIndex(repo, "/")+1:],
		"path_with_namespace":         repo,
		"default_branch":              branch,
		"web_url":                     origin(r) + "/" + repo,
		"http_url_to_repo":            origin(r) + "/" + repo + ".git",
		"merge_method":                "merge",
		"squash_option":               squash,
		"visibility":                  "private",
		"archived":                    false,
		"merge_requests_access_level": "enabled",
		"can_create_merge_request_in": true,
		"permissions": object{
			"project_access": object{"access_level": level, "notification_level": 3},
			"group_access":   nil,
		},
	}}
}

// gitLabUser names the token that came with r as the API wants it.
func (c Config) gitLabUser(r *http.Request) string {
	if token := r.Header.Get("Private-Token"); token != "" {
		return c.who(token)
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return c.who(token)
}

func (s *Server) gitLabList(r *http.Request, repo string, tips map[string]string) reply {
	q := r.URL.Query()
	state := cmp.Or(q.Get("state"), "all")
	if !slices.Contains([]string{"all", "opened", "closed", "locked", "merged"}, state) {
		return gitLabRefusal("state does not have a valid value")
	}
	order, sort := cmp.Or(q.Get("order_by"), "created_at"), cmp.Or(q.Get("sort"), "desc")
	if order != "created_at" { // no test needs the others
		return gitLabRefusal("order_by does not have a valid value")
	}
	if sort != "asc" && sort != "desc" {
		return gitLabRefusal("sort does not have a valid value")
	}
	found := s.list(repo, func(p *pull) bool {
		return (state == "all" || state == gitLabState(p)) &&
			(q.Get("source_branch") == "" || q.Get("source_branch") == p.Head) &&
			(q.Get("target_branch") == "" || q.Get("target_branch") == p.Base)
	})
	if sort == "asc" {
		slices.Reverse(found)
	}
	return gitLabPage(r, found, func(p *pull) (object, error) { return s.gitLabObject(r, p, tips) })
}

// gitLabPage answers with the page of all that r asks for.
func gitLabPage[T any](r *http.Request, all []T, show func(T) (object, error)) reply {
	pg := paginate(r, len(all), 20)
	body := []object{}
	for _, one := range all[pg.first:pg.last] {
		o, err := show(one)
		if err != nil {
			return gitLabError(http.StatusInternalServerError, err.Error())
		}
		body = append(body, o)
	}
	header := http.Header{}
	for name, n := range map[string]int{
		"X-Page": pg.page, "X-Per-Page": pg.per, "X-Total": pg.total, "X-Total-Pages": max(pg.pages(), 1),
		"X-Next-Page": pg.next, "X-Prev-Page": pg.page - 1,
	} {
		header.Set(name, "")
		if n > 0 || name == "X-Total" {
			header.Set(name, strconv.Itoa(n))
		}
	}
	if link := pg.link(); link != "" {
		header.Set("Link", link)
	}
	return reply{http.StatusOK, header, body}
}

// gitLabInput is what may be said of a merge request. A field that was not given is nil.
type gitLabInput struct {
	Title       *string `json:"title"`
	Description *string `json:"description"`
	Source      *string `json:"source_branch"`
	Target      *string `json:"target_branch"`
	StateEvent  *string `json:"state_event"`
	Labels      labels  `json:"labels"`
	AddLabels   labels  `json:"add_labels"` // of an update only
	Assignees   *[]int  `json:"assignee_ids"`
	Reviewers   *[]int  `json:"reviewer_ids"`
	Milestone   *int    `json:"milestone_id"`
}

// labels are given as one string, split at commas, or as a list of strings; nil when not given.
type labels []string

func (l *labels) UnmarshalJSON(data []byte) error {
	var list []string
	if err := json.Unmarshal(data, &list); err != nil {
		var joined string
		if err := json.Unmarshal(data, &joined); err != nil {
			return err
		}
		list = strings.Split(joined, ",")
	}
	*l = labels{}
	for _, name := range list {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(*l, name) {
			*l = append(*l, name)
		}
	}
	return nil
}

func (s *Server) gitLabCreate(r *http.Request, repo string, tips map[string]string) reply {
	var in gitLabInput
	if err := decode(r, &in); err != nil {
		return gitLabRefusal("The body is not valid JSON")
	}
	var missing []string
	for _, f := range []struct {
		name  string
		value *string
	}{{"title", in.Title}, {"source_branch", in.Source}, {"target_branch", in.Target}} {
		if f.value == nil {
			missing = append(missing, f.name+" is missing")
		}
	}
	if missing != nil {
		return gitLabRefusal(strings.Join(missing, ", "))
	}
	if *in.Source == *in.Target {
		return gitLabError(http.StatusUnprocessableEntity,
			[]string{"You can't use same project/branch for source and target"})
	}
	p := &pull{repo: repo, PullRequest: PullRequest{Head: *in.Source, Base: *in.Target}}
	if tips[p.Head] == "" {
		return gitLabField("source_branch", "does not exist")
	}
	p.HeadSHA = tips[p.Head]
	in.AddLabels = nil
	if rep := s.gitLabApply(p, in, tips); rep != nil {
		return *rep
	}
	s.open(p)
	return s.gitLabOne(r, http.StatusCreated, p, tips)
}

func (s *Server) gitLabGet(r *http.Request, p *pull, tips map[string]string) reply {
	return s.gitLabOne(r, http.StatusOK, p, tips)
}

func (s *Server) gitLabUpdate(r *http.Request, p *pull, tips map[string]string) reply {
	var in gitLabInput
	if err := decode(r, &in); err != nil {
		return gitLabRefusal("The body is not valid JSON")
	}
	if in.Title == nil && in.Description == nil && in.Target == nil && in.StateEvent == nil && in.Labels == nil &&
		in.AddLabels == nil && in.Assignees == nil && in.Reviewers == nil && in.Milestone == nil {
		return gitLabRefusal("assignee_ids, reviewer_ids, title, description, target_branch, state_event, labels, " +
			"add_labels, milestone_id are missing, at least one parameter must be provided")
	}
	for _, f := range []struct {
		name  string
		value *string
	}{{"title", in.Title}, {"target_branch", in.Target}} {
		if f.value != nil && strings.TrimSpace(*f.value) == "" {
			return gitLabRefusal(f.name + " is empty")
		}
	}
	changed := *p
	if in.StateEvent != nil {
		switch *in.StateEvent {
		case "close":
			if p.State == stateOpen {
				changed.setState(stateClosed)
			}
		case "reopen":
			if p.State == stateClosed {
				changed.setState(stateOpen)
			}
		default:
			return gitLabRefusal("state_event does not have a valid value")
		}
	}
	if rep := s.gitLabApply(&changed, in, tips); rep != nil {
		return *rep
	}
	*p = changed
	s.follow(p.repo, tips)
	if err := s.checksChanged(p.repo); err != nil { // it may be no draft any more
		return gitLabError(http.StatusInternalServerError, err.Error())
	}
	return s.gitLabOne(r, http.StatusOK, p, tips)
}

var gitLabDraft = regexp.MustCompile(`(?i)^(draft:|\[draft\]|\(draft\))`)

// gitLabApply sets p's texts, labels and target as in says and checks the result; the reply is nil when it is good.
func (s *Server) gitLabApply(p *pull, in gitLabInput, tips map[string]string) *reply {
	set(&p.Title, in.Title)
	set(&p.Body, in.Description)
	if in.Labels != nil {
		p.Labels = unique(in.Labels)
	}
	p.Labels = unique(append(slices.Clone(p.Labels), in.AddLabels...))
	s.setPeople(&p.Assignees, in.Assignees)
	s.setPeople(&p.Reviewers, in.Reviewers)
	if m := in.Milestone; m != nil { // one that is not the project's is no error, but none
		p.Milestone = ""
		if titles := s.of(p.repo).milestones; *m > milestoneID && *m <= milestoneID+len(titles) {
			p.Milestone = titles[*m-milestoneID-1]
		}
	}
	refuse := func(r reply) *reply { return &r }
	if strings.TrimSpace(p.Title) == "" {
		return refuse(gitLabField("title", "can't be blank"))
	}
	if utf8.RuneCountInString(p.Title) > 255 {
		return refuse(gitLabField("title", "is too long (maximum is 255 characters)"))
	}
	p.Draft = gitLabDraft.MatchString(p.Title)
	if in.Target != nil {
		if tips[*in.Target] == "" {
			return refuse(gitLabField("target_branch", "does not exist"))
		}
		p.Base = *in.Target
	}
	if p.State == stateClosed || p.State == stateMerged {
		return nil
	}
	if o := s.rival(p.repo, p.Head, p.Base, p.Number); o != nil {
		return refuse(gitLabError(http.StatusConflict, []string{
			fmt.Sprintf("Another open merge request already exists for this source branch: !%d", o.Number)}))
	}
	return nil
}

func (s *Server) gitLabMerge(r *http.Request, p *pull, tips map[string]string) reply {
	var in struct {
		SHA      string `json:"sha"`
		Squash   bool   `json:"squash"`
		Message  string `json:"merge_commit_message"`
		Squashed string `json:"squash_commit_message"`
		Delete   bool   `json:"should_remove_source_branch"`
		Auto     bool   `json:"auto_merge"`
		AutoOld  bool   `json:"merge_when_pipeline_succeeds"`
	}
	if err := decode(r, &in); err != nil {
		return gitLabRefusal("The body is not valid JSON")
	}
	stands, err := s.obstacle(p, tips)
	if err != nil {
		return gitLabError(http.StatusInternalServerError, err.Error())
	}
	checks := s.of(p.repo).checks[p.HeadSHA]
	now, later := stands == nothing, false
	if in.Auto || in.AutoOld { // to merge at once, too, takes a pipeline that has succeeded
		now = now && checks == checksSuccess
		later = !now &&
			(slices.Contains([]obstacle{unwanted, unchecked, inChecks, badlyGone}, stands) ||
				stands == nothing && checks != "")
	}
	if !now && !later {
		return gitLabError(http.StatusMethodNotAllowed, "405 Method Not Allowed")
	}
	if in.SHA != "" && in.SHA != p.HeadSHA {
		return gitLabError(http.StatusConflict, "SHA does not match HEAD of source branch: "+p.HeadSHA)
	}
	o := mergeOptions{how: byMerge, message: in.Message, squash: in.Squashed, deleteBranch: in.Delete}
	if of := s.of(p.repo); in.Squash && of.allows(bySquash) || !of.allows(byMerge) {
		o.how = bySquashMerge
	}
	if later {
		p.autoMerge = &o
		return s.gitLabOne(r, http.StatusOK, p, tips)
	}
	if err := s.merge(p, tips, o); errors.Is(err, errConflict) {
		return gitLabError(http.StatusUnprocessableEntity, "Branch cannot be merged")
	} else if err != nil {
		return gitLabError(http.StatusInternalServerError, err.Error())
	}
	return s.gitLabOne(r, http.StatusOK, p, tips)
}

func (s *Server) gitLabOne(r *http.Request, status int, p *pull, tips map[string]string) reply {
	body, err := s.gitLabObject(r, p, tips)
	if err != nil {
		return gitLabError(http.StatusInternalServerError, err.Error())
	}
	// A list has none.
	body["head_pipeline"] = nil
	if checks := s.of(p.repo).checks[p.HeadSHA]; checks != "" {
		body["head_pipeline"] = object{"id": 1, "sha": p.HeadSHA, "ref": p.Head, "status": map[string]string{
			checksPending: "running", checksSuccess: "success", checksFailure: "failed",
		}[checks]}
	}
	return reply{status: status, body: body}
}

func (s *Server) gitLabObject(r *http.Request, p *pull, tips map[string]string) (object, error) {
	stands, err := s.obstacle(p, tips)
	if err != nil {
		return nil, err
	}
	status := map[obstacle]string{
		nothing: "mergeable", notOpen: "not_open", isDraft: "draft_status", conflicts: "conflict",
		unwanted:  "requested_changes",
		unchecked: "ci_must_pass", inChecks: "ci_still_running", badlyGone: "ci_must_pass",
	}[stands]
	project := s.number(p.repo)
	o := object{
		"id":                           1000 + p.Number,
		"iid":                          p.Number,
		"project_id":                   project,
		"source_project_id":            s.number(cmp.Or(p.fork, p.repo)),
		"target_project_id":            project,
		"title":                        p.Title,
		"description":                  p.Body,
		"state":                        gitLabState(p),
		"source_branch":                p.Head,
		"target_branch":                p.Base,
		"sha":                          p.HeadSHA,
		"draft":                        p.Draft,
		"labels":                       append([]string{}, p.Labels...),
		"assignees":                    s.people(p.Assignees),
		"reviewers":                    s.people(p.Reviewers),
		"milestone":                    nil,
		"merge_when_pipeline_succeeds": p.autoMerge != nil,
		"author":                       s.person(author),
		"web_url":                      s.pageURL(r, p),
		"detailed_merge_status":        status,
		"has_conflicts":                status == "conflict",
		"user_notes_count":             len(p.Comments),
		"squash":                       p.squashSHA != "",
		"merge_commit_sha":             nil,
		"squash_commit_sha":            nil,
		"created_at":                   p.created,
		"updated_at":                   p.updated,
		"merged_at":                    nil,
		"closed_at":                    nil,
	}
	if p.Milestone != "" {
		o["milestone"] = s.gitLabMilestone(p.repo, p.Milestone)
	}
	switch p.State {
	case stateMerged:
		o["merge_commit_sha"], o["merged_at"] = p.MergeSHA, p.closed
	case stateClosed:
		o["closed_at"] = p.closed
	}
	if p.squashSHA != "" {
		o["squash_commit_sha"] = p.squashSHA
	}
	return o, nil
}

// gitLabState is p's state in GitLab's words.
func gitLabState(p *pull) string {
	if p.State == stateOpen {
		return "opened"
	}
	return p.State
}

// gitLabError is an error of the application: message is a string, a list of strings, or lists of strings by field.
func gitLabError(status int, message any) reply {
	return reply{status: status, body: object{"message": message}}
}

// gitLabField says what is wrong with a field of a merge request.
func gitLabField(field, wrong string) reply {
	return gitLabError(http.StatusBadRequest, map[string][]string{field: {wrong}})
}

// gitLabRefusal is an error in the request's parameters.
func gitLabRefusal(text string) reply {
	return reply{status: http.StatusBadRequest, body: object{"error": text}}
}
