// Package scm opens pull requests on the forge that holds a GitOps repository.
//
// It holds the contract that forges fulfil and [Open], which is the same for all of them. The sub-packages github and
// gitlab are the forges. A GitLab merge request is called a pull request here.
package scm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"update-gitops-repo/secret"
)

// The kinds of failure. Providers wrap one of them with the provider's and the repository's name and, after it, the
// forge's own words in one line: "github: acme/gitops: access denied: 401 Bad credentials". No error holds the token.
// Failures of the network, of the forge itself (5xx) and of the context are none of these; a context's error is wrapped.
var (
	// ErrNotFound says that no pull request is open for the head and base asked for. It is an answer, not a failure.
	ErrNotFound = errors.New("no open pull request")
	// ErrAuth says that the token is unknown or may not do what was asked (401 and 403).
	ErrAuth = errors.New("access denied")
	// ErrNoRepository says that the forge has no such repository or hides it from the token (404).
	ErrNoRepository = errors.New("no such repository, or the token cannot see it")
	// ErrRefused says that the forge understood the request and said no (all other 4xx).
	ErrRefused = errors.New("refused")
	// ErrNotMergeable says that the pull request is open but cannot be merged now: a conflict, a missing approval or
	// check, a method that the repository forbids, or a head that is no longer the commit that was pushed.
	ErrNotMergeable = errors.New("cannot be merged")
	// ErrClosed comes with ErrNotMergeable where somebody has closed the pull request.
	ErrClosed = errors.New("it was closed")
	// ErrMoved says that a branch is not at the commit that was expected.
	ErrMoved = errors.New("the branch moved")
)

// The ways to merge. A forge may have fewer, see [Merger].
const (
	MergeCommit = "merge"  // a merge commit
	MergeSquash = "squash" // one new commit with all changes
	MergeRebase = "rebase" // the same commits, put on top of the base
)

// Repository names a repository and the host it is on.
type Repository struct {
	Host string // "github.com", "git.example.com:8443"
	Path string // "acme/gitops"; on GitLab, groups may nest: "acme/platform/gitops"
}

// Config is what a provider needs to reach one repository.
type Config struct {
	// BaseURL is where the API is: "https://api.github.com/", "https://git.example.com/api/v3/" or
	// "https://git.example.com/api/v4". With or without the last slash; without credentials.
	BaseURL string
	// Repository is the repository's path on the forge, "acme/gitops".
	Repository string
	// Token is sent as a bearer token (RFC 6750) to BaseURL's host and to no other, redirects included.
	Token secret.Text
	// HTTPClient is required. User agent, certificates, retries and the like are its RoundTripper's business:
	// providers neither retry a request nor wait for a rate limit.
	HTTPClient *http.Client
}

// Request is the pull request that shall be there.
type Request struct {
	Head    string // branch that holds the change, "hello-world-1a2b3c4"
	Base    string // branch that the change shall go to, "main"
	HeadSHA string // tip of Head as it was pushed, 40 hexadecimal digits; it guards Merge and AutoMerge, which need it
	Title   string // one line, not empty
	Body    string // Markdown, may be empty
	Draft   bool   // open it as a draft; one that is open already stays what it is

	// What is asked for beside is added; what somebody else has put there stays.
	Labels    []string
	Reviewers []string // users; on GitHub, "acme/platform" is a team
	Assignees []string // users
	Milestone string   // its title

	Merge       bool   // merge it at once
	AutoMerge   bool   // have the forge merge it as soon as it may be merged
	MergeMethod string // MergeCommit, MergeSquash or MergeRebase; read only if Merge or AutoMerge is set
	Message     string // of the commit that a merge or squash makes, with its trailers; empty: the forge's own
}

// State is what [Open] did with a pull request.
type State string

// The states, in the order in which a pull request goes through them.
const (
	Created   State = "created"
	Updated   State = "updated"   // it was open, its title or body differed
	Unchanged State = "unchanged" // it was open and as requested
	Merged    State = "merged"
)

