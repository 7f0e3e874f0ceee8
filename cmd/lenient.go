package cmd

import (
	"os"
	"strings"
)

// logsJSON reports whether the log is for machines.
func (c *config) logsJSON() bool { return c.logFormat == "json" }

// readLeniently sets the formats of the report and of the log, the places of the results and the branches for a
// command line that cannot be parsed: whoever reads JSON, or the results, reads its error, too. It takes what the
// arguments, the variables and the file say, in this order, and passes over all mistakes.
func (c *config) readLeniently(args []string, getenv func(string) string) {
	given := argumentsLeniently(args)
	variables := map[string]string{}
	for f := range all(new(config).flags()) {
		variables[f.name] = getenv(f.variable())
	}
	inFile := map[string]string{}
	if name := first("config", given, variables); name != "" {
		inFile = fileLeniently(name)
	}
	for name, into := range map[string]*string{
		"output": &c.output, "log-format": &c.logFormat, "result-dir": &c.resultDir, "result-env": &c.resultEnv,
		"base": &c.base, "branch": &c.branch,
	} {
		if value := first(name, given, variables, inFile); value != "" {
			*into = value
		}
	}
}

// first returns the value of a flag in the first of the sources that has one; empty if none has.
func first(name string, sources ...map[string]string) string {
	for _, s := range sources {
		if s[name] != "" {
			return s[name]
		}
	}
	return ""
}

// argumentsLeniently returns the last value of each flag in the arguments, whatever else is in them.
func argumentsLeniently(args []string) map[string]string {
	takesValue := map[string]bool{}
	for f := range all(new(config).flags()) {
		takesValue[f.name] = !f.isSwitch()
	}
	given := map[string]string{}
	for i := 0; i < len(args); i++ {
		name, value, whole := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !strings.HasPrefix(args[i], "-") {
			continue
		}
		if !whole && takesValue[name] && i+1 < len(args) {
			i++ // Its value, even where that looks like a flag.
			value = args[i]
		}
		given[name] = value
	}
	return given
}

// fileLeniently returns the values in a configuration file; none where that is no YAML.
func fileLeniently(name string) map[string]string {
	values := map[string]string{}
	f, err := os.Open(name)
	if err != nil {
		return values
	}
	defer func() { _ = f.Close() }() // It was only read.
	entries, err := parseYAML(f)
	if err != nil {
		return values // The mistake is told already.
	}
	for _, e := range entries {
		values[e.key] = e.value
	}
	return values
}
