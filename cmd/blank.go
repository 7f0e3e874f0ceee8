package cmd

import (
	"strings"

	"update-gitops-repo/cmd/internal/usage"
)

// isBlank reports whether there is nothing in a value but white space.
func isBlank(value string) bool { return strings.TrimSpace(value) == "" }

// saysBlank returns what is wrong with a blank part of what a flag is given.
func saysBlank(part, value string) string {
	if value == "" {
		return "the " + part + " is empty; is the variable that it comes from set?"
	}
	return "the " + part + " is nothing but white space; is the variable that it comes from set?"
}

// errBlank returns the error for a blank value of a flag, which was given in a place.
func errBlank(where string, v given) error {
	hint := "give it a value, or leave it out"
	if byDefault := v.flag.preset + v.flag.fallback; byDefault != "" {
		hint += " for its default: " + byDefault
	}
	if !v.flag.interactive {
		hint += "; the variable " + v.flag.variable() + " counts as not given when it is empty"
	}
	return usage.Errorf(hint, "%s: %s", where, saysBlank("value", v.value))
}
