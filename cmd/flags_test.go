package cmd

import (
	"bytes"
	"flag"
	"reflect"
	"slices"
	"strings"
	"testing"

	"update-gitops-repo/cmd/internal/forges"
	"update-gitops-repo/secret"
)

// TestFlags holds the rows of the table against each other, and against the parser.
func TestFlags(t *testing.T) {
	groups := new(config).flags()
	fs := newFlagSet(groups)
	count, into := 0, map[any]string{}
	for f := range all(groups) {
		count++
		if fs.Lookup(f.name) == nil {
			t.Errorf("-%s: its kind, %T, is not registered", f.name, f.into)
		}
		if into[f.into] != "" {
			t.Errorf("-%s and -%s set the same", f.name, into[f.into])
		}
		into[f.into] = f.name
		if f.needs != "" && fs.Lookup(f.needs) == nil {
			t.Errorf("-%s needs -%s, which does not exist", f.name, f.needs)
		}
		if !f.isRepeatable() && len(f.values()) != 1 {
			t.Errorf("-%s has the values %q", f.name, f.values())
		}
		if f.isSet() {
			t.Errorf("-%s is set to %q before anything is parsed, and its preset is %q", f.name, f.values(), f.preset)
		}
	}
	if count < 50 {
		t.Errorf("the table has %d flags only", count)
	}
}

// TestFlagTexts: each text names the flag's value, unless it is a switch, and its choices.
func TestFlagTexts(t *testing.T) {
	for f := range all(new(config).flags()) {
		value, text := f.explain()
		if (value == "") != f.isSwitch() || strings.Contains(text, "`") {
			t.Errorf("-%s: the value is called %q in %q", f.name, value, f.usage)
		}
		for _, choice := range f.choices {
			if !strings.Contains(text, choice) {
				t.Errorf("-%s: its text does not name %s", f.name, choice)
			}
		}
		for _, name := range forges.Names() {
			if host := forges.Named(name).Host; f.name == "scm-provider" && !strings.Contains(text, host) {
				t.Errorf("-%s: its text does not name %s, where the forge is known", f.name, host)
			}
		}
	}
}

// TestPrecedence: an argument counts before a variable, and one before the file; each kind of flag can be given in each
// way.
func TestPrecedence(t *testing.T) {
	file := t.TempDir() + "/flags.yaml"
	write(t, file, "app: file\nbase: file\nbranch: file\npr-label: [x, y]\n"+
		"wait: true\nsequence: 3\ntimeout: 3m\nmax-fetch: 3MiB\n")
	var environ []string
	for _, v := range []string{
		"BASE=variable", "BRANCH=variable", "PR_REVIEWER=a\r\n \n\nb\n", "VERSION=1.2",
		"ADD=d\ne", "PR_LABEL=z", "APP=",
	} {
		environ = append(environ, envPrefix+"_"+v)
	}
	args := []string{"-config=" + file, "--branch", "argument", "-add=a,b", "-add=c"}
	c, err := parseConfig(args, environ, &secret.Redactor{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		flag string
		want []string
	}{
		{"app", []string{"file"}},
		{"base", []string{"variable"}},
		{"branch", []string{"argument"}},
		{"pr-label", []string{"x", "y", "z"}},
		{"pr-reviewer", []string{"a", "b"}},
		{"add", []string{"d", "e", "a,b", "c"}},
		{"wait", []string{"true"}},
		{"sequence", []string{"3"}},
		{"timeout", []string{"3m0s"}},
		{"max-fetch", []string{"3MiB"}},
		{"version", []string{"false"}},
	} {
		for f := range all(c.flags()) {
			if f.name == test.flag && !slices.Equal(f.values(), test.want) {
				t.Errorf("-%s is %q, want %q", f.name, f.values(), test.want)
			}
		}
	}
}

// TestURLSecrets: the password in a flag that is a URL is known as a secret, whether or not the URL is used.
func TestURLSecrets(t *testing.T) {
	const password = "password-of-nobody"
	for _, flag := range []string{"-repo", "-scm-url"} {
		var secrets secret.Redactor
		url := "https://x:" + password + "@git.example.com/a"
		if _, err := parseConfig([]string{flag + "=" + url}, nil, &secrets); err != nil {
			t.Fatal(err)
		}
		if !secrets.Finds([]byte(password)) {
			t.Errorf("%s: its password is not known", flag)
		}
	}
}

// TestIdle: a flag that does nothing without another says so, and no flag does where there is nothing to say.
func TestIdle(t *testing.T) {
	for _, test := range []struct {
		args string
		want []string
	}{
		{"", nil},
		{"-create-pull-request=false -merge-pull-request=false -set-missing=error", nil},
		{"-image-files=a -image=b=c -set-missing=create -set=a:.b=c -wait", nil},
		{"-image-files=a -set-missing=create", []string{
			"-set-missing does nothing without -set", "-image-files does nothing without -image",
		}},
		{"-create-pull-request=false -force-push -supersede", []string{
			"-force-push does nothing with -create-pull-request=false: the branch is only ever added to",
			"-supersede does nothing with -create-pull-request=false",
		}},
	} {
		c, err := parseConfig(strings.Fields(test.args), nil, &secret.Redactor{})
		if err != nil {
			t.Fatal(err)
		}
		if got := idle(c.flags()); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, want %q", test.args, got, test.want)
		}
	}
}

