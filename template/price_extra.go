package template

import (
	"math"
	"reflect"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
)

// extra has the functions whose result or work is not in proportion to what they are given, and returns what a call
// costs in addition to the rule. It computes that without making the result, and may return too much, never too little.
var extra = map[string]func(call) float64{
	"repeat":    func(c call) float64 { return c.integer(0) * c.size(1) },
	"until":     func(c call) float64 { return 128 * math.Abs(c.integer(0)) },
	"untilStep": func(c call) float64 { return 128 * steps(c.integer(0), c.integer(1), c.integer(2)) },
	"seq":       extraSeq,
	"indent":    extraIndent, "nindent": extraIndent,
	"replace": extraReplace,
	"join":    func(c call) float64 { return 2 * c.size(0) * c.size(1) },
	"split":   extraSplit, "splitn": extraSplit,
	"wrapWith": func(c call) float64 { return 4 * c.size(1) * c.size(2) },
	"printf":   extraPrintf,

	"regexMatch": extraRegexp, "mustRegexMatch": extraRegexp,
	"regexFind": extraRegexp, "mustRegexFind": extraRegexp,
	"regexFindAll": extraRegexpAll, "mustRegexFindAll": extraRegexpAll,
	"regexSplit": extraRegexpAll, "mustRegexSplit": extraRegexpAll,
	"regexReplaceAll": extraRegexpReplace, "mustRegexReplaceAll": extraRegexpReplace,
	"regexReplaceAllLiteral": extraRegexpReplace, "mustRegexReplaceAllLiteral": extraRegexpReplace,

	"fromJson": extraJSON, "mustFromJson": extraJSON,
	"toPrettyJson": extraPrettyJSON, "mustToPrettyJson": extraPrettyJSON,
	"dict":  extraDict,
	"chunk": extraChunk, "mustChunk": extraChunk,
	"slice": extraSlice, "mustSlice": extraSlice,

	// These compare each item, or character, with many others.
	"uniq": extraUniq, "mustUniq": extraUniq,
	"without": extraWithout, "mustWithout": extraWithout,
	"trimAll": extraTrimAll, "trimall": extraTrimAll,

	"add1f": extraDecimals, "addf": extraDecimals, "subf": extraDecimals, "divf": extraDecimals, "mulf": extraDecimals,

	// Versions are parsed by regular expressions.
	"semver":        func(call) float64 { return 64 << 10 },
	"semverCompare": func(c call) float64 { return 4096 * (c.size(0) + c.size(1)) },
	// scrypt needs 32 MiB, https://pkg.go.dev/golang.org/x/crypto/scrypt.
	"derivePassword": func(call) float64 { return 36 << 20 },
}

// integer returns a number. One that is beyond any use counts as endless, since sums of such numbers overflow.
func integer(v reflect.Value) float64 {
	if n := v.Int(); n < 1<<40 && n > -1<<40 {
		return float64(n)
	}
	return math.Inf(1)
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

func extraSeq(c call) float64 {
	var n []float64
	for i := range c.args[0].Len() {
		n = append(n, integer(c.args[0].Index(i)))
	}
	switch len(n) {
	case 1:
		return 256 * steps(1, n[0], 1)
	case 2:
		return 256 * steps(n[0], n[1], 1)
	case 3:
		return 256 * steps(n[0], n[2], n[1])
	}
	return 0
}

func extraIndent(c call) float64 {
	lines := float64(1 + strings.Count(c.text(1), "\n"))
	return 4 * (c.size(1) + lines*(1+c.integer(0)))
}

func extraReplace(c call) float64 {
	return 4 * (c.size(2) + float64(strings.Count(c.text(2), c.text(0)))*c.size(1))
}

// extraSplit: the result of split is a map.
func extraSplit(c call) float64 {
	return 512 * float64(1+strings.Count(c.text(len(c.args)-1), c.text(0)))
}

// extraJSON: an empty object of three bytes takes more than a hundred.
func extraJSON(c call) float64 { return 128 * c.size(0) }

func extraUniq(c call) float64    { return c.size(0) * c.weight(0) }
func extraWithout(c call) float64 { return c.size(1) * c.weight(0) }
func extraTrimAll(c call) float64 { return c.size(0) * c.size(1) }

// extraDict: a key that is not a text is printed.
func extraDict(c call) float64 {
	n := 0.0
	for i := 0; i < c.args[0].Len(); i += 2 {
		bytes, _ := c.weigh(c.name, c.args[0].Index(i))
		n += 512 + 8*bytes
	}
	return n
}

// extraChunk: all items are copied, into lists of their own.
func extraChunk(c call) float64 { return 64 * c.size(1) }

// extraSlice: an index that is not a number is printed.
func extraSlice(c call) float64 { return perGiven * c.weight(1) }

// extraPrettyJSON: each line is indented as deep as it is nested, and the text is written plain before it is indented,
// in buffers that double, unless encoding/json has some left from before.
func extraPrettyJSON(c call) float64 {
	bytes, depth := c.weigh(c.name, c.args[0])
	return bytes * float64(4+depth)
}

// extraDecimals: a product has as many digits as its factors have together.
func extraDecimals(c call) float64 {
	n := 1.0
	for i := range c.args {
		n += c.size(i)
	}
	return 2048 * n * n
}

// verb finds what may have a width or a precision, which may be an argument.
var verb = regexp.MustCompile(`%[-+# 0]*(?:\[\d+\])?(\*|\d+)?(?:\.(?:\[\d+\])?(\*|\d+)?)?`)

func extraPrintf(c call) float64 {
	const widest = 1_000_000 // for fmt
	format, n := c.text(0), 0.0
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		for _, width := range m[1:] {
			if w, err := strconv.Atoi(width); err == nil {
				n += float64(min(w, widest))
			} else if width != "" {
				n += widest
			}
		}
	}
	// Each verb may print the same argument.
	return 16*n + 8*c.weight(1)*float64(strings.Count(format, "%"))
}

// extraRegexp: a match takes time in proportion to the product of expression and text, and memory in proportion to the
// expression once its repetitions are written out. What is not a regular expression is left for the function to refuse.
func extraRegexp(c call) float64 {
	expr := c.text(0)
	// Parsing it here has a price, too.
	c.charge(c.name, 2048*float64(strings.Count(expr, `\p`)+strings.Count(expr, `\P`))+512*c.size(0))
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return 0
	}
	program := programSize(re)
	return 512*program + (64+program/4)*(1+c.size(1))
}

// programSize returns about how many instructions an expression is compiled to.
func programSize(re *syntax.Regexp) float64 {
	n := float64(2 + len(re.Rune)/8)
	for _, sub := range re.Sub {
		n += programSize(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= float64(2 + max(re.Min, re.Max))
	}
	return n
}

// extraRegexpAll: there is at most one match a character, and one at the end.
func extraRegexpAll(c call) float64 { return extraRegexp(c) + 256*(1+c.size(1)) }

// extraRegexpReplace: each $ of the replacement stands for a match.
func extraRegexpReplace(c call) float64 { return extraRegexp(c) + 4*(c.size(1)+1)*(c.size(2)+1) }
