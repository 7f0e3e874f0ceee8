package auth

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/secret"
)

func reveal(found []secret.Text) string {
	var values []string
	for _, s := range found {
		if !slices.Contains(values, s.Reveal()) {
			values = append(values, s.Reveal())
		}
	}
	return strings.Join(values, " ")
}

func TestSecretsInURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://alex:s3cret@host/a/b":                       "s3cret",
		"https://alex:s3%2fcret@host/a/b":                    "s3%2fcret s3/cret",
		"http//alex:s3cret@host":                             "s3cret",
		"alex:s3cret@host:a/b":                               "s3cret",
		"https://a-token-of-20-characters@host/a":            "a-token-of-20-characters",
		"https://a-token-of-20-characters:x-oauth-basic@h/a": "a-token-of-20-characters",
		"https://gitlab+deploy-token-123456:s3cret@host/a":   "s3cret",
		"git@host:acme/gitops.git":                           "",
		"https://host/acme/gitops.git":                       "",
		"/srv/gitops":                                        "",
		"https://x-access-token@host/a":                      "",
	} {
		if got := reveal(SecretsInURL(in)); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// TestSecretsOfKey: a key is known line by line, what stands around it is not.
func TestSecretsOfKey(t *testing.T) {
	var secrets secret.Redactor
	const key = "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2 and more\n\n" +
		"lQOYBGY1234567890abc\r\nlQOYBGY1234567890def\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n"
	secrets.Add(SecretsOfKey([]byte(key))...)
	const before = "-----BEGIN PGP PRIVATE KEY BLOCK----- Version: GnuPG v2 and more "
	got := secrets.Redact(before + "lQOYBGY1234567890abc =abcd lQOYBGY1234567890def")
	if got != before+"*** =abcd ***" {
		t.Error(got)
	}
}

func TestSecretsOfRequest(t *testing.T) {
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for header, want := range map[string]string{
		"":                     "",
		"Bearer made-of-a-key": "made-of-a-key",
		"token s3cret":         "s3cret",
		basic("alex:s3cret"):   "s3cret",
		basic("a-token-of-20-characters:x-oauth-basic"): "a-token-of-20-characters",
		basic("no-colon"): strings.TrimPrefix(basic("no-colon"), "Basic ") + " no-colon",
	} {
		r := &http.Request{Header: http.Header{}}
		r.Header.Set("Authorization", header)
		if got := reveal(SecretsOfRequest(r)); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func TestSecretsInEnvironment(t *testing.T) {
	getenv := environment(
		"GITHUB_TOKEN= a-token-of-20-characters\n", "GITLAB_TOKEN=none", "CI_JOB_TOKEN=another-token-of-this-job",
		"HTTPS_PROXY=http://proxy:pr0xy@10.0.0.1:3128",
		"REPO=https://alex:s3cret@host/a", "OTHER=https://alex:other@host/a",
	)
	const want = "a-token-of-20-characters another-token-of-this-job pr0xy s3cret"
	if got := reveal(SecretsInEnvironment(getenv, "REPO")); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
