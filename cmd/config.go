package cmd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	iofs "io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/scm"
	"update-gitops-repo/secret"
	"update-gitops-repo/template"
)

// envPrefix and a flag's name in upper snake case make the flag's environment variable.
const envPrefix = "UPDATE_GITOPS_REPO"

// config is the command line as given: flags, then environment, then the file that -config names.
type config struct {
	repo      string
	workdir   string
	base      string
	username  string
	token     tokenFlag
	tokenFile string

	secrets       *secret.Redactor // told of each secret that is given or found
	tokenSource   string           // where the token was given, for a person
	sshKeyFile    string
	sshKnownHosts string
	caFile        string
	checkAuth     bool

	adds           list
	filepaths      list
	substitutes    list
	substituteEnvs list
	delims         string
	templates      list
	validate       bool
	sets           list
	setMissing     string
	images         list
	imageFiles     list
	expressions    list

	revision    string
	app         string
	branch      string
	message     string
	authorName  string
	authorEmail string
	forcePush   bool

	committerName      string
	committerEmail     string
	signoff            bool
	signKeyFile        string
	signPassphrase     passphraseFlag
	signPassphraseFile string
	commitViaAPI       bool
	sequence           int64

	createPull   bool
	mergePull    bool
	mergeMethod  string
	autoMerge    bool
	wait         bool
	deleteBranch bool
	supersede    bool
	pullTitle    string
	pullBody     string
	pullBodyFile string
	labels       list
	reviewers    list
	assignees    list
	milestone    string
	draft        bool
	appID        string
	appKeyFile   string
	scmProvider  string
	scmURL       string

	dryRun    bool
	output    string
	resultDir string
	resultEnv string
	verbose   bool
	logFormat string
	timeout   time.Duration
	maxFetch  byteSize

	help    bool
	version bool
}

// group is a heading of -h and the flags below it.
type group struct {
	title string
	flags []string
}

// choices are the values that a flag takes, where they are few.
var choices = map[string][]string{
	"output":       {"text", "json"},
	"log-format":   {"text", "json"},
	"merge-method": {scm.MergeCommit, scm.MergeSquash, scm.MergeRebase},
	"set-missing":  {"error", "create"},
	"scm-provider": {"github", "gitlab"},
}

