package forge

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// PullRequest is what the forge knows of one pull request, or merge request in GitLab's words.
type PullRequest struct {
	Number      int // counts from 1 in each repository; GitLab's iid
	Title, Body string
	Head, Base  string // branch names, both of the same repository
	State       string // "open", "closed" or "merged"
	URL         string // its page for people
	Draft       bool
	HeadSHA     string   // the head branch's tip while the request is open, else the last tip that was seen
	MergeSHA    string   // the commit that the base branch got; empty until merged
	Labels      []string // nil when there are none, as with the other lists
	Reviewers   []string // who was asked: users, and on GitHub teams, "acme/platform"
	Assignees   []string // users
	Milestone   string   // its title
	Comments    []string // oldest first
	ID          string   // GitHub's node ID
}

// The states of a PullRequest.
const (
	stateOpen   = "open"
	stateClosed = "closed"
	stateMerged = "merged"
)

// pull is a PullRequest as it is stored.
type pull struct {
	PullRequest
	repo             string
	fork             string   // the repository that has the head, where that is another one
	reviews          []review // oldest first
	squashSHA        string   // GitLab: the commit that a squash made before it was merged
	created, updated time.Time
	closed           *time.Time    // also set by a merge
	autoMerge        *mergeOptions // nil unless the forge was asked to merge it by itself
}

// mergeOptions says how a pull request is to be merged.
type mergeOptions struct {
	how          method
	message      string // of the commit that the base gets; empty: the forge's own
	squash       string // of the commit that bySquashMerge merges; empty: the forge's own
	deleteBranch bool   // GitLab: remove the head once it is merged
}

// PullRequests returns copies of repo's pull requests, oldest first, each with its head's present tip.
func (s *Server) PullRequests(repo string) []PullRequest {
	s.pushed(repo)
	s.mu.Lock()
	defer s.mu.Unlock()
	var prs []PullRequest
	for _, p := range s.pulls {
		if p.repo == repo {
			pr := p.PullRequest
			for _, list := range []*[]string{&pr.Labels, &pr.Reviewers, &pr.Assignees, &pr.Comments} {
				*list = slices.Clone(*list)
			}
			prs = append(prs, pr)
		}
	}
	return prs
}

// pushed lets repo's pull requests follow their heads. When git cannot say where those are, the last known stay.
func (s *Server) pushed(repo string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.pulls, func(p *pull) bool { return p.repo == repo && p.State == stateOpen }) {
		return
	}
	if tips, err := s.tips(repo); err == nil {
		s.follow(repo, tips)
	}
}

// follow moves the heads of repo's open pull requests to tips.
func (s *Server) follow(repo string, tips map[string]string) {
	for _, p := range s.pulls {
		tip := tips[p.Head]
		if p.repo == repo && p.fork == "" && p.State == stateOpen && tip != "" && tip != p.HeadSHA {
			p.HeadSHA, p.updated = tip, time.Now()
			if s.cfg.Kind == GitLab { // which takes the order back when there is something new
				p.autoMerge = nil
			}
		}
	}
}

// list returns repo's pull requests that match, newest first, as both forges sort.
func (s *Server) list(repo string, match func(*pull) bool) []*pull {
	var found []*pull
	for _, p := range slices.Backward(s.pulls) {
		if p.repo == repo && match(p) {
			found = append(found, p)
		}
	}
	return found
}

// find returns pull request number of repo, or nil.
func (s *Server) find(repo string, number int) *pull {
	for _, p := range s.pulls {
		if p.repo == repo && p.Number == number {
			return p
		}
	}
	return nil
}

// rival returns the open pull request of repo from head to base whose number is another one; nil when there is none.
func (s *Server) rival(repo, head, base string, number int) *pull {
	for _, p := range s.pulls {
		if p.repo == repo && p.fork == "" && p.State == stateOpen &&
			p.Head == head && p.Base == base && p.Number != number {
			return p
		}
	}
	return nil
}

// open stores a new pull request, and numbers it.
func (s *Server) open(p *pull) {
	p.Number = s.nextNumber(p.repo)
	p.State = stateOpen
	page := "pull"
	if s.cfg.Kind == GitLab {
		page = "-/merge_requests"
	} else {
		p.ID = fmt.Sprintf("PR_%d_%d", s.number(p.repo), p.Number)
	}
	p.URL = fmt.Sprintf("%s/%s/%s/%d", s.url, p.repo, page, p.Number)
	p.created = time.Now()
	p.updated = p.created
	s.pulls = append(s.pulls, p)
}

// nextNumber is the number that the next pull request of repo gets.
func (s *Server) nextNumber(repo string) int {
	return 1 + len(s.list(repo, func(*pull) bool { return true }))
}

// setState closes or reopens p, which is not merged.
func (p *pull) setState(state string) {
	if p.State == state {
		return
	}
	p.State, p.updated, p.closed = state, time.Now(), nil
	if state == stateClosed {
		p.closed = &p.updated
	}
}

// method is how a head is brought into its base.
type method string

const (
	byMerge  method = "merge"  // a commit with two parents, even where a fast-forward would do
	bySquash method = "squash" // one commit on top of the base
	byRebase method = "rebase" // each commit again, on top of the base
	// bySquashMerge is what GitLab's merge method "merge" does with squash on: one commit on top of the merge base,
	// then a merge of that.
	bySquashMerge method = "squash-merge"
)

// errConflict is returned when a head cannot be brought into its base: they conflict, one is gone, or nothing is left
// to merge.
var errConflict = errors.New("not mergeable")

