package gitrepo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/secret"
)

// Credentials finds what git would authenticate with against the host of an http or https URL: an Authorization in
// http.extraHeader, the user's .netrc, files of git-credential-store, and the credential helpers that are configured,
// in this order. Where u has a User, only that one's. The source says where they are from, for a person to read; it is
// empty, like the credentials, when there are none. Errors name a file that is broken or may not be read.
//
// What is found for a host is for it alone. So a "default" in .netrc does not count, and an http.extraHeader without a
// URL only for the host of the checkout's origin. A .netrc does not tell ports and schemes apart; all others do.
//
// Only a credential helper that is not git's own store makes this run a program, namely git.
func (s *Settings) Credentials(ctx context.Context, u giturl.URL) (giturl.Credentials, string, error) {
	if u.Scheme != "http" && u.Scheme != "https" {
		return giturl.Credentials{}, "", nil
	}
	if c, source := s.extraHeader(u); source != "" {
		return c, source, nil
	}
	for _, find := range []func(giturl.URL) (giturl.Credentials, string, error){s.netrc, s.stored} {
		if c, source, err := find(u); err != nil || source != "" {
			return c, source, err
		}
	}
	return s.helped(ctx, u)
}

// Notes tell, for a person, where Credentials looked in vain although something was there, and why.
func (s *Settings) Notes() []string { return s.notes }

func (s *Settings) note(format string, args ...any) {
	if note := fmt.Sprintf(format, args...); !slices.Contains(s.notes, note) { // Git and the API are looked for apart.
		s.notes = append(s.notes, note)
	}
}

// extraHeader reads the header that actions/checkout, Azure Pipelines and others leave. Of several, the last of the
// best matches counts.
func (s *Settings) extraHeader(u giturl.URL) (giturl.Credentials, string) {
	var found giturl.Credentials
	source := ""
	for _, e := range s.extraHeaders(u) {
		name, value, _ := strings.Cut(e.value, ":")
		if !strings.EqualFold(strings.TrimSpace(name), "authorization") {
			continue
		}
		c, ok := parseAuthorization(value)
		switch {
		case !ok:
			s.note("http.extraHeader of %s: neither basic nor bearer", e.source)
		case e.key == "http.extraheader" && !s.isOrigin(u):
			s.note("http.extraHeader of %s: it names no URL, and this host is not the origin's", e.source)
		case u.User != "" && !c.Bearer && c.Username != secret.New(u.User):
			s.note("http.extraHeader of %s: it is another user's", e.source)
		default:
			found, source = c, "http.extraHeader of "+e.source
		}
	}
	return found, source
}

// extraHeaders are the settings of http.extraHeader that git would send to u.
func (s *Settings) extraHeaders(u giturl.URL) []setting {
	var headers []setting
	var best giturl.Fit
	for _, e := range s.entries() {
		var fit giturl.Fit
		if text, ok := e.sub("http", "extraheader"); ok {
			pattern, ok := giturl.ParsePattern(text)
			if !ok {
				continue
			}
			if fit, ok = pattern.Match(u); !ok {
				continue
			}
		} else if e.key != "http.extraheader" {
			continue
		}
		switch {
		case fit.Worse(best):
		case e.value == "":
			headers, best = nil, fit
		default:
			headers, best = append(headers, e), fit
		}
	}
	return headers
}