// flagSet declares every flag. The groups are for -h and the manual.
func (c *config) flagSet() (*flag.FlagSet, []group) {
	fs := flag.NewFlagSet("update-gitops-repo", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}

	fs.StringVar(&c.repo, "repo", "", "GitOps repository: https, http or ssh `URL`, git@host:path, or a path (default: the origin of the checkout in -workdir)")
	fs.StringVar(&c.workdir, "workdir", ".", "`folder` with the checkout and the sources of -template")
	fs.StringVar(&c.base, "base", "", "`branch` that the change starts from and the pull request targets (default: the remote's default branch); with -create-pull-request=false, what -branch starts from if it is new")
	fs.StringVar(&c.username, "username", "", "`user` that goes with the token over http (default: what the provider expects)")
	fs.StringVar(&c.appID, "github-app-id", "", "`id` of the GitHub App to be, in place of a token")
	fs.StringVar(&c.appKeyFile, "github-app-key-file", "", "`file` with the app's private key")
	fs.Var(&c.token, "token", "`token` for git over http and for the API; better given as "+envPrefix+"_TOKEN or in a file")
	fs.StringVar(&c.tokenFile, "token-file", "", "`file` that holds the token")
	fs.StringVar(&c.sshKeyFile, "ssh-key-file", "", "`file` with the private key for ssh (default: the agent's keys and those of ~/.ssh)")
	fs.StringVar(&c.sshKnownHosts, "ssh-known-hosts", "", "`file` with the host keys to trust (default: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts)")
	fs.StringVar(&c.caFile, "ca-file", "", "`file` with more certificate authorities to trust, in PEM, for git and the API")
	fs.BoolVar(&c.checkAuth, "check-auth", false, "say which credential is used for which host and what it may do, and change nothing")

	fs.Var(&c.adds, "add", "`glob`, from the top of the checkout that -workdir is in, of files to commit as they stand there: new, changed or deleted; repeatable")
	fs.Var(&c.filepaths, "filepath", "`glob` of the templates to render, FILE.tmpl into FILE; * stays in a folder, ** crosses folders; repeatable (default: **.tmpl when anything is substituted and no -template is given)")
	fs.Var(&c.substitutes, "substitute", "`KEY=VALUE` for the templates; a dotted key nests; repeatable")
	fs.Var(&c.substituteEnvs, "substitute-env", "`NAME` of an environment variable for the templates; repeatable")
	fs.StringVar(&c.delims, "delims", "", "`LEFT,RIGHT`: the templates' delimiters (default: $({ and }), or $(< and >), whichever a file holds)")
	fs.Var(&c.templates, "template", "`SRC:DEST`: render the local file SRC into DEST of the repository; repeatable")
	fs.BoolVar(&c.validate, "validate", true, "refuse a template's result that is YAML or JSON by its name and does not parse, unless it is itself a template of another language, such as Helm's, or larger than 2 MiB; =false commits it")
	fs.Var(&c.sets, "set", "`FILE:PATH=VALUE`: set the YAML value that the yq path selects; FILE may be a glob; repeatable")
	fs.StringVar(&c.setMissing, "set-missing", "error", "`what` to do where the path of -set selects nothing: error, or create")
	fs.Var(&c.images, "image", "`NAME=REF`: set the image NAME, wherever it is deployed, to REF; repeatable")
	fs.Var(&c.imageFiles, "image-files", "`glob` of the files that -image looks into; repeatable (default: "+template.DefaultImageFiles+")")
	fs.Var(&c.expressions, "yq", "`FILE:EXPRESSION`: any yq expression that edits FILE, which may be a glob; repeatable")

	fs.StringVar(&c.revision, "git-revision", "", "`commit` of the application (default: from the CI's own variables)")
	fs.StringVar(&c.app, "app", "", "`name` of the application (default: from the CI's own variables, else the repository's name)")
	fs.StringVar(&c.branch, "branch", "", "`branch` to commit to (default: APP-SHA7; with -create-pull-request=false, the base)")
	fs.StringVar(&c.message, "commit-message", "", "commit `message`; a template, as -pr-title and -pr-body are, over .app .revision .shortRevision .base .branch .files .changes (default: says what changed)")
	fs.StringVar(&c.authorName, "author-name", "update-gitops-repo", "`name` of the commit's author")
	fs.StringVar(&c.authorEmail, "author-email", "update-gitops-repo@localhost", "`address` of the commit's author")
	fs.StringVar(&c.committerName, "committer-name", "", "`name` of the committer (default: the author's)")
	fs.StringVar(&c.committerEmail, "committer-email", "", "`address` of the committer (default: the author's)")
	fs.BoolVar(&c.signoff, "signoff", false, "add a Signed-off-by line with the committer")
	fs.StringVar(&c.signKeyFile, "sign-key-file", "", "`file` with the OpenPGP or ssh key to sign the commit with")
	fs.Var(&c.signPassphrase, "sign-passphrase", "`passphrase` of that key; better given as "+envPrefix+"_SIGN_PASSPHRASE or in a file")
	fs.StringVar(&c.signPassphraseFile, "sign-passphrase-file", "", "`file` that holds the passphrase")
	fs.BoolVar(&c.commitViaAPI, "commit-via-api", false, "have the forge make the commit, which GitHub then signs")
	fs.Int64Var(&c.sequence, "sequence", 0, "`number` of the build: do nothing where a higher one of the same app is already")
	fs.BoolVar(&c.forcePush, "force-push", false, "replace a branch that holds somebody else's commits")

	fs.BoolVar(&c.createPull, "create-pull-request", true, "open a pull request, or update the one that is open; =false pushes to -branch directly")
	fs.BoolVar(&c.mergePull, "merge-pull-request", false, "merge the pull request at once")
	fs.StringVar(&c.mergeMethod, "merge-method", "merge", "`method`: merge, squash or, on GitHub, rebase")
	fs.BoolVar(&c.autoMerge, "auto-merge", false, "have the forge merge the pull request as soon as its checks and approvals are there")
	fs.BoolVar(&c.wait, "wait", false, "wait until the pull request is merged, up to -timeout")
	fs.BoolVar(&c.deleteBranch, "delete-branch", false, "delete the branch once the pull request is merged")
	fs.BoolVar(&c.supersede, "supersede", false, "close the app's older pull requests, with a comment, and delete their branches")
	fs.StringVar(&c.pullTitle, "pr-title", "", "`title` of the pull request (default: the first line of the commit message)")
	fs.StringVar(&c.pullBody, "pr-body", "", "`text` of the pull request, in Markdown (default: the values that changed and the diff)")
	fs.StringVar(&c.pullBodyFile, "pr-body-file", "", "`file` with that text")
	fs.Var(&c.labels, "pr-label", "`label` to add to the pull request; repeatable")
	fs.Var(&c.reviewers, "pr-reviewer", "`user` to ask for a review, or on GitHub a team as ORG/TEAM; repeatable")
	fs.Var(&c.assignees, "pr-assignee", "`user` to assign the pull request to; repeatable")
	fs.StringVar(&c.milestone, "pr-milestone", "", "`title` of the pull request's milestone")
	fs.BoolVar(&c.draft, "pr-draft", false, "open the pull request as a draft")
	fs.StringVar(&c.scmProvider, "scm-provider", "", "`name` of the forge: github or gitlab (default: by the host, for github.com, gitlab.com and the forge that runs the pipeline)")
	fs.StringVar(&c.scmURL, "scm-url", "", "base `URL` of the forge's API (default: https://api.github.com/; else /api/v3/ or /api/v4 on the repository's host)")

	fs.BoolVar(&c.dryRun, "dry-run", false, "print the change as a unified diff, push nothing")
	fs.StringVar(&c.output, "output", "text", "`format` of the report on stdout: text or json")
	fs.StringVar(&c.resultDir, "result-dir", "", "`folder` for the results, a file each: changed, branch, commit, pull-request-url, pull-request-number; for Tekton, /tekton/results")
	fs.StringVar(&c.resultEnv, "result-env", "", "`file` that the results are added to, as GITOPS_CHANGED=true and so on")
	fs.BoolVar(&c.verbose, "verbose", false, "log each step to stderr, not just what the run is at")
	fs.StringVar(&c.logFormat, "log-format", "text", "`format` of the log: text or json")
	fs.DurationVar(&c.timeout, "timeout", 10*time.Minute, "`time` that the whole run may take")
	c.maxFetch = 2 << 30
	fs.Var(&c.maxFetch, "max-fetch", "refuse a git server that sends more than this `size`, packed or unpacked: bytes, or a number with KiB, MiB or GiB")
	fs.String("config", "", "YAML `file` with flags: a key is a flag's name without the dash, a list repeats it")
	fs.BoolVar(&c.version, "version", false, "print the version")
	fs.BoolVar(&c.help, "h", false, "print this help")
	fs.BoolVar(&c.help, "help", false, "print this help")

	return fs, []group{
		{"Repository", []string{"repo", "workdir", "base", "token", "token-file", "username", "github-app-id", "github-app-key-file", "ssh-key-file", "ssh-known-hosts", "ca-file", "check-auth"}},
		{"What to change", []string{"add", "filepath", "substitute", "substitute-env", "delims", "template", "validate", "set", "set-missing", "image", "image-files", "yq"}},
		{"Commit", []string{"git-revision", "app", "branch", "commit-message", "author-name", "author-email", "committer-name", "committer-email", "signoff", "sign-key-file", "sign-passphrase", "sign-passphrase-file", "commit-via-api", "sequence", "force-push"}},
		{"Pull request", []string{"create-pull-request", "merge-pull-request", "merge-method", "auto-merge", "wait", "delete-branch", "supersede", "pr-title", "pr-body", "pr-body-file", "pr-label", "pr-reviewer", "pr-assignee", "pr-milestone", "pr-draft", "scm-provider", "scm-url"}},
		{"Run", []string{"dry-run", "output", "result-dir", "result-env", "verbose", "log-format", "timeout", "max-fetch", "config", "version", "h"}},
	}
}

