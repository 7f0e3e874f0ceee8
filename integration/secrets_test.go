package integration

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"update-gitops-repo/integration/forge"
)

// echo is a forge that takes any credentials and, where it fails, repeats them in all the forms that it can think of.
type echo struct {
	kind  forge.Kind
	forge *forge.Server
	url   string
	fails string // a part of the path and query of requests that fail
	how   func(http.ResponseWriter, *http.Request, string)

	mu      sync.Mutex
	seen    []string // what came as a credential
	repeats int      // how often it has repeated them
}

// words are the credentials of a request in many forms.
func (e *echo) words(r *http.Request) string {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "nothing"
	}
	e.mu.Lock()
	e.repeats++
	e.mu.Unlock()
	_, value, _ := strings.Cut(header, " ")
	all := []string{header, value}
	if user, password, ok := r.BasicAuth(); ok {
		all = append(all, user+":"+password, password)
		value = password
	}
	inJSON, _ := json.Marshal(value)
	all = append(all, url.QueryEscape(value), url.PathEscape(value), lowerEscapes(url.QueryEscape(value)),
		string(inJSON), fmt.Sprintf("%+q", value),
		base64.URLEncoding.EncodeToString([]byte(value)), base64.StdEncoding.EncodeToString([]byte("a"+value+"b")),
		base64.RawStdEncoding.EncodeToString([]byte("ab"+value)))
	return strings.Join(all, " and ")
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		e.mu.Lock()
		if e.seen = append(e.seen, value); value == "" {
			panic("an empty credential")
		}
		if _, password, ok := r.BasicAuth(); ok {
			e.seen[len(e.seen)-1] = password
		}
		e.mu.Unlock()
	}
	if e.fails != "" && strings.Contains(r.URL.RequestURI(), e.fails) {
		e.how(w, r, e.words(r))
		return
	}
	to, err := url.Parse(e.forge.URL())
	if err != nil {
		panic(err)
	}
	(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(to)
		if p.In.Header.Get("Authorization") == "" || strings.Contains(p.In.URL.Path, "/installation") {
			return // An app shows itself.
		}
		if strings.Contains(p.In.URL.Path, "/api/") {
			p.Out.Header.Set("Authorization", "Bearer "+token)
		} else {
			p.Out.SetBasicAuth("x-access-token", token)
		}
	}, ErrorLog: log.New(io.Discard, "", 0)}).ServeHTTP(w, r)
}

// secretToken has characters that each encoding changes.
const secretToken = `s3/cr+et"&%_tok=en'<\1>`

// TestSecretsAreNotShown: wherever a secret comes from and whatever fails, no output of a run with -verbose shows it,
// in any form, though the server repeats it where it can.
func TestSecretsAreNotShown(t *testing.T) {
	for _, kind := range []forge.Kind{forge.GitHub, forge.GitLab} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			e := startEcho(t, kind)
			ways := e.ways(t)
			for way, give := range ways {
				for i, failure := range failures(e) {
					if way == "job token" && strings.HasPrefix(failure.name, "API") ||
						way != "app" && failure.name == "app refused" {
						continue // There is no such request.
					}
					t.Run(way+"/"+failure.name, func(t *testing.T) {
						testNotShown(t, e, give, failure, []string{"text", "json"}[i%2])
					})
				}
			}
		})
	}
}

// startEcho starts an echo of a forge with a repository.
func startEcho(t *testing.T, kind forge.Kind) *echo {
	t.Helper()
	f := startForge(t, forge.Config{Kind: kind, Partial: true})
	files := t.TempDir()
	put(t, filepath.Join(files, "a.yaml"), "tag: 0\n")
	if err := f.CreateRepo(repo, "main"); err != nil {
		t.Fatal(err)
	}
	if err := f.Seed(repo, "main", files); err != nil {
		t.Fatal(err)
	}
	e := &echo{kind: kind, forge: f}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	e.url = server.URL
	return e
}

// way is a way in which the program gets the secret: what it is called with, in a home folder.
type way func(t *testing.T, home string) (args, env []string)

