package template

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// argumentLists are the arguments of calls, by function.
type argumentLists map[string][][]any

// add adds calls of the named functions.
func (a argumentLists) add(names string, calls ...[]any) {
	for name := range strings.FieldsSeq(names) {
		a[name] = append(a[name], calls...)
	}
}

// costly has what costs much: long texts, lists, maps.
type costly struct {
	odd, plain, spaced string
	ints, words        []any
	dict               map[string]any
	deep               any
}

func newCostly() costly {
	c := costly{
		odd:    strings.Repeat("a \x00<é>\u0085\"\U0010ffff\n", 5_000),
		plain:  strings.Repeat("x", 100_000),
		spaced: strings.Repeat("Ab c-d_e\n", 10_000),
		dict:   map[string]any{},
		deep:   1.5e300,
	}
	for i := range 5_000 {
		c.ints, c.words = append(c.ints, i), append(c.words, fmt.Sprint(i, "\x00"))
		c.dict[fmt.Sprint(i)] = map[string]any{"k": fmt.Sprint("v", i)}
	}
	for range 400 {
		c.deep = []any{c.deep, 1}
	}
	return c
}

// few returns a list of its own.
func (c costly) few() []any { return slices.Clone(c.ints[:300]) }

func (c costly) texts(calls argumentLists) {
	calls.add(`
		html js print println urlquery trim upper lower title untitle initials nospace swapcase snakecase camelcase
		kebabcase quote squote cat toString regexQuoteMeta toStrings sortAlpha sha1sum sha256sum sha512sum adler32sum
		b64enc b64dec b32enc b32dec fail atoi int int64 float64 toDecimal add1 ceil floor base dir clean ext isAbs
		osBase osDir osClean osExt osIsAbs urlParse semver fromJson mustFromJson toJson mustToJson toRawJson
		mustToRawJson toPrettyJson mustToPrettyJson duration durationRound typeOf kindOf empty
	`, []any{c.odd}, []any{c.plain}, []any{c.spaced})
	for _, part := range []string{"1,", "[],", "{},", `{"":1},`, `"",`, `"\u0000",`, "[[[]]],", "null,"} {
		calls.add("fromJson mustFromJson", []any{"[" + strings.Repeat(part, 50_000) + "1]"})
	}
	maps.Copy(calls, argumentLists{
		"hello": {{}},
		"printf": {
			{"%s%q%[1]s%[1]x", c.odd}, {"%1000000d", 1}, {"%*d", 1_000_000, 1}, {"%.1000000f", 1.5},
			{"%v %#v", c.dict, c.words}, {"%[1]*.[1]*[1]f", 900_000}, {"%999999999d", 1},
		},
		"trimAll": {{"é", c.plain}, {"x", c.plain}}, "trimall": {{"x", c.plain}},
		"trimPrefix": {{"x", c.plain}}, "trimSuffix": {{"x", c.plain}},
		"substr": {{1, 1000, c.plain}}, "trunc": {{1000, c.plain}},
		"abbrev": {{100_000, c.plain}}, "abbrevboth": {{10, 100_000, c.plain}},
		"contains": {{"xy", c.plain}}, "hasPrefix": {{"x", c.plain}}, "hasSuffix": {{"x", c.plain}},
		"plural": {{c.plain, c.odd, 3}}, "repeat": {{1000, "é\n"}, {1_000_000, ""}},
		"indent": {{100, c.spaced}, {1_000_000, "x"}}, "nindent": {{100, c.spaced}},
		"replace":  {{"x", "yy", c.plain}, {"", c.plain[:100], c.plain[:10_000]}},
		"wrap":     {{1, c.spaced}, {10, c.plain}},
		"wrapWith": {{1, "abc", c.plain}, {3, c.odd[:100], c.spaced[:10_000]}},
		"join":     {{c.plain[:1000], c.few()}, {"", c.words}},
		"split":    {{"", c.odd}, {"\n", c.spaced}}, "splitList": {{"", c.odd}},
		"splitn":         {{"", 1_000_000, c.odd}},
		"semverCompare":  {{">=1.2", "1.2.3"}, {strings.Repeat(">=1 || ", 500) + ">=1", "1.2.3"}},
		"urlJoin":        {{map[string]any{"host": c.odd, "path": c.plain, "query": c.odd}}},
		"derivePassword": {{uint32(1), "long", "a", "b", "c"}},
		"decryptAES":     {{"key", strings.Repeat("AAAA", 4000)}}, "buildCustomCert": {{c.plain, c.odd}},
	})
	calls.add("semver", []any{"1.2.3"})
}

func (c costly) expressions(calls argumentLists) {
	calls.add("regexMatch mustRegexMatch regexFind mustRegexFind",
		[]any{"(x+x+)+y", c.plain}, []any{`\pL{900}`, c.spaced}, []any{strings.Repeat(`[\pL\P{Nd}]`, 100), c.spaced},
		[]any{"((a{30}){30})", c.odd}, []any{strings.Repeat("(?i)é|k", 1000), c.odd},
		[]any{strings.Repeat("(", 2_000_000), ""})
	calls.add("regexFindAll mustRegexFindAll regexSplit mustRegexSplit",
		[]any{"", c.plain, -1}, []any{".", c.odd, -1}, []any{"(x)(x)|(x)", c.plain, 1_000_000_000})
	calls.add("regexReplaceAll mustRegexReplaceAll regexReplaceAllLiteral mustRegexReplaceAllLiteral",
		[]any{"", c.plain, "$0$0 y"}, []any{".", c.odd, "$0"}, []any{"x+", c.plain, "$0$0$0$0$0$0$0$0"},
		[]any{"(x)", c.plain, "${1}${1}"})
}

