package template

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"sync"
	texttemplate "text/template"

	"github.com/Masterminds/sprig/v3"
)

// cost returns at most how much a call may charge for, given its arguments, of which a variadic function has the last ones
// in one. It is asked before the call, and so has to know what would be made without making it.
type cost func(m *meter, name string, args []reflect.Value) float64

// costs are the functions that templates can call, with what they cost. Whoever adds one sees to it that it depends on its
// arguments alone, not on the environment, the network, the clock, chance, or the order of a map, and that no call can
// allocate more than it costs.
var costs = map[string]cost{
	// Those of text/template. Of the nil ones a call costs no more than the step that it is in, or than weaver has it cost.
	"and": nil, "call": nil, "eq": nil, "ge": nil, "gt": nil, "le": nil, "len": nil, "lt": nil, "ne": nil, "not": nil, "or": nil,
	"html": deep(16), "js": deep(16), "print": deep(8), "println": deep(8), "printf": costPrintf, "urlquery": deep(8), "index": few,

	// Sprig's: text.
	"hello": few, "trim": shallow(1), "trimAll": product, "trimall": product, "trimPrefix": shallow(1), "trimSuffix": shallow(1), "upper": shallow(8), "lower": shallow(8),
	"title": shallow(8), "untitle": shallow(16), "substr": few, "trunc": few, "abbrev": shallow(8), "abbrevboth": shallow(8), "initials": shallow(16), "nospace": shallow(8),
	"swapcase": shallow(32), "snakecase": shallow(32), "camelcase": shallow(32), "kebabcase": shallow(32), "contains": shallow(1), "hasPrefix": shallow(1), "hasSuffix": shallow(1),
	"quote": deep(16), "squote": deep(8), "cat": deep(8), "plural": few, "toString": deep(8), "regexQuoteMeta": shallow(8),
	"repeat":   func(_ *meter, _ string, a []reflect.Value) float64 { return integer(a[0]) * size(a[1]) },
	"indent":   costIndent,
	"nindent":  costIndent,
	"replace":  costReplace,
	"wrap":     shallow(8),
	"wrapWith": func(_ *meter, _ string, a []reflect.Value) float64 { return 4 * (1 + size(a[2])) * (1 + size(a[1])) },
	"join": func(m *meter, name string, a []reflect.Value) float64 {
		return deep(8)(m, name, a[1:]) + 2*size(a[0])*size(a[1])
	},
	"split": costSplit, "splitn": costSplit, "splitList": costSplit, "toStrings": deep(8), "sortAlpha": deep(32),
	"sha1sum": shallow(16), "sha256sum": shallow(16), "sha512sum": shallow(16), "adler32sum": shallow(16), "b64enc": shallow(8), "b64dec": shallow(8), "b32enc": shallow(8), "b32dec": shallow(8),
	"fail": shallow(8),

	// Regular expressions.
	"regexMatch": costRegexp, "mustRegexMatch": costRegexp, "regexFind": costRegexp, "mustRegexFind": costRegexp, "regexFindAll": costRegexpAll, "mustRegexFindAll": costRegexpAll,
	"regexSplit": costRegexpAll, "mustRegexSplit": costRegexpAll,
	"regexReplaceAll": costRegexpReplace, "mustRegexReplaceAll": costRegexpReplace, "regexReplaceAllLiteral": costRegexpReplace, "mustRegexReplaceAllLiteral": costRegexpReplace,

	// Numbers.
	// What is none is printed for an error that nobody sees.
	"atoi": shallow(16), "int": deep(16), "int64": deep(16), "float64": deep(16), "toDecimal": deep(16), "add1": deep(16), "add": deep(16), "sub": deep(16), "div": deep(16),
	"mod": deep(16), "mul": deep(16), "max": deep(16), "biggest": deep(16), "min": deep(16), "maxf": deep(16), "minf": deep(16), "ceil": deep(16), "floor": deep(16),
	"round": deep(16), "add1f": decimals, "addf": decimals, "subf": decimals, "divf": decimals, "mulf": decimals,
	"until": func(_ *meter, _ string, a []reflect.Value) float64 { return 64 * math.Abs(integer(a[0])) },
	"untilStep": func(_ *meter, _ string, a []reflect.Value) float64 {
		return 64 * steps(integer(a[0]), integer(a[1]), integer(a[2]))
	},
	"seq": costSeq,

	// Lists and maps.
	"list": few, "tuple": few, "dict": costDict, "get": few, "set": few, "unset": few, "hasKey": few, "dig": few, "pluck": few, "keys": entries, "values": entries,
	"pick": shallow(64), "omit": shallow(192), "merge": deep(64), "mustMerge": deep(64), "mergeOverwrite": deep(64), "mustMergeOverwrite": deep(64), "deepCopy": deep(64), "mustDeepCopy": deep(64),
	"append": longer, "push": longer, "mustAppend": longer, "mustPush": longer, "prepend": longer, "mustPrepend": longer,
	"first": few, "mustFirst": few, "last": few, "mustLast": few, "rest": shallow(32), "mustRest": shallow(32), "initial": shallow(32), "mustInitial": shallow(32),
	"reverse": shallow(32), "mustReverse": shallow(32), "compact": shallow(64), "mustCompact": shallow(64), "slice": few, "mustSlice": few, "chunk": shallow(64), "mustChunk": shallow(64),
	"concat": entries, "uniq": costUniq, "mustUniq": costUniq, "without": costHas, "mustWithout": costHas, "has": costHas, "mustHas": costHas,

	// The rest.
	"default": few, "empty": few, "coalesce": few, "all": few, "any": few, "ternary": few, "typeOf": few, "typeIs": shallow(8), "typeIsLike": shallow(8), "kindOf": few,
	"kindIs": shallow(8), "deepEqual": deep(8), "fromJson": shallow(128), "mustFromJson": shallow(128), "toJson": deep(32), "mustToJson": deep(32), "toRawJson": deep(32), "mustToRawJson": deep(32),
	"toPrettyJson": costPretty, "mustToPrettyJson": costPretty,
	"base": shallow(8), "dir": shallow(8), "clean": shallow(8), "ext": shallow(8), "isAbs": shallow(8), "osBase": shallow(8), "osDir": shallow(8), "osClean": shallow(8), "osExt": shallow(8), "osIsAbs": shallow(8),
	"semver": func(_ *meter, _ string, a []reflect.Value) float64 { return 64<<10 + 64*size(a[0]) }, "semverCompare": shallow(4096), "urlParse": shallow(64), "urlJoin": deep(32),
	"duration": shallow(32), "durationRound": shallow(32), "unixEpoch": few, "must_date_modify": shallow(32), "mustDateModify": shallow(32),
	// scrypt wants 32 MiB, https://pkg.go.dev/golang.org/x/crypto/scrypt.
	"derivePassword": func(_ *meter, _ string, a []reflect.Value) float64 { return 36 << 20 }, "decryptAES": shallow(16), "buildCustomCert": shallow(32),
}