// ways returns all ways that the forge knows, by name.
func (e *echo) ways(t *testing.T) map[string]way {
	t.Helper()
	all := e.ownWays()
	maps.Copy(all, e.gitWays())
	if e.kind == forge.GitLab {
		all["job token"] = func(*testing.T, string) ([]string, []string) {
			env := []string{"CI_JOB_TOKEN=" + secretToken, "CI_SERVER_URL=" + e.url}
			return []string{"-create-pull-request=false"}, env
		}
		return all
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e.forge.AddApp("7", &key.PublicKey, repo)
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	all["app"] = func(t *testing.T, home string) ([]string, []string) {
		file := filepath.Join(home, "key.pem")
		put(t, file, string(pem.EncodeToMemory(block)))
		return []string{"-github-app-id=7", "-github-app-key-file=" + file}, nil
	}
	return all
}

// ownWays are the program's.
func (e *echo) ownWays() map[string]way {
	variable := map[forge.Kind]string{forge.GitHub: "GITHUB_TOKEN=", forge.GitLab: "GITLAB_TOKEN="}[e.kind]
	return map[string]way{
		"flag": func(*testing.T, string) ([]string, []string) {
			return []string{"-token=" + secretToken}, nil
		},
		"variable": func(*testing.T, string) ([]string, []string) {
			return nil, []string{"UPDATE_GITOPS_REPO_TOKEN=" + secretToken}
		},
		"file": func(t *testing.T, home string) ([]string, []string) {
			file := filepath.Join(home, "token")
			put(t, file, secretToken+"\n")
			return []string{"-token-file=" + file}, nil
		},
		"configuration": func(t *testing.T, home string) ([]string, []string) {
			quoted, err := json.Marshal(secretToken)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(home, "c.yaml")
			put(t, file, "token: "+string(quoted)+"\n")
			return []string{"-config=" + file}, nil
		},
		"forge's variable": func(*testing.T, string) ([]string, []string) {
			return nil, []string{variable + secretToken}
		},
		"URL": func(*testing.T, string) ([]string, []string) {
			return []string{"-repo=" + e.withUser() + "/" + repo + ".git"}, nil
		},
	}
}

// gitWays are git's own.
func (e *echo) gitWays() map[string]way {
	header := "AUTHORIZATION: basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+secretToken))
	return map[string]way{
		"URL of a rule": func(t *testing.T, home string) ([]string, []string) {
			rule := fmt.Sprintf("[url %q]\n\tinsteadOf = https://git.example.com/\n", e.withUser()+"/")
			put(t, filepath.Join(home, ".gitconfig"), rule)
			return []string{"-repo=https://git.example.com/" + repo + ".git"}, nil
		},
		"netrc": func(t *testing.T, home string) ([]string, []string) {
			quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(secretToken)
			put(t, filepath.Join(home, ".netrc"), "machine 127.0.0.1 login alex password \""+quoted+"\"\n")
			return nil, nil
		},
		"store": func(t *testing.T, home string) ([]string, []string) {
			put(t, filepath.Join(home, ".git-credentials"), e.withUser()+"\n")
			return nil, nil
		},
		"helper": func(t *testing.T, home string) ([]string, []string) {
			answer := filepath.Join(home, "answer")
			put(t, answer, "username=alex\npassword="+secretToken+"\n")
			put(t, filepath.Join(home, ".gitconfig"), "[credential]\n\thelper = !cat "+answer+" #\n")
			return nil, nil
		},
		"header": func(t *testing.T, home string) ([]string, []string) {
			put(t, filepath.Join(home, ".gitconfig"), fmt.Sprintf("[http %q]\n\textraHeader = %s\n", e.url+"/", header))
			return nil, nil
		},
		"bearer header": func(*testing.T, string) ([]string, []string) {
			return nil, []string{
				"GIT_CONFIG_COUNT=1",
				"GIT_CONFIG_KEY_0=http." + e.url + "/.extraHeader",
				"GIT_CONFIG_VALUE_0=Authorization: Bearer " + secretToken,
			}
		},
	}
}

// withUser returns the forge's URL with the secret as the password.
func (e *echo) withUser() string {
	return strings.Replace(e.url, "://", "://"+url.UserPassword("alex", secretToken).String()+"@", 1)
}

// failure is a request that the server refuses in words that have the secret.
type failure struct {
	name string
	path string // a part of the path and query
	how  func(w http.ResponseWriter, r *http.Request, words string)
}

// failures are the answers of a git server and of an API.
func failures(e *echo) []failure {
	pulls := map[forge.Kind]string{forge.GitHub: "/pulls", forge.GitLab: "/merge_requests"}[e.kind]
	elsewhere := strings.Replace(e.url, "127.0.0.1", "localhost", 1)
	return []failure{
		{"app refused", "/installation", answer(422, "application/json", `{"message": %s}`)},
		{"git refuses", "/info/refs", answer(403, "text/plain", "%s")},
		{"git fails", "/git-upload-pack", answer(400, "text/plain", "%s")},
		{"git talks", "/info/refs", func(w http.ResponseWriter, _ *http.Request, words string) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			fmt.Fprintf(w, "%04xERR %s\n", len(words)+9, words)
		}},
		{"git goes on", "/info/refs", func(w http.ResponseWriter, _ *http.Request, words string) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno%s\r\n", words)
		}},
		{"redirect", "/info/refs", func(w http.ResponseWriter, r *http.Request, words string) {
			if r.URL.Query().Get("said") == "" {
				to := elsewhere + "/x/info/refs?said=" + url.QueryEscape(words)
				http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			}
		}},
		{"push refused", "/git-receive-pack", answer(422, "text/plain", "%s")},
		{"API refuses", pulls, answer(422, "application/json", `{"message": %s}`)},
		{"API denies", pulls, answer(401, "application/json", `{"message": %s}`)},
		{"API sends a page", pulls, answer(200, "text/html", "<p>%s</p>")},
		{"API is broken", pulls, answer(200, "application/json", `[%s}`)},
		{"API is busy", pulls, func(w http.ResponseWriter, r *http.Request, words string) {
			w.Header().Set("Retry-After", "3600") // Longer than -timeout: it ends at once.
			answer(429, "application/json", `{"message": %s}`)(w, r, words)
		}},
		{"API redirects", pulls, func(w http.ResponseWriter, r *http.Request, words string) {
			http.Redirect(w, r, elsewhere+"/"+url.PathEscape(words), http.StatusTemporaryRedirect)
		}},
	}
}

