package diff

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff/lcs"
)

// contextLines is the number of lines that are the same, shown before and after those that differ.
const contextLines = 3

// hunks returns the hunks of a unified diff
// (https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html). Changes whose context would touch or
// overlap share one.
func hunks(before, after string) string {
	old, now := lines(before), lines(after)
	changes := lcs.DiffLines(old, now)
	var b strings.Builder
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].Start-changes[n-1].End <= 2*contextLines {
			n++
		}
		writeHunk(&b, old, now, changes[:n])
		changes = changes[n:]
	}
	return b.String()
}

// lines returns the lines of a text, each with its end; the last one may have none.
func lines(text string) []string {
	all := strings.SplitAfter(text, "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// writeHunk writes the changes as one hunk.
func writeHunk(b *strings.Builder, old, now []string, changes []lcs.Diff) {
	first, last := changes[0], changes[len(changes)-1]
	lead := min(contextLines, first.Start)
	trail := min(contextLines, len(old)-last.End)
	fmt.Fprintf(b, "@@ -%s +%s @@\n",
		span(first.Start-lead, last.End+trail), span(first.ReplStart-lead, last.ReplEnd+trail))
	at := first.Start - lead
	for _, c := range changes {
		writeLines(b, " ", old[at:c.Start])
		writeLines(b, "-", old[c.Start:c.End])
		writeLines(b, "+", now[c.ReplStart:c.ReplEnd])
		at = c.End
	}
	writeLines(b, " ", old[at:at+trail])
}

// span returns where lines start and how many they are, as a hunk's first line has it: the lines are counted from 1,
// of no lines the one before them is told, and one line needs no number.
func span(from, to int) string {
	switch to - from {
	case 0:
		return fmt.Sprintf("%d,0", from)
	case 1:
		return fmt.Sprint(to)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

func writeLines(b *strings.Builder, sign string, lines []string) {
	for _, line := range lines {
		b.WriteString(sign + line)
		if !strings.HasSuffix(line, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
