package github

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v92/github"

	"update-gitops-repo/secret"
)

// AppToken returns a token for cfg.Repository, as the GitHub App appID, and when the token expires (after an hour).
// appID is the app's application ID or client ID; key is its private key in PEM, as GitHub issues it (PKCS #1) or
// converted (PKCS #8). cfg.Token is not used. The token serves the API, and git with the user name x-access-token; it
// is for no other repository and has the app's permissions there.
//
// No error holds the key or what was signed with it.
func AppToken(
	ctx context.Context, cfg Config, appID string, key []byte,
) (token secret.Text, expires time.Time, err error) {
	private, err := appKey(key)
	if err != nil {
		return secret.Text{}, expires, fmt.Errorf("github: private key of app %s: %w", appID, err)
	}
	now := time.Now()
	if cfg.Token, err = appJWT(appID, private, now); err != nil {
		return secret.Text{}, expires, fmt.Errorf("github: private key of app %s: %w", appID, err)
	}
	c, err := New(cfg)
	if err != nil {
		return secret.Text{}, expires, err
	}
	installation, resp, err := c.apps.GetRepositoryInstallation(ctx, c.owner, c.name)
	if err == nil && installation.GetID() == 0 {
		err = errors.New("no installation in it")
	}
	if err != nil {
		return secret.Text{}, expires, c.appError(appID, now, resp, err)
	}
	made, resp, err := c.apps.CreateInstallationToken(ctx, installation.GetID(), &github.InstallationTokenOptions{
		Repositories: []string{c.name},
	})
	if err == nil && made.GetToken() == "" {
		err = errors.New("no token in it")
	}
	if err != nil {
		return secret.Text{}, expires, c.appError(appID, now, resp, err)
	}
	return secret.New(made.GetToken()), made.GetExpiresAt().Time, nil
}

// appError converts an error of the SDK and adds what to do: GitHub's own message hardly ever helps.
func (c *Client) appError(appID string, now time.Time, resp *github.Response, err error) error {
	err = c.error(nil, resp, err)
	if resp == nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		date, dateErr := http.ParseTime(resp.Header.Get("Date"))
		if skew := now.Sub(date).Round(time.Second); dateErr == nil && skew.Abs() > time.Minute {
			return fmt.Errorf("%w; this machine's clock and GitHub's are %s apart: set it right", err, skew.Abs())
		}
		return fmt.Errorf("%w; is the key one that was made for app %s, and not deleted there?", err, appID)
	case http.StatusNotFound:
		return fmt.Errorf("%w; install app %s for this repository, and check its name", err, appID)
	case http.StatusForbidden:
		return fmt.Errorf("%w; is the installation of app %s suspended?", err, appID)
	}
	return err
}

// appKey parses a private RSA key. Its errors hold nothing of data.
func appKey(data []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("not in PEM; it begins with -----BEGIN RSA PRIVATE KEY-----")
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("it is encrypted; want it as GitHub gave it")
		}
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("the PEM file is damaged")
		}
		return key, nil
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("the PEM file is damaged")
		}
		if key, ok := key.(*rsa.PrivateKey); ok {
			return key, nil
		}
		return nil, errors.New("it is no RSA key")
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("it is encrypted; want it as GitHub gave it")
	}
	return nil, fmt.Errorf("the PEM file holds a %s, want a private RSA key", strings.ToLower(block.Type))
}

// appJWT returns the token by which an app identifies itself for the next 9 minutes. Because clocks differ, it is dated
// back by a minute and expires before the 10 minutes that GitHub allows.
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
func appJWT(appID string, key *rsa.PrivateKey, now time.Time) (secret.Text, error) {
	claims, err := json.Marshal(map[string]any{
		"iss": appID, "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(9 * time.Minute).Unix(),
	})
	if err != nil {
		return secret.Text{}, err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		return secret.Text{}, err
	}
	return secret.New(signed + "." + encode(signature)), nil
}
