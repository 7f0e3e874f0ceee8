package sign_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/ssh"

	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/sign"
)

// repository is where git verifies what was signed.
type repository struct{ dir, tree string }

func newRepository(t *testing.T) repository {
	t.Helper()
	gittest.Home(t)
	dir := t.TempDir()
	gittest.Git(t, dir, "init", "--quiet", "--bare")
	return repository{dir, strings.TrimSpace(gittest.Git(t, dir, "hash-object", "-t", "tree", "-w", "/dev/null"))}
}

// signed makes a commit that the key signed, and returns its hash.
func (r repository) signed(t *testing.T, key, passphrase []byte, text string) string {
	t.Helper()
	k, err := sign.Parse(key, passphrase)
	check(t, err)
	header := "tree " + r.tree + "\nauthor Robot <robot@example.com> 1700000000 +0000\n" +
		"committer Build <build@example.com> 1700000000 +0000\n"
	signature, err := k.Sign([]byte(header + "\n" + text))
	check(t, err)
	lines := strings.ReplaceAll(strings.TrimRight(string(signature), "\n"), "\n", "\n ")
	commit := header + "gpgsig " + lines + "\n\n" + text
	hash, ok := gittest.TryGit(t, r.dir, commit, "hash-object", "-t", "commit", "-w", "--stdin")
	if !ok {
		t.Fatalf("git takes no commit with the signature\n%s", signature)
	}
	return strings.TrimSpace(hash)
}

func check(t testing.TB, err error) {
	t.Helper()
	gittest.Check(t, err)
}

const passphrase = "s3cret pass"

func TestSignSSH(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not installed, which git verifies with")
	}
	r := newRepository(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	check(t, err)
	keys := map[string]crypto.PrivateKey{"ed25519": ed, "rsa": rsaKey, "ecdsa-256": p256, "ecdsa-521": p521}
	for name, key := range keys {
		for _, pass := range []string{"", passphrase} {
			t.Run(fmt.Sprintf("%s with passphrase %q", name, pass), func(t *testing.T) {
				block, err := ssh.MarshalPrivateKey(key, "")
				if pass != "" {
					block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(pass))
				}
				check(t, err)
				data := pem.EncodeToMemory(block)
				if name == "rsa" { // As a variable of a pipeline has it.
					data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
				}
				public, err := ssh.NewSignerFromKey(key)
				check(t, err)
				allowed := filepath.Join(t.TempDir(), "allowed")
				gittest.Write(t, allowed, "build@example.com "+string(ssh.MarshalAuthorizedKey(public.PublicKey())))
				hash := r.signed(t, data, []byte(pass), "Signed\n\nBody\n")
				out := gittest.Git(t, r.dir, "-c", "gpg.ssh.allowedSignersFile="+allowed, "verify-commit", "-v", hash)
				want := ssh.FingerprintSHA256(public.PublicKey())
				if !strings.Contains(out, want) || !strings.Contains(out, "build@example.com") {
					t.Errorf("verify-commit does not name %s:\n%s", want, out)
				}
				if name == "rsa" {
					raw := gittest.Git(t, r.dir, "cat-file", "commit", hash)
					if sig := sshSignature(t, raw); !bytes.Contains(sig, []byte("rsa-sha2-512")) {
						t.Errorf("signature %q is not of rsa-sha2-512", sig)
					}
				}
			})
		}
	}
	gittest.Git(t, r.dir, "fsck", "--strict")
}

// sshSignature takes the signature out of a raw commit.
func sshSignature(t *testing.T, raw string) []byte {
	t.Helper()
	_, rest, _ := strings.Cut(raw, "gpgsig ")
	armored, _, _ := strings.Cut(rest, "\n\n")
	block, _ := pem.Decode([]byte(strings.ReplaceAll(armored, "\n ", "\n") + "\n"))
	if block == nil {
		t.Fatalf("no signature in %s", raw)
	}
	return block.Bytes
}

