package cmd

import (
	"strings"
	"time"

	"update-gitops-repo/cmd/internal/auth"
	"update-gitops-repo/secret"
)

// config is the command line as given: arguments, then variables, then the file of -config. The table in flags.go says
// which flag sets which field.
type config struct {
	secrets     *secret.Redactor // every secret that is given or found is registered with it
	tokenSource string           // where the token was given, for a person
	warnings    []string         // of what is done otherwise than it is given, for a person
	fullNames   map[string]bool  // the flags in which a ref has its full name

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

// parseConfig reads the arguments, then the variables, each NAME=VALUE, then the configuration file. The first source
// that has a flag wins; a repeatable flag has the entries of all of them, and those of the first come last.
// With an error, the config has what was read by then.
func parseConfig(args, environ []string, secrets *secret.Redactor) (*config, error) {
	c := &config{secrets: secrets}
	c.token.found, c.signPassphrase.found = secrets.Add, secrets.Add
	r := newReader(c)
	if err := r.readArguments(args); err != nil || c.help || c.version {
		return c, err
	}
	if err := r.readVariables(environ); err != nil {
		return c, err
	}
	err := r.readFile()
	for f := range all(r.groups) {
		if f.isURL {
			secrets.Add(auth.SecretsInURL(strings.Join(f.values(), "\n"))...)
		}
	}
	c.shortenRefs()
	return c, err
}
