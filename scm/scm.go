// Package scm opens pull requests on the forge that holds a GitOps repository.
//
// It defines the contract of a forge ([Provider] and optional interfaces) and what is the same for every forge:
// [Check], [Open] and [Wait]. The packages below it, github and gitlab, are the forges. A GitLab merge request is
// called a pull request here.
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

// The kinds of failure. Providers wrap one of them between the provider's and the repository's name and the forge's own
// message on one line: "github: acme/gitops: access denied: 401 Bad credentials". No error holds the token. Failures of
// the network, of the forge itself (5xx) and of the context have no kind; the context's error is wrapped.
var (
	// ErrNotFound means that no pull request is open from that head to that base. It is an answer, not a failure.
	ErrNotFound = errors.New("no open pull request")
	// ErrAuth means that the forge does not know the token, or does not allow it the request (401 and 403).
	ErrAuth = errors.New("access denied")
	// ErrNoRepository means that the forge has no such repository or hides it from the token (404).
	ErrNoRepository = errors.New("no such repository, or the token cannot see it")
	// ErrRefused means that the forge understood the request and refused it (all other 4xx).
	ErrRefused = errors.New("refused")
	// ErrNotMergeable means that the pull request cannot be merged now: a conflict, a missing approval or check, a
	// method that the repository forbids, or a head that is no longer the commit that was pushed.
	ErrNotMergeable = errors.New("cannot be merged")
	// ErrClosed is wrapped with ErrNotMergeable when the pull request was closed without being merged.
	ErrClosed = errors.New("it was closed")
	// ErrMoved means that the branch is not at the expected commit.
	ErrMoved = errors.New("the branch moved")
)

// The methods of merging. A forge may support fewer, see [Merger].
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

// Config holds what a provider needs to reach one repository.
type Config struct {
	// BaseURL is the API's address: "https://api.github.com/", "https://git.example.com/api/v3/" or
	// "https://git.example.com/api/v4", with or without the last slash, without credentials.
	BaseURL string
	// Repository is the repository's path on the forge, "acme/gitops".
	Repository string
	// Token is sent as a bearer token (RFC 6750) to BaseURL's host and to no other, redirects included.
	Token secret.Text
	// HTTPClient is required. Its RoundTripper sets the user agent, checks certificates, retries, and waits for rate
	// limits; providers do none of these.
	HTTPClient *http.Client
}

// Request describes the pull request that [Open] opens or updates.
type Request struct {
	Head    string // branch that holds the change, "hello-world-1a2b3c4"
	Base    string // branch that the change goes to, "main"
	HeadSHA string // tip of Head as it was pushed, 40 hexadecimal digits; required by Merge and AutoMerge
	Title   string // one line, not empty
	Body    string // Markdown, may be empty
	Draft   bool   // open it as a draft; an open one is neither made a draft nor made ready

	// These are added; what somebody else has added stays.
	Labels    []string
	Reviewers []string // users; on GitHub, "acme/platform" is a team
	Assignees []string // users
	Milestone string   // its title

	Merge       bool   // merge it at once
	AutoMerge   bool   // have the forge merge it as soon as it may be merged
	MergeMethod string // MergeCommit, MergeSquash or MergeRebase; read only if Merge or AutoMerge is set
	Message     string // of the merge or squash commit, with trailers; empty: the forge's own
}

// State is what [Open] did to a pull request.
type State string

// The states, in the order in which a pull request goes through them.
const (
	Created   State = "created"
	Updated   State = "updated"   // it was open and differed from the request
	Unchanged State = "unchanged" // it was open and as requested
	Merged    State = "merged"
)

// PullRequest is a pull request as the forge has it.
type PullRequest struct {
	Number  int    // within the repository (GitLab's iid)
	URL     string // of its web page
	State   State  // set by Open; providers leave it empty
	Title   string
	Body    string
	Head    string // branch
	Base    string // branch
	HeadSHA string // head commit as the forge knows it; it may lag behind a push
	Draft   bool

	Labels    []string
	Reviewers []string // asked to review, as in Request
	Assignees []string
	Milestone string

	ID string // in another API of the same forge (GitHub's GraphQL node ID); may be empty
}

// Provider is a forge, bound to one repository. Each method is a single operation; [Open] combines them. All errors are
// of the kinds above.
type Provider interface {
	// Name returns the provider's name as users write it, "github".
	Name() string
	// Find returns the open pull request from branch head to branch base of the same repository, or ErrNotFound.
	Find(ctx context.Context, head, base string) (PullRequest, error)
	// Create opens a pull request. It returns ErrRefused if one is open already from that head to that base.
	Create(ctx context.Context, r Request) (PullRequest, error)
	// Update sets pr's title and body to those of r. A draft stays a draft.
	Update(ctx context.Context, pr PullRequest, r Request) (PullRequest, error)
}

