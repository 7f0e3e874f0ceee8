package template

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// rearrange puts the entries of a block collection into order, and new ones among them.
func (e *editor) rearrange(a *yaml.Node, s slot, l layout, order []int, inner []splice) error {
	n := len(l.entries)
	from := e.head(l.entries[0].start)
	inline := from == l.entries[0].start
	indent := strings.Repeat(" ", l.column)

	// The text of each entry, and of the lines before it that belong to none.
	chunks, gaps := make([]string, n), make([]string, n)
	end := from
	for i, entry := range l.entries {
		start := from
		if i > 0 {
			start = e.head(entry.start)
			gaps[i] = string(e.src[end:start])
		}
		if strings.Trim(string(e.src[entry.end:e.lineEnd(entry.end)]), " \t") != "" && !comment.Match(e.src[entry.end:]) {
			return errors.New("something behind a value")
		}
		next := len(e.src)
		if i+1 < n {
			next = l.entries[i+1].start
		}
		end = e.below(entry.end, next, l.column)
		chunks[i] = e.text(inner, start, end)
		if i == 0 && inline {
			chunks[i] = indent + chunks[i]
		}
	}

	// What is cut leaves the comments around it, and one blank line where there were two.
	kept := make([]bool, n)
	for _, k := range order {
		if k >= 0 {
			kept[k] = true
		}
	}
	carry := ""
	for i := range n {
		switch blank := strings.TrimSpace(gaps[i]) == ""; {
		case carry == "":
		case strings.TrimSpace(carry) == "" && gaps[i] != "":
		case blank && gaps[i] != "" && strings.TrimSpace(carry) != "" && endsBlank(carry):
			gaps[i] = carry
		default:
			gaps[i] = carry + gaps[i]
		}
		carry = ""
		if !kept[i] {
			carry = gaps[i]
		}
	}

	var out strings.Builder
	for i, k := range order {
		text, gap := "", ""
		if k < 0 {
			text = e.entry(a, i, l.column)
		} else {
			text, gap = chunks[k], gaps[k]
		}
		if i == 0 && e.commentColumn(e.line(from)-1) < 0 {
			gap = strings.TrimLeft(gap, "\r\n")
			if strings.TrimSpace(gap) == "" {
				gap = ""
			}
		}
		out.WriteString(gap)
		out.WriteString(text)
	}
	if strings.TrimSpace(carry) != "" {
		out.WriteString(carry)
	}
	text := out.String()
	if inline {
		text = strings.TrimPrefix(text, indent)
	}
	e.put(from, end, text)
	return nil
}

func endsBlank(s string) bool {
	lines := strings.Split(strings.ReplaceAll(s, "\r", ""), "\n")
	return len(lines) > 1 && strings.TrimSpace(lines[len(lines)-2]) == ""
}

// rearrangeFlow puts the entries of a flow collection into order, and new ones among them. Each takes the comments above
// it and behind it along.
func (e *editor) rearrangeFlow(a *yaml.Node, s slot, l layout, order []int, inner []splice) error {
	// lead is what comes before an entry, from the end of the line before; gap what is between it and its comma, and tail
	// what follows that on the line. opening and closing are what is left, with a comma if trailing.
	type piece struct{ lead, text, gap, tail string }
	n := len(l.entries)
	pieces := make([]piece, n)
	opening, closing, trailing := "", string(e.src[l.open:l.close]), false
	if n > 0 {
		opening, pieces[0].lead = cutLine(string(e.src[l.open:l.entries[0].start]))
	}
	for k, entry := range l.entries {
		next := l.close
		if k < n-1 {
			next = l.entries[k+1].start
		}
		p, behind := &pieces[k], string(e.src[entry.end:next])
		p.text = e.text(inner, entry.start, entry.end)
		gap := blanks.FindString(behind)
		if trailing = len(gap) < len(behind); trailing {
			p.gap, behind = gap, behind[len(gap)+1:]
		}
		p.tail, closing = cutLine(behind)
		if k < n-1 {
			pieces[k+1].lead = closing
		}
	}
	if !slices.Equal(withoutNew(order), upTo(n)) && slices.ContainsFunc(pieces, func(p piece) bool { return strings.Contains(p.gap, "#") }) {
		return errComments
	}
	// A new entry is on a line of its own where one of the first two is.
	first, fresh, column := "", " ", s.indent
	for k, p := range pieces[:min(n, 2)] {
		last := lastLine(p.lead)
		if k == 0 {
			first = last
		}
		if fresh == " " && strings.ContainsAny(last, "\r\n") {
			fresh, column = last, len(strings.TrimLeft(last, "\r\n"))
		}
	}

	broken := fresh
	if fresh == " " {
		broken = e.nl + strings.Repeat(" ", s.indent+2)
	}
	var out strings.Builder
	write := func(before, lead, text string) {
		if strings.Contains(before, "#") && !strings.ContainsAny(lead, "\r\n") {
			lead = broken // or else all would be a comment
		}
		out.WriteString(before + lead + text)
	}
	before := opening
	for i, k := range order {
		p := piece{lead: fresh}
		if k >= 0 {
			p = pieces[k]
		} else {
			var err error
			if p.text, err = e.flowEntry(a, i, column); err != nil {
				return err
			}
		}
		switch {
		case strings.Contains(p.lead, "#"), i == 0 && k == 0:
		case i == 0:
			p.lead = first
		case k == 0:
			p.lead = fresh
		}
		write(before, p.lead, p.text)
		switch last := i == len(order)-1; {
		case !last || trailing:
			before = p.gap + "," + p.tail
		case strings.Contains(p.tail, "#") || k == n-1:
			before = p.tail
		default:
			before = ""
		}
	}
	write(before, closing, "")
	e.put(l.open, l.close, out.String())
	return nil
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

// text returns the text between two offsets with the splices within it, of those in order.
func (e *editor) text(splices []splice, from, to int) string {
	i, _ := slices.BinarySearchFunc(splices, from, func(p splice, from int) int { return cmp.Compare(p.start, from) })
	var inner []splice
	for ; i < len(splices) && splices[i].start <= to; i++ {
		if p := splices[i]; p.end <= to {
			inner = append(inner, splice{p.start - from, p.end - from, p.text})
		}
	}
	return string(apply(e.src[from:to], inner))
}