// excluded are the functions of sprig's hermetic set that are not to be had: they depend on the clock, chance, or the
// machine's time zone (toDate).
var excluded = regexp.MustCompile(`^(ago|bcrypt|encryptAES|htpasswd|randInt|shuffle|toDate|mustToDate|gen.*)$`)

// function is one that templates can call.
type function struct {
	value reflect.Value // not valid for those of text/template that cost nothing
	cost  cost
}

type functions struct {
	all   map[string]function
	names map[string]any // for the parser
}

// library returns the functions that templates can call: sprig's and text/template's, of which a few are replaced. keys and
// values are in order, and index fails for a key that is not there; get is left for those who ask, as in
// get . "x" | default "y".
var library = sync.OnceValue(func() functions {
	values := sprig.HermeticTxtFuncMap()
	maps.Copy(values, texttemplate.FuncMap{
		"keys": keys, "values": orderedValues, "index": index,
		"html": texttemplate.HTMLEscaper, "js": texttemplate.JSEscaper, "urlquery": texttemplate.URLQueryEscaper,
		"print": fmt.Sprint, "println": fmt.Sprintln, "printf": fmt.Sprintf,
	})
	out := functions{all: map[string]function{}, names: map[string]any{}}
	for name, cost := range costs {
		out.names[name] = true
		if cost != nil {
			out.all[name] = function{reflect.ValueOf(values[name]), cost}
		}
	}
	return out
})

// functions returns those of the library that are called, each of which charges for itself.
func (m *meter) functions(called map[string]bool) texttemplate.FuncMap {
	out := texttemplate.FuncMap{}
	for name := range called {
		f, ok := library().all[name]
		if !ok {
			continue
		}
		call := f.value.Call
		if f.value.Type().IsVariadic() {
			call = f.value.CallSlice
		}
		out[name] = reflect.MakeFunc(f.value.Type(), func(args []reflect.Value) []reflect.Value {
			m.charge(name, perCall+f.cost(m, name, args))
			return call(args)
		}).Interface()
	}
	return out
}