// PullRequest is a pull request as the forge has it.
type PullRequest struct {
	Number  int    // the forge's number for it within the repository (GitLab's iid)
	URL     string // page for people
	State   State  // set by Open; providers leave it empty
	Title   string
	Body    string
	Head    string // branch
	Base    string // branch
	HeadSHA string // commit that the forge holds for its head; may lag behind a push
	Draft   bool   // not to be merged yet

	Labels    []string
	Reviewers []string // who was asked, as in Request
	Assignees []string
	Milestone string

	ID string // the forge's own name for it in other APIs than that of the provider (GitHub's node ID); may be empty
}

// Provider is a forge, bound to one repository. Its methods are single operations; [Open] puts them together.
// All errors are of the kinds above.
type Provider interface {
	// Name is the provider's name as users write it, "github".
	Name() string
	// Find returns the open pull request from branch head to branch base of the same repository, or ErrNotFound.
	Find(ctx context.Context, head, base string) (PullRequest, error)
	// Create opens a pull request. If one is open already for that head and base, it gives ErrRefused.
	Create(ctx context.Context, r Request) (PullRequest, error)
	// Update gives pull request pr the title and body of r; a draft stays one.
	Update(ctx context.Context, pr PullRequest, r Request) (PullRequest, error)
}

// Merge says how a pull request is to be merged.
type Merge struct {
	Method  string // MergeCommit, MergeSquash or MergeRebase
	Message string // of the commit that is made, subject first; empty: the forge's own
}

// Merger is a provider that can merge.
type Merger interface {
	// MergeMethods lists the methods that Merge takes.
	MergeMethods() []string
	// Merge merges pr as m says if its head is still pr.HeadSHA, and else gives ErrNotMergeable. It waits a few seconds, or
	// until ctx ends, for a forge that has not made up its mind yet.
	Merge(ctx context.Context, pr PullRequest, m Merge) error
}

// AutoMerger is a provider that merges by itself.
type AutoMerger interface {
	// AutoMerge has the forge merge pr as m says, as soon as nothing stands in the way, if its head is still pr.HeadSHA, and
	// else gives ErrNotMergeable. Where nothing does, it is merged at once.
	AutoMerge(ctx context.Context, pr PullRequest, m Merge) (merged bool, err error)
}

// Annotator is a provider whose pull requests have labels, assignees and a milestone.
type Annotator interface {
	// Annotate adds what pr lacks of r's Labels and Assignees, and sets r's Milestone unless it is empty. An assignee or a
	// milestone that the forge does not know is ErrRefused.
	Annotate(ctx context.Context, pr PullRequest, r Request) error
}

// ReviewRequester is a provider that asks people to review.
type ReviewRequester interface {
	// RequestReview asks those of the reviewers, as in Request, that pr.Reviewers lacks.
	RequestReview(ctx context.Context, pr PullRequest, reviewers []string) error
}

// TeamReviewer is a [ReviewRequester] that asks teams, too.
type TeamReviewer interface {
	// CheckTeam refuses, without any I/O, a team, "acme/platform", that cannot be asked.
	CheckTeam(name string) error
}

// Lister is a provider that lists pull requests.
type Lister interface {
	// List gives all that are open from branches of the repository itself into base, oldest first.
	List(ctx context.Context, base string) ([]PullRequest, error)
}

// Closer is a provider that closes pull requests without merging them.
type Closer interface {
	// Close adds the comment, Markdown, to pr and closes it. One that is closed already is no error.
	Close(ctx context.Context, pr PullRequest, comment string) error
}

// Watcher is a provider that tells what becomes of a pull request.
type Watcher interface {
	// Status asks for pr's present state, by its Number.
	Status(ctx context.Context, pr PullRequest) (Status, error)
}

// Status is what a pull request has come to.
type Status struct {
	Merged bool
	Closed bool   // without being merged
	Final  bool   // it is open, and waiting will not help: a conflict, a failed check, changes requested
	Waits  string // what an open one waits for, in a few words, as far as the forge tells: "checks", "approval", "conflict"
}

