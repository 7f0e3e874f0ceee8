package forge

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// reply is an API's answer: body is sent as JSON, but for plain text.
type reply struct {
	status int
	header http.Header
	body   any
}

// plain is a body that is no JSON.
type plain string

// object is a JSON object.
type object = map[string]any

// api serves JSON. One request at a time holds the store, so that what an answer checks still holds when it acts.
func (s *Server) api(answer func(*http.Request) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rep := func() reply {
			s.mu.Lock()
			defer s.mu.Unlock()
			return answer(r)
		}()
		body, err := json.Marshal(rep.body)
		if err != nil { // every body is made of strings, numbers and times
			panic(err)
		}
		contentType := "application/json; charset=utf-8"
		if text, ok := rep.body.(plain); ok {
			body, contentType = []byte(text), "text/plain"
		}
		for k, v := range rep.header {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(rep.status)
		w.Write(body) // fails only when the client has closed the connection
	}
}

// decode reads r's body as JSON into in. An empty body says nothing, and leaves in as it is.
func decode(r *http.Request, in any) error {
	if err := json.NewDecoder(r.Body).Decode(in); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// page is one page of a list, as both forges count: from 1, with a limit of 100 entries.
type page struct {
	request           *http.Request
	page, per, total  int
	first, last, next int // the page's entries are [first:last]; next is 0 on the last page
}

// paginate reads page and per_page from r's query; values that make no sense count as absent, as both forges have it.
func paginate(r *http.Request, total, perDefault int) page {
	number := func(name string, absent int) int {
		if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil && n > 0 {
			return n
		}
		return absent
	}
	p := page{request: r, page: number("page", 1), per: min(number("per_page", perDefault), 100), total: total}
	p.first = min((p.page-1)*p.per, total)
	p.last = min(p.first+p.per, total)
	if p.last < total {
		p.next = p.page + 1
	}
	return p
}

// pages is how many pages there are.
func (p page) pages() int { return (p.total + p.per - 1) / p.per }

// link is the value of the Link header (RFC 8288).
func (p page) link() string {
	var links []string
	add := func(rel string, n int) {
		q := p.request.URL.Query()
		q.Set("page", strconv.Itoa(n))
		q.Set("per_page", strconv.Itoa(p.per))
		at := origin(p.request) + p.request.URL.EscapedPath()
		links = append(links, fmt.Sprintf(`<%s?%s>; rel="%s"`, at, q.Encode(), rel))
	}
	if p.page > 1 {
		add("prev", p.page-1)
	}
	if p.next > 0 {
		add("next", p.next)
	}
	if p.page > 1 {
		add("first", 1)
	}
	if p.next > 0 {
		add("last", p.pages())
	}
	return strings.Join(links, ", ")
}
