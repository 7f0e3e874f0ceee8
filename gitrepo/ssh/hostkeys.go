package ssh

import (
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"

	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"update-gitops-repo/gitrepo/internal/paths"
)

// hostKeys gives the check of the server's key, and the kinds of key to ask for: those that are known, first.
func (a *Auth) hostKeys() (ssh.HostKeyCallback, []string, error) {
	var files []string
	for _, file := range a.known {
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		} else if !paths.Absent(err) {
			return nil, nil, fmt.Errorf("%w: %w", ErrHostKey, err)
		}
	}
	if len(files) == 0 {
		return func(host string, _ net.Addr, key ssh.PublicKey) error {
			return fmt.Errorf("%w: no file of known hosts is there, looked for %s; %s shows %s", ErrHostKey, strings.Join(a.known, ", "), host, fingerprint(key))
		}, nil, nil
	}
	db, err := gitssh.NewKnownHostsDb(files...)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrHostKey, err)
	}
	check := db.HostKeyCallback()
	algorithms := db.HostKeyAlgorithms(net.JoinHostPort(a.host, strconv.Itoa(a.port)))
	for _, other := range ssh.SupportedAlgorithms().HostKeys {
		// Last come the others, so that a server without a known kind shows what it has.
		if !slices.Contains(algorithms, other) {
			algorithms = append(algorithms, other)
		}
	}
	return func(host string, remote net.Addr, key ssh.PublicKey) error {
		err := check(host, remote, key)
		if err == nil {
			return nil
		}
		if changed, ok := errors.AsType[*knownhosts.KeyError](err); ok {
			if len(changed.Want) == 0 {
				return fmt.Errorf("%w: %s is not in %s; it shows %s", ErrHostKey, host, strings.Join(files, " or "), fingerprint(key))
			}
			known := changed.Want[0]
			return fmt.Errorf("%w: the key of %s has changed, or somebody is in between: it shows %s, but line %d of %s has %s",
				ErrHostKey, host, fingerprint(key), known.Line, known.Filename, fingerprint(known.Key))
		}
		if revoked, ok := errors.AsType[*knownhosts.RevokedError](err); ok {
			return fmt.Errorf("%w: %s shows %s, which line %d of %s revokes", ErrHostKey, host, fingerprint(key), revoked.Revoked.Line, revoked.Revoked.Filename)
		}
		return fmt.Errorf("%w: %s shows %s: %w", ErrHostKey, host, fingerprint(key), err)
	}, algorithms, nil
}

func fingerprint(key ssh.PublicKey) string {
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}
