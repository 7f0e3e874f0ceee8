package credential

import (
	"context"
	"encoding/base64"
	"strings"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/secret"
)

// header reads http.extraHeader, where actions/checkout, Azure Pipelines and others leave a token. The last of the best
// matches counts.
func (f *finder) header(context.Context) (Found, error) {
	var found Found
	for _, e := range f.extraHeaders() {
		name, value, _ := strings.Cut(e.Value, ":")
		if !strings.EqualFold(strings.TrimSpace(name), "authorization") {
			continue
		}
		c, ok := parseAuthorization(value)
		switch {
		case !ok:
			f.note("http.extraHeader of %s: neither Basic nor Bearer", e.Source)
		case e.Key == "http.extraheader" && !f.atOrigin():
			f.note("http.extraHeader of %s: it has no URL, and the origin is on another host", e.Source)
		case f.url.User != "" && !c.Bearer && c.Username != secret.New(f.url.User):
			f.note("http.extraHeader of %s: it is for another user", e.Source)
		default:
			found = Found{Credentials: c, Source: "http.extraHeader of " + e.Source}
		}
	}
	return found, nil
}

// extraHeaders returns the settings of http.extraHeader that git would send to the URL.
func (f *finder) extraHeaders() []settings.Entry {
	var headers []settings.Entry
	var best giturl.Fit
	for _, e := range f.settings.Entries() {
		fit, ok := f.fitOfHeader(e)
		switch {
		case !ok, fit.Worse(best):
		case e.Value == "": // discards those before it
			headers, best = nil, fit
		default:
			headers, best = append(headers, e), fit
		}
	}
	return headers
}

// fitOfHeader returns how well a setting of http.extraHeader fits the URL; false for other settings and other URLs.
func (f *finder) fitOfHeader(e settings.Entry) (giturl.Fit, bool) {
	text, ok := e.Subsection("http", "extraheader")
	if !ok {
		return giturl.Fit{}, e.Key == "http.extraheader"
	}
	pattern, ok := giturl.ParsePattern(text)
	if !ok {
		return giturl.Fit{}, false
	}
	return pattern.Match(f.url)
}

// atOrigin reports whether the checkout's origin is on the URL's server.
func (f *finder) atOrigin() bool {
	origin, _, err := giturl.Parse(f.settings.Rewrite(f.settings.Origin()))
	return err == nil && origin.SameServer(f.url)
}

// parseAuthorization reads the value of a header Authorization (RFC 9110, section 11.6.2).
func parseAuthorization(value string) (giturl.Credentials, bool) {
	scheme, value, _ := strings.Cut(strings.TrimSpace(value), " ")
	value = strings.TrimSpace(value)
	switch strings.ToLower(scheme) {
	case "bearer":
		return giturl.Credentials{Password: secret.New(value), Bearer: true}, value != ""
	case "basic":
		data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
		if err != nil {
			return giturl.Credentials{}, false
		}
		user, password, ok := strings.Cut(string(data), ":")
		return giturl.Login(user, password), ok && password != ""
	}
	return giturl.Credentials{}, false
}
