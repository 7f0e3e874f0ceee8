package forge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// gitHubIssue changes what a pull request has in common with issues:
// https://docs.github.com/rest/issues/issues#update-an-issue. Lists replace what was there. Labels need not exist.
func (s *Server) gitHubIssue(r *http.Request, p *pull, _ map[string]string) reply {
	var in struct {
		Labels, Assignees *[]string
		Milestone         *int
	}
	if err := decode(r, &in); err != nil {
		return gitHubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	var unknown []string
	if in.Assignees != nil {
		for i, name := range *in.Assignees {
			if j := slices.IndexFunc(s.users, func(u string) bool { return strings.EqualFold(u, name) }); j >= 0 {
				(*in.Assignees)[i] = s.users[j]
			} else {
				unknown = append(unknown, name)
			}
		}
	}
	milestones := s.of(p.repo).milestones
	switch {
	case unknown != nil:
		return gitHubError(http.StatusUnprocessableEntity, "Validation Failed", object{
			"resource": "Issue", "code": "invalid", "field": "assignees", "value": unknown,
			"message": "assignees " + strings.Join(unknown, ", ") + " cannot be assigned to this issue",
		})
	case in.Milestone != nil && (*in.Milestone < 1 || *in.Milestone > len(milestones)):
		return gitHubError(http.StatusUnprocessableEntity, "Validation Failed", object{
			"resource": "Issue", "code": "invalid", "field": "milestone", "value": *in.Milestone,
		})
	}
	if in.Labels != nil {
		p.Labels = unique(*in.Labels)
	}
	if in.Assignees != nil {
		p.Assignees = unique(*in.Assignees)
		p.Assignees = p.Assignees[:min(len(p.Assignees), 10)]
	}
	if in.Milestone != nil {
		p.Milestone = milestones[*in.Milestone-1]
	}
	return reply{status: http.StatusOK, body: object{
		"number": p.Number, "title": p.Title, "labels": objects("name", p.Labels),
		"assignees":    objects("login", p.Assignees),
		"pull_request": object{"html_url": s.pageURL(r, p)},
	}}
}

// https://docs.github.com/rest/issues/labels#add-labels-to-an-issue, as GitHub's description of its API has it: a list
// alone, which the real one takes too, is refused here.
func (s *Server) gitHubLabels(r *http.Request, p *pull, _ map[string]string) reply {
	var in json.RawMessage
	var wanted struct{ Labels []string }
	if err := decode(r, &in); err != nil {
		return gitHubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	if json.Unmarshal(in, &wanted) != nil || wanted.Labels == nil {
		return gitHubError(http.StatusUnprocessableEntity, "Invalid request.")
	}
	p.Labels = unique(slices.Concat(p.Labels, wanted.Labels))
	return reply{status: http.StatusOK, body: objects("name", p.Labels)}
}

// unique are names without what is there again; nil for none.
func unique(names []string) []string {
	var list []string
	for _, name := range names {
		if !contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// https://docs.github.com/rest/issues/comments#create-an-issue-comment
func (s *Server) gitHubComment(r *http.Request, p *pull, _ map[string]string) reply {
	var in struct{ Body string }
	if err := decode(r, &in); err != nil {
		return gitHubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	if strings.TrimSpace(in.Body) == "" {
		return gitHubError(http.StatusUnprocessableEntity, "Validation Failed",
			object{"resource": "IssueComment", "code": "unprocessable", "field": "data",
				"message": "Body cannot be blank"})
	}
	p.Comments = append(p.Comments, in.Body)
	return reply{status: http.StatusCreated,
		body: object{"id": len(p.Comments), "body": in.Body, "user": object{"login": author}}}
}

// https://docs.github.com/rest/issues/comments#list-issue-comments
func (s *Server) gitHubComments(r *http.Request, p *pull, _ map[string]string) reply {
	return gitHubPage(r, p.Comments, func(body string) (object, error) {
		return object{"id": 1 + slices.Index(p.Comments, body), "body": body, "user": object{"login": author}}, nil
	})
}

// https://docs.github.com/rest/pulls/review-requests#request-reviewers-for-a-pull-request
func (s *Server) gitHubReviewers(r *http.Request, p *pull, tips map[string]string) reply {
	var in struct {
		Users []string `json:"reviewers"`
		Teams []string `json:"team_reviewers"`
	}
	if err := decode(r, &in); err != nil {
		return gitHubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	owner, _, _ := strings.Cut(p.repo, "/")
	var names []string
	known := true
	for _, name := range in.Users {
		if strings.EqualFold(name, author) {
			return gitHubError(http.StatusUnprocessableEntity, "Review cannot be requested from pull request author.")
		}
		known = known && contains(s.users, name)
		names = append(names, name)
	}
	for _, slug := range in.Teams {
		known = known && contains(s.teams, owner+"/"+slug)
		names = append(names, owner+"/"+slug)
	}
	if !known {
		return gitHubError(http.StatusUnprocessableEntity, "Reviews may only be requested from collaborators. "+
			"One or more of the users or teams you specified is not a collaborator of the "+p.repo+" repository.")
	}
	p.Reviewers = unique(append(slices.Clone(p.Reviewers), names...))
	return s.gitHubOne(r, http.StatusCreated, p, tips)
}

// https://docs.github.com/rest/pulls/reviews#list-reviews-for-a-pull-request
func (s *Server) gitHubReviews(r *http.Request, p *pull, _ map[string]string) reply {
	return gitHubPage(r, p.reviews, func(v review) (object, error) {
		state := map[bool]string{true: "APPROVED", false: "CHANGES_REQUESTED"}[v.approved]
		return object{"user": object{"login": v.user}, "state": state, "commit_id": v.sha}, nil
	})
}

// https://docs.github.com/rest/issues/milestones#list-milestones
func (s *Server) gitHubMilestones(r *http.Request, repo string, _ map[string]string) reply {
	titles := s.of(repo).milestones
	return gitHubPage(r, titles, func(title string) (object, error) {
		return object{"number": 1 + slices.Index(titles, title), "title": title, "state": "open"}, nil
	})
}

// gitHubCommit finds the commit that the path names.
func (s *Server) gitHubCommit(answer func(sha, checks string) object) gitHubAnswer {
	return func(r *http.Request, repo string, _ map[string]string) reply {
		sha, err := s.repoGit(repo, "rev-parse", "--verify", "--quiet", r.PathValue("sha")+"^{commit}")
		if err != nil {
			return gitHubError(http.StatusUnprocessableEntity,
				fmt.Sprintf("No commit found for SHA: %s", r.PathValue("sha")))
		}
		return reply{status: http.StatusOK, body: answer(sha, s.of(repo).checks[sha])}
	}
}

// gitHubStatus has no statuses, as where all checks are GitHub Actions; GitHub calls that pending.
// https://docs.github.com/rest/commits/statuses#get-the-combined-status-for-a-specific-reference
func gitHubStatus(sha, _ string) object {
	return object{"state": "pending", "sha": sha, "total_count": 0, "statuses": []object{}}
}

// https://docs.github.com/rest/checks/runs#list-check-runs-for-a-git-reference
func gitHubChecks(sha, checks string) object {
	runs := []object{}
	switch checks {
	case checksPending:
		runs = append(runs, object{"name": "ci", "head_sha": sha, "status": "in_progress", "conclusion": nil})
	case checksSuccess, checksFailure:
		runs = append(runs, object{"name": "ci", "head_sha": sha, "status": "completed", "conclusion": checks})
	}
	return object{"total_count": len(runs), "check_runs": runs}
}
