package cmd

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"update-gitops-repo/cmd/internal/ci"
	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/message"
	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/settings"
	"update-gitops-repo/gitrepo/sign"
	"update-gitops-repo/gitrepo/ssh"
	"update-gitops-repo/scm"
	"update-gitops-repo/scm/github"
	"update-gitops-repo/scm/gitlab"
	"update-gitops-repo/secret"
	"update-gitops-repo/template"
)

// plan is a command line that makes sense: everything is parsed, and whatever can be refused without asking the
// repository has been refused.
type plan struct {
	remote        gitrepo.Remote
	base          string // empty: the remote's default branch
	branch        string // empty: the base
	force         bool
	app           string
	revision      string // may be empty
	message       string // empty: made from the change
	author        gitrepo.Signature
	committer     gitrepo.Signature
	signer        gitrepo.Signer // nil: unsigned
	signoff       bool
	committerAPI  scm.Committer // nil: commits are made here
	sequence      int64         // 0: no order
	supersede     bool
	wait          bool
	deleteBranch  bool
	link          string // to the application's commit; may be empty
	edits         edits
	provider      scm.Provider // nil: push directly, or only noToken to tell
	pull          scm.Request  // Title and Body empty: made from the change
	credential    credential   // for git over http
	apiCredential credential
	apiURL        string // empty: the API is not asked
	noToken       error  // nil: there is one for the API
	dryRun        bool
	wantDiff      bool // in the report, without a dry run too
	warnings      []string
	secrets       *secret.Redactor
}

// edits are what the run does to the files, in this order.
type edits struct {
	checkout    *gitrepo.Checkout  // where -add finds files, and origin is; nil: neither is asked for
	settings    *settings.Settings // git's, as they are for the checkout
	adds        []string
	renderer    template.Renderer
	values      template.Values
	texts       []text
	sets        []template.Assignment
	images      []template.Image
	imageGlobs  []string
	expressions []template.Expression
}

// text is a local file and where it goes in the repository.
type text struct{ src, dest string }

// newPlan checks the configuration: first all that the flags alone tell, then what the checkout and the repository's URL
// tell, and then it looks for the credentials.
func newPlan(ctx context.Context, c *config, getenv func(string) string, client *http.Client) (*plan, error) {
	if err := refuse(c); err != nil {
		return nil, err
	}
	p := &plan{base: c.base, branch: c.branch, force: c.forcePush, message: c.message, dryRun: c.dryRun, warnings: idle(c.flags()), secrets: c.secrets}
	p.author = gitrepo.Signature{Name: c.authorName, Email: c.authorEmail, When: time.Now()}
	p.committer = gitrepo.Signature{Name: cmp.Or(c.committerName, c.authorName), Email: cmp.Or(c.committerEmail, c.authorEmail), When: p.author.When}
	p.sequence, p.signoff, p.supersede, p.wait, p.deleteBranch = c.sequence, c.signoff, c.supersede, c.wait, c.deleteBranch
	var err error
	if p.edits, err = newEdits(c, getenv); err != nil {
		return nil, err
	}
	if err := p.sign(c); err != nil {
		return nil, err
	}
	w := wallet{config: c, getenv: getenv, client: client}
	repo := c.repo
	if w.settings, err = settings.Read("", getenv); err != nil {
		return nil, err
	}
	if repo == "" || len(p.edits.adds) > 0 {
		if err := p.edits.open(c.workdir, getenv); err != nil {
			return nil, err
		}
		p.remote.Checkout = p.edits.checkout
	}
	if repo == "" {
		// What the checkout's own settings have is for this repository; with -repo, it may well be a checkout of another.
		w.settings = p.edits.settings
		if repo, err = p.edits.checkout.Origin(); err != nil {
			return nil, err
		}
	}
	if p.remote.URL, w.fromURL, err = giturl.Parse(w.settings.Rewrite(repo)); err != nil {
		return nil, usage("give -repo as https://HOST/OWNER/NAME, ssh://, git@HOST:OWNER/NAME or a path", "-repo: %v", err)
	}
	if err := p.name(c, p.remote.URL, getenv); err != nil {
		return nil, err
	}
	p.secrets.Add(secretsOfLogin(w.fromURL.Username.Reveal(), w.fromURL.Password.Reveal())...)
	w.repo, p.remote.HTTPClient = web(p.remote.URL), client
	p.remote.MaxFetch, p.remote.Refusals = int64(c.maxFetch), &gitrepo.Refusals{}
	found := ssh.FromSettings(w.settings)
	p.remote.SSH = ssh.Options{KeyFile: cmp.Or(c.sshKeyFile, found.KeyFile), KnownHostsFile: cmp.Or(c.sshKnownHosts, found.KnownHostsFile)}
	p.remote.KeyRead = func(key []byte) { p.secrets.Add(secretsOfKey(key)...) }
	w.provider = providerName(c, w.repo, getenv)
	if w.provider == "gitlab" && c.appID != "" {
		return nil, usage("give a token", "GitLab knows no GitHub Apps")
	}
	if strings.HasPrefix(p.remote.URL.Scheme, "http") {
		if p.credential, err = w.git(ctx); err != nil {
			return nil, err
		}
		p.remote.Credentials = p.credential.Credentials
		p.secrets.Add(secretsOfLogin(p.credential.Username.Reveal(), p.credential.Password.Reveal())...)
	}
	if w.repo.Scheme == "http" && p.credential.source != "" && !loopback(w.repo.Host) {
		return nil, usage("use https", "the token would be sent in plain text to http://%s", w.repo.HostPort())
	}
	if err := p.checkWords("-commit-message", c.message); err != nil {
		return nil, err
	}
	if c.createPull {
		if err := p.request(ctx, c, w); err != nil {
			return nil, err
		}
	}
	if c.commitViaAPI && !c.dryRun {
		return p, p.commitWith(ctx, w)
	}
	return p, nil
}

