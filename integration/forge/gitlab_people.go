package forge

import (
	"net/http"
	"slices"
	"strings"
)

// milestoneID is less than the ids of milestones, which are no iids.
const milestoneID = 500

// person is the user name as GitLab shows him.
func (s *Server) person(name string) object {
	i := slices.IndexFunc(s.users, func(u string) bool { return strings.EqualFold(u, name) })
	return object{"id": 1 + i, "username": s.users[i], "name": s.users[i], "state": "active"}
}

func (s *Server) people(names []string) []object {
	list := []object{}
	for _, name := range names {
		list = append(list, s.person(name))
	}
	return list
}

// setPeople replaces *names with the users that have the ids, if any were given. GitLab leaves out ids that nobody has.
func (s *Server) setPeople(names *[]string, ids *[]int) {
	if ids == nil {
		return
	}
	*names = nil
	for _, id := range *ids {
		if id > 0 && id <= len(s.users) {
			*names = unique(append(*names, s.users[id-1]))
		}
	}
}

// gitLabUsers finds the user of the given name: https://docs.gitlab.com/api/users/#list-users.
func (s *Server) gitLabUsers(r *http.Request) reply {
	if who := s.cfg.gitLabUser(r); who != authToken && who != authRead {
		return gitLabError(http.StatusUnauthorized, "401 Unauthorized")
	}
	name := r.URL.Query().Get("username")
	if name == "" { // no test needs all of them
		return gitLabRefusal("username is missing")
	}
	var found []string
	if contains(s.users, name) {
		found = append(found, name)
	}
	return gitLabPage(r, found, func(name string) (object, error) { return s.person(name), nil })
}

// https://docs.gitlab.com/api/projects/#list-all-users-in-a-project
func (s *Server) gitLabMembers(r *http.Request, _ string, _ map[string]string) reply {
	return gitLabPage(r, s.users, func(name string) (object, error) { return s.person(name), nil })
}

// https://docs.gitlab.com/api/milestones/#list-all-project-milestones
func (s *Server) gitLabMilestones(r *http.Request, repo string, _ map[string]string) reply {
	q := r.URL.Query()
	if state := q.Get("state"); state != "" && state != "active" && state != "closed" {
		return gitLabRefusal("state does not have a valid value")
	}
	titles := slices.DeleteFunc(slices.Clone(s.of(repo).milestones), func(title string) bool {
		return q.Get("title") != "" && q.Get("title") != title || q.Get("state") == "closed"
	})
	return gitLabPage(r, titles, func(title string) (object, error) { return s.gitLabMilestone(repo, title), nil })
}

func (s *Server) gitLabMilestone(repo, title string) object {
	i := slices.Index(s.of(repo).milestones, title)
	return object{"id": milestoneID + 1 + i, "iid": 1 + i, "project_id": s.number(repo),
		"title": title, "state": "active"}
}

// https://docs.gitlab.com/api/notes/#create-new-merge-request-note
func (s *Server) gitLabNote(r *http.Request, p *pull, _ map[string]string) reply {
	var in struct{ Body *string }
	switch err := decode(r, &in); {
	case err != nil:
		return gitLabRefusal("The body is not valid JSON")
	case in.Body == nil:
		return gitLabRefusal("body is missing")
	case strings.TrimSpace(*in.Body) == "":
		return gitLabError(http.StatusBadRequest, "400 Bad request - Note {:note=>[\"can't be blank\"]}")
	}
	p.Comments = append(p.Comments, *in.Body)
	return reply{status: http.StatusCreated,
		body: object{"id": len(p.Comments), "body": *in.Body, "author": s.person(author)}}
}

// gitLabNotes lists the notes, the last first: https://docs.gitlab.com/api/notes/#list-all-merge-request-notes
func (s *Server) gitLabNotes(r *http.Request, p *pull, _ map[string]string) reply {
	notes := slices.Clone(p.Comments)
	slices.Reverse(notes)
	return gitLabPage(r, notes, func(body string) (object, error) {
		return object{"id": 1 + slices.Index(p.Comments, body), "body": body, "author": s.person(author)}, nil
	})
}