// few is the cost of what allocates little, or a little for each argument, and reads texts once, as a map does its keys.
func few(_ *meter, _ string, args []reflect.Value) float64 {
	n := 256.0
	for _, arg := range args {
		n += textSize(arg)
		if arg.Kind() == reflect.Slice {
			n += 256 * size(arg)
			for i := range arg.Len() {
				n += textSize(arg.Index(i))
			}
		}
	}
	return n
}

// textSize returns the number of bytes of a text, and 0 for anything else.
func textSize(v reflect.Value) float64 {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return float64(len(str(v)))
}

// shallow returns the cost of k for each byte of the arguments that are text, and each item of those that are lists or maps.
func shallow(k float64) cost {
	return func(_ *meter, _ string, args []reflect.Value) float64 {
		n := 1.0
		for _, arg := range args {
			n += size(arg)
			if arg.Kind() == reflect.Slice { // of variadic arguments, most of the time
				for i := range arg.Len() {
					n += size(arg.Index(i))
				}
			}
		}
		return k * n
	}
}

// deep returns the cost of k for each byte of the arguments and of what is in them.
func deep(k float64) cost {
	return func(m *meter, name string, args []reflect.Value) float64 {
		n := 0.0
		for _, arg := range args {
			bytes, _ := m.weigh(name, arg)
			n += bytes
		}
		return k * n
	}
}

// size returns the number of bytes, items or entries of an argument.
func size(v reflect.Value) float64 {
	if v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Array, reflect.Map:
		return float64(v.Len())
	}
	return 1
}

// integer returns a number among the arguments. Those beyond any use count as endless, since sums of them overflow.
func integer(v reflect.Value) float64 {
	if n := v.Int(); n < 1<<40 && n > -1<<40 {
		return float64(n)
	}
	return math.Inf(1)
}

func str(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	return ""
}

func steps(start, stop, step float64) float64 {
	if math.IsInf(start+stop+math.Abs(step), 0) {
		return math.Inf(1)
	}
	if step == 0 {
		return 0
	}
	return 2 + math.Abs((stop-start)/step)
}

func costSeq(_ *meter, _ string, args []reflect.Value) float64 {
	var n []float64
	for i := range args[0].Len() {
		n = append(n, integer(args[0].Index(i)))
	}
	count := 0.0
	switch len(n) {
	case 1:
		count = steps(1, n[0], 1)
	case 2:
		count = steps(n[0], n[1], 1)
	case 3:
		count = steps(n[0], n[2], n[1])
	}
	return 256 * count
}

func costIndent(_ *meter, _ string, args []reflect.Value) float64 {
	lines := float64(1 + strings.Count(str(args[1]), "\n"))
	return 4 * (size(args[1]) + lines*(1+integer(args[0])))
}

func costReplace(_ *meter, _ string, args []reflect.Value) float64 {
	return 4 * (size(args[2]) + float64(strings.Count(str(args[2]), str(args[0])))*size(args[1]))
}

func costSplit(_ *meter, _ string, args []reflect.Value) float64 {
	s := args[len(args)-1]
	return size(s) + 512*float64(1+strings.Count(str(s), str(args[0])))
}

func product(_ *meter, _ string, args []reflect.Value) float64 { return size(args[0]) * size(args[1]) }

// entries is the cost of lists made of those in the arguments.
func entries(_ *meter, _ string, args []reflect.Value) float64 {
	n := 0.0
	for _, arg := range args {
		if arg.Kind() == reflect.Slice {
			for i := range arg.Len() {
				n += size(arg.Index(i))
			}
		} else {
			n += size(arg)
		}
	}
	return 96 * n
}

// longer is the cost of a list that gets one more item.
func longer(m *meter, name string, args []reflect.Value) float64 { return entries(m, name, args[:1]) }

// costDict: keys are printed, values taken as they are.
func costDict(m *meter, name string, args []reflect.Value) float64 {
	n := 0.0
	for i := 0; i < args[0].Len(); i += 2 {
		n += 512 + deep(8)(m, name, []reflect.Value{args[0].Index(i)})
	}
	return n
}

func costUniq(m *meter, name string, args []reflect.Value) float64 {
	return deep(8)(m, name, args) + size(args[0])*deep(1)(m, name, args)
}

