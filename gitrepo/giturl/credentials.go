package giturl

import "update-gitops-repo/secret"

// Credentials authenticate to a git server over http and https. The user may be a token, too.
type Credentials struct {
	Username, Password secret.Text
	Bearer             bool // Password is a bearer token, without a user
}

// Login returns the credentials of a user with a password.
func Login(username, password string) Credentials {
	return Credentials{Username: secret.New(username), Password: secret.New(password)}
}
