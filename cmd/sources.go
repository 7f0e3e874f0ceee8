package cmd

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/usage"
)

// source is where values of flags are given. Of two, the greater one wins.
type source int

const (
	fromFile source = iota
	fromVariable
	fromArgument
)

// place says where a value is given, and as which one of its source, counted over all flags.
type place struct {
	source source
	index  int
}

// given is a value that a source gives a flag.
type given struct {
	flag  flagSpec
	value string
	line  int // of the file of -config
}

// reader fills a config from one source after the other. The one that wins comes first.
type reader struct {
	config *config
	groups []flagGroup
	flags  map[string]flagSpec // by each name that the parser knows
	set    *flag.FlagSet
	place  place // of the value that is being taken
}

func newReader(c *config) *reader {
	r := &reader{config: c, groups: c.flags(), flags: map[string]flagSpec{}}
	r.set = newFlagSet(r.groups)
	for f := range all(r.groups) {
		for _, name := range f.names() {
			r.flags[name] = f
		}
		if l, ok := f.into.(*list); ok {
			l.place = &r.place
		}
	}
	return r
}

// take gives the flags what one source says, unless a source before has set them: a repeatable flag gets the entries of
// all. invalid returns the error for a value that the flag does not take.
func (r *reader) take(s source, values []given, invalid func(given, error) error) error {
	before := map[string]bool{}
	r.set.Visit(func(f *flag.Flag) { before[r.flags[f.Name].name] = true })
	for f := range all(r.groups) {
		if l, ok := f.into.(*list); ok {
			l.at = 0
		}
	}
	taken := map[string]string{}
	for i, v := range values {
		name := v.flag.name
		if before[name] && !v.flag.isRepeatable() {
			continue
		}
		r.place = place{s, i}
		if err := r.set.Set(name, v.value); err != nil {
			return invalid(v, err)
		}
		if n, ok := v.flag.into.(*int64); ok && *n == 0 { // It would read as not given.
			return usage.Errorf("give the number of the build, such as 1234", "-%s must be positive, not 0", name)
		}
		if old, ok := taken[name]; ok && old != v.value && !v.flag.isRepeatable() {
			r.config.warnings = append(r.config.warnings,
				"-"+name+" is given twice, with two values; the last one counts")
		}
		taken[name] = v.value
	}
	return nil
}

