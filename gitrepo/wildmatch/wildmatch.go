// Package wildmatch matches names against patterns exactly as git does (wildmatch with WM_PATHNAME): in ignore and
// attribute files, and in the conditions of includeIf.
//
//   - any characters within a folder, or none
//     ?         one character, but no slash
//     [a-z_]    one of a set, but no slash; [!a-z] and [^a-z] one that is not in it, and no slash either
//     "]" may come first; "\" escapes; POSIX classes such as [:alpha:] hold for ASCII
//     **/       at the start or after a slash: any folders, or none
//     /**       at the end: everything below
//     \x        x itself
//
// Git's characters are bytes. With [Extended], a pattern is one of a command line: characters are those of UTF-8, "**"
// crosses folders wherever it stands ("a/**.yaml", "a**b"), and {x,y} matches either.
//
// Patterns may be hostile: a .gitignore comes with the repository. A match takes time in proportion to
// len(pattern) * len(name) at worst, and nothing recurses.
package wildmatch

import (
	"strings"
	"unicode/utf8"
)

// Flags change how a pattern is read.
type Flags uint8

const (
	// FoldCase ignores the case of ASCII letters, as WM_CASEFOLD does. As in git, an escaped capital or one that stands
	// alone in a set never matches.
	FoldCase Flags = 1 << iota
	// Extended adds {x,y}, "**" wherever it stands, and characters of UTF-8 in place of bytes.
	Extended
)

// Pattern is a compiled pattern. The zero value matches nothing. It is safe for concurrent use.
type Pattern struct {
	program []instruction
	flags   Flags
	prefix  string // of every match, if case is not ignored
	skip    int    // the instructions that prefix stands for
	suffix  string // of every match, if case is not ignored
}

// instruction is a step of a nondeterministic automaton. The targets, which it reaches without a character, are later
// instructions, so one pass in order finds all that are reached before the next character.
type instruction struct {
	op      operation
	char    rune // of literal
	set     set  // of oneOf
	targets []int
}

type operation uint8

const (
	fork     operation = iota // takes no character
	literal                   // takes char
	anyChar                   // takes one character but a slash
	oneOf                     // takes one character of set, but no slash
	star                      // takes a character but a slash, and stays
	crossing                  // takes any character, and stays
)

// takes reports whether char leads on from an instruction.
func (in *instruction) takes(char rune) bool {
	switch in.op {
	case literal:
		return char == in.char
	case anyChar, star:
		return char != '/'
	case oneOf:
		return char != '/' && in.set.has(char)
	case crossing:
		return true
	}
	return false
}

// moves returns how many instructions further a character leads that is taken.
func (in *instruction) moves() int {
	if in.op == star || in.op == crossing {
		return 0
	}
	return 1
}

// Literal returns the length of what precedes the first special character of a pattern. For patterns with a slash in
// ignore and attribute files, git compares that much byte by byte and matches the rest as a pattern of its own, so that
// in "a**/b" the "**" is at a start.
func Literal(pattern string) int {
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		return i
	}
	return len(pattern)
}

// Match reports whether the pattern matches all of name.
func (p Pattern) Match(name string) bool {
	matched, _ := p.match(name)
	return matched
}

// match also returns how many instructions it looked at.
func (p Pattern) match(name string) (matched bool, steps int) {
	if p.program == nil || !strings.HasPrefix(name, p.prefix) || !strings.HasSuffix(name, p.suffix) {
		return false, 0
	}
	at, steps := p.run(p.at(p.skip), name[len(p.prefix):])
	return at.has(len(p.program)), steps
}

// at returns the state in which instruction i comes next.
func (p Pattern) at(i int) positions {
	state := newPositions(len(p.program) + 1)
	state.add(i)
	return state
}

// run returns the state after text, starting from state, which it overwrites.
func (p Pattern) run(state positions, text string) (after positions, steps int) {
	end := len(p.program)
	next := newPositions(end + 1)
	for {
		char, size := p.decode(text)
		alive := false
		for i := state.next(0); i >= 0 && i < end; i = state.next(i + 1) {
			in := &p.program[i]
			steps += 1 + len(in.set.ranges) + len(in.targets)
			for _, target := range in.targets {
				state.add(target)
			}
			if size > 0 && in.takes(char) {
				next.add(i + in.moves())
				alive = true
			}
		}
		if size == 0 {
			return state, steps
		}
		state, next = next, state
		clear(next)
		if !alive {
			return state, steps
		}
		text = text[size:]
	}
}

// decode returns the first character of text as instructions compare it, and its size in bytes: 0 at the end.
func (p Pattern) decode(text string) (char rune, size int) {
	char, size = p.flags.decode(text)
	if p.flags&FoldCase != 0 {
		char = lower(char)
	}
	return char, size
}

// decode returns the first character of text, and its size in bytes: 0 at the end.
func (f Flags) decode(text string) (char rune, size int) {
	if text == "" {
		return 0, 0
	}
	if f&Extended == 0 {
		return rune(text[0]), 1
	}
	char, size = utf8.DecodeRuneInString(text)
	if char == utf8.RuneError && size == 1 {
		char = utf8.MaxRune + 1 + rune(text[0]) // is equal to the same byte in a pattern only
	}
	return char, size
}

func lower(char rune) rune {
	if 'A' <= char && char <= 'Z' {
		return char + 'a' - 'A'
	}
	return char
}
