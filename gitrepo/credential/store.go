package credential

import (
	"encoding/hex"
	"path/filepath"
	"strings"

	"update-gitops-repo/gitrepo/giturl"
)

// stored looks into the files of git-credential-store: those that are configured, else those that it would use.
func (f *finder) stored() (giturl.Credentials, string, error) {
	h := f.helperSettings()
	var files []string
	if len(h.helpers) == 0 {
		files = f.storeFiles("")
	}
	for _, helper := range h.helpers {
		if file, ok := f.storeHelper(helper); ok {
			files = append(files, f.storeFiles(file)...)
		}
	}
	for _, file := range files {
		data, err := f.read(file)
		if err != nil {
			return giturl.Credentials{}, "", err
		}
		if c, ok := storedLogin(data, f.url, h.username, h.path); ok {
			return c, file, nil
		}
	}
	return giturl.Credentials{}, "", nil
}

// storeFiles are the files of one store helper.
func (f *finder) storeFiles(file string) []string {
	if file != "" {
		return []string{f.settings.Expand(file)}
	}
	var files []string
	if f.settings.Home() != "" {
		files = append(files, filepath.Join(f.settings.Home(), ".git-credentials"))
	}
	if dir := f.settings.UserDir(); dir != "" {
		files = append(files, filepath.Join(dir, "credentials"))
	}
	return files
}

// storeHelper tells whether a helper is git's store, and the file it is given, if any. Git has a shell read the line;
// what is more than words is left to that.
func (f *finder) storeHelper(helper string) (file string, ok bool) {
	words, ok := f.settings.Words(helper)
	if !ok || len(words) == 0 || words[0] != "store" {
		return "", false
	}
	switch {
	case len(words) == 1:
		return "", true
	case len(words) == 2:
		file, ok = strings.CutPrefix(words[1], "--file=")
		return file, ok
	case len(words) == 3 && words[1] == "--file":
		return words[2], true
	}
	return "", false
}

// storedLogin gives the first line of a file of git-credential-store that is for the URL
// (https://git-scm.com/docs/git-credential-store#_storage_format). An empty username or path matches any.
func storedLogin(data string, u giturl.URL, username, path string) (giturl.Credentials, bool) {
	for line := range strings.SplitSeq(data, "\n") {
		e := parseCredentialURL(line)
		if e.protocol == u.Scheme && e.hasPassword && strings.EqualFold(e.host, u.HostPort()) &&
			(username == "" || e.username == username) && (path == "" || e.path == path) && !strings.ContainsAny(e.username+e.password, "\n\x00") {
			return giturl.Login(e.username, e.password), true
		}
	}
	return giturl.Credentials{}, false
}

// credentialURL is a URL, or a part of one, as git's credentials have it.
type credentialURL struct {
	protocol, username, password, host, path string
	hasPassword                              bool
}

func parseCredentialURL(s string) credentialURL {
	var c credentialURL
	if protocol, rest, ok := strings.Cut(s, "://"); ok {
		c.protocol, s = protocol, rest
	}
	end := strings.IndexAny(s, "/?#")
	if end < 0 {
		end = len(s)
	}
	host, path := s[:end], s[end:]
	if login, rest, ok := strings.Cut(host, "@"); ok {
		host = rest
		c.username, c.password, c.hasPassword = strings.Cut(login, ":")
		c.username, c.password = decodePercent(c.username), decodePercent(c.password)
	}
	c.host = decodePercent(host)
	c.path = strings.TrimRight(decodePercent(strings.TrimLeft(path, "/")), "/")
	return c
}

// decodePercent leaves what is not an escape as it is, as git does. So it does with what stands before a colon, which
// git takes for a scheme wherever it is.
func decodePercent(s string) string {
	i := max(strings.IndexByte(s, ':'), 0)
	b := []byte(s[:i])
	for ; i < len(s); i++ {
		if s[i] == '%' && len(s) >= i+3 {
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil && c[0] != 0 {
				b = append(b, c...)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