// readArguments reads the command line.
func (r *reader) readArguments(args []string) error {
	var values []given
	set := flag.NewFlagSet(r.set.Name(), flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	for name, f := range r.flags {
		set.Var(&recorder{f, &values}, name, "")
	}
	err := set.Parse(args)
	if name, ok := unknownFlag(err); ok {
		return usage.Errorf(r.meant("-", name, "see update-gitops-repo -h"), "unknown flag -%s", escape.OneLine(name))
	}
	if err != nil {
		return usage.Errorf("see update-gitops-repo -h", "%s", oneLine(err))
	}
	err = r.take(fromArgument, values, func(v given, err error) error {
		if isBlank(v.value) {
			return errBlank("-"+v.flag.name, v)
		}
		return usage.Errorf("see update-gitops-repo -h", "invalid value %q for flag -%s: %s", v.value, v.flag.name,
			oneLine(err))
	})
	c := r.config
	switch {
	case err != nil:
		return err
	case set.NArg() > 0:
		// Not quoted: it may be a token that a space cut off its flag.
		return usage.Errorf("every argument is a flag; a switch takes its value as in -create-pull-request=false, "+
			"and values with spaces need quotes", "unexpected argument after %d flags", set.NFlag())
	case c.help || c.version:
		return nil
	}
	for _, v := range values {
		if isBlank(v.value) {
			return errBlank("-"+v.flag.name, v)
		}
	}
	if !c.token.Empty() && c.tokenFile != "" {
		return usage.Errorf("give one of them", "-token and -token-file are both given")
	}
	if !c.token.Empty() {
		c.tokenSource = "-token"
	}
	return nil
}

// recorder is a flag.Value that appends what it is given to values.
type recorder struct {
	flag   flagSpec
	values *[]given
}

// String implements flag.Value.
func (*recorder) String() string { return "" }

// Set implements flag.Value.
func (r *recorder) Set(value string) error {
	*r.values = append(*r.values, given{flag: r.flag, value: value})
	return nil
}

// IsBoolFlag tells package flag whether the flag is a switch, which needs no value.
func (r *recorder) IsBoolFlag() bool { return r.flag.into != nil && r.flag.isSwitch() }

// readVariables reads the flags' variables, each NAME=VALUE. An empty one is not given: pipeline systems pass on so
// what nobody gave them. A repeatable flag's variable has one entry a line.
func (r *reader) readVariables(environ []string) error {
	if err := refuseUnknownVariables(r.groups, environ); err != nil {
		return err
	}
	getenv := lookup(environ)
	var values []given
	for f := range all(r.groups) {
		if f.interactive {
			continue // A pipeline may well have a variable UPDATE_GITOPS_REPO_VERSION of its own.
		}
		found, err := variableValues(f, getenv(f.variable()))
		if err != nil {
			return err
		}
		values = append(values, found...)
	}
	return r.keepToken(envPrefix+"_TOKEN", func() error {
		return r.take(fromVariable, values, func(v given, err error) error {
			const hint = "a switch takes true or false, -sequence a number, and -timeout a time such as 90s or 5m"
			return usage.Errorf(hint,
				"error setting flag %q from environment variable %q: %s", v.flag.name, v.flag.variable(), oneLine(err))
		})
	})
}

// variableValues returns what the text of the flag's variable gives it.
func variableValues(f flagSpec, text string) ([]given, error) {
	switch {
	case text == "":
		return nil, nil
	case !f.isRepeatable():
		v := given{flag: f, value: text}
		if isBlank(text) {
			return nil, errBlank(f.variable(), v)
		}
		return []given{v}, nil
	}
	var values []given
	for line := range strings.Lines(text) {
		if !isBlank(line) {
			values = append(values, given{flag: f, value: strings.TrimRight(line, "\r\n")})
		}
	}
	return values, nil
}

const hintFile = "make it a YAML map from flags' names, without the dash, to values or lists of values"

// readFile reads the file of -config.
func (r *reader) readFile() error {
	name := r.config.file
	if name == "" {
		return nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return usage.Errorf("check the path", "-config: %s", oneLine(err))
	}
	entries, err := parseYAML(bytes.NewReader(text))
	if err != nil {
		return usage.Errorf(hintFile, "configuration file %s: %s", name, oneLine(err))
	}
	var values []given
	for _, e := range entries {
		where := fmt.Sprintf("configuration file %s: line %d: ", name, e.line)
		f, ok := r.flags[e.key]
		if !ok || f.interactive {
			return usage.Errorf(r.meant("", e.key, hintFile), "%s%q is no flag for it", where, e.key)
		}
		v := given{flag: f, value: e.value, line: e.line}
		if isBlank(e.value) {
			return errBlank(where+e.key, v)
		}
		values = append(values, v)
	}
	return r.keepToken("the file of -config", func() error {
		return r.take(fromFile, values, func(v given, err error) error {
			return usage.Errorf(hintFile, "configuration file %s: line %d: error setting flag %q: %s",
				name, v.line, v.flag.name, oneLine(err))
		})
	})
}

// keepToken reads one more source. The token and its file are two names for one thing: a source that has either wins
// over all after it, as one flag would.
func (r *reader) keepToken(source string, read func() error) error {
	c := r.config
	token, file := c.token, c.tokenFile
	err := read()
	if !token.Empty() || file != "" {
		c.token, c.tokenFile = token, file
	} else if !c.token.Empty() {
		c.tokenSource = source
	}
	return err
}

// lookup returns os.Getenv for other variables than the process's, each NAME=VALUE.
func lookup(environ []string) func(name string) string {
	values := map[string]string{}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		if _, ok := values[variableKey(name)]; !ok {
			values[variableKey(name)] = value
		}
	}
	return func(name string) string { return values[variableKey(name)] }
}

// variableKey returns what the names of one variable have in common: on Windows, case does not count.
func variableKey(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}

// oneLine returns the message of an error in one line.
func oneLine(err error) string { return escape.OneLine(err.Error()) }
