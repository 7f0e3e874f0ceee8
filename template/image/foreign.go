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

// isFilledIn reports whether a tag or a digest is for something else to fill in: it is a variable or an action.
func isFilledIn(n *yaml.Node) bool { return isAction(n) || isVariable(text(n)) }

// maxNamed is how many files or places a warning names.
const maxNamed = 3

// passed are the files that were passed over, and the places that were left alone.
type passed struct {
	templates []string
	others    []string // that are not YAML for another reason
	named     []string // "NAME (FILE:LINE)", where the templates name an image
	places    []string // the same, where a file that parses does, and something else fills in the tag
}

// pass passes a file over that does not parse, for the reason given, or returns the error if that may leave an image as
// it is where it is deployed.
func (p *passed) pass(f unparsed, targets []*target) error {
	if err := f.deploys(targets); err != nil {
		return err
	}
	foreign := IsForeign(f.name, f.text)
	for _, t := range targets {
		var m mentions
		m.look(t, f.name, withoutComments(f.text))
		m.named = slices.DeleteFunc(m.named, func(named string) bool {
			return t.newName == "" && strings.HasPrefix(named, t.join(t.Name)+" ") // It is as it shall be.
		})
		if len(m.named) > 0 && !foreign {
			const why = "%s is named here, and may be deployed, but the file is not YAML: %v"
			return f.fail(f.line, t, fmt.Sprintf(why, t.Name, f.err), mend)
		}
		p.named = append(p.named, m.named...)
	}
	switch {
	case f.explicit:
		return &yamledit.Error{File: f.name, Line: f.line, Err: yamledit.ErrSyntax, Hint: mend,
			Reason: "cannot be read as YAML: " + f.err.Error()}
	case foreign:
		p.templates = append(p.templates, f.name)
	default:
		p.others = append(p.others, f.name)
	}
	return nil
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
	if len(p.named) > 0 {
		lines = append(lines, "not set in templates of another language: "+first(p.named))
	}
	if len(p.places) > 0 {
		lines = append(lines, "left alone, because something else fills it in: "+first(p.places))
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
			mine := refSuffix.MatchString(ref[len(repo):]) && t.matches(fullName(repo), tag, digest)
			if mine && (t.join(repo) != ref || t.newName != "") {
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
