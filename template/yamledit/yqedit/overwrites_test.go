package yqedit

import (
	"slices"
	"testing"
	"testing/fstest"
)

// TestOverwrites: a scalar that two assignments set to different values has the later one, and a warning says so,
// whichever paths lead to it.
func TestOverwrites(t *testing.T) {
	const (
		a = "tag: v0\na:\n  b: x\nlist: [u, v]\nbase: &base {k: 1}\nuse: *base\nempty:\n---\ntag: w0\n"
		b = "tag: v0\n"
		c = "{}\n"
	)
	for _, test := range []struct {
		sets     []string
		warnings []string
	}{
		{[]string{"a.yaml:.a.b=1"}, nil},
		{[]string{"a.yaml:.a.b=1", "a.yaml:.a.b=1"}, nil},
		{[]string{"a.yaml:.a.b=1", "a.yaml:.list[0]=2", "b.yaml:.tag=3"}, nil},
		{[]string{"a.yaml:.a.b=1", "a.yaml:.a.b=2"},
			[]string{`a.yaml: .a.b is set to 1 by .a.b, and then to 2 by .a.b; the later one counts`}},
		{[]string{"a.yaml:.a.b=1", `a.yaml:.["a"].b=2`},
			[]string{`a.yaml: .a.b is set to 1 by .a.b, and then to 2 by .["a"].b; the later one counts`}},
		{[]string{"a.yaml:.a.b=1", `a.yaml:.a["b"]=1`}, nil},
		{[]string{"a.yaml:.a.b=1", `a.yaml:.a[]=1`}, nil},
		{[]string{"a.yaml:.list[]=1", "a.yaml:.list[1]=2"},
			[]string{`a.yaml: .list[1] is set to 1 by .list[], and then to 2 by .list[1]; the later one counts`}},
		{[]string{"a.yaml:.list[1]=1", "a.yaml:.list[-1]=2"},
			[]string{`a.yaml: .list[1] is set to 1 by .list[1], and then to 2 by .list[-1]; the later one counts`}},
		{[]string{"a.yaml:.list[]=1", "a.yaml:.list[]=2"}, []string{
			`a.yaml: .list[0] (and 1 more) is set to 1 by .list[], and then to 2 by .list[]; the later one counts`}},
		{[]string{"{a,b}.yaml:.tag=1", "b.yaml:.tag=2"},
			[]string{`b.yaml: .tag is set to 1 by .tag, and then to 2 by .tag; the later one counts`}},
		{[]string{"a.yaml:select(di == 1) | .tag=1", "a.yaml:.tag=2"}, []string{
			`a.yaml: .tag is set to 1 by select(di == 1) | .tag, and then to 2 by .tag; the later one counts`}},
		{[]string{"b.yaml:.tag=1", "b.yaml:.tag=2", "b.yaml:.tag=1"}, []string{
			`b.yaml: .tag is set to 1 by .tag, and then to 2 by .tag; the later one counts`,
			`b.yaml: .tag is set to 2 by .tag, and then to 1 by .tag; the later one counts`}},
		// The text and the number are two values; where the type is settled by what is there, they may be one.
		{[]string{"a.yaml:.base.k=16", `a.yaml:.base.k="16"`}, []string{
			`a.yaml: .base.k is set to 16 by .base.k, and then to "16" by .base.k; the later one counts`}},
		{[]string{"a.yaml:.a.b=v1", `a.yaml:.a.b="v1"`}, nil},
		// What is created is set, too.
		{[]string{"c.yaml:.x.y=1", "c.yaml:.x.z=2"}, nil},
		{[]string{"c.yaml:.x.y=1", `c.yaml:.x["y"]=2`},
			[]string{`c.yaml: .x.y is set to 1 by .x.y, and then to 2 by .x["y"]; the later one counts`}},
	} {
		var assignments []Assignment
		for _, s := range test.sets {
			assignment, err := ParseAssignment(s)
			if err != nil {
				t.Fatal(err)
			}
			assignment.Missing = SkipMissing
			if assignment.File == "c.yaml" {
				assignment.Missing = CreateMissing
			}
			assignments = append(assignments, assignment)
		}
		files := fstest.MapFS{"a.yaml": {Data: []byte(a)}, "b.yaml": {Data: []byte(b)}, "c.yaml": {Data: []byte(c)}}
		result, err := Assign(files, assignments, ignore)
		if err != nil || !slices.Equal(result.Warnings, test.warnings) {
			t.Errorf("%q\ngot  %q, %v\nwant %q", test.sets, result.Warnings, err, test.warnings)
		}
	}
}
