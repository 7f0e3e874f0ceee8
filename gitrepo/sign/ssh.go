package sign

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"
)

// sshKey reads a private key of SSH, in OpenSSH's format or one of PEM's.
func sshKey(key, passphrase []byte) (*Key, error) {
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
	return &Key{"SSH key " + ssh.FingerprintSHA256(private.PublicKey()), func(commit []byte) ([]byte, error) {
		return sshSign(with, algorithm, commit)
	}}, nil
}

// sshSign returns the same signature as "ssh-keygen -Y sign -n git"
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
	// Package pem breaks lines earlier than ssh-keygen, and then the commit would differ from git's.
	var out bytes.Buffer
	out.WriteString("-----BEGIN SSH SIGNATURE-----\n")
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(append([]byte(magic), blob...))), 70) {
		out.Write(append(line, '\n'))
	}
	out.WriteString("-----END SSH SIGNATURE-----\n")
	return out.Bytes(), nil
}