// newEdits parses the flags that say what to change.
func newEdits(c *config, getenv func(string) string) (edits, error) {
	e := edits{values: template.Values{}}
	for _, s := range c.substitutes.values {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return e, usage("give -substitute=KEY=VALUE", "-substitute %q has no =", s)
		}
		if err := e.values.Set(key, value); err != nil {
			return e, usage("give -substitute=KEY=VALUE", "-substitute: %v", err)
		}
	}
	for _, name := range c.substituteEnvs.values {
		value := getenv(name)
		if value == "" {
			return e, usage("set the variable, or give -substitute=NAME=VALUE", "-substitute-env: the variable %q is not set or empty", name)
		}
		if err := e.values.Set(name, value); err != nil {
			return e, usage("give the name of a variable", "-substitute-env: %v", err)
		}
	}
	for _, s := range c.templates.values {
		src, dest, ok := strings.Cut(s, ":")
		if !ok || src == "" || dest == "" {
			return e, usage("give -template=SRC:DEST", "-template %q is not a source and a destination", s)
		}
		if !filepath.IsAbs(src) {
			src = filepath.Join(c.workdir, src)
		}
		dest = path.Clean(dest)
		if err := gitrepo.CheckPath(dest); err != nil {
			return e, usage("give a path in the repository, such as apps/shop.yaml", "-template: %v", err)
		}
		e.texts = append(e.texts, text{src: src, dest: dest})
	}
	for _, s := range c.sets.values {
		a, err := template.ParseAssignment(s)
		if err != nil {
			return e, usage("give -set=FILE:PATH=VALUE, such as values.yaml:.image.tag=1.2", "-set %q: %v", s, err)
		}
		a.Create = c.setMissing == "create"
		e.sets = append(e.sets, a)
	}
	for _, s := range c.images.values {
		i, err := template.ParseImage(s)
		if err != nil {
			return e, usage("give -image=NAME=REF, such as acme/shop=acme/shop:1.2", "-image %q: %v", s, err)
		}
		e.images = append(e.images, i)
	}
	if err := template.CheckImages(e.images); err != nil {
		return e, usage("give each image once", "-image: %v", err)
	}
	if e.imageGlobs = c.imageFiles.values; len(e.imageGlobs) == 0 {
		e.imageGlobs = []string{template.DefaultImageFiles}
	}
	for _, g := range e.imageGlobs {
		if err := template.CheckGlob(g); err != nil {
			return e, usage("give -image-files a glob such as production/**.yaml", "-image-files %q: %v", g, err)
		}
	}
	for _, s := range c.expressions.values {
		x, err := template.ParseExpression(s)
		if err != nil {
			return e, usage("give -yq=FILE:EXPRESSION, such as values.yaml:.replicas += 1", "-yq %q: %v", s, err)
		}
		e.expressions = append(e.expressions, x)
	}
	e.renderer.Globs, e.renderer.Validate = c.filepaths.values, c.validate
	if len(e.renderer.Globs) == 0 && len(e.values) > 0 && len(e.texts) == 0 {
		e.renderer.Globs = []string{"**.tmpl"}
	}
	for _, g := range e.renderer.Globs {
		if err := template.CheckGlob(g); err != nil {
			return e, usage("give -filepath a glob such as production/**.tmpl", "-filepath %q: %v", g, err)
		}
	}
	if c.delims != "" {
		d, err := template.ParseDelims(c.delims)
		if err != nil {
			return e, usage("give -delims=LEFT,RIGHT, such as -delims='{{,}}'", "-delims %q: %v", c.delims, err)
		}
		e.renderer.Delims = d
	}
	for _, g := range c.adds.values {
		if err := template.CheckGlob(g); err != nil {
			return e, usage("give -add a glob such as production/**.yaml", "-add %q: %v", g, err)
		}
	}
	e.adds = c.adds.values
	if n := len(e.adds); c.checkAuth {
		return e, nil
	} else if n+len(e.renderer.Globs)+len(e.texts)+len(e.sets)+len(e.images)+len(e.expressions) == 0 {
		return e, usage("give -substitute, -filepath, -template, -set, -image, -yq or -add", "there is nothing to do")
	}
	return e, nil
}

