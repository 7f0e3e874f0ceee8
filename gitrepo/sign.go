package gitrepo

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/crypto/ssh"
)

// Signer signs commits as git does.
type Signer interface {
	// Sign gives the signature of a commit, in the armor that its header takes.
	Sign(commit []byte) ([]byte, error)
	// String says, for a person, which key it is: its kind and fingerprint. It holds no secret.
	String() string
}

// signer keeps the key in a closure, where no verb of package fmt finds it.
type signer struct {
	name string
	sign func([]byte) ([]byte, error)
}

func (s signer) Sign(commit []byte) ([]byte, error) {
	signature, err := s.sign(commit)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", s.name, err)
	}
	return signature, nil
}

func (s signer) String() string { return s.name }

// ParseSigner reads a private key and finds out itself of which kind it is: OpenPGP, armored or binary, or SSH. Of
// several OpenPGP keys it takes the first that can sign now, and of that one's subkeys the newest that can, before the
// primary key. The passphrase, byte for byte, counts only for a key that has one. Errors do not quote the key.
func ParseSigner(key, passphrase []byte) (Signer, error) {
	key = bytes.TrimPrefix(key, []byte("\xef\xbb\xbf"))
	text := bytes.TrimSpace(key)
	if i := bytes.Index(text, []byte("-----BEGIN PGP PRIVATE KEY BLOCK-----")); i >= 0 {
		ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(text[i:]))
		return openPGPSigner(ring, err, passphrase)
	}
	switch {
	case len(text) == 0:
		return nil, errors.New("the signing key is empty")
	case bytes.Contains(text, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")):
		return nil, errPublicKey
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		return sshSigner(text, passphrase)
	case key[0]&0x80 != 0: // As every OpenPGP packet begins, and no text in ASCII.
		ring, err := openpgp.ReadKeyRing(bytes.NewReader(key))
		return openPGPSigner(ring, err, passphrase)
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey(text); err == nil {
		return nil, errPublicKey
	}
	return nil, errors.New("the signing key is neither an OpenPGP nor an SSH private key")
}

var (
	errPublicKey  = errors.New("the signing key is a public key; signing takes the private one")
	errPassphrase = errors.New("the signing key's passphrase is wrong")
	errEncrypted  = errors.New("the signing key has a passphrase, and none is given")
)

func openPGPSigner(ring openpgp.EntityList, err error, passphrase []byte) (Signer, error) {
	if err != nil || len(ring) == 0 {
		return nil, errors.New("the signing key cannot be read as an OpenPGP private key")
	}
	for _, e := range ring {
		if key, ok := signingKey(e); ok {
			return newOpenPGPSigner(e, key, passphrase)
		}
	}
	return nil, unfit(ring[0])
}

// signingKey is the part of a key that can sign now and is here. The library looks for what can sign alone, and would
// choose a subkey that was left out of the export.
func signingKey(e *openpgp.Entity) (found openpgp.Key, ok bool) {
	keys := []*packet.PrivateKey{e.PrivateKey}
	for _, sub := range e.Subkeys {
		keys = append(keys, sub.PrivateKey)
	}
	for _, private := range keys {
		if private == nil || private.Dummy() {
			continue
		}
		key, can := e.SigningKeyById(time.Now(), private.KeyId)
		if can && (!ok || key.PublicKey.CreationTime.After(found.PublicKey.CreationTime) || found.PublicKey == e.PrimaryKey) {
			found, ok = key, true
		}
	}
	return found, ok
}

// unfit says why a key does not sign.
func unfit(e *openpgp.Entity) error {
	private := e.PrivateKey != nil && !e.PrivateKey.Dummy()
	for _, sub := range e.Subkeys {
		private = private || sub.PrivateKey != nil && !sub.PrivateKey.Dummy()
	}
	name := openPGPName(e.PrimaryKey)
	self, _ := e.PrimarySelfSignature()
	switch {
	case e.PrivateKey == nil && !private:
		return errPublicKey
	case e.Revoked(time.Now()):
		return fmt.Errorf("%s is revoked", name)
	case self != nil && e.PrimaryKey.KeyExpired(self, time.Now()):
		return fmt.Errorf("%s has expired, or by this machine's clock is not made yet", name)
	case !private:
		return fmt.Errorf("%s: its private part is not in the file, but perhaps on a card", name)
	}
	return fmt.Errorf("%s cannot sign: neither it nor a subkey of it that is here is meant for signing and still valid", name)
}

func openPGPName(key *packet.PublicKey) string { return fmt.Sprintf("OpenPGP key %X", key.Fingerprint) }

func newOpenPGPSigner(e *openpgp.Entity, key openpgp.Key, passphrase []byte) (Signer, error) {
	if key.PrivateKey.Encrypted {
		if len(passphrase) == 0 {
			return nil, errEncrypted
		}
		if err := key.PrivateKey.Decrypt(passphrase); err != nil {
			return nil, errPassphrase
		}
	}
	return signer{openPGPName(key.PublicKey), func(commit []byte) ([]byte, error) {
		var out bytes.Buffer
		err := openpgp.ArmoredDetachSign(&out, e, bytes.NewReader(commit), &packet.Config{SigningKeyId: key.PublicKey.KeyId})
		return out.Bytes(), err
	}}, nil
}

func sshSigner(key, passphrase []byte) (Signer, error) {
	private, err := ssh.ParsePrivateKey(key)
	if _, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		if len(passphrase) == 0 {
			return nil, errEncrypted
		}
		private, err = ssh.ParsePrivateKeyWithPassphrase(key, passphrase)
	}
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, errPassphrase
	}
	if err != nil {
		if line, _, _ := bytes.Cut(key, []byte("\n")); bytes.Contains(line, []byte("PUBLIC KEY")) {
			return nil, errPublicKey
		}
		return nil, errors.New("the signing key cannot be read as an SSH private key")
	}
	algorithm := private.PublicKey().Type()
	switch algorithm {
	case ssh.KeyAlgoRSA:
		algorithm = ssh.KeyAlgoRSASHA512 // The type's own is SHA-1, which verifiers refuse.
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
	default:
		return nil, fmt.Errorf("an SSH key of type %s cannot sign commits", algorithm)
	}
	with, ok := private.(ssh.AlgorithmSigner)
	if !ok {
		return nil, fmt.Errorf("an SSH key of type %s cannot sign commits", algorithm)
	}
	return signer{"SSH key " + ssh.FingerprintSHA256(private.PublicKey()), func(commit []byte) ([]byte, error) {
		return sshSign(with, algorithm, commit)
	}}, nil
}

