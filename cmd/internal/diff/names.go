package diff

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escapes are the characters that git writes with a letter (https://git-scm.com/docs/git-config#core.quotePath).
var escapes = map[byte]string{
	'\a': `\a`, '\b': `\b`, '\t': `\t`, '\n': `\n`, '\v': `\v`, '\f': `\f`, '\r': `\r`, '"': `\"`, '\\': `\\`,
}

// quote returns a name as git writes it with core.quotePath off: in quotes where it holds a quote, a backslash, or what
// a reader would not see, which are escaped, a byte at a time.
func quote(name string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r != '"' && r != '\\' && isVisible(r, n) {
			b.WriteString(name[i : i+n])
			i += n
			continue
		}
		quoted = true
		for ; n > 0; n-- {
			if letter, ok := escapes[name[i]]; ok {
				b.WriteString(letter)
			} else {
				fmt.Fprintf(&b, `\%03o`, name[i])
			}
			i++
		}
	}
	if quoted {
		return `"` + b.String() + `"`
	}
	return b.String()
}

// isVisible reports whether a reader sees r, which is encoded in n bytes, and sees it where it is.
func isVisible(r rune, n int) bool {
	return (r != utf8.RuneError || n > 1) && (r == ' ' || unicode.IsGraphic(r)) && !unicode.Is(unicode.Zl, r) &&
		!unicode.Is(unicode.Zp, r)
}

// ended returns a name for a line of its own. As git does, it ends a name that has a space, or what follows the space
// could be taken for a time.
func ended(name string) string {
	if strings.Contains(name, " ") && name[0] != '"' {
		return name + "\t"
	}
	return name
}
