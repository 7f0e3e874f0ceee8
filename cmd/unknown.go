package cmd

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/usage"
)

// refuseUnknownVariables returns an error that names all variables that begin as the flags' do, or nearly so, and are
// none: what one of them asks for would be left out. It prints no values.
func refuseUnknownVariables(groups []flagGroup, environ []string) error {
	known := map[string]bool{}
	var variables []string
	for f := range all(groups) {
		for _, name := range f.names() {
			known[flagSpec{name: name}.variable()] = true
		}
		if !f.interactive {
			variables = append(variables, f.variable())
		}
	}
	var unknown, meant []string
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		if known[variableKey(name)] || !isLikeOurs(name, variables) || isOthers(name, value, known) {
			continue
		}
		unknown = append(unknown, escape.OneLine(name))
		if near := nearest(name, variables); near != "" {
			meant = append(meant, near)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	hint := "correct or unset what is wrong; update-gitops-repo -h lists the flags"
	slices.Sort(meant)
	if meant = slices.Compact(meant); len(meant) > 0 {
		hint = "did you mean " + strings.Join(meant, ", ") + "? " + hint
	}
	if len(unknown) == 1 {
		return usage.Errorf(hint, "the variable %s belongs to no flag", unknown[0])
	}
	return usage.Errorf(hint, "the variables %s belong to no flag", strings.Join(unknown, ", "))
}

// isLikeOurs reports whether somebody who sets the variable means this program: its name has the prefix, in whatever
// case, or is that of a flag's variable but for case, separators and one character.
func isLikeOurs(name string, variables []string) bool {
	const prefix = envPrefix + "_"
	if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		return true
	}
	plain := plainName(name)
	if !strings.Contains(plain, "UPDATE") && !strings.Contains(plain, "GITOPS") {
		return false
	}
	return slices.ContainsFunc(variables, func(v string) bool {
		return levenshtein.Distance(plain, plainName(v), nil) <= 1
	})
}

// serviceLink matches what the kubelet and docker's links add for a service, after its name: SERVICE_HOST,
// SERVICE_PORT_HTTP, PORT_80_TCP_ADDR (kubernetes/kubernetes, pkg/kubelet/envvars).
var serviceLink = regexp.MustCompile(`^` + envPrefix + `(_.+)?_(` +
	`SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// serviceURL matches what they set PORT to.
var serviceURL = regexp.MustCompile(`^(tcp|udp|sctp)://`)

// isOthers reports whether a system sets the variable that knows nothing of this program: Kubernetes, in each container
// of a namespace that has a Service called update-gitops-repo, or update-gitops-repo-more; and Jenkins, which adds _USR
// and _PSW to the name of the variable that takes a credential.
func isOthers(name, value string, known map[string]bool) bool {
	for _, suffix := range []string{"_USR", "_PSW"} {
		if before, ok := strings.CutSuffix(name, suffix); ok && known[before] {
			return true
		}
	}
	return serviceLink.MatchString(name) || strings.HasSuffix(name, "_PORT") && serviceURL.MatchString(value)
}

// plainName returns a name without what people get wrong: case and separators.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(name))
}

// nearest returns the name that is most like the wrong one: of the same letters but for one, or two in a long name, or
// with more words (LABEL, PR_LABEL). It returns "" if none is.
func nearest(wrong string, names []string) string {
	prefix := plainName(envPrefix)
	plain := strings.TrimPrefix(plainName(wrong), prefix)
	best, least := "", 0
	for _, name := range names {
		other := strings.TrimPrefix(plainName(name), prefix)
		distance := levenshtein.Distance(plain, other, nil)
		if min(len(plain), len(other)) >= 5 && (strings.Contains(other, plain) || strings.Contains(plain, other)) {
			distance = min(distance, 1)
		}
		if limit := max(1, min(2, len(plain)/3)); distance <= limit && (best == "" || distance < least) {
			best, least = name, distance
		}
	}
	return best
}

// meant returns a hint with the flag that is like a name that is none. dash is what stands before names there.
func (r *reader) meant(dash, wrong, hint string) string {
	var names []string
	for f := range all(r.groups) {
		names = append(names, f.name)
	}
	if name := nearest(wrong, names); name != "" {
		return fmt.Sprintf("did you mean %s%s? %s", dash, name, hint)
	}
	return hint
}

// unknownFlag returns the name of the flag that package flag does not know.
func unknownFlag(err error) (name string, ok bool) {
	if err == nil {
		return "", false
	}
	name, ok = strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	return name, ok
}
