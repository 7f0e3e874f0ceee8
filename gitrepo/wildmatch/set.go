package wildmatch

import "slices"

// set is what [...] stands for.
type set struct {
	ranges  []charRange
	negated bool
}

// charRange holds the characters from low to high, both included.
type charRange struct{ low, high rune }

func (s set) has(char rune) bool {
	in := slices.ContainsFunc(s.ranges, func(r charRange) bool { return r.low <= char && char <= r.high })
	return in != s.negated
}

// classes are the POSIX classes in git's version: of ASCII only, and space without the vertical tab and the form feed.
var classes = map[string][]charRange{
	"alnum":  {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}},
	"alpha":  {{'A', 'Z'}, {'a', 'z'}},
	"blank":  {{' ', ' '}, {'\t', '\t'}},
	"cntrl":  {{0, 31}, {127, 127}},
	"digit":  {{'0', '9'}},
	"graph":  {{'!', '~'}},
	"lower":  {{'a', 'z'}},
	"print":  {{' ', '~'}},
	"punct":  {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}},
	"space":  {{' ', ' '}, {'\t', '\n'}, {'\r', '\r'}},
	"upper":  {{'A', 'Z'}},
	"xdigit": {{'0', '9'}, {'A', 'F'}, {'a', 'f'}},
}