// Merge describes how to merge a pull request.
type Merge struct {
	Method  string // MergeCommit, MergeSquash or MergeRebase
	Message string // of the merge or squash commit, subject first; empty: the forge's own
}

// Merger is a provider that can merge.
type Merger interface {
	// MergeMethods returns the methods that Merge supports.
	MergeMethods() []string
	// Merge merges pr as m describes if its head is still pr.HeadSHA, and returns ErrNotMergeable otherwise. It retries
	// for a few seconds, or until ctx is done, while the forge has not decided yet whether pr can be merged.
	Merge(ctx context.Context, pr PullRequest, m Merge) error
}

// AutoMerger is a provider whose forge can merge later by itself.
type AutoMerger interface {
	// AutoMerge asks the forge to merge pr as m describes once checks and approvals allow it, if its head is still
	// pr.HeadSHA, and returns ErrNotMergeable otherwise. If they allow it now, pr is merged at once.
	AutoMerge(ctx context.Context, pr PullRequest, m Merge) (merged bool, err error)
}

// Annotator is a provider whose pull requests have labels, assignees and a milestone.
type Annotator interface {
	// Annotate adds those of r's Labels and Assignees that pr lacks, and sets r's Milestone unless it is empty. It
	// returns ErrRefused for an assignee or a milestone that the forge does not know.
	Annotate(ctx context.Context, pr PullRequest, r Request) error
}

// ReviewRequester is a provider that can ask users to review.
type ReviewRequester interface {
	// RequestReview asks those reviewers, named as in Request, that are not in pr.Reviewers.
	RequestReview(ctx context.Context, pr PullRequest, reviewers []string) error
}

// TeamReviewer is a [ReviewRequester] that can ask teams, too.
type TeamReviewer interface {
	// CheckTeam returns an error, without any I/O, for a team that cannot be asked; name is "acme/platform".
	CheckTeam(name string) error
}

// Lister is a provider that lists pull requests.
type Lister interface {
	// List returns the open pull requests into base whose heads are in the repository itself, oldest first.
	List(ctx context.Context, base string) ([]PullRequest, error)
}

// Closer is a provider that closes pull requests without merging them.
type Closer interface {
	// Close adds the comment, in Markdown, to pr and closes it. It does nothing if pr is closed already.
	Close(ctx context.Context, pr PullRequest, comment string) error
}

// Watcher is a provider that reports a pull request's progress.
type Watcher interface {
	// Status returns the present status of the pull request with pr.Number.
	Status(ctx context.Context, pr PullRequest) (Status, error)
}

// Status is a pull request's progress. All fields are zero for one that can be merged now.
type Status struct {
	Merged bool
	Closed bool   // without being merged
	Final  bool   // open, and waiting does not help: a conflict, a failed check, changes requested
	Waits  string // what it waits for, in a few words, if the forge reports it: "checks", "approval", "conflict"
}

// Committer is a provider whose forge can make commits, and so sign them.
type Committer interface {
	// Commit adds one commit to c.Branch, whose tip is c.Parent, and returns its id. It returns ErrMoved if the tip is
	// another one. A forge may notice that too late and leave the commit on top of somebody else's, so use a branch
	// that nobody else uses.
	Commit(ctx context.Context, c Commit) (string, error)
}

// Commit describes a commit for a forge to make. Its author is the token's owner.
type Commit struct {
	Branch  string // existing
	Parent  string // its tip, 40 hexadecimal digits
	Message string // subject, blank line, body
	Files   []File
}

// File is a regular file that a Commit writes or deletes.
type File struct {
	Path     string // relative, with slashes
	Contents []byte
	Deleted  bool
	Exists   bool // in Parent; forges distinguish creating a file from updating it
}

// Access is what a token may do in a repository, as far as the forge reports it. Forges report the role of the token's
// owner, but hardly ever the token's own permissions, and no branch protection. So false means that it is not allowed;
// true means only that nothing is known against it.
type Access struct {
	Read bool // the forge lets the token see the repository
	Push bool // push new branches
	Pull bool // open pull requests between branches of the repository
	// Reason is why a field is false, or what the forge does not report, in a few words. It may be empty.
	Reason string
}

// Checker is a provider that reports what its token may do.
type Checker interface {
	// CheckAccess asks the forge with one request that changes nothing. For a token that is unknown or may not read the
	// repository, it returns the same errors as the other methods.
	CheckAccess(ctx context.Context) (Access, error)
}

