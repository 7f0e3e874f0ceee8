package integration

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
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
	forge *forge.Server
	url   string
	fails string // a part of the path and query of requests that fail
	how   func(http.ResponseWriter, *http.Request, string)

	mu   sync.Mutex
	seen []string // what came as a credential
	told int      // how often it has repeated them
}

// words are the credentials of a request in many forms.
func (e *echo) words(r *http.Request) string {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "nothing"
	}
	e.mu.Lock()
	e.told++
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

// TestSecretsAreNotTold: wherever a secret comes from and whatever fails, nothing that -verbose has the program say
// shows it, in no form, though the server does what it can.
func TestSecretsAreNotTold(t *testing.T) {
	const plain = `s3/cr+et"&%_tok=en'<\1>`
	program, err := exec.LookPath("update-gitops-repo")
	if err != nil {
		t.Fatal(err)
	}
	answer := func(status int, contentType, format string) func(http.ResponseWriter, *http.Request, string) {
		return func(w http.ResponseWriter, _ *http.Request, words string) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			if contentType == "application/json" {
				quoted, _ := json.Marshal(words)
				words = string(quoted)
			}
			fmt.Fprintf(w, format, words)
		}
	}
	pulls := map[forge.Kind]string{forge.GitHub: "/pulls", forge.GitLab: "/merge_requests"}
	for _, kind := range []forge.Kind{forge.GitHub, forge.GitLab} {
		dir := t.TempDir()
		f, err := forge.Start(forge.Config{Kind: kind, Partial: true, Token: token, Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
		files := t.TempDir()
		put(t, filepath.Join(files, "a.yaml"), "tag: 0\n")
		if err := f.CreateRepo(repo, "main"); err != nil {
			t.Fatal(err)
		}
		if err := f.Seed(repo, "main", files); err != nil {
			t.Fatal(err)
		}
		e := &echo{forge: f}
		server := httptest.NewServer(e)
		t.Cleanup(server.Close)
		e.url = server.URL
		host := strings.TrimPrefix(server.URL, "http://")
		elsewhere := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
		clone := server.URL + "/" + repo + ".git"
		user := url.UserPassword("alex", plain).String()

		ways := map[string]func(home string) (args, env []string){
			"flag": func(string) ([]string, []string) { return []string{"-token=" + plain}, nil },
			"variable": func(string) ([]string, []string) {
				return nil, []string{"UPDATE_GITOPS_REPO_TOKEN=" + plain}
			},
			"file": func(home string) ([]string, []string) {
				put(t, filepath.Join(home, "token"), plain+"\n")
				return []string{"-token-file=" + filepath.Join(home, "token")}, nil
			},
			"configuration": func(home string) ([]string, []string) {
				quoted, _ := json.Marshal(plain)
				put(t, filepath.Join(home, "c.yaml"), "token: "+string(quoted)+"\n")
				return []string{"-config=" + filepath.Join(home, "c.yaml")}, nil
			},
			"forge's variable": func(string) ([]string, []string) {
				return nil, []string{map[forge.Kind]string{forge.GitHub: "GITHUB_TOKEN=",
					forge.GitLab: "GITLAB_TOKEN="}[kind] + plain}
			},
			"URL": func(string) ([]string, []string) {
				return []string{"-repo=http://" + user + "@" + host + "/" + repo + ".git"}, nil
			},
			"URL of a rule": func(home string) ([]string, []string) {
				put(t, filepath.Join(home, ".gitconfig"),
					fmt.Sprintf("[url %q]\n\tinsteadOf = https://git.example.com/\n", "http://"+user+"@"+host+"/"))
				return []string{"-repo=https://git.example.com/" + repo + ".git"}, nil
			},
			"netrc": func(home string) ([]string, []string) {
				put(t, filepath.Join(home, ".netrc"), "machine 127.0.0.1 login alex password \""+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(plain)+"\"\n")
				return nil, nil
			},
			"store": func(home string) ([]string, []string) {
				put(t, filepath.Join(home, ".git-credentials"), "http://"+user+"@"+host+"\n")
				return nil, nil
			},
			"helper": func(home string) ([]string, []string) {
				put(t, filepath.Join(home, "answer"), "username=alex\npassword="+plain+"\n")
				put(t, filepath.Join(home, ".gitconfig"), "[credential]\n\thelper = !cat "+filepath.Join(home, "answer")+" #\n")
				return nil, nil
			},
			"header": func(home string) ([]string, []string) {
				put(t, filepath.Join(home, ".gitconfig"), fmt.Sprintf("[http %q]\n\textraHeader = AUTHORIZATION: basic %s\n", server.URL+"/", base64.StdEncoding.EncodeToString([]byte("x-access-token:"+plain))))
				return nil, nil
			},
			"bearer header": func(string) ([]string, []string) {
				return nil, []string{"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http." + server.URL + "/.extraHeader", "GIT_CONFIG_VALUE_0=Authorization: Bearer " + plain}
			},
		}
		if kind == forge.GitLab {
			ways["job token"] = func(string) ([]string, []string) {
				return []string{"-create-pull-request=false"}, []string{"CI_JOB_TOKEN=" + plain, "CI_SERVER_URL=" + server.URL}
			}
		}
		if kind == forge.GitHub {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				t.Fatal(err)
			}
			f.AddApp("7", &key.PublicKey, repo)
			inPEM := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
			ways["app"] = func(home string) ([]string, []string) {
				put(t, filepath.Join(home, "key.pem"), inPEM)
				return []string{"-github-app-id=7", "-github-app-key-file=" + filepath.Join(home, "key.pem")}, nil
			}
		}
		failures := []struct {
			name, fails string
			how         func(http.ResponseWriter, *http.Request, string)
		}{
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
					http.Redirect(w, r, elsewhere+"/x/info/refs?said="+url.QueryEscape(words), http.StatusTemporaryRedirect)
				}
			}},
			{"push refused", "/git-receive-pack", answer(422, "text/plain", "%s")},
			{"API refuses", pulls[kind], answer(422, "application/json", `{"message": %s}`)},
			{"API denies", pulls[kind], answer(401, "application/json", `{"message": %s}`)},
			{"API sends a page", pulls[kind], answer(200, "text/html", "<p>%s</p>")},
			{"API is broken", pulls[kind], answer(200, "application/json", `[%s}`)},
			{"API is busy", pulls[kind], func(w http.ResponseWriter, r *http.Request, words string) {
				w.Header().Set("Retry-After", "3600") // Longer than -timeout: it ends at once.
				answer(429, "application/json", `{"message": %s}`)(w, r, words)
			}},
			{"API redirects", pulls[kind], func(w http.ResponseWriter, r *http.Request, words string) {
				http.Redirect(w, r, elsewhere+"/"+url.PathEscape(words), http.StatusTemporaryRedirect)
			}},
		}
		for way, give := range ways {
			for i, failure := range failures {
				if way == "job token" && strings.HasPrefix(failure.name, "API") || way != "app" && failure.name == "app refused" {
					continue // There is no such request.
				}
				t.Run(fmt.Sprintf("%s/%s/%s", kind, way, failure.name), func(t *testing.T) {
					home := t.TempDir()
					told := filepath.Join(home, "told")
					if err := os.MkdirAll(told, 0o700); err != nil {
						t.Fatal(err)
					}
					args, env := give(home)
					args = append([]string{"-repo=" + clone, "-scm-provider=" + string(kind), "-scm-url=" + strings.Replace(f.APIURL(), f.URL(), server.URL, 1),
						"-branch=b", "-app=shop", "-set=a.yaml:.tag=1", "-verbose", "-timeout=1m", "-log-format=" + []string{"text", "json"}[i%2], "-output=json"}, args...)
					e.fails, e.how, e.told, e.seen = failure.fails, failure.how, 0, nil
					c := exec.CommandContext(context.Background(), program, args...)
					c.Dir = home
					c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", toldVariable + "=" + told,
						"GITHUB_STEP_SUMMARY=" + filepath.Join(home, "summary"), "GITHUB_OUTPUT=" + filepath.Join(home, "output")}, env...)
					var out bytes.Buffer
					c.Stdout, c.Stderr = io.Discard, &out
					if c.Run() == nil || e.told == 0 {
						t.Errorf("it does not fail, or not where it should: %s", &out)
					}
					// The alphabets of base64 differ in that of other secrets; this one has both.
					if err := findTold(told, append(e.seen, plain, token, base64.StdEncoding.EncodeToString([]byte("alex:"+plain)))); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