// TestHelp: every flag that the parser knows is in -h, and no line is too long for a terminal.
func TestHelp(t *testing.T) {
	var b bytes.Buffer
	if err := printHelp(&b); err != nil {
		t.Fatal(err)
	}
	newFlagSet(new(config).flags()).VisitAll(func(f *flag.Flag) {
		if f.Name != "help" && !strings.Contains(b.String(), "\n  -"+f.Name) { // -h stands for it.
			t.Errorf("-%s is not in -h", f.Name)
		}
	})
	for line := range strings.Lines(b.String()) {
		if len(strings.TrimRight(line, "\n")) > 88 {
			t.Errorf("too long: %s", line)
		}
	}
}

func TestParseYAML(t *testing.T) {
	const number = "1234567890123456789012345678901234567890"
	const file = "git-revision: 0123456\nbranch: 1.10\napp: " + number + "\nset: [a:.b=1, \"c,d\"]\ndry-run: true\n"
	entries, err := parseYAML(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.key+"="+e.value)
	}
	want := "git-revision=0123456|branch=1.10|app=" + number + "|set=a:.b=1|set=c,d|dry-run=true"
	if strings.Join(got, "|") != want {
		t.Errorf("got %q, want %s", got, want)
	}
	for _, bad := range []string{
		"[a]", "a: {b: c}", "a: [[b]]", "a: [", "x", "a: 1\na: 2", "a: 1\n---\nb: 2", "a: &x 1\nb: *x",
	} {
		if _, err := parseYAML(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if entries, err := parseYAML(strings.NewReader("")); err != nil || len(entries) > 0 {
		t.Errorf("an empty file: %v, %v", entries, err)
	}
}

func TestByteSize(t *testing.T) {
	for in, want := range map[string]int64{
		"1": 1, "1048576": 1 << 20, "500MiB": 500 << 20, "3KiB": 3 << 10, "2 GiB": 2 << 30,
		"8589934591GiB": 8589934591 << 30,
	} {
		var s byteSize
		if err := s.Set(in); err != nil || int64(s) != want {
			t.Errorf("%q is %d, %v; want %d", in, s, err, want)
		}
		var again byteSize
		if err := again.Set(s.String()); err != nil || again != s {
			t.Errorf("%d prints as %q, which is %d, %v", s, s.String(), again, err)
		}
	}
	for _, in := range []string{
		"", "0", "-1", "GiB", "2GB", "2gib", "1.5GiB", "8589934592GiB", "9223372036854775808", "0x10",
	} {
		var s byteSize
		if s.Set(in) == nil {
			t.Errorf("%q is taken, as %d", in, s)
		}
	}
}