// Committer is a provider that makes commits itself, so that it signs them.
type Committer interface {
	// Commit puts one commit on top of c.Parent, the tip of c.Branch, and gives its id. ErrMoved says that the branch is not
	// there any more. A forge may notice that too late, and leave the commit on top of what somebody else has put there: the
	// branch should be one that nobody else uses.
	Commit(ctx context.Context, c Commit) (string, error)
}

// Commit is a commit for a forge to make. The forge sets the author: the token's owner.
type Commit struct {
	Branch  string // an existing one
	Parent  string // its tip, 40 hexadecimal digits
	Message string // subject, blank line, body
	Files   []File
}

// File is a regular file that a Commit writes or deletes.
type File struct {
	Path     string // relative, with slashes
	Contents []byte
	Deleted  bool
	Exists   bool // in Parent; forges tell the creation of a file from its update
}

// Access is what a token may do in a repository, as far as a forge tells. It tells the role of whoever the token belongs
// to, and hardly ever what the token itself was granted, nor which branches are protected. So what is false, its answer
// speaks against; what is true, it does not rule out.
type Access struct {
	Read bool // the forge lets the token see the repository
	Push bool // push new branches
	Pull bool // open pull requests between branches of the repository
	// Reason says, in a few words, why something is false, or what the forge does not tell. It may be empty.
	Reason string
}

// Checker is a provider that can tell what its token may do.
type Checker interface {
	// CheckAccess asks the forge, with one call that changes nothing. A token that is unknown, or that may not even read,
	// gives the errors of the other methods.
	CheckAccess(ctx context.Context) (Access, error)
}

// Check refuses, without any I/O, a request that p cannot fulfil: one without a head or a title, one from a branch to
// itself, one that is to be merged where p cannot merge or not by that method, and one that asks for what p does not
// have, such as a team for a reviewer. An empty Base passes, as the remote's default branch may not be known yet; so does an empty HeadSHA.
func Check(p Provider, r Request) error {
	switch {
	case r.Head == "":
		return fmt.Errorf("%s: pull request without a head branch", p.Name())
	case r.Head == r.Base:
		return fmt.Errorf("%s: pull request from branch %q to itself", p.Name(), r.Head)
	case strings.TrimSpace(r.Title) == "":
		return fmt.Errorf("%s: pull request without a title", p.Name())
	}
	if _, ok := p.(Annotator); !ok && len(r.Labels)+len(r.Assignees)+len(r.Milestone) > 0 {
		return fmt.Errorf("%s: has no labels, assignees and milestones", p.Name())
	}
	if _, ok := p.(ReviewRequester); !ok && len(r.Reviewers) > 0 {
		return fmt.Errorf("%s: has no reviewers", p.Name())
	}
	for _, name := range r.Reviewers {
		if !strings.Contains(name, "/") {
			continue
		}
		t, ok := p.(TeamReviewer)
		if !ok {
			return fmt.Errorf("%s: does not ask teams such as %s to review", p.Name(), name)
		}
		if err := t.CheckTeam(name); err != nil {
			return err
		}
	}
	if _, ok := p.(AutoMerger); !ok && r.AutoMerge {
		return fmt.Errorf("%s: does not merge by itself", p.Name())
	}
	if !r.Merge && !r.AutoMerge {
		return nil
	}
	m, ok := p.(Merger)
	if !ok {
		return fmt.Errorf("%s: cannot merge pull requests", p.Name())
	}
	if methods := m.MergeMethods(); !slices.Contains(methods, r.MergeMethod) {
		return fmt.Errorf("%s: unknown merge method %q, want one of: %s", p.Name(), r.MergeMethod, strings.Join(methods, ", "))
	}
	return nil
}

