package cmd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"update-gitops-repo/secret"
)

// envPrefix and a flag's name in upper snake case make the flag's environment variable.
const envPrefix = "UPDATE_GITOPS_REPO"

// flagSpec is a row of the table of flags.
type flagSpec struct {
	name        string
	alias       string // another name for it, which only the parser knows
	into        any    // pointer into the config; its type is the flag's kind: *bool is a switch, *list is repeatable
	preset      string // default, as it would be given; empty: the type's zero value
	fallback    string // default that depends on something, for people
	choices     []string
	needs       string // flag without which this one does nothing
	because     string // why, where that is not plain
	interactive bool   // for people at a terminal: variables and the file do not set it
	isURL       bool   // it may hold credentials
	isText      bool   // people read it as it is
	check       func(flag, value string) error
	usage       string // what it is for; the name of its value between backquotes, as package flag has it
}

// register declares the flag, and sets it to its preset.
func (s flagSpec) register(fs *flag.FlagSet) {
	for _, name := range s.names() {
		switch p := s.into.(type) {
		case *string:
			fs.StringVar(p, name, "", s.usage)
		case *bool:
			fs.BoolVar(p, name, false, s.usage)
		case *int64:
			fs.Int64Var(p, name, 0, s.usage)
		case *time.Duration:
			fs.DurationVar(p, name, 0, s.usage)
		case flag.Value:
			fs.Var(p, name, s.usage)
		}
		if s.preset == "" {
			continue
		}
		if err := fs.Lookup(name).Value.Set(s.preset); err != nil {
			panic(fmt.Sprintf("-%s: the preset %q: %v", name, s.preset, err)) // The table is wrong, whatever is given.
		}
	}
}

// names returns the names under which the parser knows the flag.
func (s flagSpec) names() []string {
	if s.alias == "" {
		return []string{s.name}
	}
	return []string{s.name, s.alias}
}

// values returns what the flag is set to: each value of a repeatable flag, one of any other.
func (s flagSpec) values() []string {
	switch p := s.into.(type) {
	case *list:
		return p.values
	case *string:
		return []string{*p}
	case *bool:
		return []string{strconv.FormatBool(*p)}
	case *int64:
		return []string{strconv.FormatInt(*p, 10)}
	case fmt.Stringer:
		return []string{p.String()}
	}
	return nil
}

// isSet reports whether the flag is set to anything but its preset.
func (s flagSpec) isSet() bool {
	return slices.ContainsFunc(s.values(), func(value string) bool {
		return value != s.preset && (s.preset != "" || !isZero(value))
	})
}

// isOff reports whether the flag is set to nothing, or a switch is off.
func (s flagSpec) isOff() bool {
	return !slices.ContainsFunc(s.values(), func(v string) bool { return !isZero(v) })
}

func isZero(value string) bool { return value == "" || value == "false" || value == "0" }

func (s flagSpec) isSwitch() bool {
	_, ok := s.into.(*bool)
	return ok
}

func (s flagSpec) isRepeatable() bool {
	_, ok := s.into.(*list)
	return ok
}

// variable returns the name of the flag's environment variable.
func (s flagSpec) variable() string {
	return envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

// urlVariables returns the variables of flags that may hold credentials in a URL.
func urlVariables() []string {
	var names []string
	for f := range all(new(config).flags()) {
		if f.isURL {
			names = append(names, f.variable())
		}
	}
	return names
}

// explain returns the name of the flag's value, empty for a switch, and what the flag is for, with its default.
func (s flagSpec) explain() (value, text string) {
	before, rest, _ := strings.Cut(s.usage, "`")
	value, after, _ := strings.Cut(rest, "`")
	text = before + value + after
	if s.isRepeatable() {
		text += "; repeatable"
	}
	if preset := s.preset + s.fallback; preset != "" {
		text += " (default: " + preset + ")"
	}
	return value, text
}

// newFlagSet declares the flags of the table. Errors are for the caller to print.
func newFlagSet(groups []flagGroup) *flag.FlagSet {
	fs := flag.NewFlagSet("update-gitops-repo", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	for s := range all(groups) {
		s.register(fs)
	}
	return fs
}

// all iterates over the flags of all groups.
func all(groups []flagGroup) iter.Seq[flagSpec] {
	return func(yield func(flagSpec) bool) {
		for _, g := range groups {
			for _, s := range g.flags {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// list is a repeatable flag. The sources come in turn, the one that wins first; its entries stay the last.
type list struct {
	values []string
	places []place // of the values

	at    int    // where the next value goes
	place *place // of the next value; nil: nowhere in particular
}

// String implements flag.Value.
func (l *list) String() string { return strings.Join(l.values, "\n") }

// Set implements flag.Value.
func (l *list) Set(s string) error {
	var p place
	if l.place != nil {
		p = *l.place
	}
	l.values, l.places = slices.Insert(l.values, l.at, s), slices.Insert(l.places, l.at, p)
	l.at++
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
		return errors.New("want a size such as 500MiB, 2GiB or 1048576")
	}
	*s = byteSize(n << shift)
	return nil
}

// tokenFlag is a secret, without white space around it.
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

// passphraseFlag is a secret that counts byte for byte, but for the line end of a file that it comes from.
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
