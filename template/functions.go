package template

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	texttemplate "text/template"

	"github.com/Masterminds/sprig/v3"
)

// free are the functions that text/template calls by itself. A call costs no more than the step that it is part of, or
// than the weaver makes it cost.
var free = strings.Fields("and call eq ge gt le len lt ne not or")

// priced are the other functions that templates may call: text/template's and sprig's. Before one is added, check that
// its result depends on its arguments alone: not on the environment, the network, the clock, chance or the order of a
// map. What a call costs follows from its arguments and result, see call.do; only what is out of proportion has an
// entry in extra.
var priced = strings.Fields(`
	html index js print printf println urlquery

	abbrev abbrevboth adler32sum b32dec b32enc b64dec b64enc camelcase cat contains fail hasPrefix hasSuffix hello
	indent initials join kebabcase lower nindent nospace plural quote repeat replace sha1sum sha256sum sha512sum
	snakecase sortAlpha split splitList splitn squote substr swapcase title toString toStrings trim trimAll trimPrefix
	trimSuffix trimall trunc untitle upper wrap wrapWith

	mustRegexFind mustRegexFindAll mustRegexMatch mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit
	regexFind regexFindAll regexMatch regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit

	add add1 add1f addf atoi biggest ceil div divf float64 floor int int64 max maxf min minf mod mul mulf round seq sub
	subf toDecimal until untilStep

	append chunk compact concat first has initial last list mustAppend mustChunk mustCompact mustFirst mustHas
	mustInitial mustLast mustPrepend mustPush mustRest mustReverse mustSlice mustUniq mustWithout prepend push rest
	reverse slice tuple uniq without

	deepCopy dict dig get hasKey keys merge mergeOverwrite mustDeepCopy mustMerge mustMergeOverwrite omit pick pluck set
	unset values

	all any coalesce deepEqual default empty kindIs kindOf ternary typeIs typeIsLike typeOf

	base buildCustomCert clean decryptAES derivePassword dir duration durationRound ext fromJson isAbs mustDateModify
	mustFromJson mustToJson mustToPrettyJson mustToRawJson must_date_modify osBase osClean osDir osExt osIsAbs semver
	semverCompare toJson toPrettyJson toRawJson unixEpoch urlJoin urlParse
`)

// excluded are the functions of sprig's hermetic set that no template may call: they depend on the clock, chance or the
// machine's time zone (toDate).
var excluded = regexp.MustCompile(`^(ago|bcrypt|encryptAES|htpasswd|randInt|shuffle|toDate|mustToDate|gen.*)$`)

type functions struct {
	priced map[string]reflect.Value
	names  map[string]any // of all functions, for the parser
}

// library returns the functions that templates may call. Some of sprig's and text/template's are replaced: keys and
// values are in order, and index fails for a key that does not exist. A template that wants a default calls get.
var library = sync.OnceValue(func() functions {
	values := sprig.HermeticTxtFuncMap()
	maps.Copy(values, texttemplate.FuncMap{
		"keys": keys, "values": orderedValues, "index": index,
		"html": texttemplate.HTMLEscaper, "js": texttemplate.JSEscaper, "urlquery": texttemplate.URLQueryEscaper,
		"print": fmt.Sprint, "println": fmt.Sprintln, "printf": fmt.Sprintf,
	})
	out := functions{priced: map[string]reflect.Value{}, names: map[string]any{}}
	for _, name := range free {
		out.names[name] = true
	}
	for _, name := range priced {
		out.names[name] = true
		out.priced[name] = reflect.ValueOf(values[name])
	}
	return out
})

// functions returns the priced functions among those that are called. Each charges the meter.
func (m *meter) functions(called map[string]bool) texttemplate.FuncMap {
	out := texttemplate.FuncMap{}
	for name := range called {
		if f, ok := library().priced[name]; ok {
			out[name] = reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
				return call{m, name, f, args}.do()
			}).Interface()
		}
	}
	return out
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

// index is text/template's function of that name, but fails for a key that does not exist. Its errors print no value,
// which may hold itself or the same list many times.
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
