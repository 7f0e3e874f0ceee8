package yqedit

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"update-gitops-repo/template/yamledit"
)

// setting is what an assignment has made of a scalar.
type setting struct {
	by         Assignment
	tag, value string
}

// overwrite is what one assignment has set and a later one sets to something else, in one file.
type overwrite struct {
	earlier, later Assignment
	path           string // of the first of the scalars
	more           int    // how many others there are
}

// String returns the warning.
func (o overwrite) String() string {
	more := ""
	if o.more > 0 {
		more = fmt.Sprintf(" (and %d more)", o.more)
	}
	return fmt.Sprintf("%s%s is set to %s by %s, and then to %s by %s; the later one counts",
		o.path, more, o.earlier.given(), o.earlier.Path, o.later.given(), o.later.Path)
}

// overwritten returns a warning for all that an assignment has set in the files and a later one sets to something else.
func overwritten(files []*assignedFile) []string {
	var warnings []string
	for _, f := range files {
		for _, o := range f.overwrites {
			warnings = append(warnings, f.name+": "+o.String())
		}
	}
	return warnings
}

// given returns the value as ParseAssignment reads it.
func (a Assignment) given() string {
	if a.Text {
		return quote(a.Value)
	}
	return a.Value
}

// record notes that the assignment has set a scalar, and whether an earlier one had set it to something else.
func (f *assignedFile) record(file *yamledit.File, a Assignment, n *yaml.Node) {
	if f.settings == nil {
		return // There is no other assignment.
	}
	now := setting{a, n.Tag, n.Value}
	before, ok := f.settings[n]
	f.settings[n] = now
	if !ok || before.tag == now.tag && before.value == now.value {
		return
	}
	for i := range f.overwrites {
		if o := &f.overwrites[i]; o.earlier == before.by && o.later == a {
			o.more++
			return
		}
	}
	f.overwrites = append(f.overwrites, overwrite{earlier: before.by, later: a, path: file.Path(n)})
}

// recordCreated notes what the assignment has created.
func (f *assignedFile) recordCreated(file *yamledit.File, sel selector, a Assignment) {
	if f.settings == nil {
		return
	}
	nodes, _, _ := sel.selects(file.Documents()) // It cannot fail: it has selected nothing before.
	for _, s := range nodes {
		if sel.next == nil {
			f.record(file, a, s.node)
		} else if inner, err := file.Embedded(s.node); err == nil { // what was created can be read
			f.recordCreated(inner, *sel.next, a)
		}
	}
}
