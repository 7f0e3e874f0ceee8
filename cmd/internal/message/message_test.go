package message

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark/extension"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/cmd/internal/escape/escapetest"
	"update-gitops-repo/secret"
	"update-gitops-repo/template"
	"update-gitops-repo/template/yamledit"
)

// shop returns a Composer of the app shop.
func shop() Composer {
	return Composer{App: "shop", Revision: "1111111", Secrets: new(secret.Redactor)}
}

var change = Change{
	Base: "main", Branch: "shop-1111111",
	Files: []string{"a.yaml", "b.yaml"},
	Values: []yamledit.Change{
		{File: "b.yaml", Path: ".tag", Old: "1", New: "2"},
		{File: "b.yaml", Path: ".x", Old: "a\nb", New: "c"},
	},
	Diff: "--- a/a.yaml\n+++ b/a.yaml\n@@ -1 +1 @@\n-```\n+b\n",
}

func TestCompose(t *testing.T) {
	c := shop()
	c.Link, c.Sequence = "https://git.example.com/acme/shop/commit/1111111", 7
	text, err := c.Compose(change)
	if err != nil {
		t.Fatal(err)
	}
	want := Text{
		Commit: "Update shop to 1111111\n\n- a.yaml\n- b.yaml: .tag: 1 -> 2\n- b.yaml: .x: a b -> c\n\n" +
			"Update-App: shop\nUpdate-Revision: 1111111\nUpdate-Sequence: 7\n",
		Title: "Update shop to 1111111",
		Body: "| File | Path | Old | New |\n|---|---|---|---|\n" +
			"| `b.yaml` | `.tag` | `1` | `2` |\n| `b.yaml` | `.x` | `a b` | `c` |\n\n- `a.yaml`: changed\n\n" +
			"<details><summary>Diff</summary>\n\n````diff\n" + change.Diff + "````\n\n</details>\n\n" +
			"From https://git.example.com/acme/shop/commit/1111111\n\n" +
			"<!-- update-gitops-repo {\"app\":\"shop\",\"sequence\":7} -->",
	}
	if text != want {
		t.Errorf("got  %q\nwant %q", text, want)
	}
	if m := FindMarker(text.Body); m != (Marker{"shop", 7}) {
		t.Errorf("marker %+v", m)
	}
	if got := SequenceOf(text.Commit, "shop"); got != 7 {
		t.Errorf("sequence %d", got)
	}
	if got := SequenceOf(text.Commit, "blog"); got != 0 {
		t.Errorf("sequence %d of another app", got)
	}
}

// TestBody checks that the table has no blank cell and no column that nothing fills, and that files are listed of which
// no value is known.
func TestBody(t *testing.T) {
	const head, two = "| File | Path | Old | New |\n|---|---|---|---|\n", "| `a` | `.b` | `1` | `2` |\n"
	changed := yamledit.Change{File: "a", Path: ".b", Old: "1", New: "2"}
	added := yamledit.Change{File: "a", Path: ".c", New: "3", Added: true}
	deleted := yamledit.Change{File: "a", Path: ".d", Old: "4", Deleted: true}
	emptied := yamledit.Change{File: "a", Path: ".e", Old: "5"}
	files := []string{"a", "x|y", "z"}
	notes := map[string]string{"x|y": "new", "a": "now executable"}
	for name, test := range map[string]struct {
		change Change
		want   string
	}{
		"one value":   {Change{Values: []yamledit.Change{changed}}, head + two},
		"to an empty": {Change{Values: []yamledit.Change{emptied}}, head + "| `a` | `.e` | `5` | `\"\"` |\n"},
		"added only": {
			Change{Values: []yamledit.Change{added}},
			"| File | Path | New |\n|---|---|---|\n| `a` | `.c` | `3` |\n",
		},
		"deleted only": {
			Change{Values: []yamledit.Change{deleted}},
			"| File | Path | Old |\n|---|---|---|\n| `a` | `.d` | `4` |\n",
		},
		"both": {
			Change{Values: []yamledit.Change{added, deleted}},
			head + "| `a` | `.c` | none | `3` |\n| `a` | `.d` | `4` | none |\n",
		},
		"files":  {Change{Files: files, Notes: notes}, "- `a`: now executable\n- `x\\|y`: new\n- `z`: changed\n"},
		"a mode": {Change{Notes: notes, Values: []yamledit.Change{changed}}, head + two + "\n- `a`: now executable\n"},
	} {
		if test.change.Files == nil {
			test.change.Files = []string{"a"}
		}
		text, err := shop().Compose(test.change)
		if body, _, _ := strings.Cut(text.Body, "\n\n<!--"); err != nil || body != strings.TrimSpace(test.want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, body, test.want)
		}
	}
	text, err := shop().Compose(Change{Files: files, Notes: notes, Values: []yamledit.Change{added, deleted, emptied}})
	want := "- a: .c: none -> 3\n- a: .d: 4 -> none\n- a: .e: 5 -> \"\"\n- a: now executable\n- x|y: new\n- z\n"
	if err != nil || !strings.Contains(text.Commit, want) {
		t.Errorf("%v, %s\nwant %s", err, text.Commit, want)
	}
	// However long the names and values are, there is room for the diff.
	var many Change
	for i := range 300 {
		name := fmt.Sprint(strings.Repeat("|", 200), i)
		value := yamledit.Change{File: name, Path: strings.Repeat("|", 200), Old: name, New: name + "x"}
		many.Files, many.Values = append(many.Files, name, name+"y"), append(many.Values, value)
	}
	many.Diff = "-a\n"
	text, err = shop().Compose(many)
	if err != nil || len(text.Body) > 65536 || !strings.Contains(text.Body, "\n-a\n```") {
		t.Errorf("%v, %d bytes", err, len(text.Body))
	}
}