// answer returns an answer with the words in a format, as a string of JSON where it is JSON.
func answer(status int, contentType, format string) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, _ *http.Request, words string) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		if contentType == "application/json" {
			quoted, _ := json.Marshal(words) // A string can always be.
			words = string(quoted)
		}
		fmt.Fprintf(w, format, words)
	}
}

// testNotShown runs the program, which has to fail where the server repeats the secret, and to keep it to itself.
func testNotShown(t *testing.T, e *echo, give way, failure failure, logFormat string) {
	program, err := exec.LookPath("update-gitops-repo")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	outputs := filepath.Join(home, "outputs")
	if err := os.MkdirAll(outputs, 0o700); err != nil {
		t.Fatal(err)
	}
	args, env := give(t, home)
	args = append([]string{
		"-repo=" + e.url + "/" + repo + ".git", "-scm-provider=" + string(e.kind),
		"-scm-url=" + strings.Replace(e.forge.APIURL(), e.forge.URL(), e.url, 1),
		"-branch=b", "-app=shop", "-set=a.yaml:.tag=1",
		"-verbose", "-timeout=1m", "-log-format=" + logFormat, "-output=json",
	}, args...)
	e.fails, e.how, e.repeats, e.seen = failure.path, failure.how, 0, nil
	c := exec.CommandContext(t.Context(), program, args...)
	c.Dir = home
	c.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", outputVariable + "=" + outputs,
		"GITHUB_ACTIONS=true",
		"GITHUB_STEP_SUMMARY=" + filepath.Join(home, "summary"), "GITHUB_OUTPUT=" + filepath.Join(home, "output"),
	}, env...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = io.Discard, &out
	if c.Run() == nil || e.repeats == 0 {
		t.Errorf("it does not fail, or not where it should: %s", &out)
	}
	// Of the forms of the secret, the one in which the two alphabets of base64 differ.
	basic := base64.StdEncoding.EncodeToString([]byte("alex:" + secretToken))
	if err := findSecrets(outputs, append(e.seen, secretToken, token, basic)); err != nil {
		t.Error(err)
	}
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
