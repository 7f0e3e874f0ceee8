package cmd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	iofs "io/fs"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3"
	"go.yaml.in/yaml/v4"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/usage"
	"update-gitops-repo/secret"
)

// config is the command line as given: arguments, then variables, then the file of -config. The table in flags.go says
// which flag sets which field.
type config struct {
	secrets     *secret.Redactor // every secret that is given or found is registered with it
	tokenSource string           // where the token was given, for a person

	// Repository.
	repo          string
	workdir       string
	base          string
	token         tokenFlag
	tokenFile     string
	username      string
	appID         string
	appKeyFile    string
	sshKeyFile    string
	sshKnownHosts string
	caFile        string
	checkAuth     bool

	// What to change.
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
	imageMissing   string
	imageStrict    bool
	expressions    list

	// Commit.
	revision           string
	app                string
	branch             string
	message            string
	authorName         string
	authorEmail        string
	committerName      string
	committerEmail     string
	signoff            bool
	signKeyFile        string
	signPassphrase     passphraseFlag
	signPassphraseFile string
	commitViaAPI       bool
	sequence           int64
	forcePush          bool

	// Pull request.
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
	scmProvider  string
	scmURL       string

	// Run.
	dryRun    bool
	output    string
	resultDir string
	resultEnv string
	verbose   bool
	logFormat string
	timeout   time.Duration
	maxFetch  byteSize
	file      string // -config
	version   bool
	help      bool
}

// parseConfig reads the arguments, then the process's environment, then the configuration file. The first source that
// has a flag wins.
func parseConfig(args []string, secrets *secret.Redactor) (*config, error) {
	c := &config{secrets: secrets}
	c.token.found, c.signPassphrase.found = secrets.Add, secrets.Add
	groups := c.flags()
	fs := newFlagSet(groups)
	if err := c.parseArguments(fs, args); err != nil || c.help || c.version {
		return c, err
	}
	for f := range all(groups) {
		if !f.interactive {
			continue
		}
		// A pipeline may well have a variable UPDATE_GITOPS_REPO_VERSION of its own.
		for _, name := range f.names() {
			if err := fs.Set(name, "false"); err != nil {
				return nil, err
			}
		}
	}
	// One pass a source: in a variable, and only there, a repeatable flag takes one entry a line.
	if err := perLine(groups, func() error { return c.parseVariables(fs) }); err != nil {
		return nil, err
	}
	err := c.parseFile(fs)
	for f := range all(groups) {
		if f.isURL {
			secrets.Add(auth.SecretsInURL(strings.Join(f.values(), "\n"))...)
		}
	}
	return c, err
}

func (c *config) parseArguments(fs *flag.FlagSet, args []string) error {
	if err := ff.Parse(fs, args); err != nil {
		return usage.Errorf("see update-gitops-repo -h", "%s", flagError(err))
	}
	if fs.NArg() > 0 {
		// Not quoted: it may be a token that a space cut off its flag.
		return usage.Errorf("every argument is a flag; a switch takes its value as in -create-pull-request=false, "+
			"and values with spaces need quotes", "unexpected argument after %d flags", fs.NFlag())
	}
	if !c.token.Empty() && c.tokenFile != "" && !c.help && !c.version {
		return usage.Errorf("give one of them", "-token and -token-file are both given")
	}
	if !c.token.Empty() {
		c.tokenSource = "-token"
	}
	return nil
}

func (c *config) parseVariables(fs *flag.FlagSet) error {
	err := c.keepToken(envPrefix+"_TOKEN", func() error { return ff.Parse(fs, nil, ff.WithEnvVarPrefix(envPrefix)) })
	if err != nil {
		return usage.Errorf("a switch takes true or false, -sequence a number, and -timeout a time such as 90s or 5m",
			"%s", flagError(err))
	}
	return nil
}

func (c *config) parseFile(fs *flag.FlagSet) error {
	err := c.keepToken("the file of -config", func() error {
		return ff.Parse(fs, nil, ff.WithConfigFileFlag("config"), ff.WithConfigFileParser(parseYAML))
	})
	if _, ok := errors.AsType[*iofs.PathError](err); ok {
		return usage.Errorf("check the path", "-config: %s", flagError(err))
	}
	if err != nil {
		return usage.Errorf("make it a YAML map from flags' names, without the dash, to values or lists of values",
			"configuration file %s: %s", c.file, flagError(err))
	}
	return nil
}

// keepToken reads one more source. The token and its file are two names for one thing: a source that has either wins
// over all after it, as one flag would.
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

// parseYAML calls set with the values of a YAML map as they are written: 1.10 and 0123456 are texts, not numbers.
func parseYAML(r io.Reader, set func(name, value string) error) error {
	var doc yaml.Node
	if err := yaml.NewDecoder(r).Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return errors.New("not a map")
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

// flagError returns the message of a parser's error, in a user's terms.
func flagError(err error) string {
	text := strings.TrimPrefix(escape.OneLine(err.Error()), "error parsing commandline arguments: ")
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		return "unknown flag " + name
	}
	return text
}
