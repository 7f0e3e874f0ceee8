package transport_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"testing"

	"update-gitops-repo/gitrepo"
	"update-gitops-repo/gitrepo/internal/gittest"
	"update-gitops-repo/gitrepo/internal/repotest"
)

// tape is a http.RoundTripper that records the server's answers and replays them with one of them cut off.
type tape struct {
	answers []*http.Response
	bodies  [][]byte
	playing bool
	next    int
	cut     int // which answer
	at      int // how much is left of it
}

func (p *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	i := p.next
	p.next++
	if p.playing && i < len(p.answers) {
		a := *p.answers[i]
		body := p.bodies[i]
		if i == p.cut {
			body = body[:p.at]
		}
		a.Request, a.Body, a.ContentLength = r, io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return &a, nil
	}
	a, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || p.playing {
		return a, err
	}
	body, err := io.ReadAll(a.Body)
	p.answers, p.bodies = append(p.answers, a), append(p.bodies, body)
	a.Body = io.NopCloser(bytes.NewReader(body))
	return a, err
}

// readBoth reads a file, and how far the other branch is ahead.
func readBoth(t *testing.T, remote gitrepo.Remote) error {
	t.Helper()
	r, err := gitrepo.Open(t.Context(), remote)
	if err != nil {
		return err
	}
	s, err := r.Snapshot(t.Context(), "main")
	if err != nil {
		return err
	}
	data, err := fs.ReadFile(s.Files(t.Context()), "a/values.yaml")
	if err != nil {
		return err
	}
	if string(data) != "tag: 1\n" {
		t.Errorf("got %q", data)
	}
	ahead, err := s.Ahead(t.Context(), "other")
	if err == nil && len(ahead) != 1 {
		t.Errorf("%d commits ahead", len(ahead))
	}
	return err
}

// TestCutOff: an answer that ends early is ErrFault wherever it ends, unless the missing part is fetched in another
// way.
func TestCutOff(t *testing.T) {
	t.Parallel()
	w := repotest.Open(t, "http", map[string]string{"a/values.yaml": "tag: 1\n", "b.yaml": "b: 1\n"})
	gittest.Check(t, w.Edit(t, "main", "other", map[string]string{"b.yaml": "b: 2\n"}))
	p := &tape{}
	w.Remote.HTTPClient = &http.Client{Transport: p}
	gittest.Check(t, readBoth(t, w.Remote))
	if len(p.answers) < 4 {
		t.Fatalf("%d answers", len(p.answers))
	}
	p.playing = true
	cuts, faults := 0, 0
	for p.cut = range p.answers {
		for p.at = range p.bodies[p.cut] {
			p.next = 0
			cuts++
			err := readBoth(t, w.Remote)
			if err != nil {
				faults++
			}
			if err != nil && !errors.Is(err, gitrepo.ErrFault) || t.Failed() {
				t.Fatalf("answer %d cut off after %d of %d bytes: %v", p.cut, p.at, len(p.bodies[p.cut]), err)
			}
		}
	}
	if faults < cuts*9/10 {
		t.Errorf("only %d of %d were faults", faults, cuts)
	}
}
