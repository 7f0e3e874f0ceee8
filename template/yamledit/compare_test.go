package yamledit

import "testing"

func TestEqual(t *testing.T) {
	t.Parallel()
	const src = "a: &x 1\nb: [v, {c: d}]\n"
	for text, want := range map[string]bool{
		src: true, "# c\na:   &x 1\nb: ['v', {c: \"d\"}]\n": true,
		"a: &y 1\nb: [v, {c: d}]\n": false, "a: 1\nb: [v, {c: d}]\n": false, "a: &x '1'\nb: [v, {c: d}]\n": false,
		"a: &x 2\nb: [v, {c: d}]\n": false,
		"a: &x 1\nb: [v, [c, d]]\n": false, "a: &x 1\nb: [v]\n": false, "a: &x 1\nb: [v, {c: d}]\n---\n": false,
		"a: &x 1\nb: [v, {e: d}]\n": false,
	} {
		before, err := parseYAML([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		after, err := parseYAML([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := equal(before, after) == nil; got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	want, err := parseYAML([]byte("a: &x 1\nb: [*x, ~]\n---\n- y\n"))
	if err != nil {
		t.Fatal(err)
	}
	for src, equal := range map[string]bool{
		"a: &x 1\nb: [*x, null]\n---\n- 'y'\n": true,
		"{a: &x 1, b: [*x, ]}\n--- [y]\n":      false,
		"a: &x 1\nb: [*x, ~]\n":                false,
		"a: &x \"1\"\nb: [*x, ~]\n---\n- y\n":  false,
		"a: &x 1\nb: [1, ~]\n---\n- y\n":       false,
		"a: &z 1\nb: [*z, ~]\n---\n- y\n":      false,
		"b: [~, ~]\na: &x 1\n---\n- y\n":       false,
		"a: &x 1\nb: [*x, ~]\n---\n- y: [\n":   false,
	} {
		if _, err := verify("f.yaml", []byte(src), want); (err == nil) != equal {
			t.Errorf("%q: %v", src, err)
		}
	}
}
