package cmd

import (
	"regexp"
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

// imageName is the name of an image, but for how often it has a slash.
const imageName = `(?:(?:docker|oci)://)?[\w.-]+(?::[0-9]+)?(?:/[\w.-]+)`

// cutTag and cutDigest find the reference to an image whose tag or digest has gone missing: acme/shop:,
// acme/shop:@sha256:4b9d, acme/shop@ and acme/shop@sha256:, and also a digest alone.
var (
	cutTag    = regexp.MustCompile(`^` + imageName + `+:$|^` + imageName + `*:@sha256:`)
	cutDigest = regexp.MustCompile(
		`^` + imageName + `+(?::[\w.-]+)?@$|^(?:` + imageName + `*(?::[\w.-]+)?@)?sha256:$`)
)

// refuseCutImage returns an error if a value is a reference to an image whose tag or digest is empty.
func refuseCutImage(flag, text, hint, value string) error {
	switch {
	case cutTag.MatchString(value):
		return usage.Errorf(hint, "%s %q: %s", flag, text, saysBlank("tag", ""))
	case cutDigest.MatchString(value):
		return usage.Errorf(hint, "%s %q: %s", flag, text, saysBlank("digest", ""))
	}
	return nil
}

// warnEmptyText warns of an empty text between quotes: it may be on purpose, or a variable between them is not set.
func (c *config) warnEmptyText(flag string) {
	c.warnings = append(c.warnings,
		flag+`: "" is the empty text; if there is a variable between the quotes, it is not set`)
}

// part is a part of what a flag is given.
type part struct{ name, value string }

// refuseBlank returns the error for the first of the parts that is blank.
func refuseBlank(flag, text, hint string, parts ...part) error {
	for _, p := range parts {
		if isBlank(p.value) {
			return usage.Errorf(hint, "%s %q: %s", flag, text, saysBlank(p.name, p.value))
		}
	}
	return nil
}

// hasGap reports whether a path or a glob has an empty component, which cleaning it would hide: charts//values.yaml is
// what charts/$APP/values.yaml becomes without a value.
func hasGap(name string) bool { return strings.Contains(name, "//") }

// errGap returns the error for a part with an empty component.
func errGap(flag, text, part string) error {
	return usage.Errorf("give it the name of the folder", "%s %q: the %s has an empty component; "+
		"is the variable that it comes from set?", flag, text, part)
}
