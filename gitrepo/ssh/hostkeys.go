package ssh

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"update-gitops-repo/gitrepo/internal/paths"
)

// hostKeys returns the check of the server's key, and the algorithms to ask for: first those of known keys, then all
// others, so that a server without a known key shows the one that it has.
func (a *Auth) hostKeys() (ssh.HostKeyCallback, []string, error) {
	var files []string
	for _, file := range a.knownHosts {
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		} else if !paths.Absent(err) {
			return nil, nil, fmt.Errorf("%w: %w", ErrHostKey, err)
		}
	}
	if len(files) == 0 {
		return func(host string, _ net.Addr, key ssh.PublicKey) error {
			return fmt.Errorf("%w: there is no file of known hosts (%s); %s shows %s",
				ErrHostKey, strings.Join(a.knownHosts, ", "), host, fingerprint(key))
		}, nil, nil
	}
	db, err := gitssh.NewKnownHostsDb(files...)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrHostKey, err)
	}
	algorithms := db.HostKeyAlgorithms(net.JoinHostPort(a.host, strconv.Itoa(a.port)))
	for _, other := range ssh.SupportedAlgorithms().HostKeys {
		if !slices.Contains(algorithms, other) {
			algorithms = append(algorithms, other)
		}
	}
	check := db.HostKeyCallback()
	return func(host string, remote net.Addr, key ssh.PublicKey) error {
		if err := check(host, remote, key); err != nil {
			return refusal(err, host, key, files)
		}
		return nil
	}, algorithms, nil
}

// refusal makes an ErrHostKey of what knownhosts says of the key that a host shows.
func refusal(err error, host string, key ssh.PublicKey, files []string) error {
	shown := fingerprint(key)
	if revoked, ok := errors.AsType[*knownhosts.RevokedError](err); ok {
		return fmt.Errorf("%w: %s shows %s, which line %d of %s revokes",
			ErrHostKey, host, shown, revoked.Revoked.Line, revoked.Revoked.Filename)
	}
	unknown, ok := errors.AsType[*knownhosts.KeyError](err)
	switch {
	case !ok:
		return fmt.Errorf("%w: %s shows %s: %w", ErrHostKey, host, shown, err)
	case len(unknown.Want) == 0:
		return fmt.Errorf("%w: %s is not in %s; it shows %s", ErrHostKey, host, strings.Join(files, " or "), shown)
	}
	known := unknown.Want[0]
	return fmt.Errorf(
		"%w: the key of %s has changed, or someone intercepts the connection: it shows %s, but line %d of %s has %s",
		ErrHostKey, host, shown, known.Line, known.Filename, fingerprint(known.Key))
}

func fingerprint(key ssh.PublicKey) string {
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}
