package image

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

const (
	// action is what templates hold: those of Helm and gomplate, of Jinja, ERB and Levant, and this program's own.
	action = `\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<%.*?%>|\[\[.*?\]\]|\$\(\{.*?\}\)|\$\(<.*?>\)`
	// variable is what is filled in by envsubst, Terraform or Maven, or by a script.
	variable = `\$\{[^}\n]*\}|@[\w.]+@|%[\w.]+%`
)

var (
	actions    = regexp.MustCompile(`(?s)` + action + `|` + variable)
	actionOnly = regexp.MustCompile(`(?ms)^[ \t]*(?:(?:` + action + `)[ \t]*)+$`)
)

// IsForeign reports whether a text that does not parse is a template of another language: it would parse without its
// actions, or some of its lines are nothing but actions. That it holds an action is not enough: those in quotes, as in
// alerts of Prometheus and in workflows of Argo, are plain YAML.
func IsForeign(name string, text []byte) bool {
	lines := actionOnly.FindIndex(text) != nil
	if lines || !actions.Match(text) {
		return lines
	}
	_, err := yamledit.Check(name, actions.ReplaceAll(text, []byte("0")))
	return err == nil
}

// isAction reports whether n is an action that happens to be YAML: {{ .Values.tag }} is a map in the key of a map, and
// [[ .tag ]] a list in a list.
func isAction(n *yaml.Node) bool {
	if n == nil || n.Style&yaml.FlowStyle == 0 || len(n.Content) == 0 {
		return false
	}
	inner := n.Content[0]
	switch n.Kind {
	case yaml.MappingNode:
		return len(n.Content) == 2 && inner.Kind == yaml.MappingNode && text(n.Content[1]) == ""
	case yaml.SequenceNode:
		return len(n.Content) == 1 && inner.Kind == yaml.SequenceNode
	}
	return false
}

// said returns the text of a tag or a digest, also of one that is an action.
func said(n *yaml.Node) string {
	switch {
	case !isAction(n):
		return text(n)
	case n.Kind == yaml.MappingNode:
		return "{{ … }}"
	}
	return "[[ … ]]"
}

// maxNamed is how many files a warning names.
const maxNamed = 3

// passed are the files that were passed over.
type passed struct {
	templates []string
	others    []string // that are not YAML for another reason
}

// pass passes a file over that does not parse, for the reason given, or returns the error if that may leave an image as
// it is where it is deployed.
func (r *Result) pass(c context, f unparsed) error {
	if err := f.deploys(c.targets); err != nil {
		return err
	}
	foreign := IsForeign(f.name, f.text)
	for _, t := range c.targets {
		if !foreign && f.names(t) {
			const why = "%s is named here, and may be deployed, but the file is not YAML: %v"
			return f.fail(f.line, t, fmt.Sprintf(why, t.Name, f.err), mend)
		}
	}
	switch {
	case f.explicit:
		return &yamledit.Error{File: f.name, Line: f.line, Err: yamledit.ErrSyntax, Hint: mend,
			Reason: "cannot be read as YAML: " + f.err.Error()}
	case foreign:
		r.over.templates = append(r.over.templates, f.name)
		r.Left = append(r.Left, c.namedInText(withoutComments(f.text))...)
	default:
		r.over.others = append(r.over.others, f.name)
	}
	return nil
}

// names reports whether the text names t, at another version than it shall have.
func (f unparsed) names(t *target) bool {
	var h hints
	for line := range strings.Lines(string(withoutComments(f.text))) {
		h.look(t, line, f.name)
	}
	made := t.Name + version{t.tag, t.digest}.suffix() + " "
	return slices.ContainsFunc(h.named, func(named string) bool {
		return t.newName != "" || !strings.HasPrefix(named, made)
	})
}

// warnings returns a line for each kind of what was passed over.
func (p *passed) warnings() (lines []string) {
	if n := len(p.templates); n > 0 {
		files := count(n, "file", "files")
		lines = append(lines, "passed over "+files+" of another template language: "+first(p.templates))
	}
	if n := len(p.others); n > 0 {
		files := count(n, "file", "files")
		lines = append(lines, "passed over "+files+" that cannot be read as YAML: "+first(p.others))
	}
	return lines
}

// count returns a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// first returns the first of some names, and how many others there are.
func first(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}

// comment finds the comments of YAML, as far as that can be told without a parser.
var comment = regexp.MustCompile(`(?m)(?:^|[ \t])#.*$`)

// withoutComments returns the text without its comments, in the same lines.
func withoutComments(text []byte) []byte { return comment.ReplaceAll(text, nil) }

// unparsed is a file that does not parse.
type unparsed struct {
	name     string
	text     []byte
	line     int // of err; 0 if it is not known
	err      error
	explicit bool // it was asked for by its name
}

// imageLine finds the references under the keys image of a file that is not YAML, in lines and in braces.
var imageLine = regexp.MustCompile(`(?m)(?:^[ \t]*(?:- +)*|[{,][ \t]*)["']?image["']?[ \t]*:[ \t]*(["']?)([^\s"'#,}]+)`)

// deploys returns an error when the text deploys one of the images at another tag, as "image: acme/shop:1" shows.
func (f unparsed) deploys(targets []*target) error {
	for _, at := range imageLine.FindAllSubmatchIndex(f.text, -1) {
		ref := string(f.text[at[4]:at[5]])
		repo, tag, digest := splitRef(ref)
		for _, t := range targets {
			c := current{names: []string{fullName(repo)}, tag: tag, digest: digest}
			if refSuffix.MatchString(ref[len(repo):]) && t.sees(c) && !t.isMade(c) {
				line := 1 + bytes.Count(f.text[:at[4]], []byte("\n"))
				const why = "%s is deployed here, but cannot be set, since the file is not YAML: %v"
				return f.fail(line, t, fmt.Sprintf(why, t.Name, f.err), "")
			}
		}
	}
	return nil
}

// mend is what to do about a file that does not parse.
const mend = "mend the file, or leave it out with -image-files"

func (f unparsed) fail(line int, t *target, reason, hint string) error {
	return &yamledit.Error{
		File: f.name, Line: line, Key: t.Name, Reason: reason, Hint: hint, Err: yamledit.ErrSyntax,
	}
}