// isOrigin tells whether the checkout's origin is on the same host.
func (s *Settings) isOrigin(u giturl.URL) bool {
	o, _, err := giturl.Parse(s.Rewrite(s.origin()))
	return err == nil && o.SameServer(u)
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

// read gives a file's content; empty when it is not there. What belongs to another user is passed over, as git does.
func (s *Settings) read(file string) (string, error) {
	data, err := os.ReadFile(file)
	switch {
	case err == nil:
		return string(data), nil
	case absent(err):
		return "", nil
	case errors.Is(err, fs.ErrPermission):
		s.note("%s: it may not be read", file)
		return "", nil
	}
	return "", fmt.Errorf("credentials: %w", err)
}

func (s *Settings) netrc(u giturl.URL) (giturl.Credentials, string, error) {
	file := s.getenv("NETRC")
	if file == "" {
		if s.home == "" {
			return giturl.Credentials{}, "", nil
		}
		file = filepath.Join(s.home, ".netrc")
	}
	data, err := s.read(file)
	if err != nil {
		return giturl.Credentials{}, "", err
	}
	if c, ok := netrcLogin(data, strings.Trim(u.Host, "[]"), u.User); ok {
		return c, file, nil
	}
	return giturl.Credentials{}, "", nil
}

// helperSettings are the settings of credential.* that apply to a URL.
type helperSettings struct {
	helpers  []string
	username string
	path     string // empty unless credential.useHttpPath
}

func (s *Settings) helperSettings(u giturl.URL) helperSettings {
	var h helperSettings
	usePath := false
	for _, e := range s.entries() {
		section, name := "credential", e.key[strings.LastIndexByte(e.key, '.')+1:]
		if e.key != section+"."+name {
			pattern, ok := e.sub(section, name)
			if !ok || !matchCredential(u, pattern) {
				continue
			}
		}
		switch name {
		case "helper":
			if e.value == "" {
				h.helpers = nil
			} else {
				h.helpers = append(h.helpers, e.value)
			}
		case "username":
			h.username = e.value
		case "usehttppath":
			usePath = gitBool(e.value, e.bare)
		}
	}
	if usePath {
		h.path = strings.Trim(u.Path, "/")
	}
	if u.User != "" {
		h.username = u.User
	}
	return h
}

// matchCredential is Pattern.Match for credential.URL.*, where the URL may also be a part of one, such as the host alone.
func matchCredential(u giturl.URL, pattern string) bool {
	if p, ok := giturl.ParsePattern(pattern); ok {
		_, fits := p.Match(u)
		return fits
	}
	want := parseCredentialURL(pattern)
	return (want.protocol == "" || want.protocol == u.Scheme) && (want.host == "" || strings.EqualFold(want.host, u.HostPort())) &&
		(want.username == "" || want.username == u.User) && (want.path == "" || want.path == strings.Trim(u.Path, "/"))
}

// stored looks into the files of git-credential-store: those that are configured, else those that it would use.
func (s *Settings) stored(u giturl.URL) (giturl.Credentials, string, error) {
	h := s.helperSettings(u)
	var files []string
	if len(h.helpers) == 0 {
		files = s.storeFiles("")
	}
	for _, helper := range h.helpers {
		if file, ok := s.storeHelper(helper); ok {
			files = append(files, s.storeFiles(file)...)
		}
	}
	for _, file := range files {
		data, err := s.read(file)
		if err != nil {
			return giturl.Credentials{}, "", err
		}
		if c, ok := storedLogin(data, u, h.username, h.path); ok {
			return c, file, nil
		}
	}
	return giturl.Credentials{}, "", nil
}

// storeFiles are the files of one store helper.
func (s *Settings) storeFiles(file string) []string {
	if file != "" {
		return []string{s.expand(file)}
	}
	var files []string
	if s.home != "" {
		files = append(files, filepath.Join(s.home, ".git-credentials"))
	}
	if dir := s.xdgDir(); dir != "" {
		files = append(files, filepath.Join(dir, "credentials"))
	}
	return files
}

// storeHelper tells whether a helper is git's store, and the file it is given, if any. Git has a shell read the line;
// what is more than words is left to that.
func (s *Settings) storeHelper(helper string) (file string, ok bool) {
	words, ok := shellWords(helper, s.getenv)
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

// shellWords splits a command line into words as a shell does; false when it has anything in it but words, quotes and
// variables.
func shellWords(line string, getenv func(string) string) ([]string, bool) {
	var words []string
	var b strings.Builder
	inWord := false
	var quote byte
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '\'':
			b.WriteByte(c)
		case c == '$':
			name := variable.FindString(line[i:])
			if name == "" {
				return nil, false
			}
			b.WriteString(getenv(strings.Trim(name, "${}")))
			inWord = true
			i += len(name) - 1
		case c == '\\':
			i++
			if i == len(line) || quote != 0 && strings.IndexByte(`"\$`, line[i]) < 0 {
				return nil, false
			}
			b.WriteByte(line[i])
			inWord = true
		case c == '`' || quote == 0 && strings.IndexByte("|&;<>()*?[#!{}", c) >= 0:
			return nil, false
		case quote != 0:
			b.WriteByte(c)
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case isSpace(c):
			if inWord {
				words = append(words, b.String())
			}
			b.Reset()
			inWord = false
		default:
			b.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, b.String())
	}
	return words, quote == 0
}

var variable = regexp.MustCompile(`^\$(\w+|\{\w+\})`)

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

// helped asks git to ask the other helpers.
func (s *Settings) helped(ctx context.Context, u giturl.URL) (giturl.Credentials, string, error) {
	h := s.helperSettings(u)
	others := false
	for _, helper := range h.helpers {
		_, store := s.storeHelper(helper)
		others = others || !store
	}
	if !others {
		return giturl.Credentials{}, "", nil
	}
	program, err := exec.LookPath("git")
	if err != nil {
		s.note("a credential helper is configured, but there is no git to run it")
		return giturl.Credentials{}, "", nil
	}
	if strings.ContainsAny(u.HostPort()+u.Path+u.User, "\n\x00") {
		return giturl.Credentials{}, "", errors.New("the repository's URL has a line break in it")
	}
	question := fmt.Sprintf("protocol=%s\nhost=%s\npath=%s\n", u.Scheme, u.HostPort(), strings.Trim(u.Path, "/"))
	if u.User != "" {
		question += "username=" + u.User + "\n"
	}
	cmd := exec.CommandContext(ctx, program, "credential", "fill")
	cmd.Dir = s.root
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	// Nobody is there to be asked.
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GCM_INTERACTIVE=never")
	cmd.Stdin = strings.NewReader(question + "\n")
	var answer bytes.Buffer
	cmd.Stdout, cmd.Stderr = &answer, io.Discard // A helper's own words may hold anything.
	cmd.WaitDelay = time.Second                  // for what a helper leaves running
	isolate(cmd)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return giturl.Credentials{}, "", fmt.Errorf("git credential fill: %w", ctx.Err())
		}
		s.note("git credential fill: %v", err)
		return giturl.Credentials{}, "", nil
	}
	fields := map[string]string{}
	for line := range strings.SplitSeq(answer.String(), "\n") {
		key, value, _ := strings.Cut(line, "=")
		fields[key] = value
	}
	if fields["password"] == "" || fields["protocol"] != u.Scheme || !strings.EqualFold(fields["host"], u.HostPort()) {
		s.note("git credential fill: no password for this host came")
		return giturl.Credentials{}, "", nil
	}
	return giturl.Login(fields["username"], fields["password"]), "git's credential helper", nil
}