// pgpKey makes a key; its subkeys, as gpg's, are one for encryption and the ones that add makes.
func pgpKey(t *testing.T, config *packet.Config, add ...func(*openpgp.Entity)) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("Build", "", "build@example.com", config)
	check(t, err)
	for _, f := range add {
		f(e)
	}
	return e
}

func private(t *testing.T, e *openpgp.Entity, pass string) []byte {
	t.Helper()
	if pass != "" {
		check(t, e.EncryptPrivateKeys([]byte(pass), nil))
	}
	var out bytes.Buffer
	check(t, e.SerializePrivateWithoutSigning(&out, nil))
	return out.Bytes()
}

func public(t *testing.T, e *openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	check(t, e.Serialize(&out))
	return out.Bytes()
}

func armored(t *testing.T, kind string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	wr, err := armor.Encode(&out, kind, map[string]string{"Comment": "a test's"})
	check(t, err)
	_, err = wr.Write(data)
	check(t, err)
	check(t, wr.Close())
	return append(out.Bytes(), '\n')
}

func signingSubkey(t *testing.T, config *packet.Config) func(*openpgp.Entity) {
	return func(e *openpgp.Entity) { check(t, e.AddSigningSubkey(config)) }
}

var (
	day     = 24 * time.Hour
	rsa2048 = &packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048}
	eddsa   = &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA}
	nistp   = &packet.Config{Algorithm: packet.PubKeyAlgoECDSA, Curve: packet.CurveNistP256}
)

// past is a configuration for what was made days ago and, where it is asked for, lives for some.
func past(days, lives int) *packet.Config {
	c := *eddsa
	c.Time = func() time.Time { return time.Now().Add(-time.Duration(days) * day) }
	c.KeyLifetimeSecs = uint32(lives * int(day.Seconds()))
	return &c
}

func TestSignOpenPGP(t *testing.T) {
	r := newRepository(t)
	for _, test := range []struct {
		name string
		key  *openpgp.Entity
		pass string
		sub  bool // a subkey signs
	}{
		{"rsa", pgpKey(t, rsa2048), "", false},
		{"eddsa", pgpKey(t, eddsa), "", false},
		{"ecdsa", pgpKey(t, nistp), "", false},
		{"passphrase", pgpKey(t, eddsa), passphrase, false},
		{"subkey", pgpKey(t, eddsa, signingSubkey(t, eddsa)), passphrase, true},
		{"rsa-subkey", pgpKey(t, eddsa, signingSubkey(t, rsa2048)), "", true},
		{"subkey-expired", pgpKey(t, past(9, 0), signingSubkey(t, past(9, 2))), "", false},
		{"subkey-left-out", pgpKey(t, eddsa, signingSubkey(t, eddsa)), "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			pub := public(t, test.key)
			var left bytes.Buffer
			if test.name == "subkey-left-out" {
				check(t, test.key.Subkeys[1].PublicKey.Serialize(&left))
				check(t, test.key.Subkeys[1].Sig.Serialize(&left))
				test.key.Subkeys = test.key.Subkeys[:1]
			}
			data := append(private(t, test.key, test.pass), left.Bytes()...)
			for kind, key := range map[string][]byte{
				"binary":  data,
				"armored": armored(t, openpgp.PrivateKeyType, data),
				"crlf":    bytes.ReplaceAll(armored(t, openpgp.PrivateKeyType, data), []byte("\n"), []byte("\r\n")),
				"both":    append(armored(t, openpgp.PublicKeyType, pub), armored(t, openpgp.PrivateKeyType, data)...),
			} {
				hash := r.signed(t, key, []byte(test.pass), "Signed\n\nBody\n")
				verifyOpenPGP(t, r, pub, hash)
				signer, err := sign.Parse(key, []byte(test.pass))
				check(t, err)
				want := test.key.PrimaryKey
				if test.sub {
					want = test.key.Subkeys[1].PublicKey
				}
				if name := fmt.Sprintf("OpenPGP key %X", want.Fingerprint); signer.String() != name {
					t.Errorf("%s: signed with %s, want %s", kind, signer, name)
				}
			}
		})
	}
	gittest.Git(t, r.dir, "fsck", "--strict")
}