// open finds the checkout that holds dir.
func (e *edits) open(dir string, getenv func(string) string) (err error) {
	if e.checkout, err = gitrepo.OpenCheckout(dir); err != nil {
		return err
	}
	e.settings, err = settings.Read(e.checkout.Root(), getenv)
	return err
}

// name settles app, revision and branch.
func (p *plan) name(c *config, repo giturl.URL, getenv func(string) string) error {
	build := ci.Read(getenv)
	p.app = cmp.Or(c.app, build.App, repo.Name())
	p.revision = cmp.Or(c.revision, build.Revision)
	if p.revision == build.Revision {
		p.link = build.CommitURL
	}
	for _, v := range []struct{ flag, value string }{{"app", p.app}, {"git-revision", p.revision}} {
		if strings.ContainsFunc(v.value, func(r rune) bool { return unicode.IsSpace(r) || escape.Hidden(r) }) {
			return usage("it goes into a branch name and a commit trailer; give it without spaces", "-%s %q has a space or a control character", v.flag, v.value)
		}
	}
	if p.branch == "" && c.createPull && !c.checkAuth {
		if p.revision == "" {
			return usage("give -git-revision, or -branch", "the branch cannot be named: the application's commit is not known")
		}
		p.branch = p.app + "-" + message.ShortRevision(p.revision)
		if err := gitrepo.CheckBranch(p.branch); err != nil {
			return usage("give -branch, or another -app and -git-revision", "a branch of app and revision: %v", err)
		}
	}
	return nil
}

// providerName is -scm-provider, or what the exact host tells: a well-known one, or the one that runs this pipeline. It is
// empty when that tells nothing. A look-alike must not be handed the token.
func providerName(c *config, repo giturl.URL, getenv func(string) string) string {
	if c.scmProvider != "" {
		return c.scmProvider
	}
	if forge := ci.Forge(repo.HostPort(), getenv); forge != "" {
		return forge
	}
	known := map[string]string{"github.com": "github", "gitlab.com": "gitlab"}[repo.Host]
	if known == "" && c.appID != "" {
		return "github" // The key is sent nowhere, and what it signs is good for GitHub alone.
	}
	return known
}

// request settles the provider and the pull request.
func (p *plan) request(ctx context.Context, c *config, w wallet) error {
	p.pull = scm.Request{
		Head: p.branch, Base: p.base, Title: c.pullTitle, Body: c.pullBody, Draft: c.draft,
		Labels: c.labels.values, Reviewers: c.reviewers.values, Assignees: c.assignees.values, Milestone: c.milestone,
		Merge: c.mergePull, AutoMerge: c.autoMerge, MergeMethod: c.mergeMethod,
	}
	if c.pullBodyFile != "" {
		text, err := os.ReadFile(c.pullBodyFile)
		if err != nil {
			return fmt.Errorf("-pr-body-file: %w", err)
		}
		p.pull.Body = string(text)
	}
	if err := cmp.Or(p.checkWords("-pr-title", c.pullTitle), p.checkWords("-pr-body", p.pull.Body)); err != nil {
		return err
	}
	if p.branch == p.base && !c.checkAuth {
		return usage(hintSameBranch, "the branch %q is the base itself", p.branch)
	}
	if c.dryRun && (w.provider == "" || w.repo.Scheme == "file") {
		return nil // No pull request will be asked for.
	}
	provider, err := p.forge(ctx, w)
	switch {
	case p.noToken != nil && (c.dryRun || c.checkAuth):
		return nil
	case err != nil:
		return err
	}
	if p.provider = provider; c.checkAuth {
		return nil
	}
	checked := p.pull
	checked.Title = "made from the change"
	if err := scm.Check(p.provider, checked); err != nil {
		return usage("see update-gitops-repo -h", "%v", err)
	}
	_, lists := p.provider.(scm.Lister)
	_, closes := p.provider.(scm.Closer)
	_, watches := p.provider.(scm.Watcher)
	switch {
	case p.supersede && !(lists && closes):
		return usage("leave out -supersede", "%s cannot list and close pull requests", p.provider.Name())
	case p.wait && !watches:
		return usage("leave out -wait", "%s does not tell what becomes of a pull request", p.provider.Name())
	}
	return nil
}

