package template

import (
	"bytes"
	"reflect"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	texttemplate "text/template"
)

// What templates may use: a hundred times what those of a GitOps repository need, and little enough that a hostile one
// ends within seconds and below 512 MB. It is counted and not measured, so that the same template always fails at the
// same place.
const (
	maxSource = 16 << 20  // bytes of a template
	maxAction = 2 << 20   // bytes of the actions in it, whose parsed form takes up to 120 times as much
	maxOutput = 64 << 20  // bytes of one result
	maxTotal  = 128 << 20 // bytes of all the results of one Render
	maxWork   = 256 << 20 // see meter.charge
	maxDepth  = 2_000     // of actions within each other, through all templates that are being called
	maxNested = 1_000     // of lists and maps within each other
	maxSmall  = 128 << 10 // bytes of a template that may be rendered together with others
)

// limitError is a limit that an execution has run into.
type limitError string

func (e limitError) Error() string { return string(e) }

// usage is what the templates of one run have used so far.
type usage struct {
	work, output atomic.Int64
	// large is held while a template above maxSmall, or the nodes of a result above maxAtOnce, are in memory.
	large sync.Mutex
}

// meter counts what one execution uses, and holds what it writes. text/template has no hook for that, so the weaver
// adds steps to the parsed templates that call the meter.
type meter struct {
	*usage
	out   bytes.Buffer
	full  bool // more was written than is allowed
	depth int  // of the actions in progress
}

// Write implements io.Writer. It drops what is too much; the next step returns the error, for it knows the place. Plain
// text alone is too short to matter until then.
func (m *meter) Write(p []byte) (int, error) {
	if m.output.Add(int64(len(p))) > maxTotal || m.out.Len()+len(p) > maxOutput {
		m.full = true
	}
	if !m.full {
		m.out.Write(p)
	}
	return len(p), nil
}

// check panics with a limitError when too much was written.
func (m *meter) check() {
	if err := m.overflow(); err != nil {
		panic(err)
	}
}

func (m *meter) overflow() error {
	switch {
	case m.output.Load() > maxTotal:
		return limitError("the results of all templates would be larger than " + mebibytes(maxTotal))
	case m.full:
		return limitError("the result would be larger than " + mebibytes(maxOutput))
	}
	return nil
}

// charge counts work that is about to be done, in bytes that are allocated or nanoseconds. It panics with a limitError
// when that is too much; text/template returns it as the error of the function that it called.
func (m *meter) charge(what string, n float64) {
	if !(n <= maxWork) || m.work.Add(int64(n)) > maxWork {
		panic(limitError(what + " would take more memory or time than templates may use"))
	}
}

// weigh returns about how many bytes a copy of v takes, where what is reached twice counts twice, and how deep v is
// nested. It panics with a limitError when that is too much to be charged for.
func (m *meter) weigh(what string, v reflect.Value) (bytes float64, depth int) {
	var visit func(v reflect.Value, level int)
	visit = func(v reflect.Value, level int) {
		if level > maxNested {
			panic(limitError(what + ": the value is nested too deep, or holds itself"))
		}
		depth = max(depth, level)
		if bytes += 16; bytes > maxWork/8 { // Whoever weighs charges at least 8 times as much.
			panic(limitError(what + " would take more memory or time than templates may use"))
		}
		switch v.Kind() {
		case reflect.String:
			bytes += float64(v.Len())
		case reflect.Interface, reflect.Pointer:
			if !v.IsNil() {
				visit(v.Elem(), level+1)
			}
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				visit(v.Index(i), level+1)
			}
		case reflect.Map:
			for entries := v.MapRange(); entries.Next(); {
				visit(entries.Key(), level+1)
				visit(entries.Value(), level+1)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				visit(v.Field(i), level+1)
			}
		}
	}
	visit(v, 0)
	return bytes, depth
}

// steps returns the functions that a weaver adds to templates. The parser does not know their names.
func (m *meter) steps() texttemplate.FuncMap {
	return texttemplate.FuncMap{
		// show is called with each value that is about to be printed, which fmt does in memory of its own.
		"show": func(v any) any {
			m.check()
			size, work := 0.0, 0.0
			if text, ok := v.(string); ok {
				size = float64(len(text))
			} else {
				size, _ = m.weigh("printing it", reflect.ValueOf(&v).Elem())
				work = 8 * size
			}
			if float64(m.out.Len())+size > maxOutput {
				m.full = true
				m.check()
			}
			m.charge("printing it", perCall+work)
			return v
		},
		// each is called with what a range iterates over. text/template sorts the keys of a map first.
		"each": func(v any) any {
			m.check()
			n := 1
			if r := reflect.ValueOf(v); r.Kind() == reflect.Map {
				n = r.Len()
			}
			m.charge("range", perCall+1024*float64(n))
			return v
		},
		// next is called at the start of each round of a range.
		"next": func() string {
			m.check()
			m.charge("range", perCall)
			return ""
		},
		// enter and leave are called around a call of another template, with the depth of the call in its own.
		"enter": func(depth int) string {
			m.check()
			m.charge("template", perCall)
			if m.depth += depth; m.depth > maxDepth {
				panic(limitError("templates call each other too deep, or without end"))
			}
			return ""
		},
		"leave": func(depth int) string {
			m.depth -= depth
			return ""
		},
		// compare is called with each value that is about to be compared. The error for a list or a map prints it.
		"compare": func(v any) any {
			switch value := reflect.ValueOf(v); value.Kind() {
			case reflect.Invalid, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
			case reflect.String:
				m.charge("comparing it", float64(value.Len()))
			default:
				bytes, _ := m.weigh("comparing it", value)
				m.charge("comparing it", 8*bytes)
			}
			return v
		},
	}
}

// actions returns how many bytes of a template are in its actions, as the parser sees them. One that has no end goes on
// to the end.
func (d Delims) actions(src []byte) int {
	n := 0
	for {
		_, rest, ok := bytes.Cut(src, []byte(d.Left))
		if !ok {
			return n
		}
		n += len(d.Left)
		for src = rest; len(rest) > 0 && !bytes.HasPrefix(rest, []byte(d.Right)); {
			skip := 1
			if bytes.IndexByte([]byte("\"'`"), rest[0]) >= 0 || bytes.HasPrefix(rest, []byte("/*")) {
				if skip = len(quotedText.Find(rest)); skip == 0 {
					return n + len(src) // The parser goes no further.
				}
			}
			rest = rest[skip:]
		}
		n += len(src) - len(rest)
		src = rest
	}
}

// quotedText finds text in an action that may hold the delimiters: a string, a character or a comment.
var quotedText = regexp.MustCompile("^(?:\"(?:[^\"\\\\\n]|\\\\.)*\"|'(?:[^'\\\\\n]|\\\\.)*'|`[^`]*`|/\\*(?s:.*?)\\*/)")

func mebibytes(n int) string { return strconv.Itoa(n>>20) + " MiB" }