// costHas: each item is compared with another, or with each of the variadic ones.
func costHas(m *meter, name string, args []reflect.Value) float64 {
	n := 1.0
	if args[1].Kind() == reflect.Slice {
		n += size(args[1])
	}
	return n * deep(8)(m, name, args)
}

// costPretty: each line is indented as deep as it is nested.
func costPretty(m *meter, name string, args []reflect.Value) float64 {
	bytes, depth := m.weigh(name, args[0])
	return bytes * float64(32+depth)
}

// decimals: products have as many digits as their factors together.
func decimals(m *meter, name string, args []reflect.Value) float64 {
	n := 1.0
	for _, arg := range args {
		n += size(arg)
	}
	return 2048*n*n + deep(16)(m, name, args)
}

// verb finds what has a width or a precision, which may come from an argument.
var verb = regexp.MustCompile(`%[-+# 0]*(?:\[\d+\])?(\*|\d+)?(?:\.(?:\[\d+\])?(\*|\d+)?)?`)

func costPrintf(m *meter, name string, args []reflect.Value) float64 {
	format := str(args[0])
	n := 0.0
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		for _, width := range m[1:] {
			if w, err := strconv.Atoi(width); err == nil {
				n += float64(min(w, 1_000_000)) // as fmt has it
			} else if width != "" {
				n += 1_000_000
			}
		}
	}
	values := deep(8)(m, name, args[1:])
	return 16*(size(args[0])+n) + values*float64(1+strings.Count(format, "%"))
}

// costRegexp: RE2 takes time by the product of expression and text, and memory by the size of the expression once its
// repetitions are written out. What is not a regular expression is for the function itself to refuse.
func costRegexp(m *meter, name string, args []reflect.Value) float64 {
	expr := str(args[0])
	m.charge(name, 2048*float64(strings.Count(expr, `\p`)+strings.Count(expr, `\P`))+512*size(args[0])) // for parsing it here
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return 0
	}
	var count func(*syntax.Regexp) float64
	count = func(re *syntax.Regexp) float64 {
		n := float64(2 + len(re.Rune)/8)
		for _, sub := range re.Sub {
			n += count(sub)
		}
		if re.Op == syntax.OpRepeat {
			n *= float64(2 + max(re.Min, re.Max))
		}
		return n
	}
	program := count(re)
	return 512*program + (64+program/4)*(1+size(args[1]))
}

// costRegexpAll: there is at most one match a character, and one more.
func costRegexpAll(m *meter, name string, args []reflect.Value) float64 {
	return costRegexp(m, name, args) + 256*(1+size(args[1]))
}

func costRegexpReplace(m *meter, name string, args []reflect.Value) float64 {
	// There is at most one match a character and one more, and each $ of the replacement gives a match again.
	s, by := size(args[1]), size(args[2])
	return costRegexp(m, name, args) + 4*(s+1)*(by+1)
}

func keys(dicts ...map[string]any) []string {
	var out []string
	for _, d := range dicts {
		out = append(out, slices.Sorted(maps.Keys(d))...)
	}
	return out
}

func orderedValues(d map[string]any) []any {
	var out []any
	for _, k := range slices.Sorted(maps.Keys(d)) {
		out = append(out, d[k])
	}
	return out
}

// index is text/template's function of that name, but fails for a key that is not there. Its errors print nothing that may
// hold itself, or the same list many times.
func index(item any, at ...any) (any, error) {
	v := reflect.ValueOf(item)
	for _, i := range at {
		if v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		switch v.Kind() {
		case reflect.Map:
			key := reflect.ValueOf(i)
			if !key.IsValid() || !key.Type().AssignableTo(v.Type().Key()) {
				return nil, fmt.Errorf("%T is no type of this map's keys", i)
			}
			if v = v.MapIndex(key); !v.IsValid() {
				return nil, fmt.Errorf("map has no entry for key %q", fmt.Sprint(i))
			}
		case reflect.Slice, reflect.Array, reflect.String:
			n := reflect.ValueOf(i)
			if !n.CanInt() {
				return nil, fmt.Errorf("%T is no type of an index", i)
			}
			if n.Int() < 0 || n.Int() >= int64(v.Len()) {
				return nil, fmt.Errorf("%v is not an index into %d items", i, v.Len())
			}
			v = v.Index(int(n.Int()))
		default:
			return nil, fmt.Errorf("there are no items in %T", item)
		}
	}
	if !v.IsValid() {
		return nil, nil
	}
	return v.Interface(), nil
}