func (c costly) numbers(calls argumentLists) {
	calls.add("add sub div mod mul max biggest min maxf minf", []any{c.plain, 1}, []any{1, c.plain})
	calls.add("addf subf mulf", slices.Repeat([]any{1.1e308, 1e-300}, 100))
	maps.Copy(calls, argumentLists{
		"round": {{c.plain, 3}}, "add1f": {{1.1e308}}, "divf": {{1.1e308, 1e-308, 3.0}},
		"until": {{100_000}, {-100_000}}, "untilStep": {{0, 100_000, 1}, {0, -100_000, -1}, {0, 100, 0}},
		"seq": {{100_000}, {100_000, 1}, {0, 2, 200_000}, {200_000, -2, 0}},
	})
}

func (c costly) collections(calls argumentLists) {
	calls.add(`
		html js print println urlquery quote squote cat toString toStrings sortAlpha toDecimal toJson mustToJson
		toRawJson mustToRawJson toPrettyJson mustToPrettyJson deepCopy mustDeepCopy
		int int64 float64 add1 add max biggest maxf ceil floor
	`, []any{c.ints}, []any{c.words}, []any{c.dict}, []any{c.deep})
	calls.add(`
		first mustFirst last mustLast rest mustRest initial mustInitial reverse mustReverse compact mustCompact
		slice mustSlice
	`, []any{c.ints}, []any{c.words})
	calls.add("slice mustSlice", []any{c.ints, c.words}, []any{c.ints, 1, c.deep}, []any{c.words, 100, 200})
	calls.add("uniq mustUniq", []any{c.few()})
	calls.add("append push mustAppend mustPush prepend mustPrepend", []any{c.ints, c.plain})
	calls.add("has mustHas", []any{c.few(), []any{c.few(), c.few(), 1}})
	calls.add("without mustWithout", append([]any{c.few()}, c.few()...), []any{[]any{c.few(), c.few()}, c.few()})
	calls.add("chunk mustChunk",
		[]any{1, c.ints}, []any{1000, c.ints}, []any{1_000_000, c.ints}, []any{0, c.ints}, []any{-1, c.ints})
	for _, name := range []string{"merge", "mustMerge", "mergeOverwrite", "mustMergeOverwrite"} {
		// The first map is written to.
		calls.add(name, []any{map[string]any{}, c.dict},
			[]any{maps.Clone(c.dict), map[string]any{"1": map[string]any{"x": c.few()}}})
	}
	maps.Copy(calls, argumentLists{
		"index": {{c.ints, 1}, {c.dict, "1"}, {c.plain, 5}},
		"list":  {c.ints}, "tuple": {c.ints}, "dict": {c.words, c.ints}, "get": {{c.dict, "1"}},
		"set": {{maps.Clone(c.dict), c.plain, 1}}, "unset": {{maps.Clone(c.dict), "1"}}, "hasKey": {{c.dict, "1"}},
		"dig": {{"1", "k", "x", c.dict}}, "pluck": {{"1", c.dict, c.dict}},
		"keys": {{c.dict, c.dict}}, "values": {{c.dict}}, "pick": {{c.dict, "1", "2"}}, "omit": {{c.dict, "1"}},
		"concat": {{c.ints, c.words, c.ints}}, "default": {{c.plain, ""}}, "coalesce": {{"", c.plain}},
		"all": {c.ints}, "any": {c.ints}, "ternary": {{c.plain, c.odd, true}},
		"typeIs": {{c.plain, c.plain}}, "typeIsLike": {{c.plain, c.plain}}, "kindIs": {{c.plain, c.plain}},
		"deepEqual": {{c.dict, maps.Clone(c.dict)}},
	})
}

// TestCosts calls every function with much, and sees that it charges at least what it allocates.
func TestCosts(t *testing.T) {
	calls, c := argumentLists{}, newCostly()
	c.texts(calls)
	c.expressions(calls)
	c.numbers(calls)
	c.collections(calls)
	library().priced["semver"].Call([]reflect.Value{reflect.ValueOf("1.2")}) // what it makes once
	for _, name := range slices.Sorted(maps.Keys(library().priced)) {
		if strings.Contains("unixEpoch must_date_modify mustDateModify", name) {
			continue // These take a time, and no function returns one.
		}
		if len(calls[name]) == 0 {
			t.Errorf("%s is not called", name)
		}
		for i, args := range calls[name] {
			checkCost(t, fmt.Sprintf("%s, call %d", name, i), name, args)
		}
	}
}

// checkCost calls a function, and checks that it charges at least what it allocates.
func checkCost(t *testing.T, title, name string, in []any) {
	t.Helper()
	m := &meter{usage: new(usage)}
	f := reflect.ValueOf(m.functions(map[string]bool{name: true})[name])
	args := make([]reflect.Value, len(in))
	for i, arg := range in {
		args[i] = reflect.ValueOf(arg)
	}
	var failure any
	bytes := allocated(func() {
		defer func() { failure = recover() }()
		f.Call(args)
	})
	charged := float64(m.work.Load())
	if _, refused := failure.(limitError); refused {
		charged = math.Inf(1)
		if bytes > maxWork/2 {
			t.Errorf("%s: %.0f bytes before it was refused", title, bytes)
		}
	}
	if bytes > charged+4096 {
		t.Errorf("%s: %.0f bytes for %.0f: %v", title, bytes, charged, failure)
	}
	if testing.Verbose() {
		t.Logf("%s: %.0f bytes for %.0f, %.80v", title, bytes, charged, failure)
	}
}