// forge finds the forge's API and what to authenticate with there. Only GitHub Apps and credential helpers are asked for
// that over the network or as programs.
func (p *plan) forge(ctx context.Context, w wallet) (scm.Provider, error) {
	switch {
	case w.repo.Scheme == "file":
		return nil, usage("give -create-pull-request=false", "a repository on disk has no pull requests")
	case w.provider == "":
		return nil, usage("give -scm-provider=github or -scm-provider=gitlab, or -create-pull-request=false", "which forge %s is cannot be told from its name", w.repo.HostPort())
	}
	config, api, err := w.apiConfig()
	if err != nil {
		return nil, err
	}
	if p.apiCredential, err = w.api(ctx, api); err != nil {
		return nil, err
	}
	p.secrets.Add(p.apiCredential.Password)
	if p.apiURL = config.BaseURL; p.apiCredential.source == "" {
		where := w.repo.HostPort()
		if notes := p.apiCredential.notes; notes != "" {
			where += " (" + notes + ")"
		}
		p.noToken = usage("set "+envPrefix+"_TOKEN, or give -token-file", "no token to open a pull request with was found for %s", where)
		return nil, p.noToken
	}
	config.Token = p.apiCredential.Password
	var provider scm.Provider
	if w.provider == "github" {
		provider, err = github.New(config)
	} else {
		provider, err = gitlab.New(config)
	}
	if err != nil {
		return nil, usage("check -repo and -scm-url", "%v", err)
	}
	return provider, nil
}

// commitWith has the forge make the commits.
func (p *plan) commitWith(ctx context.Context, w wallet) (err error) {
	if p.signer != nil {
		return usage("leave out one of them", "-sign-key-file signs what is committed here, and -commit-via-api has the forge commit")
	}
	provider := p.provider
	if provider == nil {
		if provider, err = p.forge(ctx, w); err != nil {
			return err
		}
	}
	var ok bool
	if p.committerAPI, ok = provider.(scm.Committer); !ok {
		return usage("leave out -commit-via-api", "%s does not commit by its API", provider.Name())
	}
	return nil
}

// sign reads the key that commits are signed with.
func (p *plan) sign(c *config) error {
	if c.signKeyFile == "" {
		return nil
	}
	key, err := os.ReadFile(c.signKeyFile)
	if err != nil {
		return fmt.Errorf("-sign-key-file: %w", err)
	}
	passphrase := []byte(c.signPassphrase.Reveal())
	if c.signPassphraseFile != "" {
		if passphrase, err = os.ReadFile(c.signPassphraseFile); err != nil {
			return fmt.Errorf("-sign-passphrase-file: %w", err)
		}
		passphrase = bytes.TrimRight(passphrase, "\r\n")
	}
	p.secrets.Add(append(secretsOfKey(key), secret.New(string(passphrase)))...)
	if p.signer, err = sign.Parse(key, passphrase); err != nil {
		return usage("give a private key, and its passphrase with -sign-passphrase-file", "-sign-key-file %s: %v", c.signKeyFile, err)
	}
	return nil
}

// checkWords refuses a template of the message, title or text that cannot be rendered, whatever changes.
func (p *plan) checkWords(flag, text string) error {
	if err := p.composer().Check(flag, text); err != nil {
		return usage("it is a template over .app .revision .shortRevision .base .branch .files .changes; other text with its delimiters wants -delims", "%v", err)
	}
	return nil
}

// apiURL is where a forge has its API unless told otherwise.
func apiURL(provider string, repo giturl.URL) string {
	if provider == "github" {
		return github.APIURL(repo.Scheme, repo.HostPort())
	}
	return gitlab.APIURL(repo.Scheme, repo.HostPort())
}

// loopback tells whether a host is this machine, where nobody listens in.
func loopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
