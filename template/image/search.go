package image

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// mayBeIn is a quick look whether text deploys the image, since parsing all files of a large repository would take
// long.
func (t *target) mayBeIn(text []byte) bool {
	return hasWord(text, path.Base(t.name)) || t.newName != "" && hasWord(text, path.Base(t.newName))
}

// mayBeIn is the same for all images.
func (c context) mayBeIn(text []byte) bool {
	return slices.ContainsFunc(c.targets, func(t *target) bool { return t.mayBeIn(text) })
}

// mayBeUnder is the same for the text of n and of all that is below it.
func (t *target) mayBeUnder(n *yaml.Node) bool {
	return t.mayBeIn([]byte(n.Value)) || slices.ContainsFunc(n.Content, t.mayBeUnder)
}

// hasWord reports whether text has word with nothing next to it that could belong to the same component of a name.
func hasWord(text []byte, word string) bool {
	for {
		i := bytes.Index(text, []byte(word))
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || !inName(text[i-1])) && (end == len(text) || !inName(text[end])) {
			return true
		}
		text = text[i+1:]
	}
}

func inName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._-", c) >= 0
}

// notDeployed returns the error for an image that is deployed nowhere. It says on which lines the image is named, YAML
// or not, and on which there is one that might be meant.
func (t *target) notDeployed(fsys fs.FS, globs, names []string) error {
	var m mentions
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		m.look(t, name, text)
	}
	return &yamledit.Error{File: strings.Join(globs, ","), Key: t.Name, Err: ErrNotDeployed,
		Reason: t.Name + " is deployed nowhere" + m.hint()}
}

// mentions are the names of an image in files, with their lines: in another way than a place has it, and others that
// are named alike.
type mentions struct{ named, others []string }

// likelyKey finds what is likely to say the name of an image on the same line.
var likelyKey = regexp.MustCompile(`(?i)image|repository|newName`)

// look adds the mentions of t in a file. A name of one component, as in "app: shop", could be anything.
func (m *mentions) look(t *target, name string, text []byte) {
	base := path.Base(t.name)
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !hasWord(line, base) {
			continue
		}
		inKey := likelyKey.Match(line)
		for _, ref := range strings.FieldsFunc(string(line), endsRef) {
			ref = strings.Trim(ref, "{}:")
			repo, _, _ := splitRef(ref)
			if !refSuffix.MatchString(ref[len(repo):]) {
				ref = repo // and a variable
			}
			at := fmt.Sprintf("%s (%s:%d)", ref, name, i+1)
			switch full := fullName(repo); {
			case path.Base(repo) != base:
			case full == t.name && (inKey || ref != base):
				m.named = append(m.named, at)
			case full != "" && (inKey || ref != repo):
				m.others = append(m.others, at)
			}
		}
	}
}

func endsRef(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'`,=[]", r) }

// hint returns what there is, up to three of each.
func (m *mentions) hint() string {
	hint := ""
	if len(m.named) > 0 {
		hint += "; it is named in another way: " + strings.Join(m.named[:min(3, len(m.named))], ", ")
	}
	if len(m.others) > 0 {
		hint += "; but there is " + strings.Join(m.others[:min(3, len(m.others))], ", ")
	}
	return hint
}

// imageLine finds the references under the keys image of a file that is not YAML, in lines and in braces.
var imageLine = regexp.MustCompile(`(?m)(?:^[ \t]*(?:- +)*|[{,][ \t]*)["']?image["']?[ \t]*:[ \t]*(["']?)([^\s"'#,}]+)`)

// notYAML returns an error when a text that does not parse, for the reason given, deploys one of the images.
func notYAML(name string, text []byte, targets []*target, err error) error {
	for _, at := range imageLine.FindAllSubmatchIndex(text, -1) {
		ref := string(text[at[4]:at[5]])
		repo, tag, digest := splitRef(ref)
		for _, t := range targets {
			c := current{names: []string{fullName(repo)}, tag: tag, digest: digest}
			if refSuffix.MatchString(ref[len(repo):]) && t.sees(c) && !t.isMade(c) {
				line := 1 + bytes.Count(text[:at[4]], []byte("\n"))
				const why = "%s is deployed here, but cannot be set, since the file is not YAML: %v"
				reason := fmt.Sprintf(why, t.Name, err)
				return &yamledit.Error{File: name, Line: line, Key: t.Name, Reason: reason, Err: yamledit.ErrSyntax}
			}
		}
	}
	return nil
}
