// Package sign signs commits as git does, with a private key of OpenPGP or SSH. It runs neither gpg nor ssh-keygen.
package sign

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp"
	"golang.org/x/crypto/ssh"
)

// Key is a private key, ready to sign. It is kept in a function, where no verb of package fmt finds it.
type Key struct {
	name string
	sign func([]byte) ([]byte, error)
}

// Sign returns the signature of a commit, in the armor that the commit's header takes.
func (k *Key) Sign(commit []byte) ([]byte, error) {
	signature, err := k.sign(commit)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", k.name, err)
	}
	return signature, nil
}

// String returns the key's kind and fingerprint, for a person. It holds no secret.
func (k *Key) String() string { return k.name }

// Parse reads a private key and detects its kind: OpenPGP, armored or binary, or SSH. Of several OpenPGP keys it takes
// the first that can sign now; of its subkeys the newest that can, and the primary key only if none can. The
// passphrase is ignored if the key has none. Errors do not quote the key.
func Parse(key, passphrase []byte) (*Key, error) {
	key = bytes.TrimPrefix(key, []byte("\xef\xbb\xbf"))
	text := bytes.TrimSpace(key)
	if i := bytes.Index(text, []byte("-----BEGIN PGP PRIVATE KEY BLOCK-----")); i >= 0 {
		ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(text[i:]))
		return openPGPKey(ring, err, passphrase)
	}
	switch {
	case len(text) == 0:
		return nil, errors.New("the signing key is empty")
	case bytes.Contains(text, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")):
		return nil, errPublicKey
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		return sshKey(text, passphrase)
	case key[0]&0x80 != 0: // Every OpenPGP packet begins like this, and no ASCII text does.
		ring, err := openpgp.ReadKeyRing(bytes.NewReader(key))
		return openPGPKey(ring, err, passphrase)
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey(text); err == nil {
		return nil, errPublicKey
	}
	return nil, errors.New("the signing key is neither an OpenPGP nor an SSH private key")
}
