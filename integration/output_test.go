package integration

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-isatty"

	"update-gitops-repo/cmd"
)

// outputVariable names the folder in which mainRecorded keeps the program's output.
const outputVariable = "TEST_TOLD"

// mainRecorded is the program. It keeps a copy of stdout, stderr and the files for later steps.
func mainRecorded() int {
	dir := os.Getenv(outputVariable)
	if dir == "" {
		return cmd.Main()
	}
	dir, err := os.MkdirTemp(dir, "")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	command := strings.Join(append([]string{"update-gitops-repo"}, os.Args[1:]...), " ")
	outDone, errDone := tee(&os.Stdout, filepath.Join(dir, "stdout")), tee(&os.Stderr, filepath.Join(dir, "stderr"))
	log.SetOutput(os.Stderr) // It holds what that was before.
	code := cmd.Main()
	err = errors.Join(outDone(), errDone(), os.WriteFile(filepath.Join(dir, "command"), []byte(command), 0o600))
	for i, name := range resultFiles() {
		if data, rerr := os.ReadFile(name); rerr == nil {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprint("result", i)), data, 0o600))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	return code
}

// tee writes a file, unless it is a terminal, to what it was and to the named one. The function that it returns
// waits for the end.
func tee(to **os.File, name string) func() error {
	was := *to
	if isatty.IsTerminal(was.Fd()) {
		return func() error { return nil } // It has to stay one.
	}
	r, w, err := os.Pipe()
	if err != nil {
		return func() error { return err }
	}
	copied, err := os.Create(name)
	if err != nil {
		return func() error { return err }
	}
	*to = w
	done := make(chan error)
	go func() {
		_, err := io.Copy(io.MultiWriter(copied, was), r)
		done <- err
	}()
	return func() error {
		*to = was
		return errors.Join(w.Close(), <-done, copied.Close())
	}
}

// resultFiles returns the files that the program writes its results to, by its arguments and environment.
func resultFiles() []string {
	files := []string{os.Getenv("GITHUB_OUTPUT"), os.Getenv("GITHUB_STEP_SUMMARY")}
	if volume := os.Getenv("CF_VOLUME_PATH"); volume != "" {
		files = append(files, filepath.Join(volume, "env_vars_to_export"))
	}
	for _, argument := range os.Args {
		name, value, _ := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		switch name {
		case "result-env":
			files = append(files, value)
		case "result-dir":
			in, _ := filepath.Glob(filepath.Join(value, "*")) // An invalid pattern matches nothing.
			files = append(files, in...)
		}
	}
	return files
}

// findSecrets looks in what watched has kept for any of the secrets, as it is and encoded.
func findSecrets(dir string, secrets []string) error {
	var errs []error
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if filepath.Base(file) == "command" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, s := range secrets {
			if form := findEncoding(string(data), s); form != "" {
				command, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "command"))
				errs = append(errs,
					fmt.Errorf("%s\nshows the secret %q as %q on %s:\n%s", command, s, form, filepath.Base(file), data))
			}
		}
	}
	return errors.Join(errs...)
}

// findEncoding returns the secret as it is encoded in a text; empty when the text does not have it.
func findEncoding(text, s string) string {
	inJSON, _ := json.Marshal(s) // A string can always be.
	twice, _ := json.Marshal(strings.Trim(string(inJSON), `"`))
	forms := []string{s, strings.Trim(string(inJSON), `"`), strings.Trim(string(twice), `"`),
		strings.Trim(fmt.Sprintf("%+q", s), `"`), url.QueryEscape(s), url.PathEscape(s),
		strings.ReplaceAll(s, "%", "%25")} // as in a line that GitHub Actions shows
	for before := range 3 {
		// Without what the neighbours have a part in.
		encoded := base64.RawStdEncoding.EncodeToString([]byte("abc"[:before] + s + "d"))
		encoded = encoded[[]int{0, 2, 3}[before] : len(encoded)-3]
		forms = append(forms, encoded, strings.NewReplacer("+", "-", "/", "_").Replace(encoded),
			url.QueryEscape(encoded))
	}
	for _, form := range forms {
		for _, form := range []string{form, lowerEscapes(form)} {
			if strings.Contains(text, form) {
				return form
			}
		}
	}
	return ""
}

// lowerEscapes is %2F made %2f.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i:], strings.ToLower(s[i:i+3]))
		}
	}
	return string(b)
}