// Check returns an error, without any I/O, for a request that p cannot fulfil: without a head or a title, from a branch
// to itself, with a merge or a merge method that p does not support, or with anything else that p does not support,
// such as a team as a reviewer. It accepts an empty Base, because the remote's default branch may not be known yet, and
// an empty HeadSHA.
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
		return fmt.Errorf("%s: unknown merge method %q, want one of: %s",
			p.Name(), r.MergeMethod, strings.Join(methods, ", "))
	}
	return nil
}

var sha1Hex = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Open creates the pull request that r describes, or updates title and body of the open one if they differ; adds
// missing labels, reviewers and so on; and merges it if r says so. Doing it again changes nothing. found is what Find
// has just returned for r's head and base, or nil for ErrNotFound: a caller that has called Find already, to test the
// token before it pushes, saves the second request.
//
// If anything fails once the pull request exists, Open returns the error, which names the step ("adding the label nope
// failed: …"), together with the pull request, which has a URL and a state. All other errors come with a zero
// PullRequest. Errors are those of the provider and, before any I/O, those of [Check] and errors for an empty base and
// for a merge without a full HeadSHA.
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
	if step := annotating(pr, r); step != "" {
		if err := p.(Annotator).Annotate(ctx, pr, r); err != nil {
			return pr, failed(step, err)
		}
		pr.touched()
	}
	if ask := missing(pr.Reviewers, r.Reviewers); len(ask) > 0 {
		if err := p.(ReviewRequester).RequestReview(ctx, pr, r.Reviewers); err != nil {
			return pr, failed("asking "+strings.Join(ask, ", ")+" for a review", err)
		}
		pr.touched()
	}
	if !r.Merge && !r.AutoMerge {
		return pr, nil
	}
	// Only the commit that was pushed may be merged. The forge's own may be another: somebody may have pushed since.
	pr.HeadSHA = r.HeadSHA
	how := Merge{Method: r.MergeMethod, Message: r.Message}
	if r.Merge {
		if err := p.(Merger).Merge(ctx, pr, how); err != nil {
			return pr, failed("merging it", err)
		}
		pr.State = Merged
		return pr, nil
	}
	merged, err := p.(AutoMerger).AutoMerge(ctx, pr, how)
	if err != nil {
		return pr, failed("enabling auto-merge", err)
	}
	if merged {
		pr.State = Merged
	}
	return pr, nil
}

// failed returns err as that of a step, "merging it".
func failed(step string, err error) error { return fmt.Errorf("%s failed: %w", step, err) }

// annotating names what Annotate does for r to pr, "adding the label deploy and assigning kim"; empty for nothing.
func annotating(pr PullRequest, r Request) string {
	var steps []string
	switch labels := missing(pr.Labels, r.Labels); len(labels) {
	case 0:
	case 1:
		steps = append(steps, "adding the label "+labels[0])
	default:
		steps = append(steps, "adding the labels "+strings.Join(labels, ", "))
	}
	if people := missing(pr.Assignees, r.Assignees); len(people) > 0 {
		steps = append(steps, "assigning "+strings.Join(people, ", "))
	}
	if r.Milestone != "" && pr.Milestone != r.Milestone {
		steps = append(steps, fmt.Sprintf("setting the milestone %q", r.Milestone))
	}
	return strings.Join(steps, " and ")
}

// touched records that something was added to a pull request that was open.
func (pr *PullRequest) touched() {
	if pr.State == Unchanged {
		pr.State = Updated
	}
}

// missing returns those of want that are not in have. Forges ignore case there.
func missing(have, want []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(w string) bool {
		return slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, w) })
	})
}

// ensure creates the pull request, or updates the one that was found. It sets the state.
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
		// Another run may have been quicker. If so, its pull request is found now, whatever words the forge has for
		// that.
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
	updated, err := p.Update(ctx, pr, r)
	if err != nil {
		pr.State = Unchanged
		return pr, failed("updating its title and text", err)
	}
	updated.State = Updated
	return updated, nil
}

var draftMark = regexp.MustCompile(`(?i)^(?:draft:|\[draft\]|\(draft\))\s*`)

// Undraft returns the title without the prefix that makes it a draft on GitLab. Titles are compared without it, because
// whoever added or removed it decides whether the change is ready.
// https://docs.gitlab.com/user/project/merge_requests/drafts/
func Undraft(title string) string { return draftMark.ReplaceAllString(title, "") }

// same reports whether two texts are equal but for white space around them and the kind of line ends. Forges change
// both when they store a text, so each run would update it again.
func same(stored, wanted string) bool {
	norm := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return norm(stored) == norm(wanted)
}