func TestComposeTemplates(t *testing.T) {
	c := shop()
	c.Commit, c.Title = "Deploy $(< .app >)", "$({ .shortRevision })"
	c.Body = `$(< range .changes >)$(< .path >)=$(< .new >) $(< end >)` +
		`$(< join "," .files >) $(< .branch >) $(< .base >)`
	text, err := c.Compose(change)
	if err != nil {
		t.Fatal(err)
	}
	if text.Title != "1111111" {
		t.Errorf("title %q", text.Title)
	}
	if want := "Deploy shop\n\nUpdate-App: shop\n"; !strings.HasPrefix(text.Commit, want) {
		t.Errorf("message %q, want %q", text.Commit, want)
	}
	if want := ".tag=2 .x=c a.yaml,b.yaml shop-1111111 main\n\n<!-- "; !strings.HasPrefix(text.Body, want) {
		t.Errorf("body %q, want %q", text.Body, want)
	}
	c.Title = "$(< .none >)"
	if _, err := c.Compose(change); !errors.Is(err, template.ErrMissingKey) {
		t.Errorf("got %v", err)
	}
}

// TestCheck checks that only what no change can mend is refused.
func TestCheck(t *testing.T) {
	for text, want := range map[string]error{
		"plain": nil, "$(< .app >) $(< .files >)": nil, "$(< index .changes 0 >)": nil,
		"$(< .none >)": template.ErrMissingKey, "$(< .app": template.ErrSyntax,
		"$(< .app >) $({ .app })": template.ErrDelims,
	} {
		if err := shop().Check("-pr-title", text); !errors.Is(err, want) || err == nil && want != nil {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

// TestSecrets checks that no secret is in what is said: not as a whole, and not in part where a value is cut.
func TestSecrets(t *testing.T) {
	c := shop()
	c.Secrets.Add(secret.New("s3cret-s3cret"))
	c.Title = "$(< range .changes >)$(< .old >)$(< end >)"
	text, err := c.Compose(Change{Files: []string{"a"}, Values: []yamledit.Change{
		{File: "a", Path: ".s3cret-s3cret", Old: "s3cret-s3cret", New: strings.Repeat("x", 115) + "s3cret-s3cret"},
	}})
	if err != nil || strings.Contains(fmt.Sprint(text), "s3c") || text.Title != "***" {
		t.Errorf("%v, %q", err, text)
	}
}

// TestSizes checks the forges' limits: a title of 255 characters with "Draft: ", and a body of 65,536.
func TestSizes(t *testing.T) {
	c := shop()
	c.Commit = strings.Repeat("ü", 500) + "\n\nMore."
	large := Change{Diff: strings.Repeat("-ü\n", 50_000)}
	for i := range 5000 {
		name := fmt.Sprintf("%s/%d/values.yaml", strings.Repeat("folder/", 100), i)
		large.Files = append(large.Files, name)
		value := yamledit.Change{File: name, Path: ".tag", Old: "1", New: strings.Repeat("ü", 500)}
		large.Values = append(large.Values, value)
	}
	text, err := c.Compose(large)
	if err != nil {
		t.Fatal(err)
	}
	const rest = "\n```\n\nThe rest is left out here.\n\n</details>"
	if n := len([]rune(text.Title)); n != 248 {
		t.Errorf("the title has %d characters", n)
	}
	if n := len(text.Body); n > 65536 || n < 50_000 || !strings.Contains(text.Body, rest) ||
		!strings.Contains(text.Body, "|\n\nand 4900 more\n") {
		t.Errorf("the body has %d bytes: %s", n, text.Body)
	}
	c.Commit = ""
	if text, err := c.Compose(large); err != nil || !strings.Contains(text.Commit, "\n- and 4900 more\n") {
		t.Errorf("%v, %q", err, text.Commit)
	}
	for name, diff := range map[string]string{
		"many lines":                          strings.Repeat("-x\n", 30_000),
		"longer in the body than in the diff": strings.Repeat("-\x1b\x1b\x1b\n", 10_000),
		"a fence as long as itself":           "-\n" + strings.Repeat("`", 50_000) + "\n",
	} {
		text, err := shop().Compose(Change{Files: []string{"a"}, Diff: diff})
		if err != nil || len(text.Body) > 65536 || !strings.Contains(text.Body, rest+"\n\n<!--") {
			t.Errorf("%s: %v: the body has %d bytes: %s", name, err, len(text.Body), text.Body[len(text.Body)-100:])
		}
	}
}

func TestTrailers(t *testing.T) {
	c := shop()
	c.SignOff = "Kim <kim@example.com>"
	for _, template := range []string{"", "Deploy", "Deploy\n\nUpdate-App: other\n"} {
		c.Commit = template
		text, err := c.Compose(Change{Files: []string{"a.yaml"}})
		if err != nil {
			t.Fatal(err)
		}
		if AppOf(text.Commit) != "shop" || trailer(text.Commit, trailerRevision) != "1111111" ||
			trailer(text.Commit, "Signed-off-by") != c.SignOff {
			t.Errorf("trailers are lost in %q", text.Commit)
		}
		if template != "" && text.Title != "Deploy" {
			t.Errorf("the title of %q is %q", template, text.Title)
		}
	}
}

func TestAppOf(t *testing.T) {
	for message, want := range map[string]string{
		"x":                                   "",
		"x\n\nUpdate-App: a":                  "a",
		"Update-App: a\n\nmore":               "",
		"x\n\nUpdate-App: a\n\nmore":          "",
		"Update-App: a":                       "",
		"x\n\nUpdate-App: a\nUpdate-App: b\n": "b",
		"x\n\nUpdate-Apple: a":                "",
		"x\n\nUpdate-App: a\nSigned-off-by: B\n folded\n":                        "a",
		"x\n\nUpdate-App: a\n\n---------\n\nCo-authored-by: B <b@example.com>\n": "a",
	} {
		if got := AppOf(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

func TestSequenceOf(t *testing.T) {
	for message, want := range map[string]int64{
		"x\n\nUpdate-App: shop\nUpdate-Sequence: 7\n":                     7,
		"x\n\nUpdate-Sequence: 9\nUpdate-App: shop\n":                     0,
		"x\n\nUpdate-Sequence: 9\nUpdate-App: shop\nUpdate-Sequence: 7\n": 7,
		"x\n\nUpdate-App: shop\nUpdate-Sequence: many\n":                  0,
		"x\n\nUpdate-App: blog\nUpdate-Sequence: 7\n":                     0,
	} {
		if got := SequenceOf(message, "shop"); got != want {
			t.Errorf("%q: %d, want %d", message, got, want)
		}
	}
}

func TestFindMarker(t *testing.T) {
	for body, want := range map[string]Marker{
		"":                         {},
		Marker{"shop", 7}.String(): {"shop", 7},
		Marker{"blog", 9}.String() + "\n" + Marker{"-->", 7}.String(): {"-->", 7},
		`<!-- update-gitops-repo {"app":1} -->`:                       {},
	} {
		if got := FindMarker(body); got != want {
			t.Errorf("%q: %+v, want %+v", body, got, want)
		}
	}
}

func TestShortRevision(t *testing.T) {
	for revision, want := range map[string]string{
		"1a2b3c4d5e6f": "1a2b3c4", "1A2B3C4D": "1A2B3C4", "1a2b": "1a2b", "": "",
		"v1.2.3-rc.1": "v1.2.3-rc.1", "20251121001": "20251121001", "123456789012": "123456789012",
		"1234567890123456789012345678901234567890": "1234567",
	} {
		if got := ShortRevision(revision); got != want {
			t.Errorf("%q: %q, want %q", revision, got, want)
		}
	}
}

// gitTrailers returns the trailers that git finds in a message.
func gitTrailers(t *testing.T, message string) string {
	t.Helper()
	cmd := exec.Command("git", "interpret-trailers", "--parse", "--no-divider")
	cmd.Stdin = strings.NewReader(message)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git interpret-trailers: %v: %s", err, out)
	}
	return string(out)
}

// hasHidden reports whether a reader does not see all of s, line ends and tabs aside.
func hasHidden(s string) bool {
	return strings.ContainsFunc(strings.NewReplacer("\n", "", "\t", "").Replace(s), escape.Hidden)
}

// FuzzMessage checks that git finds our trailers in the commit and no others, whatever a value or a user's message
// holds.
func FuzzMessage(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	const (
		ours     = "Update-App: shop\nUpdate-Revision: 1111111\nUpdate-Sequence: 7\n"
		inValue  = "x\n\nChange-Id: I1\nRef: $(< range .changes >)$(< .new >)$(< end >)"
		newLine  = "x\n\nRef: 1$(< range .changes >)$(< print \"\\n\" .new >)$(< end >)"
		inProse  = "Deploy $(< range .changes >)$(< .new >)$(< .old >)\n$(< end >)"
		changeID = "Change-Id: I1\nRef:"
	)
	f.Fuzz(func(t *testing.T, s string) {
		for _, template := range []string{"", s, inValue, newLine, inProse} {
			c := shop()
			c.Commit, c.Sequence = template, 7
			text, err := c.Compose(hostileChange("a.yaml", s))
			if err != nil {
				continue // Not a template.
			}
			checkCommit(t, text)
			found := gitTrailers(t, text.Commit)
			others, ok := strings.CutSuffix(found, ours)
			own := template == s || template == newLine && others == "Ref: 1\n" ||
				template == inValue && strings.HasPrefix(others, changeID) && strings.Count(others, "\n") == 2
			if !ok || strings.Contains("\n"+others, "\nUpdate-") || others != "" && !own {
				t.Errorf("%q: %q of %q", template, found, text.Commit)
			}
		}
	})
}

// checkCommit checks that a reader sees all of a commit's message, and that later runs know it for build 7 of shop.
func checkCommit(t *testing.T, text Text) {
	t.Helper()
	if hasHidden(text.Commit) || strings.Contains(text.Title, "\n") || hasHidden(text.Title) {
		t.Errorf("%q, %q", text.Title, text.Commit)
	}
	if AppOf(text.Commit) != "shop" || SequenceOf(text.Commit, "shop") != 7 || SequenceOf(text.Commit, "other") != 0 {
		t.Errorf("%q is not known again", text.Commit)
	}
}

// hostileChange returns a change of a value that is s wherever it is shown.
func hostileChange(file, s string) Change {
	return Change{Files: []string{file}, Values: []yamledit.Change{{File: file, Path: s, Old: s, New: s}}}
}

// split matches what a parser has in pieces and is one text to a reader; what ends a URL may count as behind it.
var split = regexp.MustCompile(`( AutoLink| Text)( Text)+`)

// FuzzBody checks that the default body has the same parts whatever the values, the names and the diff are.
func FuzzBody(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	shape := func(t *testing.T, s string) (kinds, words, body string) {
		c := shop()
		c.Sequence, c.Link = 7, "https://git.example.com/"+s
		x := "x" + s // A value that is not empty has a span of its own in the table.
		change := hostileChange(x, x)
		change.Diff = "--- a/a.yaml\n+++ b/a.yaml\n@@ -1,2 +1,2 @@\n " + s + "\n-" + s + "\n+" + s + "\n"
		text, err := c.Compose(change)
		if err != nil {
			t.Fatal(err)
		}
		if m := FindMarker(text.Body); m != (Marker{"shop", 7}) {
			t.Errorf("%q: the marker is %+v", s, m)
		}
		nodes, words := escapetest.Parse(t, text.Body, extension.Linkify)
		words, _, _ = strings.Cut(words, "From ")
		return split.ReplaceAllString(strings.Join(nodes, " "), "$1"), words, text.Body
	}
	f.Fuzz(func(t *testing.T, s string) {
		wantKinds, wantWords, _ := shape(t, "y")
		kinds, words, body := shape(t, s)
		if kinds != wantKinds || words != wantWords {
			t.Errorf("%q: %s, %q, want %s, %q, of\n%s", s, kinds, words, wantKinds, wantWords, body)
		}
	})
}

// FuzzBodyTemplate checks that a value in a user's own body is plain words, alone or in the midst of others, and
// mentions nobody.
func FuzzBodyTemplate(f *testing.F) {
	for _, s := range escapetest.Hostile {
		f.Add(s)
	}
	const value = "$(< range .changes >)$(< .new >)$(< end >)"
	f.Fuzz(func(t *testing.T, s string) {
		for _, template := range []string{value, "See " + value + " here", "`" + value + "`"} {
			c := shop()
			c.Body = template
			text, err := c.Compose(hostileChange("a.yaml", s))
			if isBlank := strings.TrimSpace(escape.Markdown(s)) == ""; template == value && isBlank {
				if !errors.Is(err, ErrNothing) {
					t.Fatalf("%q: %v", s, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			inSpan := template[0] == '`'
			checkPlain(t, text.Body, inSpan)
		}
	})
}

var mention = regexp.MustCompile(`(^|\W)@\w|[#!]\d`)

// checkPlain checks that a body has nothing but words and our marker, and where they are in one, a span of code.
func checkPlain(t *testing.T, body string, inSpan bool) {
	t.Helper()
	marker := Marker{App: "shop"}
	active := []string{"Link", "Image", "AutoLink", "FencedCodeBlock", "CodeSpan"}
	kinds, words := escapetest.Parse(t, body)
	for _, kind := range kinds {
		foreignHTML := strings.HasPrefix(kind, "HTMLBlock") && kind != "HTMLBlock"+marker.String()
		if slices.Contains(active, kind) && !(inSpan && kind == "CodeSpan") ||
			strings.HasPrefix(kind, "RawHTML") || foreignHTML {
			t.Errorf("%s in %q", kind, body)
		}
	}
	if mention.MatchString(words) || strings.HasPrefix(body, "/") || FindMarker(body) != marker {
		t.Errorf("%q of %q", words, body)
	}
}

// TestNothing checks that a template of which nothing is to be seen is refused, before anything is known of a change if
// none makes a difference, and never replaced with a text of our own.
func TestNothing(t *testing.T) {
	t.Parallel()
	change := Change{Base: "main", Branch: "shop-1", Files: []string{"a.yaml"}}
	for text, want := range map[string]struct{ early, late bool }{
		"":                                  {},
		"$(< .app >)":                       {},
		"$(< .revision >)":                  {true, true},
		"$(< .shortRevision >)":             {true, true},
		" $({/* none */}) \n":               {true, true},
		`$({ if eq .app "x" })x$({ end })`:  {true, true},
		"$(< .base >)":                      {},
		"$({ range .changes })x$({ end })":  {false, true},
		`$({ if eq .base "x" })x$({ end })`: {false, true},
		"$({ range . })$(< . >)$({ end })":  {},
	} {
		for _, flag := range []string{"-commit-message", "-pr-title", "-pr-body"} {
			c := Composer{App: "shop", Secrets: &secret.Redactor{}}
			*map[string]*string{"-commit-message": &c.Commit, "-pr-title": &c.Title, "-pr-body": &c.Body}[flag] = text
			early := c.Check(flag, text)
			_, late := c.Compose(change)
			if errors.Is(early, ErrNothing) != want.early || errors.Is(late, ErrNothing) != want.late {
				t.Errorf("%s=%q: %v, then %v; want %+v", flag, text, early, late, want)
			}
			if want.late && !strings.HasPrefix(late.Error(), flag+" renders to nothing: ") {
				t.Errorf("%s: %v", flag, late)
			}
		}
	}
}
