package forge

import (
	"fmt"
	"slices"
	"strings"
)

// settings are the forge's settings of one repository.
type settings struct {
	milestones []string
	checks     map[string]string // by commit
	protected  []string          // branches
	methods    []method          // the allowed ones; nil for all
	noDrafts   bool

	noAutoMerge bool
}

// change has f change repo's settings, and lets the forge act on what is different now.
func (s *Server) change(repo string, f func(*settings) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.repos, repo) {
		return fmt.Errorf("there is no repository %s", repo)
	}
	if err := f(s.of(repo)); err != nil {
		return fmt.Errorf("%s: %w", repo, err)
	}
	return s.checksChanged(repo)
}

// of returns repo's settings. The caller holds the store.
func (s *Server) of(repo string) *settings {
	n := s.number(repo)
	if s.settings[n] == nil {
		s.settings[n] = &settings{checks: map[string]string{}}
	}
	return s.settings[n]
}

// AddUser makes name a user who may review and be assigned in every repository. All pull requests are by the user
// forge, whom the Config's Token belongs to and who is there from the start.
func (s *Server) AddUser(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = append(s.users, name)
}

// AddTeam makes name, "acme/platform", a team of the organization acme that may review in its repositories. A GitLab
// has none.
func (s *Server) AddTeam(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.teams = append(s.teams, name)
}

// AddMilestone adds an open milestone to repo. It fails where there is one of that title.
func (s *Server) AddMilestone(repo, title string) error {
	return s.change(repo, func(of *settings) error {
		if slices.Contains(of.milestones, title) {
			return fmt.Errorf("milestone %q exists", title)
		}
		of.milestones = append(of.milestones, title)
		return nil
	})
}

// The states of a commit's checks, as SetChecks takes them.
const (
	checksPending = "pending"
	checksSuccess = "success"
	checksFailure = "failure"
)

// SetChecks sets the state of the checks of commit sha of repo: "pending", "success" or "failure". Until then it has
// none. Pull requests that wait for nothing else are merged if the forge was asked to.
func (s *Server) SetChecks(repo, sha, state string) error {
	return s.change(repo, func(of *settings) error {
		if !slices.Contains([]string{checksPending, checksSuccess, checksFailure}, state) {
			return fmt.Errorf("unknown state %q of checks", state)
		}
		of.checks[sha] = state
		return nil
	})
}

// Protect makes the forge merge into branch of repo only what has checks that succeeded and of which nobody has
// requested changes. It keeps nobody from pushing.
func (s *Server) Protect(repo, branch string) error {
	return s.change(repo, func(of *settings) error {
		of.protected = append(of.protected, branch)
		return nil
	})
}

// AllowMerge forbids all ways of merging but those named: "merge", "squash" and "rebase". GitLab has no setting for the
// last; without "squash" it does as if none was asked for, and without "merge" it always squashes.
func (s *Server) AllowMerge(repo string, methods ...string) error {
	return s.change(repo, func(of *settings) error {
		of.methods = []method{}
		for _, m := range methods {
			of.methods = append(of.methods, method(m))
		}
		return nil
	})
}

// allows reports whether the repository lets itself be merged to like that.
func (of *settings) allows(how method) bool {
	return of.methods == nil || slices.Contains(of.methods, how)
}

// NoDrafts makes repo one whose owner's plan has no drafts. A GitLab has them always.
func (s *Server) NoDrafts(repo string) error {
	return s.change(repo, func(of *settings) error { of.noDrafts = true; return nil })
}

// review is what a reviewer said.
type review struct {
	user, sha string
	approved  bool // and else changes were requested
}

// Review has user review pull request number of repo, at its present head: approve it, or request changes.
func (s *Server) Review(repo string, number int, user string, approve bool) error {
	return s.change(repo, func(*settings) error {
		p := s.find(repo, number)
		if p == nil || !contains(s.users, user) {
			return fmt.Errorf("no pull request %d, or no user %s", number, user)
		}
		p.reviews = append(p.reviews, review{user, p.HeadSHA, approve})
		if s.cfg.Kind == GitHub { // who has reviewed is not asked any more
			p.Reviewers = slices.DeleteFunc(slices.Clone(p.Reviewers),
				func(r string) bool { return strings.EqualFold(r, user) })
		}
		return nil
	})
}

// OpenFromFork opens a pull request from branch head of fork, which is another repository, to base of repo, as somebody
// else would, and returns its number.
func (s *Server) OpenFromFork(repo, fork, head, base, title string) (number int, err error) {
	err = s.change(repo, func(*settings) error {
		if !slices.Contains(s.repos, fork) || fork == repo {
			return fmt.Errorf("%s is no other repository", fork)
		}
		p := &pull{repo: repo, fork: fork, PullRequest: PullRequest{Title: title, Head: head, Base: base}}
		ref := fmt.Sprintf("refs/pull/%d/head", s.nextNumber(repo))
		if _, err := s.repoGit(repo, "fetch", "--quiet", s.GitDir(fork), "+refs/heads/"+head+":"+ref); err != nil {
			return err
		}
		if p.HeadSHA, err = s.repoGit(repo, "rev-parse", ref); err != nil {
			return err
		}
		s.open(p)
		number = p.Number
		return nil
	})
	return number, err
}

// obstacle is what keeps a pull request from being merged.
type obstacle string

const (
	nothing   obstacle = ""
	notOpen   obstacle = "not open"
	isDraft   obstacle = "draft"
	conflicts obstacle = "conflict"
	unwanted  obstacle = "changes requested" // in a protected branch
	unchecked obstacle = "no checks yet"     // likewise
	inChecks  obstacle = "checks pending"
	badlyGone obstacle = "checks failed"
)

// obstacle returns what keeps p from being merged.
func (s *Server) obstacle(p *pull, tips map[string]string) (obstacle, error) {
	switch ok, err := s.mergeable(p, tips); {
	case err != nil:
		return nothing, err
	case p.State != stateOpen:
		return notOpen, nil
	case p.Draft:
		return isDraft, nil
	case !ok:
		return conflicts, nil
	}
	of := s.of(p.repo)
	if !slices.Contains(of.protected, p.Base) {
		return nothing, nil
	}
	last := map[string]bool{}
	for _, r := range p.reviews {
		last[r.user] = r.approved
	}
	for _, approved := range last {
		if !approved {
			return unwanted, nil
		}
	}
	return map[string]obstacle{
		"": unchecked, checksPending: inChecks, checksFailure: badlyGone, checksSuccess: nothing,
	}[of.checks[p.HeadSHA]], nil
}

// checksChanged merges those of repo's pull requests that the forge was asked to merge by itself and that nothing keeps
// open any more. Whoever changes what may keep one open calls it; the caller holds the store.
func (s *Server) checksChanged(repo string) error {
	for _, p := range s.pulls {
		if p.repo != repo || p.autoMerge == nil {
			continue
		}
		tips, err := s.tips(repo) // again: a merge moves its base
		if err != nil {
			return err
		}
		s.follow(repo, tips)
		stands, err := s.obstacle(p, tips)
		if err == nil && stands == nothing && p.autoMerge != nil { // which a new head may have ended
			err = s.merge(p, tips, *p.autoMerge)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// contains reports whether names has name. Neither forge tells upper from lower case in names.
func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// author is the user whom the token belongs to, and who opens all pull requests.
const author = "forge"
