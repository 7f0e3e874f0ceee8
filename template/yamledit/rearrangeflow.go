package yamledit

import (
	"slices"
	"strings"
)

// flowEntry is an entry of a flow collection. Each takes the comments above it and behind it along.
type flowEntry struct {
	lead string // what comes before it, from the end of the line before
	text string
	gap  string // what is between it and its comma
	tail string // what follows the comma on its line
}

// flowParts is a flow collection, taken apart.
type flowParts struct {
	opening  string // what is on the line of the bracket
	entries  []flowEntry
	trailing bool   // there is a comma behind the last
	closing  string // what is left
}

// inFlow rearranges a flow collection, which belongs to an entry at the column indent.
func (r *rearrangement) inFlow(indent int) error {
	parts := r.flowParts()
	n := len(parts.entries)
	hasGap := func(p flowEntry) bool { return strings.Contains(p.gap, "#") }
	if !slices.Equal(withoutNew(r.order), upTo(n)) && slices.ContainsFunc(parts.entries, hasGap) {
		return errComments
	}
	first, fresh := parts.leads()
	column, onNewLine := indent, fresh
	if fresh == " " {
		onNewLine = r.newline + strings.Repeat(" ", indent+2)
	} else {
		column = len(strings.TrimLeft(fresh, "\r\n"))
	}

	var out strings.Builder
	write := func(before, lead, text string) {
		if strings.Contains(before, "#") && !strings.ContainsAny(lead, "\r\n") {
			lead = onNewLine // or else all would be a comment
		}
		out.WriteString(before + lead + text)
	}
	before := parts.opening
	for i, k := range r.order {
		next, err := flowEntry{lead: fresh}, error(nil)
		if k >= 0 {
			next = parts.entries[k]
		} else if next.text, err = r.flowEntry(r.after, i, column); err != nil {
			return err
		}
		switch {
		case strings.Contains(next.lead, "#"), i == 0 && k == 0:
		case i == 0:
			next.lead = first
		case k == 0:
			next.lead = fresh
		}
		write(before, next.lead, next.text)
		before = ""
		if i < len(r.order)-1 || parts.trailing {
			before = next.gap + "," + next.tail
		} else if strings.Contains(next.tail, "#") || k == n-1 {
			before = next.tail
		}
	}
	write(before, parts.closing, "")
	r.put(r.layout.open, r.layout.close, out.String())
	return nil
}

// flowParts takes the collection apart.
func (r *rearrangement) flowParts() flowParts {
	l := r.layout
	n := len(l.entries)
	parts := flowParts{entries: make([]flowEntry, n), closing: string(r.text[l.open:l.close])}
	if n > 0 {
		parts.opening, parts.entries[0].lead = cutLine(string(r.text[l.open:l.entries[0].start]))
	}
	for k, old := range l.entries {
		next := l.close
		if k < n-1 {
			next = l.entries[k+1].start
		}
		p, behind := &parts.entries[k], string(r.text[old.end:next])
		p.text = r.edited(old.start, old.end)
		gap := blanks.FindString(behind)
		if parts.trailing = len(gap) < len(behind); parts.trailing {
			p.gap, behind = gap, behind[len(gap)+1:]
		}
		p.tail, parts.closing = cutLine(behind)
		if k < n-1 {
			parts.entries[k+1].lead = parts.closing
		}
	}
	return parts
}

// leads returns what comes before a first entry and before a new one, which is on a line of its own where one of the
// first two is.
func (p *flowParts) leads() (first, fresh string) {
	fresh = " "
	for k, old := range p.entries[:min(len(p.entries), 2)] {
		last := lastLine(old.lead)
		if k == 0 {
			first = last
		}
		if fresh == " " && strings.ContainsAny(last, "\r\n") {
			fresh = last
		}
	}
	return first, fresh
}

// cutLine cuts text where its first line ends, before the break.
func cutLine(text string) (line, rest string) {
	if at := lineBreak.FindStringIndex(text); at != nil {
		return text[:at[0]], text[at[0]:]
	}
	return "", text
}

// lastLine returns the last line of text, with the break before it.
func lastLine(text string) string {
	if at := lineBreak.FindAllStringIndex(text, -1); at != nil {
		return text[at[len(at)-1][0]:]
	}
	return text
}
