package credential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"update-gitops-repo/gitrepo/giturl"
)

// helperSettings are the settings of credential.* that apply to a URL.
type helperSettings struct {
	helpers  []string
	username string
	path     string // empty unless credential.useHttpPath
}

func (f *finder) helperSettings() helperSettings {
	var h helperSettings
	usePath := false
	for _, e := range f.settings.Entries() {
		section, name := "credential", e.Key[strings.LastIndexByte(e.Key, '.')+1:]
		if e.Key != section+"."+name {
			pattern, ok := e.Subsection(section, name)
			if !ok || !matchCredential(f.url, pattern) {
				continue
			}
		}
		switch name {
		case "helper":
			if e.Value == "" {
				h.helpers = nil
			} else {
				h.helpers = append(h.helpers, e.Value)
			}
		case "username":
			h.username = e.Value
		case "usehttppath":
			usePath = e.Bool()
		}
	}
	if usePath {
		h.path = strings.Trim(f.url.Path, "/")
	}
	if f.url.User != "" {
		h.username = f.url.User
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

// helped asks git to ask the other helpers.
func (f *finder) helped(ctx context.Context) (giturl.Credentials, string, error) {
	h := f.helperSettings()
	others := false
	for _, helper := range h.helpers {
		_, store := f.storeHelper(helper)
		others = others || !store
	}
	if !others {
		return giturl.Credentials{}, "", nil
	}
	program, err := exec.LookPath("git")
	if err != nil {
		f.note("a credential helper is configured, but there is no git to run it")
		return giturl.Credentials{}, "", nil
	}
	if strings.ContainsAny(f.url.HostPort()+f.url.Path+f.url.User, "\n\x00") {
		return giturl.Credentials{}, "", errors.New("the repository's URL has a line break in it")
	}
	question := fmt.Sprintf("protocol=%s\nhost=%s\npath=%s\n", f.url.Scheme, f.url.HostPort(), strings.Trim(f.url.Path, "/"))
	if f.url.User != "" {
		question += "username=" + f.url.User + "\n"
	}
	cmd := exec.CommandContext(ctx, program, "credential", "fill")
	cmd.Dir = f.settings.Root()
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
		f.note("git credential fill: %v", err)
		return giturl.Credentials{}, "", nil
	}
	fields := map[string]string{}
	for line := range strings.SplitSeq(answer.String(), "\n") {
		key, value, _ := strings.Cut(line, "=")
		fields[key] = value
	}
	if fields["password"] == "" || fields["protocol"] != f.url.Scheme || !strings.EqualFold(fields["host"], f.url.HostPort()) {
		f.note("git credential fill: no password for this host came")
		return giturl.Credentials{}, "", nil
	}
	return giturl.Login(fields["username"], fields["password"]), "git's credential helper", nil
}