// parseConfig reads the arguments, then the process's environment, then the configuration file; what came first counts.
func parseConfig(args []string, secrets *secret.Redactor) (*config, error) {
	c := &config{secrets: secrets}
	c.token.found, c.signPassphrase.found = secrets.Add, secrets.Add
	fs, _ := c.flagSet()
	if err := ff.Parse(fs, args); err != nil {
		return nil, usage("see update-gitops-repo -h", "%s", flagError(err))
	}
	if fs.NArg() > 0 {
		// Not quoted: it may be a token that a space cut off its flag.
		return nil, usage("every argument is a flag; a switch takes its value as in -create-pull-request=false, and values with spaces want quotes",
			"unexpected argument after %d flags", fs.NFlag())
	}
	if c.help || c.version {
		return c, nil
	}
	if !c.token.Empty() && c.tokenFile != "" {
		return nil, usage("give one of them", "-token and -token-file are both given")
	}
	if !c.token.Empty() {
		c.tokenSource = "-token"
	}
	for _, name := range []string{"h", "help", "version"} {
		// For people at a terminal only: a pipeline may well have a variable UPDATE_GITOPS_REPO_VERSION of its own.
		if err := fs.Set(name, "false"); err != nil {
			return nil, err
		}
	}
	// One pass a source: in a variable, and only there, a repeatable flag takes one entry a line.
	lists := []*list{&c.labels, &c.reviewers, &c.assignees, &c.adds, &c.filepaths, &c.substitutes, &c.substituteEnvs, &c.templates, &c.sets, &c.images, &c.imageFiles, &c.expressions}
	for _, l := range lists {
		l.byLine = true
	}
	err := c.keepToken(envPrefix+"_TOKEN", func() error { return ff.Parse(fs, nil, ff.WithEnvVarPrefix(envPrefix)) })
	if err != nil {
		return nil, usage("a switch takes true or false, -sequence a number, and -timeout a time such as 90s or 5m", "%s", flagError(err))
	}
	for _, l := range lists {
		l.byLine = false
	}
	err = c.keepToken("the file of -config", func() error {
		return ff.Parse(fs, nil, ff.WithConfigFileFlag("config"), ff.WithConfigFileParser(parseFile))
	})
	if _, ok := errors.AsType[*iofs.PathError](err); ok {
		return nil, usage("check the path", "-config: %s", flagError(err))
	}
	secrets.Add(append(secretsInURL(c.repo), secretsInURL(c.scmURL)...)...)
	if err != nil {
		return nil, usage("the file is a YAML map from flags' names, without the dash, to values or lists of values",
			"configuration file %s: %s", fs.Lookup("config").Value, flagError(err))
	}
	return c, nil
}

