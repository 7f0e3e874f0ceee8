package cmd

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"time"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/sign"
	"update-gitops-repo/secret"
)

// identities returns the author and the committer of a commit made now. The committer is the author unless there is
// another.
func identities(c *config) (author, committer gitrepo.Signature) {
	author = gitrepo.Signature{Name: c.authorName, Email: c.authorEmail, When: time.Now()}
	committer = gitrepo.Signature{
		Name: cmp.Or(c.committerName, c.authorName), Email: cmp.Or(c.committerEmail, c.authorEmail), When: author.When,
	}
	return author, committer
}

// newSigner reads the key that commits are signed with; nil when there is none.
func newSigner(c *config) (gitrepo.Signer, error) {
	if c.signKeyFile == "" {
		return nil, nil
	}
	key, err := os.ReadFile(c.signKeyFile)
	if err != nil {
		return nil, fmt.Errorf("-sign-key-file: %w", err)
	}
	passphrase := []byte(c.signPassphrase.Reveal())
	if c.signPassphraseFile != "" {
		if passphrase, err = os.ReadFile(c.signPassphraseFile); err != nil {
			return nil, fmt.Errorf("-sign-passphrase-file: %w", err)
		}
		passphrase = bytes.TrimRight(passphrase, "\r\n")
	}
	c.secrets.Add(append(auth.SecretsOfKey(key), secret.New(string(passphrase)))...)
	signer, err := sign.Parse(key, passphrase)
	if err != nil {
		return nil, usage.Errorf("give a private key, and its passphrase with -sign-passphrase-file",
			"-sign-key-file %s: %v", c.signKeyFile, err)
	}
	return signer, nil
}
