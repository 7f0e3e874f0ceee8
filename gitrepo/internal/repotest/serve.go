package repotest

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/giturl"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/pack/packtest"
)

// Serve starts a git server without partial clone, whose packs send writes. With the capability "endless " its list of
// references has no end.
func Serve(t *testing.T, r packtest.Repository, caps string, send func(io.Writer)) gitrepo.Remote {
	line := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/info/refs") {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			advert := line("# service=git-upload-pack\n") + "0000" +
				line(r.Tip()+" HEAD\x00shallow ofs-delta "+caps+"symref=HEAD:refs/heads/main\n") +
				line(r.Tip()+" refs/heads/main\n")
			_, _ = io.WriteString(w, advert) // The client sees what is missing.
			if caps == "endless " {
				for i := 0; ; i++ {
					if _, err := io.WriteString(w, line(fmt.Sprintf("%s refs/heads/x%d\n", r.Tip(), i))); err != nil {
						return
					}
				}
			}
			_, _ = io.WriteString(w, "0000")
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		_, _ = io.WriteString(w, line("shallow "+r.Tip()+"\n")+"0000"+line("NAK\n"))
		send(w)
	}))
	t.Cleanup(server.Close)
	url, _, err := giturl.Parse(server.URL + "/r.git")
	gittest.Check(t, err)
	return gitrepo.Remote{URL: url, MaxFetch: 32 << 20}
}

// ReadFile reads the file "f" of main.
func ReadFile(t *testing.T, r gitrepo.Remote) ([]byte, error) {
	repo, err := gitrepo.Open(t.Context(), r)
	if err != nil {
		return nil, err
	}
	s, err := repo.Snapshot(t.Context(), "main")
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(s.Files(t.Context()), "f")
}