// sshSign makes what "ssh-keygen -Y sign -n git" makes
// (https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig).
func sshSign(key ssh.AlgorithmSigner, algorithm string, data []byte) ([]byte, error) {
	const magic, namespace, reserved, hash = "SSHSIG", "git", "", "sha512"
	digest := sha512.Sum512(data)
	signed := ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Digest                    []byte
	}{namespace, reserved, hash, digest[:]})
	signature, err := key.SignWithAlgorithm(rand.Reader, append([]byte(magic), signed...), algorithm)
	if err != nil {
		return nil, err
	}
	blob := ssh.Marshal(struct {
		Version                   uint32
		PublicKey                 []byte
		Namespace, Reserved, Hash string
		Signature                 []byte
	}{1, key.PublicKey().Marshal(), namespace, reserved, hash, ssh.Marshal(signature)})
	// Not package pem: its lines are shorter, and the same key and commit should give the same object as git's.
	var out bytes.Buffer
	out.WriteString("-----BEGIN SSH SIGNATURE-----\n")
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(append([]byte(magic), blob...))), 70) {
		out.Write(append(line, '\n'))
	}
	out.WriteString("-----END SSH SIGNATURE-----\n")
	return out.Bytes(), nil
}

// sign adds the signature of all the rest of a commit to it.
func sign(c *object.Commit, by Signer) error {
	if by == nil {
		return nil
	}
	o := &plumbing.MemoryObject{}
	if err := c.EncodeWithoutSignature(o); err != nil {
		return err
	}
	r, err := o.Reader()
	if err != nil {
		return err
	}
	var data bytes.Buffer
	_, err = data.ReadFrom(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	signature, err := by.Sign(data.Bytes())
	if err != nil {
		return err
	}
	c.PGPSignature = strings.TrimRight(string(signature), "\n")
	return nil
}
