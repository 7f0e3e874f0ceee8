package auth

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"update-gitops-repo/cmd/internal/ci"
	"update-gitops-repo/cmd/internal/forges"
	"update-gitops-repo/secret"
)

// proxyVariables may have a password in a URL (https://pkg.go.dev/net/http#ProxyFromEnvironment).
var proxyVariables = []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"}

// SecretsInEnvironment returns the secrets in the environment, of use for this run or not: the tokens of forges and CI
// systems, and the passwords in proxies' URLs and in those of the variables named.
func SecretsInEnvironment(getenv func(string) string, urlVariables ...string) []secret.Text {
	var found []secret.Text
	for _, name := range slices.Concat(forges.TokenVariables(), ci.TokenVariables()) {
		// One that is "none" shall not take that word from every text; if it is used all the same, it counts.
		if token := strings.TrimSpace(getenv(name)); len(token) >= minToken {
			found = append(found, secret.New(token))
		}
	}
	for _, name := range slices.Concat(proxyVariables, urlVariables) {
		found = append(found, SecretsInURL(getenv(name))...)
	}
	return found
}

// userinfo is what stands before the host of a URL, whether or not the rest of it makes sense.
var userinfo = regexp.MustCompile(`([^/:@]*)(?::([^/@]*))?@`)

// SecretsInURL returns the passwords in a URL, or in what was to be one.
func SecretsInURL(s string) []secret.Text {
	var found []secret.Text
	for _, m := range userinfo.FindAllStringSubmatch(s, -1) {
		found = append(found, SecretsOfLogin(m[1], m[2])...)
		user, err := url.PathUnescape(m[1])
		password, perr := url.PathUnescape(m[2])
		if err == nil && perr == nil {
			found = append(found, SecretsOfLogin(user, password)...)
		}
	}
	return found
}

// minToken is the length of the shortest string taken for a token. The forges' have 20 characters and more.
const minToken = 16

// SecretsOfLogin returns the password, or in its place the user where that may be a token: forges take one there, too
// (https://github.blog/security/easier-builds-and-deployments-using-git-over-https-and-oauth/).
func SecretsOfLogin(user, password string) []secret.Text {
	if password != "" && password != "x-oauth-basic" {
		return []secret.Text{secret.New(password)}
	}
	if len(user) >= minToken {
		return []secret.Text{secret.New(user)}
	}
	return nil
}

// SecretsOfRequest returns what a request authenticates with, wherever that was found.
func SecretsOfRequest(r *http.Request) []secret.Text {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if user, password, ok := r.BasicAuth(); ok {
		return SecretsOfLogin(user, password)
	}
	if !strings.EqualFold(scheme, "Basic") {
		return []secret.Text{secret.New(value)}
	}
	data, _ := base64.StdEncoding.DecodeString(value) // What is not base64 has no user and password.
	return []secret.Text{secret.New(value), secret.New(string(data))}
}

// SecretsOfKey returns the lines of a private key in PEM or OpenPGP's armor: each is as secret as the whole.
func SecretsOfKey(key []byte) []secret.Text {
	var found []secret.Text
	for line := range strings.Lines(string(key)) {
		line = strings.TrimSpace(line)
		if len(line) >= minKeyLine && !strings.ContainsAny(line, " :") && !strings.HasPrefix(line, "-----") {
			found = append(found, secret.New(line))
		}
	}
	return found
}

// minKeyLine leaves out what could be any word: the last line of a key, and the checksum of an armor.
const minKeyLine = 16