// verifyOpenPGP checks a commit with git and gpg, if that is installed, and with the library.
func verifyOpenPGP(t *testing.T, r repository, public []byte, hash string) {
	t.Helper()
	raw := gittest.Git(t, r.dir, "cat-file", "commit", hash)
	before, rest, ok := strings.Cut(raw, "gpgsig ")
	signature, after, _ := strings.Cut(rest, "\n\n")
	ring, err := openpgp.ReadKeyRing(bytes.NewReader(public))
	check(t, err)
	signature = strings.ReplaceAll(signature, "\n ", "\n")
	signed := strings.NewReader(before + "\n" + after)
	_, err = openpgp.CheckArmoredDetachedSignature(ring, signed, strings.NewReader(signature), nil)
	if !ok || err != nil {
		t.Errorf("the library does not accept the signature: %v\n%s", err, raw)
	}
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Log("gpg is not installed; verified with the library alone")
		return
	}
	t.Setenv("GNUPGHOME", t.TempDir())
	cmd := exec.Command("gpg", "--batch", "--quiet", "--no-autostart", "--import")
	cmd.Stdin = bytes.NewReader(public)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gpg --import: %v\n%s", err, out)
	}
	if out := gittest.Git(t, r.dir, "verify-commit", hash); !strings.Contains(out, "Good signature") {
		t.Errorf("verify-commit: %s", out)
	}
}

// TestSignGPG takes keys as gpg itself exports them, also without the primary key's private part.
func TestSignGPG(t *testing.T) {
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skip("gpg is not installed")
	}
	r := newRepository(t)
	home, err := os.MkdirTemp("", "gpg") // Short: the agent has a socket there.
	check(t, err)
	gpg := func(args ...string) []byte {
		cmd := exec.Command("gpg", append([]string{
			"--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase,
		}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gpg %q: %v", args, err)
		}
		return out
	}
	t.Cleanup(func() {
		out, err := exec.Command("gpgconf", "--homedir", home, "--kill", "gpg-agent").CombinedOutput()
		if err != nil {
			t.Errorf("stop the agent: %v\n%s", err, out)
		}
		check(t, os.RemoveAll(home))
	})
	gpg("--quick-generate-key", "build@example.com", "ed25519", "cert", "never")
	fields := strings.Split(string(gpg("--list-keys", "--with-colons")), "\n")
	i := slices.IndexFunc(fields, func(line string) bool { return strings.HasPrefix(line, "fpr:") })
	fingerprint := strings.Split(fields[i], ":")[9]
	_, err = sign.Parse(gpg("--export-secret-keys"), []byte(passphrase))
	if err == nil || !strings.Contains(err.Error(), "cannot sign") {
		t.Errorf("a key that only certifies: %v", err)
	}
	gpg("--quick-add-key", fingerprint, "rsa2048", "sign", "never")
	for _, key := range [][]byte{
		gpg("--armor", "--export-secret-keys"), gpg("--export-secret-keys"), gpg("--armor", "--export-secret-subkeys"),
	} {
		hash := r.signed(t, key, []byte(passphrase), "Signed\n")
		verifyOpenPGP(t, r, gpg("--export"), hash)
		_, err := sign.Parse(key, []byte("wrong"))
		if err == nil || !strings.Contains(err.Error(), "passphrase is wrong") {
			t.Errorf("wrong passphrase: %v", err)
		}
	}
}

