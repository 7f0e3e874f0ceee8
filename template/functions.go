package template

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/Masterminds/sprig/v3"
)

// functions are what templates can call. Sprig's hermetic set leaves out the environment, the network and most of the
// clock and of chance; this leaves out the rest of both, and orders what sprig leaves to a map's order. A key that is not
// there fails index as it fails a field; get is left for those who ask, as in get . "x" | default "y".
func functions() texttemplate.FuncMap {
	fm := sprig.HermeticTxtFuncMap()
	maps.DeleteFunc(fm, func(name string, _ any) bool {
		switch name {
		case "ago", "bcrypt", "encryptAES", "htpasswd", "randInt", "shuffle", "toDate", "mustToDate":
			return true // toDate reads a date in the machine's own time zone.
		}
		return strings.HasPrefix(name, "gen") // Keys and certificates.
	})
	fm["keys"] = keys
	fm["values"] = values
	fm["index"] = index
	return fm
}

func keys(dicts ...map[string]any) []string {
	var out []string
	for _, d := range dicts {
		out = append(out, slices.Sorted(maps.Keys(d))...)
	}
	return out
}

func values(d map[string]any) []any {
	var out []any
	for _, k := range slices.Sorted(maps.Keys(d)) {
		out = append(out, d[k])
	}
	return out
}

// index is text/template's function of that name, but fails for a key that is not there.
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
				return nil, fmt.Errorf("%v is no key of this map", i)
			}
			if v = v.MapIndex(key); !v.IsValid() {
				return nil, fmt.Errorf("map has no entry for key %q", fmt.Sprint(i))
			}
		case reflect.Slice, reflect.Array, reflect.String:
			n := reflect.ValueOf(i)
			if !n.CanInt() || n.Int() < 0 || n.Int() >= int64(v.Len()) {
				return nil, fmt.Errorf("%v is not an index into %d items", i, v.Len())
			}
			v = v.Index(int(n.Int()))
		default:
			return nil, fmt.Errorf("there are no items in %v", item)
		}
	}
	if !v.IsValid() {
		return nil, nil
	}
	return v.Interface(), nil
}
