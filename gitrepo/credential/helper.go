package credential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"update-gitops-repo/gitrepo/giturl"
)

// options are the settings credential.* that apply to the URL.
type options struct {
	helpers  []string
	username string // empty: any
	path     string // empty unless credential.useHttpPath
}

// options reads the settings credential.* and credential.URL.*.
func (f *finder) options() options {
	var o options
	usePath := false
	for _, e := range f.settings.Entries() {
		name := e.Key[strings.LastIndexByte(e.Key, '.')+1:]
		if e.Key != "credential."+name {
			pattern, ok := e.Subsection("credential", name)
			if !ok || !matches(pattern, f.url) {
				continue
			}
		}
		switch name {
		case "helper":
			o.helpers = append(o.helpers, e.Value)
			if e.Value == "" { // discards those before it
				o.helpers = nil
			}
		case "username":
			o.username = e.Value
		case "usehttppath":
			usePath = e.Bool()
		}
	}
	if usePath {
		o.path = strings.Trim(f.url.Path, "/")
	}
	if f.url.User != "" {
		o.username = f.url.User
	}
	return o
}

// helper has git ask the credential helpers, if one is configured that is not git's store
// (https://git-scm.com/docs/git-credential).
func (f *finder) helper(ctx context.Context) (Found, error) {
	if !slices.ContainsFunc(f.options().helpers, func(helper string) bool {
		_, store := f.parseStore(helper)
		return !store
	}) {
		return Found{}, nil
	}
	program, err := exec.LookPath("git")
	if err != nil {
		f.note("a credential helper is configured, but git is not installed")
		return Found{}, nil
	}
	question, err := f.question()
	if err != nil {
		return Found{}, err
	}
	answer, err := f.fill(ctx, program, question)
	if err != nil && ctx.Err() != nil {
		return Found{}, fmt.Errorf("git credential fill: %w", ctx.Err())
	}
	if err != nil {
		f.note("git credential fill: %v", err)
		return Found{}, nil
	}
	if answer["password"] == "" || answer["protocol"] != f.url.Scheme ||
		!strings.EqualFold(answer["host"], f.url.HostPort()) {
		f.note("git credential fill: it returned no password for this host")
		return Found{}, nil
	}
	c := giturl.Login(answer["username"], answer["password"])
	return Found{Credentials: c, Source: "git's credential helper"}, nil
}

// question describes the URL in the format of git credential. A line break in it would forge a line.
func (f *finder) question() (string, error) {
	u := f.url
	if strings.ContainsAny(u.HostPort()+u.Path+u.User, "\n\x00") {
		return "", errors.New("the repository's URL has a line break in it")
	}
	q := fmt.Sprintf("protocol=%s\nhost=%s\npath=%s\n", u.Scheme, u.HostPort(), strings.Trim(u.Path, "/"))
	if u.User != "" {
		q += "username=" + u.User + "\n"
	}
	return q + "\n", nil
}

// fill runs git credential fill and returns the fields of its answer.
func (f *finder) fill(ctx context.Context, program, question string) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, program, "credential", "fill")
	cmd.Dir = f.settings.Root()
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	// Nobody is there to be asked.
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GCM_INTERACTIVE=never")
	cmd.Stdin = strings.NewReader(question)
	var answer bytes.Buffer
	cmd.Stdout, cmd.Stderr = &answer, io.Discard // A helper may print secrets to stderr.
	cmd.WaitDelay = time.Second                  // for processes that a helper leaves running
	isolate(cmd)
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.SplitSeq(answer.String(), "\n") {
		key, value, _ := strings.Cut(line, "=")
		fields[key] = value
	}
	return fields, nil
}