// keepToken reads one more source. The token and its file are two names for one thing: a source counts only when none
// before it gave either.
func (c *config) keepToken(source string, read func() error) error {
	token, file := c.token, c.tokenFile
	err := read()
	if !token.Empty() || file != "" {
		c.token, c.tokenFile = token, file
	} else if !c.token.Empty() {
		c.tokenSource = source
	}
	return err
}

// parseFile hands over the values of a YAML map as they are written: 1.10 and 0123456 are no numbers here.
func parseFile(r io.Reader, set func(name, value string) error) error {
	var doc yaml.Node
	if err := yaml.NewDecoder(r).Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return errors.New("it is not a map")
	}
	for i := 0; i < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		values := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			values = value.Content
		}
		for _, v := range values {
			if v.Kind != yaml.ScalarNode {
				return fmt.Errorf("line %d: %s takes a value, or a list of values", v.Line, key.Value)
			}
			if err := set(key.Value, v.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// flagError is a parser's error in a user's words.
func flagError(err error) string {
	text := strings.TrimPrefix(escape.OneLine(err.Error()), "error parsing commandline arguments: ")
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		return "unknown flag " + name
	}
	return text
}

// printHelp writes the whole command line, grouped.
func printHelp(w io.Writer) error {
	fs, groups := new(config).flagSet()
	var b strings.Builder
	b.WriteString(`update-gitops-repo changes a GitOps repository and opens a pull request.

Usage: update-gitops-repo [flags]

Every flag can be given as an environment variable too: ` + envPrefix + `_ and the
flag's name in upper snake case; a repeatable flag's variable holds one entry a line.
`)
	for _, g := range groups {
		fmt.Fprintf(&b, "\n%s:\n", g.title)
		for _, name := range g.flags {
			value, text := explain(fs.Lookup(name))
			if value != "" {
				value = " " + value
			}
			fmt.Fprintf(&b, "  -%s%s\n%s", name, value, wrap(text, 76, "        "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// explain gives the name of a flag's value, empty for a switch, and what the flag is for, with its default.
func explain(f *flag.Flag) (value, text string) {
	value, text = flag.UnquoteUsage(f)
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && !strings.Contains(text, "(default") {
		text += fmt.Sprintf(" (default: %s)", f.DefValue)
	}
	return value, text
}

// wrap breaks text into indented lines of at most width columns, indentation not counted.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			b.WriteString(indent + line + "\n")
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	b.WriteString(indent + line + "\n")
	return b.String()
}

// list is a repeatable flag.
type list struct {
	values []string
	byLine bool
}

// String implements flag.Value.
func (l *list) String() string { return strings.Join(l.values, "\n") }

// Set implements flag.Value.
func (l *list) Set(s string) error {
	if !l.byLine {
		l.values = append(l.values, s)
		return nil
	}
	for line := range strings.Lines(s) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			l.values = append(l.values, line)
		}
	}
	return nil
}

// byteSize is a number of bytes.
type byteSize int64

// String implements flag.Value, with the largest unit that leaves nothing over.
func (s *byteSize) String() string {
	n, unit := int64(*s), ""
	for _, u := range []string{"KiB", "MiB", "GiB"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, u
	}
	return strconv.FormatInt(n, 10) + unit
}

// Set implements flag.Value.
func (s *byteSize) Set(v string) error {
	number, shift := v, 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if n, ok := strings.CutSuffix(v, unit); ok {
			number, shift = strings.TrimSpace(n), 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64>>shift {
		return errors.New("it is no size such as 500MiB, 2GiB or 1048576")
	}
	*s = byteSize(n << shift)
	return nil
}

// tokenFlag is a flag whose value is a secret.
type tokenFlag struct {
	secret.Text
	found func(...secret.Text)
}

// Set implements flag.Value.
func (t *tokenFlag) Set(v string) error {
	t.Text = secret.New(strings.TrimSpace(v))
	t.found(t.Text)
	return nil
}

// passphraseFlag is one that counts byte for byte, but for the line end that is left of a file.
type passphraseFlag struct {
	secret.Text
	found func(...secret.Text)
}

// Set implements flag.Value.
func (p *passphraseFlag) Set(v string) error {
	p.Text = secret.New(strings.TrimRight(v, "\r\n"))
	p.found(p.Text)
	return nil
}
