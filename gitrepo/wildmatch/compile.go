package wildmatch

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Compile parses a pattern. An error says what is malformed: a "[" or "{" that nothing closes, a "\" at the end, an
// unknown class. Git takes such a pattern and matches nothing with it, as the Pattern does that comes with the error.
func Compile(pattern string, flags Flags) (Pattern, error) {
	c := compiler{flags: flags, rest: pattern, start: true, program: []instruction{}}
	for c.rest != "" {
		if err := c.token(); err != nil {
			return Pattern{}, err
		}
	}
	if len(c.open) > 0 {
		return Pattern{}, errors.New("{ has no }")
	}
	p := Pattern{program: c.program, flags: flags}
	if flags&FoldCase == 0 {
		p.skip, p.prefix, p.suffix = c.ends()
	}
	return p, nil
}

// compiler is a pattern that is being compiled.
type compiler struct {
	flags   Flags
	rest    string // of the pattern
	start   bool   // the rest starts the pattern or follows a slash
	program []instruction
	open    []braces
}

// braces are a { whose } has not come yet.
type braces struct {
	fork  int   // the instruction that chooses an alternative
	ends  []int // the instructions that leave an alternative
	start bool  // of the compiler at the {
}

func (c *compiler) emit(in instruction) { c.program = append(c.program, in) }

// loop emits an instruction that takes any number of characters.
func (c *compiler) loop(op operation) {
	c.emit(instruction{op: op, targets: []int{len(c.program) + 1}})
}

// next takes one character off the rest.
func (c *compiler) next() rune {
	char, size := c.flags.decode(c.rest)
	c.rest = c.rest[size:]
	return char
}

// token compiles the next token of the rest.
func (c *compiler) token() error {
	start := c.start
	c.start = false
	extended := c.flags&Extended != 0
	switch char := c.next(); {
	case char == '*':
		c.stars(start)
	case char == '?':
		c.emit(instruction{op: anyChar})
	case char == '[':
		return c.set()
	case char == '\\':
		if c.rest == "" {
			return errors.New(`\ at the end escapes nothing`)
		}
		char = c.next()
		c.start = char == '/'
		c.emit(instruction{op: literal, char: char})
	case extended && char == '{':
		c.open = append(c.open, braces{fork: len(c.program), start: start})
		c.emit(instruction{op: fork, targets: []int{len(c.program) + 1}})
		c.start = start
	case extended && char == ',' && len(c.open) > 0:
		c.alternative()
	case extended && char == '}':
		if len(c.open) == 0 {
			return errors.New("} has no {")
		}
		c.close()
	default:
		c.start = char == '/'
		if c.flags&FoldCase != 0 {
			char = lower(char)
		}
		c.emit(instruction{op: literal, char: char})
	}
	return nil
}

// stars compiles a run of stars, the first of which is taken already.
func (c *compiler) stars(start bool) {
	more := c.rest
	c.rest = strings.TrimLeft(c.rest, "*")
	double := len(c.rest) < len(more)
	extended := c.flags&Extended != 0
	switch {
	case double && start && strings.HasPrefix(c.rest, "/"):
		// Any folders with their slashes, or none.
		c.rest = c.rest[1:]
		c.start = true
		next := len(c.program) + 3
		c.emit(instruction{op: fork, targets: []int{next - 2, next}})
		c.loop(crossing)
		c.emit(instruction{op: literal, char: '/'})
	case double && (extended || start && (c.rest == "" || strings.HasPrefix(c.rest, `\/`))):
		c.loop(crossing)
	default:
		c.loop(star)
	}
}

// alternative ends an alternative of the innermost braces, and begins the next.
func (c *compiler) alternative() {
	b := &c.open[len(c.open)-1]
	b.ends = append(b.ends, len(c.program))
	c.emit(instruction{op: fork})
	c.program[b.fork].targets = append(c.program[b.fork].targets, len(c.program))
	c.start = b.start
}

// close ends the innermost braces.
func (c *compiler) close() {
	b := c.open[len(c.open)-1]
	c.open = c.open[:len(c.open)-1]
	for _, end := range b.ends {
		c.program[end].targets = []int{len(c.program)}
	}
}

var errNoBracket = errors.New("[ has no ]")

// set compiles a set, whose [ is taken already.
func (c *compiler) set() error {
	var s set
	if strings.HasPrefix(c.rest, "!") || strings.HasPrefix(c.rest, "^") {
		s.negated = true
		c.rest = c.rest[1:]
	}
	before := rune(-1) // the character that a "-" would make a range from
	for first := true; first || !strings.HasPrefix(c.rest, "]"); first = false {
		class, err := c.class()
		if err != nil {
			return err
		}
		if class != nil {
			s.add(c.flags, class...)
			before = -1
			continue
		}
		isRange := before >= 0 && len(c.rest) > 1 && c.rest[0] == '-' && c.rest[1] != ']'
		if isRange {
			c.rest = c.rest[1:]
		}
		char, err := c.member()
		if err != nil {
			return err
		}
		if isRange {
			s.add(c.flags, charRange{before, char})
			before = -1
			continue
		}
		s.ranges = append(s.ranges, charRange{char, char})
		before = char
	}
	c.rest = c.rest[1:]
	c.emit(instruction{op: oneOf, set: s})
	return nil
}

// member takes a character of a set, which may be escaped.
func (c *compiler) member() (rune, error) {
	if c.rest != "" && c.rest[0] == '\\' {
		c.rest = c.rest[1:]
	}
	if c.rest == "" {
		return 0, errNoBracket
	}
	return c.next(), nil
}

// class takes a class such as [:alpha:], if one comes next. What has no ":]" is no class.
func (c *compiler) class() ([]charRange, error) {
	rest, ok := strings.CutPrefix(c.rest, "[:")
	if !ok {
		return nil, nil
	}
	name, rest, ok := strings.Cut(rest, "]")
	if !ok {
		return nil, errNoBracket
	}
	if name, ok = strings.CutSuffix(name, ":"); !ok {
		return nil, nil
	}
	class := classes[name]
	if class == nil {
		return nil, fmt.Errorf("unknown class [:%s:]", name)
	}
	c.rest = rest
	return class, nil
}

// add adds ranges to a set, and the small letters to those of capitals where case is ignored.
func (s *set) add(flags Flags, ranges ...charRange) {
	for _, r := range ranges {
		s.ranges = append(s.ranges, r)
		if low, high := max(r.low, 'A'), min(r.high, 'Z'); flags&FoldCase != 0 && low <= high {
			s.ranges = append(s.ranges, charRange{lower(low), lower(high)})
		}
	}
}

// ends returns the text that every match starts with, how many instructions that is, and the text that every match ends
// with.
func (c *compiler) ends() (skip int, prefix, suffix string) {
	for skip < len(c.program) && c.program[skip].op == literal {
		skip++
	}
	joined := 0 // the last instruction that a fork goes to
	for _, in := range c.program {
		for _, target := range in.targets {
			joined = max(joined, target)
		}
	}
	last := len(c.program)
	for last > joined && c.program[last-1].op == literal {
		last--
	}
	return skip, text(c.flags, c.program[:skip]...), text(c.flags, c.program[last:]...)
}

// text returns the characters of literals.
func text(flags Flags, literals ...instruction) string {
	var b strings.Builder
	for _, in := range literals {
		if in.char > utf8.MaxRune || flags&Extended == 0 {
			b.WriteByte(byte(in.char))
		} else {
			b.WriteRune(in.char)
		}
	}
	return b.String()
}
