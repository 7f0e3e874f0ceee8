package yqedit

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"update-gitops-repo/template/glob"
)

// cutFile cuts "FILE:REST". FILE ends at the first ":" before which it is a complete glob: one in brackets, in braces
// or after a backslash is a part of it, as in [[:digit:]].yaml, {a:b,c}.yaml and a\:b.yaml. It returns the error of
// glob.Check for the FILE that ends at the first ":" of all when there is none; shape is what s has to be.
func cutFile(s, shape string) (file, rest string, err error) {
	end := strings.IndexByte(s, ':')
	if end < 0 {
		return "", "", fmt.Errorf("it has no \":\": it must be %s", shape)
	}
	err = glob.Check(s[:end])
	for i := end; i < len(s); i++ {
		if s[i] == ':' && glob.Check(s[:i]) == nil {
			return s[:i], s[i+1:], checkStart(s[:i], s[i+1:])
		}
		if !strings.ContainsAny(s[:end], `[{\`) {
			break // A longer one is not better.
		}
	}
	return "", "", err
}

// secondName finds a ":" that is a part of a file's name, where a path should begin.
var secondName = regexp.MustCompile(`^[/\\\w][\w./\\ -]*:\.`)

// checkStart returns an error if FILE seems to go on in what follows it, as after the drive in C:\values.yaml.
func checkStart(file, rest string) error {
	if !secondName.MatchString(rest) {
		return nil
	}
	const rule = `it is relative to the repository, and a ":" in its name is written "\:"`
	return fmt.Errorf("FILE ends at the first \":\", here as %q: %s", file, rule)
}

// cutPath cuts "PATH=VALUE" as ParseAssignment describes it. offset is how many characters of the flag's value stand
// before s, for the errors, which say where a bracket or a quote is without its other half.
func cutPath(s string, offset int) (path, value string, err error) {
	c := pathCutter{text: s, offset: offset}
	for c.next < len(s) {
		if s[c.next] == '=' && len(c.open) == 0 {
			path, value = s[:c.next], s[c.next+1:]
			return path, value, checkEnd(path, value)
		}
		if c.atComment() {
			return "", "", fmt.Errorf("%q begins a comment, which is no part of a path", c.at(c.next))
		}
		if err := c.step(); err != nil {
			return "", "", err
		}
	}
	if err := c.closed(); err != nil {
		return "", "", err
	}
	return "", "", errors.New(`it has no "=" after the path: it must be FILE:PATH=VALUE`)
}

// checkBalance returns an error if a bracket or a quote of a yq expression is without its other half, which yq says
// without the place. offset is that of cutPath.
func checkBalance(expr string, offset int) error {
	c := pathCutter{text: expr, offset: offset}
	for c.next < len(expr) {
		if c.atComment() {
			line, _, _ := strings.Cut(expr[c.next:], "\n")
			c.next += len(line)
			continue
		}
		if err := c.step(); err != nil {
			return err
		}
	}
	return c.closed()
}

// pathCutter reads a path up to the "=" that ends it.
type pathCutter struct {
	text   string
	offset int
	next   int       // where text is read on
	open   []bracket // those that are not closed yet
}

// bracket is one that is open.
type bracket struct {
	start int    // of it, in the text
	close string // what closes it
}

// position is a piece of the text for an error, which %q writes with the number of its first character, from 1.
type position struct {
	piece  string
	number int
}

func (p position) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%q at character %d", p.piece, p.number)
}

// at returns the position of the word, or of the character, that starts there.
func (c *pathCutter) at(start int) position {
	piece := pathWord.FindString(c.text[start:])
	if piece == "" {
		_, size := utf8.DecodeRuneInString(c.text[start:])
		piece = c.text[start : start+size]
	}
	return position{piece, c.offset + utf8.RuneCountInString(c.text[:start]) + 1}
}

var (
	// pathWord is a word of yq's: an operator, if or end.
	pathWord = regexp.MustCompile(`^[A-Za-z_]\w*`)
	// quotedKey is a key such as ."a=b", in which a backslash escapes nothing, as yq reads it.
	quotedKey = regexp.MustCompile(`^\."[^ "]+"`)
	// plainKey is a key or a variable such as .a and $x, which may read like a word.
	plainKey = regexp.MustCompile(`^[.$][^\s"(){}\[\]|,;:.!=]+`)
	// quoted is a string.
	quoted = regexp.MustCompile(`^"(?s:[^"\\]|\\.)*"`)
)

// step reads one key, string, bracket, word or other character.
func (c *pathCutter) step() error {
	rest := c.text[c.next:]
	for _, whole := range []*regexp.Regexp{quotedKey, plainKey, quoted} {
		if token := whole.FindString(rest); token != "" {
			c.next += len(token)
			return nil
		}
	}
	start := c.next
	word := pathWord.FindString(rest)
	c.next += max(len(word), 1)
	switch rest[0] {
	case '"':
		return fmt.Errorf(`%q has no '"' that closes it`, c.at(start))
	case '(':
		c.open = append(c.open, bracket{start, ")"})
	case '[':
		c.open = append(c.open, bracket{start, "]"})
	case '{':
		c.open = append(c.open, bracket{start, "}"})
	case ')', ']', '}':
		return c.close(start, rest[:1])
	}
	switch word {
	case "if":
		c.open = append(c.open, bracket{start, "end"})
	case "end":
		return c.close(start, word)
	}
	return nil
}

// atComment reports whether a comment begins at the next character. Within a key, # is a part of that.
func (c *pathCutter) atComment() bool {
	return c.text[c.next] == '#' && (c.next == 0 || strings.IndexByte(" \t\n([{,|", c.text[c.next-1]) >= 0)
}

// closed returns an error if a bracket is still open.
func (c *pathCutter) closed() error {
	if len(c.open) == 0 {
		return nil
	}
	last := c.open[len(c.open)-1]
	return fmt.Errorf("%q has no %q that closes it", c.at(last.start), last.close)
}

// close closes the last bracket, which has to be the one that goes with it.
func (c *pathCutter) close(start int, by string) error {
	if len(c.open) == 0 {
		return fmt.Errorf("%q closes nothing", c.at(start))
	}
	last := c.open[len(c.open)-1]
	if last.close != by {
		return fmt.Errorf("%q does not close %q", c.at(start), c.at(last.start))
	}
	c.open = c.open[:len(c.open)-1]
	return nil
}

// otherOperator finds, at the end of a path, what is another operator of yq's together with the "=" behind it.
var otherOperator = regexp.MustCompile(`(?:\||!|<|>|\+|-|//?|\s\*[cdn+?]*)$`)

// checkEnd returns an error if PATH and VALUE are more likely a yq expression: .a += 1 would otherwise set a key "a+"
// or fail in yq's words, and .a = 1 set a text that begins with a space.
func checkEnd(path, value string) error {
	if operator := strings.TrimSpace(otherOperator.FindString(path)); operator != "" {
		const rule = "-set has = alone; -yq has the others, and a key that ends so is written [\"KEY\"]"
		return fmt.Errorf("%q is an operator of yq: %s", operator+"=", rule)
	}
	if path == strings.TrimSpace(path) || value == "" || strings.IndexByte(" \t\n=", value[0]) < 0 {
		return nil
	}
	if value[0] == '=' {
		return errors.New("there is a space before the \"=\": write PATH=VALUE, or a comparison in select(…)")
	}
	return errors.New("there are spaces around the \"=\", which would be a part of the value: write PATH=VALUE")
}