// mergeable reports whether p is open and its head merges into its base.
func (s *Server) mergeable(p *pull, tips map[string]string) (bool, error) {
	if p.State != stateOpen {
		return false, nil
	}
	_, err := s.mergedTree(p.repo, tips[p.Base], p.head(tips))
	if errors.Is(err, errConflict) {
		return false, nil
	}
	return err == nil, err
}

// head is the tip of p's head branch, empty when that is gone.
func (p *pull) head(tips map[string]string) string {
	if p.fork != "" {
		return p.HeadSHA
	}
	return tips[p.Head]
}

// ownMessage returns the message of a merge's commit where the request has none: subject and body.
func (s *Server) ownMessage(p *pull, how method) (title, body string) {
	owner, _, _ := strings.Cut(p.repo, "/")
	switch {
	case s.cfg.Kind == GitLab:
		return fmt.Sprintf("Merge branch '%s' into '%s'", p.Head, p.Base),
			fmt.Sprintf("%s\n\nSee merge request %s!%d", p.Title, p.repo, p.Number)
	case how == byMerge:
		return fmt.Sprintf("Merge pull request #%d from %s/%s", p.Number, owner, p.Head), p.Title
	}
	return fmt.Sprintf("%s (#%d)", p.Title, p.Number), ""
}

// merge brings p's head into its base, in the repository, and marks p merged. It returns errConflict when that cannot
// be done, or when the base moved meanwhile.
func (s *Server) merge(p *pull, tips map[string]string, o mergeOptions) error {
	if o.message == "" {
		title, body := s.ownMessage(p, o.how)
		o.message = strings.TrimSpace(title + "\n\n" + body)
	}
	base, head := tips[p.Base], p.head(tips)
	tree, err := s.mergedTree(p.repo, base, head)
	if err != nil {
		return err
	}
	var tip, squashed string
	switch o.how {
	case bySquash:
		tip, err = s.commit(p.repo, tree, o.message, base)
	case byRebase:
		tip, err = s.rebase(p.repo, base, head)
	case bySquashMerge:
		if squashed, err = s.squashed(p, base, head, cmp.Or(o.squash, p.Title)); err == nil {
			tip, err = s.commit(p.repo, tree, o.message, base, squashed)
		}
	default:
		tip, err = s.commit(p.repo, tree, o.message, base, head)
	}
	if err != nil {
		return err
	}
	if _, err := s.repoGit(p.repo, "update-ref", "refs/heads/"+p.Base, tip, base); err != nil {
		return fmt.Errorf("%w: %w", errConflict, err)
	}
	p.setState(stateMerged)
	p.closed, p.MergeSHA, p.squashSHA = &p.updated, tip, squashed
	if o.deleteBranch && p.fork == "" {
		_, err = s.repoGit(p.repo, "update-ref", "-d", "refs/heads/"+p.Head, head)
	}
	return err
}

// mergedTree returns the tree that a merge of two commits has.
func (s *Server) mergedTree(repo, base, head string) (string, error) {
	if base == "" || head == "" {
		return "", errConflict
	}
	if ahead, err := s.ahead(repo, base, head); err != nil {
		return "", err
	} else if !ahead {
		return "", errConflict
	}
	// git-merge-tree(1): exit status 1 for conflicts. Unrelated histories are another status, but no more mergeable.
	out, err := s.repoGit(repo, "merge-tree", "--write-tree", base, head)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return "", errConflict
	}
	return out, err
}

// ahead reports whether head has a commit that base has not.
func (s *Server) ahead(repo, base, head string) (bool, error) {
	out, err := s.repoGit(repo, "rev-list", "--max-count=1", base+".."+head)
	return out != "", err
}

// commit writes a commit and returns its name.
func (s *Server) commit(repo, tree, message string, parents ...string) (string, error) {
	args := []string{"commit-tree", tree, "-m", message}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	return s.repoGit(repo, args...)
}

// squashed writes all that p's head has since it left base as one commit.
func (s *Server) squashed(p *pull, base, head, message string) (string, error) {
	fork, err := s.repoGit(p.repo, "merge-base", base, head)
	if err != nil {
		return "", err
	}
	return s.commit(p.repo, head+"^{tree}", message, fork)
}

// rebase applies the commits of base..head on top of base, one by one and each by its author, and returns the last.
func (s *Server) rebase(repo, base, head string) (string, error) {
	commits, err := s.repoGit(repo, "rev-list", "--reverse", "--topo-order", "--no-merges", base+".."+head)
	if err != nil {
		return "", err
	}
	tip := base
	for commit := range strings.FieldsSeq(commits) {
		// To pick a commit is to merge it into tip with its parent as the merge base. git merge-tree takes no merge
		// base before 2.40, but finds that one when tip's tree is dressed as another child of the parent.
		stand, err := s.commit(repo, tip+"^{tree}", "stand-in", commit+"^")
		if err != nil {
			return "", err
		}
		tree, err := s.mergedTree(repo, stand, commit)
		if err != nil {
			return "", err
		}
		out, err := s.repoGit(repo, "show", "--no-patch", "--format=%an%x00%ae%x00%ad%x00%B", "--date=raw", commit)
		if err != nil {
			return "", err
		}
		f := strings.SplitN(out, "\x00", 4)
		author := []string{"GIT_AUTHOR_NAME=" + f[0], "GIT_AUTHOR_EMAIL=" + f[1], "GIT_AUTHOR_DATE=@" + f[2]}
		tip, err = s.run(author, strings.NewReader(f[3]), "--git-dir="+s.GitDir(repo), "commit-tree", tree, "-p", tip)
		if err != nil {
			return "", err
		}
	}
	return tip, nil
}

// set replaces *to with *from, when that was given.
func set(to, from *string) {
	if from != nil {
		*to = *from
	}
}
