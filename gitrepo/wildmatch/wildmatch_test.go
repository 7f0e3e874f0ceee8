package wildmatch

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	const deep = "usr/share/fonts/dejavu/sans-bold-12.ttf"
	tests := []struct {
		flags   Flags
		pattern string
		yes, no string // names, space-separated
	}{
		// Text and single wildcards.
		{0, "team", "team", "teams Team tea"},
		{0, "t??m", "team term", "tm t/am teaam"},
		{0, "??", "te é", "t tea"},
		{0, "*", "team .git", "a/b"},
		{0, "t*", "t team", "at t/a"},
		{0, "*m", "m team", "teams a/m"},
		{0, "t*m*", "tm team tXmX", "te t/m"},
		{0, "*ob*a*r*", "foobar obar", "obr ob/ar"},
		{0, "*a*a*b", "aab xaxaxb", "ab a/ab"},
		// Double stars.
		{0, "**", "a a/b /a", ""},
		{0, "***", "a a/b", ""},
		{0, "a/**", "a/b a/b/c a/", "a ab/c"},
		{0, "**/a", "a /a x/a x/y/a", "xa x/ya a/x"},
		{0, "a/**/b", "a/b a/x/b a/x/y/b", "ab a/xb aX/b"},
		{0, "a/**/**/b", "a/b a/x/b a/x/y/b", "ab"},
		{0, "a/***/b", "a/b a/x/y/b", "ab"},
		{0, "a**b", "ab axb", "a/b a/x/b"},
		{0, "a**/b", "a/b ax/b", "ax/y/b ab"},
		{0, "**.yaml", "a.yaml .yaml", "a/b.yaml"},
		{0, "**/*.yaml", "a.yaml x/a.yaml", "a.yml"},
		{0, "**/a*/**/c", "a/c x/ab/c ab/y/c a/x/y/c", "c x/c b/c"},
		{0, `**\/a`, "x/a /a x/y/a", "a"},
		{0, `\/**/a`, "/a /x/a", "a"},
		{0, "*/a", "x/a /a", "a x/y/a"},
		{0, "*/*/*", "a/b/c", "a/b a/b/c/d"},
		{0, "**/t*o**", "x/too too", "x/to/o"},
		{0, "usr/**/*-*-*.ttf", deep, deep + "x usr/sans-bold.ttf"},
		{0, "**/*a*b*g*n*t", "abcd/abcdefg/abcdefghijklmnop-nt", "abcd/abcdefg/abcdefghijklmnop.txtz"},
		{0, "*/*/*/12/*/*/m/*/*", "-a/b/c/12/g/h/m/j/k /b/c/12/g/h/m/j/k", "-a/b/c/12/g/h/n/j/k"},
		// Sets.
		{0, "[abc]", "a b c", "d ab A"},
		{0, "[a-c]x", "ax cx", "dx x"},
		{0, "[!a-c]x", "dx -x", "ax x /x éx"},
		{0, "[^a]", "b ! ^", "a /"},
		{0, "a[!x]b", "ayb", "a/b axb"},
		{0, "a[/]b", "", "a/b a[/]b"},
		{0, "[]a]", "] a", "b [ []a]"},
		{0, "[!]a]", "b [", "] a"},
		{0, "[]-a]", "] ^ _ a", "b ["},
		{0, "[a-]", "a -", "b"},
		{0, "[-a]", "a -", "b"},
		{0, "[--0]", "- . 0", "1 /"},
		{0, "[a-c-e]", "a b c - e", "d"},
		{0, "[c-a]", "c", "a b -"},
		{0, `[\]]`, "]", `\ [`},
		{0, `[\a-\c]`, "a b c", `\ - d`},
		{0, `[\\-^]`, `\ ] ^`, "[ _"},
		{0, "[!-]", "a", "-"},
		{0, "[*?]", "* ?", "a"},
		{0, "[,-.]", ", - .", "+"},
		{0, "[[]", "[", "]"},
		{0, "[[-\\]]", `[ \ ]`, "Z ^"},
		// Classes.
		{0, "team[[:digit:]]/x", "team1/x", "team/x teama/x"},
		{0, "[[:alpha:]][[:digit:]][[:upper:]]", "a1B", "a1b 11B"},
		{0, "[![:alpha:]]", "1 -", "a Z"},
		{0, "[[:digit:][:upper:]_-]", "1 A _ -", "a"},
		{0, "[[:digit:]-x]", "1 - x", "a :"},
		{0, "[a-[:digit:]]", "", "a 1 :"},
		{0, "[Z-[:]", "Z [ :", "a"},
		{0, "[[:]ab]", "[ab] :ab]", "a b [[:]ab]"},
		{0, "[[:alpha]", "a : [ l", "b"},
		{0, "[[:xdigit:]]", "a F 9", "g G"},
		// Escapes.
		{0, `\*`, "*", `a \*`},
		{0, `a\?b`, "a?b", `axb a\?b`},
		{0, `\[ab]`, "[ab]", "a b"},
		{0, `\\`, `\`, `\\`},
		{0, `\a\b`, "ab", `\a\b`},
		// Case.
		{FoldCase, "Team/*", "team/a TEAM/B", "tea/a"},
		{FoldCase, "[a-c]X", "ax Bx CX", "dx"},
		{FoldCase, "[A-C]", "a B", "d"},
		{FoldCase, "[!A-C]", "d", "a B"},
		{FoldCase, "[[:upper:]]", "a A", "1"},
		{FoldCase, "[A]", "", "a A"},
		{FoldCase, `\A`, "", "a A"},
		{FoldCase, "É", "É", "é"},
		// The command line's patterns.
		{Extended, "live/**.yaml", "live/a.yaml live/x/y/a.yaml live/.yaml", "live.yaml a.yaml"},
		{Extended, "a**b", "ab axb a/b a/x/b", "a bx"},
		{Extended, "a**/b", "a/b a/x/b ax/y/b", "ab"},
		{Extended, "a/**/b", "a/b a/x/b", "ab"},
		{Extended, "{a,b/c}.yaml", "a.yaml b/c.yaml", "b.yaml .yaml"},
		{Extended, "{a,}b", "ab b", "a"},
		{Extended, "{a{b,c},d}{e,f}", "abe ace de acf df", "ae d abcd"},
		{Extended, "{**/,x}b", "b a/b a/x/b xb", "ab"},
		{Extended, "x{**/,}b", "xa/b x/b xb", "xab"},
		{Extended, "{x/**,y/*}.z", "x/a.z x/a/b.z y/a.z", "y/a/b.z"},
		{Extended, `\{a,b\}`, "{a,b}", "a b"},
		{Extended, `{a\,b,\}}`, "a,b }", "a b"},
		{Extended, "[{,}]", "{ , }", "a"},
		{Extended, "a,b", "a,b", "a b"},
		{Extended, "?", "é a \xff", "éé \xff\xff"},
		{Extended, "[é-ü]", "é ö", "e"},
		{Extended, "[!é]", "e ü", "é"},
		{Extended, "a\xff*", "a\xff a\xffb", "a aÿ"},
		{Extended, "é[[:alpha:]].yaml", "éa.yaml", "éé.yaml"},
		{0, "{a,b}", "{a,b}", "a b"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%b %s", tt.flags, tt.pattern), func(t *testing.T) {
			t.Parallel()
			p, err := Compile(tt.pattern, tt.flags)
			if err != nil {
				t.Fatal(err)
			}
			check := func(names string, want bool) {
				for _, name := range strings.Fields(names) {
					if p.Match(name) != want {
						t.Errorf("%q: matches %t", name, !want)
					}
				}
			}
			check(tt.yes, true)
			check(tt.no, false)
			if empty := strings.Trim(tt.pattern, "*") == ""; p.Match("") != empty {
				t.Errorf("matches the empty name: %t", !empty)
			}
		})
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flags         Flags
		pattern, want string
	}{
		{0, "[", "[ has no ]"},
		{0, "a[", "[ has no ]"},
		{0, "[]", "[ has no ]"},
		{0, "[!]", "[ has no ]"},
		{0, "[a-", "[ has no ]"},
		{0, `[\`, "[ has no ]"},
		{0, `[a-\`, "[ has no ]"},
		{0, "[[:alpha:", "[ has no ]"},
		{0, "[[:alpha:]", "[ has no ]"},
		{0, `a\`, `\ at the end escapes nothing`},
		{0, "[[:letter:]]", "unknown class [:letter:]"},
		{0, "[[::]]", "unknown class [::]"},
		{Extended, "{a", "{ has no }"},
		{Extended, "{a,{b}", "{ has no }"},
		{Extended, "a}", "} has no {"},
		{Extended, "{a}}", "} has no {"},
		{Extended, "{[}", "[ has no ]"},
	} {
		p, err := Compile(tt.pattern, tt.flags)
		if err == nil || err.Error() != tt.want {
			t.Errorf("Compile(%q, %b) = %v, want %s", tt.pattern, tt.flags, err, tt.want)
		}
		for _, name := range []string{"", "a", tt.pattern} {
			if p.Match(name) || p.Walk().Match(name) {
				t.Errorf("%q matches %q", tt.pattern, name)
			}
		}
		if _, ok := p.Walk().Enter("a"); ok {
			t.Errorf("%q leads on", tt.pattern)
		}
	}
	var zero Pattern
	if zero.Match("") || zero.Match("a") {
		t.Error("the zero Pattern matches")
	}
	if p, err := Compile("", 0); err != nil || !p.Match("") || p.Match("a") {
		t.Error("the empty pattern does not match just nothing")
	}
}

func TestLiteral(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]int{
		"": 0, "a/b": 3, "a*": 1, "a?": 1, "a[b]": 1, `a\b`: 1, "*": 0, "é*": 2, "{a}": 3,
	} {
		if got := Literal(pattern); got != want {
			t.Errorf("Literal(%q) = %d, want %d", pattern, got, want)
		}
	}
}

// most is how many steps a match may take.
func most(pattern, name string) int { return 4 * (len(pattern) + 1) * (len(name) + 1) }

// TestSteps matches patterns that take a backtracking matcher exponential or cubic time.
func TestSteps(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, repeated, end, text string }{
		{"stars", "*a", "*b", "a"},
		{"single characters", "*?", "*b", "a"},
		{"sets", "*[!b]", "*b", "a"},
		{"large sets", "*[a-bc-de-fg-hi-jk-lm-no-p]", "*q", "a"},
		{"classes", "*[[:punct:][:alnum:][:alpha:]]", "*\x01[c]", "a"},
		{"folders", "**/", "b", "a/"},
		{"folders and names", "**/a/", "b", "a/"},
		{"folders and stars", "**/*a/", "b", "aa/"},
		{"crossing stars", "**a", "**b", "a"},
		{"crossing stars and slashes", "**a*/", "**b", "aa/"},
		{"alternatives", "{a,aa,*a}", "b", "a"},
		{"alternatives of nothing", "{,,,}", "b", "a"},
		{"alternatives of stars", "{*,**,a}", "[b]", "a"},
	}
	for _, tt := range tests {
		for _, flags := range []Flags{0, FoldCase, Extended} {
			t.Run(fmt.Sprintf("%s, %b", tt.name, flags), func(t *testing.T) {
				t.Parallel()
				pattern, name := strings.Repeat(tt.repeated, 40)+tt.end, strings.Repeat(tt.text, 400)
				p, err := Compile(pattern, flags)
				if err != nil {
					t.Fatal(err)
				}
				p.suffix = "" // which would answer at once
				if matched, steps := p.match(name); matched || steps > most(pattern, name) {
					t.Errorf("matched %t in %d steps; at most %d are allowed", matched, steps, most(pattern, name))
				}
			})
		}
	}
	// Nesting does not recurse.
	deep := strings.Repeat("{", 100_000) + "a" + strings.Repeat("}", 100_000)
	if p, err := Compile(deep, Extended); err != nil || !p.Match("a") || p.Match("b") {
		t.Errorf("braces within each other: %v", err)
	}
}

func TestWalk(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern string
		folder  string // empty: the root
		names   string // space-separated; "*": any; "-": the folder cannot hold a match
	}{
		{"a/b", "", "a"},
		{"a/b", "a", "b"},
		{"a/b", "b", "-"},
		{"a/b", "a/b", "-"},
		{"a*/b", "", "*"},
		{"a*/b", "ax", "b"},
		{"a*/b", "x", "-"},
		{"{a,b/c}/d", "", "a b"},
		{"{a,b/c}/d", "b", "c"},
		{"{a,b/c}/d", "b/c", "d"},
		{"{a,b*}/d", "", "*"},
		{"{a,b}{c,d}", "", "ac ad bc bd"},
		{"a/**/b", "a", "*"},
		{"a/**/b", "a/x/y", "*"},
		{`\[a\]/é/*`, "", "[a]"},
		{`\[a\]/é/*`, "[a]", "é"},
		{"a\xff/*", "", "a\xff"},
		{strings.Repeat("{a,b}", 20) + "/x", "", "*"}, // a million
	}
	for _, tt := range tests {
		p, err := Compile(tt.pattern, Extended)
		if err != nil {
			t.Fatal(err)
		}
		got, walk, reached := "", p.Walk(), true
		for folder := range strings.SplitSeq(tt.folder, "/") {
			if folder != "" && reached {
				walk, reached = walk.Enter(folder)
			}
		}
		if names, fixed := walk.Names(); !reached {
			got = "-"
		} else if got = "*"; fixed {
			got = strings.Join(names, " ")
		}
		if got != tt.names {
			t.Errorf("%s in %q: got %s, want %s", tt.pattern, tt.folder, got, tt.names)
		}
	}
}

// walkTo matches a name folder by folder.
func walkTo(t *testing.T, p Pattern, name string) bool {
	walk := p.Walk()
	parts := strings.Split(name, "/")
	for i, part := range parts {
		if names, fixed := walk.Names(); fixed && !slices.Contains(names, part) {
			return false
		}
		if i == len(parts)-1 {
			return walk.Match(part)
		}
		var ok bool
		if walk, ok = walk.Enter(part); !ok {
			return false
		}
	}
	return false
}

// expression translates a pattern without sets, braces and escapes.
func expression(pattern string, flags Flags) *regexp.Regexp {
	const folders, within, across = "\x01", "\x02", "\x03"
	re := regexp.MustCompile(`(^|/)\*\*+/`)
	for re.MatchString(pattern) { // twice, where one begins with the slash of another
		pattern = re.ReplaceAllString(pattern, "$1"+folders)
	}
	if flags&Extended != 0 {
		pattern = regexp.MustCompile(`\*\*+`).ReplaceAllString(pattern, across)
	}
	pattern = regexp.MustCompile(`(^|/|`+folders+`)\*\*+$`).ReplaceAllString(pattern, "$1"+across)
	pattern = regexp.MustCompile(`\*+`).ReplaceAllString(pattern, within)
	pattern = strings.NewReplacer(`\?`, "[^/]", folders, "(?:.*/)?", within, "[^/]*", across, ".*").
		Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile(`(?s)^(?:` + pattern + `)$`)
}

func FuzzMatch(f *testing.F) {
	for _, pattern := range []string{
		"*", "**", "a/**/b", "**/a**/*b", "?a*", "[a-c]*", "[!]a]/**", "[[:alpha:]]", "{a,b/**}.c", `\*\[`,
		"***/b", "**/**/a", "{a", "[a-", "a\xff?", "**a**",
	} {
		for _, flags := range []Flags{0, FoldCase, Extended} {
			f.Add(pattern, "a/x/b", uint8(flags))
			f.Add(pattern, "b/ab.c", uint8(flags))
		}
	}
	f.Fuzz(func(t *testing.T, pattern, name string, bits uint8) {
		flags := Flags(bits) & (FoldCase | Extended)
		p, err := Compile(pattern, flags)
		matched, steps := p.match(name)
		if err != nil {
			if matched {
				t.Errorf("%q is malformed (%v), and matches %q", pattern, err, name)
			}
			return
		}
		if steps > most(pattern, name) {
			t.Errorf("%q on %q takes %d steps", pattern, name, steps)
		}
		if fs.ValidPath(name) && walkTo(t, p, name) != matched {
			t.Errorf("%q on %q, flags %b: %t at once, %t folder by folder", pattern, name, flags, matched, !matched)
		}
		if flags&FoldCase == 0 && !strings.ContainsAny(pattern, "[]{}\\\x01\x02\x03") && isASCII(pattern+name) {
			if want := expression(pattern, flags).MatchString(name); matched != want {
				t.Errorf("%q on %q, flags %b: got %t, want %t", pattern, name, flags, matched, want)
			}
		}
	})
}

func isASCII(s string) bool { return !regexp.MustCompile(`[^\x00-\x7f]`).MatchString(s) }

func BenchmarkMatch(b *testing.B) {
	for _, pattern := range []string{"**/*.yaml.tmpl", "production/*/apps/[a-z]*.yaml", "*cache*", "build"} {
		b.Run(strings.ReplaceAll(pattern, "/", "|"), func(b *testing.B) {
			p, err := Compile(pattern, 0)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				p.Match("production/us-east-1/apps/application-of-a-team.yaml")
			}
		})
	}
}
