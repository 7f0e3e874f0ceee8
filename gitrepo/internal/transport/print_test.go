package transport

import (
	"fmt"
	"strings"
	"testing"

	"update-gitops-repo/gitrepo/giturl"
)

// TestConnectionDoesNotPrint: no verb of package fmt prints the credentials of a connection.
func TestConnectionDoesNotPrint(t *testing.T) {
	t.Parallel()
	c := giturl.Login("tok3n", "s3cret")
	auth := Wire{auth: httpAuth{c}}
	for _, v := range []any{Remote{Credentials: c}, auth, &auth} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s", "%x", "%d"} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "s3cret") || strings.Contains(text, "tok3n") ||
				strings.Contains(text, fmt.Sprintf("%x", "s3cret")) {
				t.Errorf("%s of %T prints %s", verb, v, text)
			}
		}
	}
}