var sha1Hex = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Open makes the pull request that r asks for. found is what Find gave just now for its head and base, or nil when that
// was ErrNotFound: so a caller that has asked already, such as to see whether the token is any good before it pushes,
// does not ask twice. Open creates the pull request, or brings title and body up to date if they differ; adds labels,
// reviewers and so on where they are lacking; and merges it if asked to. Doing it again changes nothing.
//
// If anything fails once the pull request is there, Open returns the error and also the pull request, which has a URL.
// All other errors come with a zero PullRequest. Besides the errors of the provider there are those of [Check] and, also
// before any I/O, one for an empty base and one for a merge without a full HeadSHA.
func Open(ctx context.Context, p Provider, r Request, found *PullRequest) (PullRequest, error) {
	if err := Check(p, r); err != nil {
		return PullRequest{}, err
	}
	if r.Base == "" {
		return PullRequest{}, fmt.Errorf("%s: pull request without a base branch", p.Name())
	}
	if (r.Merge || r.AutoMerge) && !sha1Hex.MatchString(r.HeadSHA) {
		return PullRequest{}, fmt.Errorf("%s: merge needs the head's full commit id, not %q", p.Name(), r.HeadSHA)
	}
	pr, err := ensure(ctx, p, r, found)
	if err != nil {
		return pr, err
	}
	if lacks(pr.Labels, r.Labels) || lacks(pr.Assignees, r.Assignees) || r.Milestone != "" && pr.Milestone != r.Milestone {
		if err := p.(Annotator).Annotate(ctx, pr, r); err != nil {
			return pr, err
		}
		pr.touched()
	}
	if lacks(pr.Reviewers, r.Reviewers) {
		if err := p.(ReviewRequester).RequestReview(ctx, pr, r.Reviewers); err != nil {
			return pr, err
		}
		pr.touched()
	}
	if !r.Merge && !r.AutoMerge {
		return pr, nil
	}
	// What was pushed guards the merge, not what the forge holds: somebody may have pushed to the branch since.
	pr.HeadSHA = r.HeadSHA
	how := Merge{Method: r.MergeMethod, Message: r.Message}
	merged := r.Merge
	if r.Merge {
		err = p.(Merger).Merge(ctx, pr, how)
	} else {
		merged, err = p.(AutoMerger).AutoMerge(ctx, pr, how)
	}
	if merged && err == nil {
		pr.State = Merged
	}
	return pr, err
}

// touched notes that something was added to a pull request that was open.
func (pr *PullRequest) touched() {
	if pr.State == Unchanged {
		pr.State = Updated
	}
}

// lacks reports whether one of want is not in have. Forges do not tell upper from lower case there.
func lacks(have, want []string) bool {
	return slices.ContainsFunc(want, func(w string) bool {
		return !slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, w) })
	})
}

// ensure creates the pull request, or updates the one that was found.
func ensure(ctx context.Context, p Provider, r Request, found *PullRequest) (PullRequest, error) {
	if found == nil {
		pr, err := p.Create(ctx, r)
		if err == nil {
			pr.State = Created
			return pr, nil
		}
		if !errors.Is(err, ErrRefused) {
			return PullRequest{}, err
		}
		// The refusal may be that another run was quicker. If so, its pull request can be found now; the words that
		// forges have for it need not be known.
		other, findErr := p.Find(ctx, r.Head, r.Base)
		if errors.Is(findErr, ErrNotFound) {
			return PullRequest{}, err
		}
		if findErr != nil {
			return PullRequest{}, findErr
		}
		found = &other
	}
	pr := *found
	if same(Undraft(pr.Title), Undraft(r.Title)) && same(pr.Body, r.Body) {
		pr.State = Unchanged
		return pr, nil
	}
	pr, err := p.Update(ctx, pr, r)
	if err != nil {
		return *found, err
	}
	pr.State = Updated
	return pr, nil
}

var draftMark = regexp.MustCompile(`(?i)^(?:draft:|\[draft\]|\(draft\))\s*`)

// Undraft takes off what makes a title that of a draft on GitLab (https://docs.gitlab.com/user/project/merge_requests/drafts/).
// Somebody put it there to hold the change, or took it off, and that is theirs to decide.
func Undraft(title string) string { return draftMark.ReplaceAllString(title, "") }

// same compares texts but for white space around them and the kind of line ends: forges change both when they store a
// text, and every run would update what it can never make equal.
func same(a, b string) bool {
	norm := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return norm(a) == norm(b)
}