func TestParseKeyErrors(t *testing.T) {
	t.Parallel()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(ed, "", []byte(passphrase))
	check(t, err)
	sshKey := pem.EncodeToMemory(block)
	sshPublic, err := ssh.NewSignerFromKey(ed)
	check(t, err)
	spki, err := x509.MarshalPKIXPublicKey(ed.Public())
	check(t, err)
	pgp := pgpKey(t, eddsa)
	encrypted := private(t, pgp, passphrase)
	revoked := pgpKey(t, eddsa)
	check(t, revoked.RevokeKey(packet.KeyRetired, "", nil))
	onlyCertifies := pgpKey(t, eddsa)
	for _, identity := range onlyCertifies.Identities {
		identity.SelfSignature.FlagSign = false
		primary, private := onlyCertifies.PrimaryKey, onlyCertifies.PrivateKey
		check(t, identity.SelfSignature.SignUserId(identity.Name, primary, private, nil))
	}
	onCard := public(t, pgp)
	for _, test := range []struct {
		name, pass, want string
		key              []byte
	}{
		{"empty", "", "empty", nil},
		{"blank", "", "empty", []byte(" \n")},
		{"text", "", "neither", []byte("hunter2-not-a-key")},
		{"ssh, no passphrase", "", "none is given", sshKey},
		{"ssh, wrong passphrase", "wrong-pass", "passphrase is wrong", sshKey},
		{"ssh public", "", "public key", ssh.MarshalAuthorizedKey(sshPublic.PublicKey())},
		{"public in PEM", "", "public key", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})},
		{"ssh cut", passphrase, "cannot be read as an SSH", sshKey[:len(sshKey)/2]},
		{"certificate", "", "cannot be read as an SSH",
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: spki})},
		{"OpenPGP, no passphrase", "", "none is given", encrypted},
		{"OpenPGP, wrong passphrase", "wrong-pass", "passphrase is wrong", encrypted},
		{"OpenPGP public", "", "public key", onCard},
		{"OpenPGP public, armored", "", "public key", armored(t, openpgp.PublicKeyType, onCard)},
		{"OpenPGP cut", passphrase, "cannot be read as an OpenPGP", encrypted[:len(encrypted)/3]},
		{"OpenPGP armor cut", passphrase, "cannot be read as an OpenPGP",
			armored(t, openpgp.PrivateKeyType, encrypted)[:200]},
		{"no OpenPGP", "", "cannot be read as an OpenPGP", []byte("\x95\x03\xff\xff")},
		{"expired", "", "has expired", private(t, pgpKey(t, past(9, 2)), "")},
		{"revoked", "", "is revoked", private(t, revoked, "")},
		{"certifies only", "", "cannot sign", private(t, onlyCertifies, "")},
	} {
		t.Run(test.name, func(t *testing.T) {
			signer, err := sign.Parse(test.key, []byte(test.pass))
			if err == nil || signer != nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%v, %v; want an error with %q", signer, err, test.want)
			}
			for _, secret := range []string{"wrong-pass", passphrase, "hunter2", "AAAA"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%v: it has %q in it", err, secret)
				}
			}
		})
	}
}

// TestKeyDoesNotPrint: no verb finds the key.
func TestKeyDoesNotPrint(t *testing.T) {
	t.Parallel()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	block, err := ssh.MarshalPrivateKey(ed, "")
	check(t, err)
	e := pgpKey(t, eddsa)
	for _, key := range [][]byte{pem.EncodeToMemory(block), private(t, e, "")} {
		signer, err := sign.Parse(key, nil)
		check(t, err)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			for _, v := range []any{signer, *signer, struct{ Signer fmt.Stringer }{signer}} {
				if got := fmt.Sprintf(verb, v); len(got) > 1000 || strings.Contains(got, fmt.Sprint([]byte(ed)[:8])) {
					t.Errorf("%s prints %s", verb, got)
				}
			}
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlFgE\n-----END PGP PRIVATE KEY BLOCK-----\n"), []byte(""))
	f.Add([]byte("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n"),
		[]byte("x"))
	f.Add([]byte("\xc5\x03\x04\x00\x00"), []byte(""))
	f.Fuzz(func(t *testing.T, key, passphrase []byte) {
		signer, err := sign.Parse(key, passphrase)
		if (signer == nil) != (err != nil) {
			t.Errorf("%v, %v", signer, err)
		}
	})
}
