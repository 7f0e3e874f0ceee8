package yamledit

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// rearrangement puts the entries of a collection into another order, with new ones among them.
type rearrangement struct {
	*editor
	layout layout     // of the collection
	after  *yaml.Node // what it becomes
	order  []int      // for each entry of after, which one of the layout it is, or -1
	inner  []splice   // those within the entries, in order
}

// blockEntry is an entry of a block collection: its lines with its comments, and the lines before it that belong to
// none.
type blockEntry struct{ gap, text string }

// inBlock rearranges a block collection.
func (r *rearrangement) inBlock() error {
	from := r.head(r.layout.entries[0].start)
	inline := from == r.layout.entries[0].start // it starts behind a "-"
	indent := strings.Repeat(" ", r.layout.column)
	entries, end, err := r.blockEntries(from)
	if err != nil {
		return err
	}
	if inline {
		entries[0].text = indent + entries[0].text
	}
	left := r.carryGaps(entries)

	var out strings.Builder
	for i, k := range r.order {
		var next blockEntry
		if k < 0 {
			next.text = r.entry(r.after, i, r.layout.column)
		} else {
			next = entries[k]
		}
		if i == 0 && r.commentColumn(r.line(from)-1) < 0 {
			next.gap = strings.TrimLeft(next.gap, "\r\n")
			if isBlank(next.gap) {
				next.gap = ""
			}
		}
		out.WriteString(next.gap + next.text)
	}
	if !isBlank(left) {
		out.WriteString(left)
	}
	text := out.String()
	if inline {
		text = strings.TrimPrefix(text, indent)
	}
	r.put(from, end, text)
	return nil
}

// blockEntries returns the entries as they are, edited, and where the last one ends. The first one starts at from.
func (r *rearrangement) blockEntries(from int) (entries []blockEntry, end int, err error) {
	end = from
	for i, old := range r.layout.entries {
		var next blockEntry
		start := from
		if i > 0 {
			start = r.head(old.start)
			next.gap = string(r.text[end:start])
		}
		behind := string(r.text[old.end:r.lineEnd(old.end)])
		if strings.Trim(behind, " \t") != "" && !comment.MatchString(behind) {
			return nil, 0, errors.New("something behind a value")
		}
		limit := len(r.text)
		if i+1 < len(r.layout.entries) {
			limit = r.layout.entries[i+1].start
		}
		end = r.below(old.end, limit, r.layout.column)
		next.text = r.edited(start, end)
		entries = append(entries, next)
	}
	return entries, end, nil
}

// carryGaps moves the gaps of entries that are cut to the next one that stays: comments around it stay, and one blank
// line where there were two. It returns what is left at the end.
func (r *rearrangement) carryGaps(entries []blockEntry) string {
	carry := ""
	for i := range entries {
		gap := &entries[i].gap
		switch {
		case carry == "":
		case isBlank(carry) && *gap != "":
		case isBlank(*gap) && *gap != "" && !isBlank(carry) && endsBlank(carry):
			*gap = carry
		default:
			*gap = carry + *gap
		}
		carry = ""
		if !slices.Contains(r.order, i) {
			carry = *gap
		}
	}
	return carry
}

func isBlank(s string) bool { return strings.TrimSpace(s) == "" }

// endsBlank reports whether the last line of s is blank.
func endsBlank(s string) bool {
	lines := strings.Split(strings.ReplaceAll(s, "\r", ""), "\n")
	return len(lines) > 1 && isBlank(lines[len(lines)-2])
}

// edited returns the text between two offsets with the splices within it.
func (r *rearrangement) edited(from, to int) string {
	i, _ := slices.BinarySearchFunc(r.inner, from, func(p splice, from int) int { return cmp.Compare(p.start, from) })
	var within []splice
	for ; i < len(r.inner) && r.inner[i].start <= to; i++ {
		if p := r.inner[i]; p.end <= to {
			within = append(within, splice{p.start - from, p.end - from, p.text})
		}
	}
	return string(apply(r.text[from:to], within))
}
