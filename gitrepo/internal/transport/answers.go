package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"golang.org/x/crypto/ssh"

	"update-gitops-repo/gitrepo/internal/pack"
)

// readError returns what went wrong with a pack that has begun to arrive: mostly that it is damaged.
func readError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err = fmt.Errorf("read pack: %w", err)
	for _, kind := range []error{pack.ErrBaseMissing, pack.ErrTooLarge, pack.ErrTooManyObjects} {
		if errors.Is(err, kind) {
			return err
		}
	}
	return fault(err)
}

// pushError returns what went wrong with a push that was sent. Unless the server has refused it, it may be done.
func pushError(ctx context.Context, err error) error {
	known := remoteError(ctx, err)
	for _, kind := range []error{ErrAuth, ErrNotFound, ErrMoved, ErrFault, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(known, kind) {
			return known
		}
	}
	if status, ok := errors.AsType[*githttp.Err](known); ok && status.StatusCode() < http.StatusInternalServerError {
		return fmt.Errorf("%w: %w", ErrRejected, known)
	}
	return fault(known)
}

// endings are how a broken stream of git's ends, for those who read it.
var endings = append([]error{packp.ErrEmptyInput, pktline.ErrInvalidPktLen}, networkEndings...)

// broken reports whether the connection broke, or what came over it is damaged.
func broken(err error) bool {
	if IsNetworkFailure(err) {
		return true
	}
	// The library makes text of the causes of most errors, and puts it at the end.
	text := err.Error()
	for _, ending := range endings {
		if errors.Is(err, ending) || strings.HasSuffix(text, ending.Error()) {
			return true
		}
	}
	if _, ok := errors.AsType[*ssh.ExitMissingError](err); ok {
		return true
	}
	_, ok := errors.AsType[*packp.ErrUnexpectedData](err)
	return ok
}

// inner takes off the library's wrapper, which does not unwrap.
func inner(err error) error {
	if u, ok := errors.AsType[*plumbing.UnexpectedError](err); ok {
		return u.Err
	}
	return err
}

// lostRace are the words with which servers say that a branch is not where the push expected it: git's receive-pack,
// and the forges' own.
var lostRace = []string{
	"non-fast-forward", "fetch first", "stale info", "incorrect old value provided", "cannot lock ref",
	"failed to update ref", "reference already exists", "failed to lock",
}

// reportError turns the server's report into ErrMoved or ErrRejected, with its words and what its hooks printed.
func reportError(report *packp.ReportStatus, said string) error {
	if report.UnpackStatus != "ok" {
		return rejected("unpack: "+report.UnpackStatus, said)
	}
	for _, c := range report.CommandStatuses {
		if c.Status == "ok" {
			continue
		}
		for _, words := range lostRace {
			if strings.Contains(c.Status, words) {
				return fmt.Errorf("%w: %s", ErrMoved, c.Status)
			}
		}
		return rejected(c.Status, said)
	}
	return nil
}

func rejected(status, said string) error {
	if said = strings.Join(strings.Fields(said), " "); said != "" {
		status += ": " + said
	}
	return fmt.Errorf("%w: %s", ErrRejected, status)
}

// remoteError makes an error of go-git one of this package's kinds, in one line.
func remoteError(ctx context.Context, err error) error {
	err = inner(err)
	if status, ok := errors.AsType[*githttp.Err](err); ok && status.Reason != "" {
		err = fmt.Errorf("%w: %s", err, status.Reason)
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // Whatever the library made of it; some of its errors do not unwrap.
	case errors.Is(err, ErrHostKey), errors.Is(err, ErrAuth):
		return err
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return fmt.Errorf("%w: the server says: %s", ErrAuth, text)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return ErrNotFound
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return ErrEmpty
	case strings.Contains(text, "object-format=sha256"): // In what the library quotes of the line.
		return errors.New(`a repository with objectFormat "sha256" is not supported`)
	case broken(err):
		return fault(err)
	case strings.Contains(text, "ssh: handshake failed"):
		return fmt.Errorf("%w: %s", ErrAuth, text)
	case strings.Contains(text, "not our ref"): // The branch was replaced or deleted after its tip was read.
		return fmt.Errorf("%w: %s", ErrMoved, text)
	}
	return err
}

// refusal reports whether the server will not do a partial fetch, so that a whole fetch may succeed. The library keeps
// only the text of a server's refusal, so this goes by what it is not.
func refusal(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	for _, kind := range []error{ErrAuth, ErrHostKey, ErrNotFound, ErrFault, pack.ErrTooLarge} {
		if errors.Is(err, kind) {
			return false
		}
	}
	if _, ok := errors.AsType[*githttp.Err](err); ok {
		return false // Git itself says no within its protocol.
	}
	_, unanswered := errors.AsType[*url.Error](err)
	return !unanswered
}
