package cmd

import "testing"

// TestUnfilled: what pipeline systems and shells leave where a variable should be is seen, in names and in texts, and
// what only looks like it is not.
func TestUnfilled(t *testing.T) {
	for _, test := range []struct {
		value         string
		refused, warn bool // as a name; as a text
	}{
		{"$(params.tag)", true, true},
		{"acme/shop@$(tasks.build.results.IMAGE_DIGEST)", true, true},
		{"$(context.git.commit)-map", true, true},
		{"${{ github.sha }}", true, true},
		{"v${{CF_SHORT_REVISION}}", true, true},
		{"$[[ inputs.tag ]]", true, true},
		{"{{inputs.parameters.tag}}", true, true},
		{"{{ workflow.name }}", true, true},
		{"$TAG", true, true},
		{"${TAG}", true, true},
		{"acme/shop:$TAG", true, true},
		{"acme/shop@${DIGEST}", true, true},
		{"$(POD_IP)", true, true},
		{"%BUILD_NUMBER%", true, true},
		{"null", true, true},
		{"undefined", true, true},
		{"<no value>", true, true},
		{"<nil>", true, true},
		// In a text these may stand for themselves.
		{"$HOME/bin", true, false},
		{"http://${HOST}:80/", true, false},
		{"exec $(cat file) --now", false, false},
		{"it's;$(touch${IFS}pwned)", false, false},
		{"a$b", false, false},
		{"shop-$TAG-map", true, false},
		{"release/${VERSION}", true, false},
		{"{{ .Values.tag }}", true, false},
		{"costs 5$", false, false},
		{"50% of it", false, false},
		{"%d", false, false},
		{"nullable", false, false},
		{"Null", false, false},
		{"None", false, false},
		{"0", false, false},
		{"shop-1.7.0", false, false},
	} {
		c := &config{}
		c.warnUnfilled("-set", test.value)
		if warned := len(c.warnings) > 0; warned != test.warn {
			t.Errorf("%s: as a text, %t, %q", test.value, warned, c.warnings)
		}
		for _, check := range []func(flag, value string) error{checkFilled, checkRevision} {
			if err := check("app", test.value); (err != nil) != test.refused {
				t.Errorf("%s: as a name, %v", test.value, err)
			}
		}
	}
	for value, refused := range map[string]bool{
		"0000000": true, "0000000000000000000000000000000000000000": true, "000000": false, "00000001": false,
	} {
		if err := checkRevision("git-revision", value); (err != nil) != refused {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// TestCutImage: a reference that lacks its tag or digest is seen, and no other text that ends so.
func TestCutImage(t *testing.T) {
	for value, refused := range map[string]bool{
		"acme/shop:": true, "acme/shop@": true,
		"registry.example.com:5000/acme/shop:": true, "ghcr.io/acme/shop@": true,
		"acme/shop:1.7.0@": true, "docker://acme/shop:": true,
		"acme/shop@sha256:": true, "acme/shop:1.7.0@sha256:": true, "nginx@sha256:": true, "sha256:": true,
		"acme/shop:@sha256:4b9d": true, "nginx:@sha256:4b9d": true,
		"acme/shop@sha256:4b9d": false, "acme/shop:1.7.0@sha256:4b9d": false, "the sha256:": false, "user:@host": false,
		"acme/shop:1.7.0": false, "acme/shop": false, "key:": false, "http://": false, "a, b/c:": false, "@": false,
		"git@github.com:acme/shop": false, "https://git.example.com/acme:": false, "user@": false,
	} {
		if err := refuseCutImage("-set", value, "", value); (err != nil) != refused {
			t.Errorf("%s: %v", value, err)
		}
	}
}
