package template

import (
	"reflect"
	"strings"
)

// What a call costs, in bytes that it may allocate, or nanoseconds.
const (
	perCall     = 512 // any call, and any round of a range
	perGiven    = 16  // for each byte that weigh counts of the arguments
	perMade     = 8   // for each byte that weigh counts of a result other than text
	perArgument = 256 // for each argument of a frugal function, and 1 for each byte of text
	perItem     = 128 // for each item of a list that a frugal function makes
	perEntry    = 256 // for each entry of such a map
)

// frugal are the functions that pass on what lists and maps hold without looking into it, and read a text at most once,
// without a copy. For them, what is inside an argument counts for nothing, and a text for little: a loop that looks up
// keys would pay for the whole map each time, and one that looks for words for 16 copies of the text.
var frugal = wordSet(`
	all any append chunk coalesce compact concat contains default dict dig empty first get hasKey hasPrefix hasSuffix
	index initial keys kindIs kindOf last list mustAppend mustChunk mustCompact mustFirst mustInitial mustLast
	mustPrepend mustPush mustRest mustReverse mustSlice omit pick pluck prepend push rest reverse set slice substr
	ternary trim trimPrefix trimSuffix trunc tuple typeIs typeIsLike typeOf unset values
`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// call is a call of a function by a template.
type call struct {
	*meter
	name string
	f    reflect.Value
	args []reflect.Value // as f takes them; of a variadic function, the last one is the list of the others
}

// do calls the function and charges for it, by one rule for all functions: before the call for what the function is
// given and for what extra says, and after it for what it returned beyond that.
func (c call) do() []reflect.Value {
	known := 0.0
	if estimate, ok := extra[c.name]; ok {
		known = estimate(c)
	}
	c.charge(c.name, perCall+c.given()+known)
	run := c.f.Call
	if c.f.Type().IsVariadic() {
		run = c.f.CallSlice
	}
	results := run(c.args)
	c.charge(c.name, max(0, c.made(results[0])-known))
	return results
}

// given returns what the arguments cost.
func (c call) given() float64 {
	n := 0.0
	for i, arg := range c.args {
		switch {
		case !frugal[c.name]:
			n += perGiven * c.weight(i)
		case i == len(c.args)-1 && c.f.Type().IsVariadic():
			for i := range arg.Len() {
				n += perArgument + textSize(arg.Index(i))
			}
		default:
			n += perArgument + textSize(arg)
		}
	}
	return n
}

// made returns what a result costs. A list or map that was among the arguments, or is a part of one, costs nothing.
func (c call) made(result reflect.Value) float64 {
	if result.Kind() == reflect.Interface {
		result = result.Elem()
	}
	switch kind := result.Kind(); {
	case kind == reflect.String:
		return float64(result.Len())
	case !frugal[c.name]:
		bytes, _ := c.weigh(c.name, result)
		return perMade * bytes
	case kind != reflect.Map && kind != reflect.Slice:
		return 0
	}
	for _, arg := range c.args {
		if arg.Kind() == reflect.Interface {
			arg = arg.Elem()
		}
		if within(result, arg) {
			return 0
		}
	}
	if result.Kind() == reflect.Map {
		return perEntry * float64(result.Len())
	}
	return perItem * float64(result.Len())
}

// within reports whether a list is a part of another and has no memory of its own, or a map is the other.
func within(part, whole reflect.Value) bool {
	if part.Kind() != whole.Kind() {
		return false
	}
	start, length := whole.Pointer(), uintptr(1)
	if whole.Kind() == reflect.Slice {
		length = uintptr(whole.Len()) * whole.Type().Elem().Size()
	}
	return part.Pointer()-start < length
}

// weight returns the weight of an argument.
func (c call) weight(i int) float64 {
	bytes, _ := c.weigh(c.name, c.args[i])
	return bytes
}

// size returns the number of bytes, items or entries of an argument.
func (c call) size(i int) float64 {
	v := c.args[i]
	if v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Array, reflect.Map:
		return float64(v.Len())
	}
	return 1
}

// text returns an argument that is a text, and "" for any other.
func (c call) text(i int) string { return textOf(c.args[i]) }

// integer returns an argument that is a number.
func (c call) integer(i int) float64 { return integer(c.args[i]) }

func textOf(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	return ""
}

// textSize returns the number of bytes of a text, and 0 for anything else.
func textSize(v reflect.Value) float64 {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return float64(len(textOf(v)))
}
