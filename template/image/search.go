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

	"update-gitops-repo/template/glob"
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
// or not, on which there is one that might be meant, and which ones have a name that is near.
func (t *target) notDeployed(fsys fs.FS, req Request, names []string, left []Mention) error {
	h := hints{near: map[string]bool{}, known: map[string]string{}}
	for _, m := range left {
		if m.Name == t.Name && m.Placeholder {
			h.known[m.at()] = m.String()
		}
	}
	if err := h.lookIn(t, fsys, names); err != nil {
		return err
	}
	h.addSplit(t, left)
	reason := t.Name + " is deployed nowhere" + h.String()
	if len(req.Globs) == 0 {
		var out hints
		elsewhere, err := findElsewhere(fsys)
		if err != nil {
			return err
		}
		if err := glob.Prefetch(fsys, elsewhere); err != nil {
			return err
		}
		if err := out.lookIn(t, fsys, elsewhere); err != nil {
			return err
		}
		if len(out.named) > 0 {
			reason += "; without -image-files these are not looked at: " + strings.Join(out.named, ", ")
		}
	}
	return &yamledit.Error{File: strings.Join(req.Patterns(), ","), Key: t.Name, Err: ErrNotDeployed, Reason: reason}
}

// addSplit adds what names t in parts, instead of the part that a line shows as another image.
func (h *hints) addSplit(t *target, left []Mention) {
	for _, m := range left {
		if m.Name == t.Name && m.Split {
			h.named = append(h.named, m.String())
			h.others = slices.DeleteFunc(h.others, func(s string) bool { return strings.HasSuffix(s, "("+m.at()+")") })
		}
	}
}

// lookIn looks through files, line by line.
func (h *hints) lookIn(t *target, fsys fs.FS, names []string) error {
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			h.look(t, string(line), fmt.Sprintf("%s:%d", name, i+1))
		}
	}
	return nil
}

// hints are the names of an image in files, with their lines, in another way than a place has it; others with the same
// last component; and names that are near.
type hints struct {
	named, others []string
	near          map[string]bool
	known         map[string]string // by file and line, what there is with a placeholder
}

var (
	// likelyKey finds what is likely to say the name of an image on the same line.
	likelyKey = regexp.MustCompile(`(?i)image|repository|newName`)
	// nameKey finds what may say it too, if there is a slash in it: of an entry for kustomize.
	nameLine = regexp.MustCompile(`^[\s-]*name:\s`)
)

// look adds the mentions of t on a line. A name of one component, as in "app: shop", could be anything.
func (h *hints) look(t *target, line, at string) {
	inKey := likelyKey.MatchString(line)
	same := hasWord([]byte(line), path.Base(t.name))
	if !same && !inKey && !nameLine.MatchString(line) {
		return
	}
	for _, found := range strings.FieldsFunc(line, endsRef) {
		ref := strings.Trim(found, "{}:")
		repo, _, _ := splitRef(ref)
		placeholder := !refSuffix.MatchString(ref[len(repo):])
		full := fullName(repo)
		switch {
		case full == "":
		case path.Base(repo) != path.Base(t.name):
			if inKey || strings.Contains(repo, "/") {
				h.addNear(t, repo, full)
			}
		case full == t.name && (inKey || ref != path.Base(t.name)):
			h.addNamed(ref, wholeRefIn(line, found), at, placeholder)
		case full != t.name && (inKey || ref != repo):
			if placeholder {
				ref = repo
			}
			h.others = append(h.others, fmt.Sprintf("%s (%s)", ref, at))
		}
	}
}

// addNamed adds a mention of the image itself; whole is ref with all of its placeholder.
func (h *hints) addNamed(ref, whole, at string, placeholder bool) {
	switch known, ok := h.known[at]; {
	case ok:
		h.named = append(h.named, known)
		delete(h.known, at)
	case placeholder:
		h.named = append(h.named, fmt.Sprintf("%s (%s, a placeholder)", whole, at))
	default:
		h.named = append(h.named, fmt.Sprintf("%s (%s)", ref, at))
	}
}

// wholeRefIn returns a reference on a line with the whole of its placeholder, which may have spaces.
func wholeRefIn(line, ref string) string {
	_, rest, _ := strings.Cut(line, ref)
	if strings.Contains(ref, "{{") && !strings.Contains(ref, "}}") {
		if end := strings.Index(rest, "}}"); end >= 0 {
			return ref + rest[:end+2]
		}
	}
	return ref
}

// addNear adds a name that may be meant instead of t's: they differ by what follows or comes before, or by a letter.
func (h *hints) addNear(t *target, repo, full string) {
	mine, other := path.Base(t.name), path.Base(full)
	short := min(len(mine), len(other))
	contains := short > 2 && (strings.Contains(mine, other) || strings.Contains(other, mine))
	if h.near != nil && path.Dir(t.name) == path.Dir(full) && (contains || short > 3 && distance(mine, other) <= 2) {
		h.near[repo] = true
	}
}

// distance returns by how many letters two words differ, as Levenshtein counts.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

func endsRef(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'`,=[]", r) }

// String returns what there is.
func (h *hints) String() string {
	hint := ""
	if len(h.named) > 0 {
		hint += "; it is named in another way: " + strings.Join(h.named, ", ")
	}
	if len(h.others) > 0 {
		hint += "; but there is " + strings.Join(h.others, ", ")
	}
	near := sortedKeys(h.near)
	switch {
	case len(near) == 1:
		hint += "; there is " + near[0]
	case len(near) > maxNear:
		hint += fmt.Sprintf("; there are %s and %d more", strings.Join(near[:maxNear], ", "), len(near)-maxNear)
	case len(near) > 0:
		hint += "; there are " + strings.Join(near, ", ")
	}
	return hint
}

// maxNear is how many names that are near are listed.
const maxNear = 10
