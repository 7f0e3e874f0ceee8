package message

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The trailers (https://git-scm.com/docs/git-interpret-trailers) by which later runs know their own commits.
const (
	trailerApp      = "Update-App"
	trailerRevision = "Update-Revision"
	trailerSequence = "Update-Sequence"
)

// AppOf returns the app whose update a commit is, by its message; empty when it is not an update of this program.
func AppOf(commit string) string { return trailer(commit, trailerApp) }

// SequenceOf returns the number of the build of app that a commit is for, by its message; 0 when it has none. The
// number counts only behind the app that it is for: what stands before that may be a value.
func SequenceOf(commit, app string) int64 {
	lines := trailers(commit)
	for i, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, trailerApp+":") {
			lines = lines[i:]
			break
		}
	}
	if lastOf(lines, trailerApp) != app {
		return 0
	}
	n, err := strconv.ParseInt(lastOf(lines, trailerSequence), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// trailer returns the value of a trailer of a message, the last one where there are several; empty when there is none.
func trailer(message, key string) string { return lastOf(trailers(message), key) }

func lastOf(trailers []string, key string) string {
	value := ""
	for _, line := range trailers {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			value = strings.TrimSpace(v)
		}
	}
	return value
}

// trailers returns the lines of a message that are trailers. As git has it, those are the last paragraph, unless it is
// the first, if it has nothing else. The paragraphs before it count too if they have nothing else: a forge that
// squashes adds a paragraph of its own behind ours, GitHub below a line of dashes.
func trailers(message string) []string {
	paragraphs := blankLines.Split(strings.TrimSpace(message), -1)
	first := len(paragraphs)
	for first > 1 && onlyTrailers.MatchString(paragraphs[first-1]) {
		first--
	}
	return strings.Split(strings.Join(paragraphs[first:], "\n"), "\n")
}

var (
	blankLines   = regexp.MustCompile(`\n(?:[ \t\r]*\n)+`)
	onlyTrailers = regexp.MustCompile(`^(?:-+|[A-Za-z0-9-]+[ \t]*:.*(?:\n[ \t].*|\n[A-Za-z0-9-]+[ \t]*:.*)*)$`)
)

// Marker is the comment in the body of a pull request, unseen by people, by which later runs know their own.
type Marker struct {
	App      string `json:"app"`
	Sequence int64  `json:"sequence,omitempty"` // of the build; 0: it has none
}

var markerComment = regexp.MustCompile(`<!-- update-gitops-repo (\{.*\}) -->`)

// String returns the comment. JSON escapes what could end it.
func (m Marker) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		return "" // Of a string and a number, never.
	}
	return "<!-- update-gitops-repo " + string(text) + " -->"
}

// FindMarker returns the last marker of a body; the zero value when there is none.
func FindMarker(body string) Marker {
	var m Marker
	if all := markerComment.FindAllStringSubmatch(body, -1); len(all) > 0 {
		if json.Unmarshal([]byte(all[len(all)-1][1]), &m) != nil {
			return Marker{}
		}
	}
	return m
}
