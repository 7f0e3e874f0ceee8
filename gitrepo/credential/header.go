package credential

import (
	"encoding/base64"
	"strings"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/secret"
)

// extraHeader reads the header that actions/checkout, Azure Pipelines and others leave. Of several, the last of the
// best matches counts.
func (f *finder) extraHeader() (giturl.Credentials, string) {
	var found giturl.Credentials
	source := ""
	for _, e := range f.extraHeaders() {
		name, value, _ := strings.Cut(e.Value, ":")
		if !strings.EqualFold(strings.TrimSpace(name), "authorization") {
			continue
		}
		c, ok := parseAuthorization(value)
		switch {
		case !ok:
			f.note("http.extraHeader of %s: neither basic nor bearer", e.Source)
		case e.Key == "http.extraheader" && !f.isOrigin():
			f.note("http.extraHeader of %s: it names no URL, and this host is not the origin's", e.Source)
		case f.url.User != "" && !c.Bearer && c.Username != secret.New(f.url.User):
			f.note("http.extraHeader of %s: it is another user's", e.Source)
		default:
			found, source = c, "http.extraHeader of "+e.Source
		}
	}
	return found, source
}

// extraHeaders are the settings of http.extraHeader that git would send to u.
func (f *finder) extraHeaders() []settings.Entry {
	var headers []settings.Entry
	var best giturl.Fit
	for _, e := range f.settings.Entries() {
		var fit giturl.Fit
		if text, ok := e.Subsection("http", "extraheader"); ok {
			pattern, ok := giturl.ParsePattern(text)
			if !ok {
				continue
			}
			if fit, ok = pattern.Match(f.url); !ok {
				continue
			}
		} else if e.Key != "http.extraheader" {
			continue
		}
		switch {
		case fit.Worse(best):
		case e.Value == "":
			headers, best = nil, fit
		default:
			headers, best = append(headers, e), fit
		}
	}
	return headers
}

// isOrigin tells whether the checkout's origin is on the same host.
func (f *finder) isOrigin() bool {
	o, _, err := giturl.Parse(f.settings.Rewrite(f.settings.Origin()))
	return err == nil && o.SameServer(f.url)
}

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
