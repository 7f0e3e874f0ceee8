package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// programFlag is one flag as -h shows it.
type programFlag struct{ name, text string }

// variable is the flag's environment variable.
func (f programFlag) variable() string {
	return "UPDATE_GITOPS_REPO_" + strings.ToUpper(strings.ReplaceAll(f.name, "-", "_"))
}

var helpFlag = regexp.MustCompile(`(?m)^  -(\S+).*\n((?: {8}.*\n)+)`)

func programFlags(t *testing.T) []programFlag {
	t.Helper()
	out, err := exec.Command("update-gitops-repo", "-h").Output()
	if err != nil {
		t.Fatal(err)
	}
	var flags []programFlag
	for _, m := range helpFlag.FindAllStringSubmatch(string(out), -1) {
		flags = append(flags, programFlag{m[1], strings.Join(strings.Fields(m[2]), " ")})
	}
	if len(flags) < 50 {
		t.Fatalf("only %d flags found in -h", len(flags))
	}
	return flags
}

var flagBlock = regexp.MustCompile(`(?ms)^( *)# flags\n.*?^ *# end of flags\n`)

// TestExampleFlags holds the inputs of the GitHub action and the params of the Tekton Task against the program's flags:
// all are there, in the program's words, but for those that are left out for the reason given. With UPDATE_EXAMPLES=1
// it writes them.
func TestExampleFlags(t *testing.T) {
	const forPeople = "for people at a terminal"
	for _, example := range []struct {
		file   string
		blocks []string // what a flag is, NAME, VARIABLE and TEXT filled in, in each of the file's blocks in turn
		except map[string]string
	}{
		{
			"../examples/github-actions/action.yml",
			[]string{"NAME:\n  description: TEXT", "VARIABLE: ${{ inputs.NAME }}"},
			map[string]string{"h": forPeople, "version": forPeople},
		},
		{
			"../examples/tekton/task.yaml",
			[]string{"- name: NAME\n  description: TEXT\n  default: \"\"", "- name: VARIABLE\n  value: $(params.NAME)"},
			map[string]string{
				"h": forPeople, "version": forPeople,
				"result-dir":      "Tekton says where its results are",
				"token":           "a param can be read by whoever may see the TaskRun; it comes from a Secret",
				"sign-passphrase": "as with token; sign-passphrase-file is a param",
			},
		},
	} {
		flags := programFlags(t)
		for name := range example.except {
			if !slices.ContainsFunc(flags, func(f programFlag) bool { return f.name == name }) {
				t.Errorf("%s: the exception %s is no flag", example.file, name)
			}
		}
		text, n := read(t, example.file), 0
		want := flagBlock.ReplaceAllStringFunc(text, func(block string) string {
			indent := flagBlock.FindStringSubmatch(block)[1]
			var b strings.Builder
			b.WriteString(indent + "# flags\n")
			for _, f := range flags {
				if example.except[f.name] != "" {
					continue
				}
				entry := strings.NewReplacer("NAME", f.name, "VARIABLE", f.variable(), "TEXT",
					"'"+strings.ReplaceAll(f.text, "'", "''")+"'").Replace(example.blocks[n])
				for line := range strings.Lines(entry + "\n") {
					b.WriteString(indent + line)
				}
			}
			b.WriteString(indent + "# end of flags\n")
			n++
			return b.String()
		})
		if n != len(example.blocks) {
			t.Fatalf("%s has %d blocks of flags, want %d", example.file, n, len(example.blocks))
		}
		if want == text {
			continue
		}
		if os.Getenv("UPDATE_EXAMPLES") == "" {
			t.Errorf("%s does not have the flags as -h has them; "+
				"run UPDATE_EXAMPLES=1 go test ./integration -run TestExampleFlags", example.file)
		} else if err := os.WriteFile(example.file, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

var (
	namedVariable = regexp.MustCompile(`UPDATE_GITOPS_REPO_[A-Z_]*[A-Z]`)
	namedFlag     = regexp.MustCompile("`-([a-z][a-z-]*)[`=]")
)

// TestExamplesNameFlags looks for variables in all files of the examples, and for flags in what is written about them:
// all must exist, and one image is meant everywhere. The arguments are held against the program by running it.
func TestExamplesNameFlags(t *testing.T) {
	names, variables := map[string]bool{}, map[string]bool{}
	for _, f := range programFlags(t) {
		names[f.name], variables[f.variable()] = true, true
	}
	met := 0
	err := filepath.WalkDir("../examples", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text := read(t, path)
		for _, v := range namedVariable.FindAllString(text, -1) {
			if met++; !variables[v] {
				t.Errorf("%s: there is no variable %s", path, v)
			}
		}
		for _, m := range namedFlag.FindAllStringSubmatch(text, -1) {
			if met++; filepath.Ext(path) == ".md" && !names[m[1]] {
				t.Errorf("%s: there is no flag -%s", path, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`acme/update-gitops-repo:\S+`).FindAllString(text, -1) {
			if m = strings.TrimRight(m, "`.,"); m != theImage && m != theImage+"-shell" {
				t.Errorf("%s: the image %s is not %s", path, m, theImage)
			}
		}
		return nil
	})
	if err != nil || met == 0 {
		t.Errorf("%d flags and variables found: %v", met, err)
	}
}

// TestExampleImage holds where an example takes the program out of the image against where the Dockerfile puts it.
func TestExampleImage(t *testing.T) {
	dockerfile, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Skip(err)
	}
	m := regexp.MustCompile(`(?m)^ENTRYPOINT \["([^"]+)"\]$`).FindSubmatch(dockerfile)
	if m == nil {
		t.Fatal("the Dockerfile's entry point is not one program")
	}
	if !strings.Contains(read(t, "../examples/gitlab-ci/Dockerfile"), "COPY --from=program "+string(m[1])+" ") {
		t.Errorf("examples/gitlab-ci/Dockerfile does not copy %s", m[1])
	}
}

// TestEmptyVariables holds what the examples rest upon: an empty variable is one that is not given, whatever the flag's
// type.
func TestEmptyVariables(t *testing.T) {
	s := newStage(t, "github", "helm-values")
	c := container{env: map[string]string{"UPDATE_GITOPS_REPO_TOKEN": token},
		args: []string{"-repo=" + s.CloneURL(repo), "-branch=b", "-dry-run",
			"-set=charts/shop/values.prod.yaml:.image.tag=1.7.0"}}
	want := c.run(t)
	for _, f := range programFlags(t) {
		c.env[f.variable()] = ""
	}
	c.env["UPDATE_GITOPS_REPO_TOKEN"] = token
	if got := c.run(t); got != want || !strings.Contains(got, "+  tag: \"1.7.0\"") {
		t.Errorf("with empty variables:\n%s\nwithout:\n%s", got, want)
	}
}
