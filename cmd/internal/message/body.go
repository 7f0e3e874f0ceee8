package message

import (
	"fmt"
	"slices"
	"strings"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/template/yamledit"
)

// defaultBody shows a reviewer each value before and after, the files of which nothing is known by value, the diff, and
// where the change comes from.
func (c Composer) defaultBody(change Change, rows []yamledit.Change) string {
	var values, files []yamledit.Change
	for _, r := range rows {
		if r.Path != "" {
			values = append(values, r)
		} else {
			files = append(files, r)
		}
	}
	var b strings.Builder
	writeTable(&b, values)
	writeFiles(&b, files, change.Notes)
	end := ""
	if c.Link != "" {
		end = "\n\nFrom " + escape.URL(c.Link)
	}
	open, closing := "\n<details><summary>Diff</summary>\n\n", "\n\n</details>"
	if size := maxBody - b.Len() - len(open+closing+end); change.Diff != "" && size > 100 {
		b.WriteString(open + escape.Diff(change.Diff, size) + closing)
	}
	return strings.TrimSpace(b.String() + end)
}

// The sizes in bytes of the body above which the table, and then the list of files, have no further row.
const maxTable, maxList = maxBody * 3 / 4, maxBody * 4 / 5

// column is a column of the table of values.
type column struct {
	title string
	cell  func(yamledit.Change) string
}

// writeTable writes a table of values. A column that would be empty is left out: new values have no old ones.
func writeTable(b *strings.Builder, values []yamledit.Change) {
	if len(values) == 0 {
		return
	}
	columns := []column{
		{"File", func(v yamledit.Change) string { return escape.Code(v.File) }},
		{"Path", func(v yamledit.Change) string { return escape.Code(v.Path) }},
	}
	if slices.ContainsFunc(values, func(v yamledit.Change) bool { return !v.Added }) {
		columns = append(columns, column{"Old", func(v yamledit.Change) string { return cellOf(v.Old, v.Added) }})
	}
	if slices.ContainsFunc(values, func(v yamledit.Change) bool { return !v.Deleted }) {
		columns = append(columns, column{"New", func(v yamledit.Change) string { return cellOf(v.New, v.Deleted) }})
	}
	for _, c := range columns {
		fmt.Fprintf(b, "| %s ", c.title)
	}
	b.WriteString("|\n" + strings.Repeat("|---", len(columns)) + "|\n")
	for i, v := range values {
		if i == maxLines || b.Len() > maxTable {
			fmt.Fprintf(b, "\nand %d more\n", len(values)-i)
			break
		}
		for _, c := range columns {
			fmt.Fprintf(b, "| %s ", c.cell(v))
		}
		b.WriteString("|\n")
	}
}

// cellOf returns what the table shows of a value, which may be none at all.
func cellOf(value string, isNone bool) string {
	if isNone {
		return "none"
	}
	return escape.Code(textOf(value, false))
}

// writeFiles writes a list of files, each with what there is to say of it.
func writeFiles(b *strings.Builder, files []yamledit.Change, notes map[string]string) {
	if len(files) > 0 && b.Len() > 0 {
		b.WriteString("\n")
	}
	for i, f := range files {
		if i == maxLines || b.Len() > maxList {
			fmt.Fprintf(b, "- and %d more\n", len(files)-i)
			break
		}
		note := notes[f.File]
		if note == "" {
			note = "changed"
		}
		fmt.Fprintf(b, "- %s: %s\n", escape.Code(f.File), note)
	}
}
