package credential

import (
	"context"
	"path/filepath"
	"strings"

	"update-gitops-repo/gitrepo/giturl"
)

// store reads the files of git-credential-store: those of the configured helpers, or without helpers its default ones.
func (f *finder) store(context.Context) (Found, error) {
	o := f.options()
	var files []string
	if len(o.helpers) == 0 {
		files = f.storeFiles("")
	}
	for _, helper := range o.helpers {
		if file, ok := f.parseStore(helper); ok {
			files = append(files, f.storeFiles(file)...)
		}
	}
	for _, file := range files {
		data, err := f.read(file)
		if err != nil {
			return Found{}, err
		}
		if c, ok := storeLogin(data, f.url, o); ok {
			return Found{Credentials: c, Source: file}, nil
		}
	}
	return Found{}, nil
}

// storeFiles returns the files of a store helper that was given a file, or "".
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

// parseStore reports whether a helper is git's store, and returns the file that it is given, if any. A helper that
// takes a shell to understand is left to git.
func (f *finder) parseStore(helper string) (file string, ok bool) {
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

// storeLogin returns the first login for the URL in a file of git-credential-store
// (https://git-scm.com/docs/git-credential-store#_storage_format). An empty username or path of the options matches
// all.
func storeLogin(data string, u giturl.URL, o options) (giturl.Credentials, bool) {
	for line := range strings.SplitSeq(data, "\n") {
		p := parsePartial(line)
		switch {
		case p.scheme != u.Scheme, !strings.EqualFold(p.host, u.HostPort()), !p.hasPassword:
		case o.username != "" && p.username != o.username, o.path != "" && p.path != o.path:
		case strings.ContainsAny(p.username+p.password, "\n\x00"): // git refuses these
		default:
			return giturl.Login(p.username, p.password), true
		}
	}
	return giturl.Credentials{}, false
}
