package template

import (
	"reflect"
	"testing"
)

func TestValuesSet(t *testing.T) {
	tests := []struct {
		name  string
		pairs [][2]string
		want  Values // nil: the last pair is refused
	}{
		{"flat", [][2]string{{"a", "1"}, {"b", ""}}, Values{"a": "1", "b": ""}},
		{"nested", [][2]string{{"a.b.c", "1"}, {"a.b.d", "2"}, {"a.e", "3"}},
			Values{"a": map[string]any{"b": map[string]any{"c": "1", "d": "2"}, "e": "3"}}},
		{"last wins", [][2]string{{"a.b", "1"}, {"a.b", "2"}, {"c", "1"}, {"c", "2"}},
			Values{"a": map[string]any{"b": "2"}, "c": "2"}},
		{"dashes", [][2]string{{"image-name", "x=y"}}, Values{"image-name": "x=y"}},
		{"empty key", [][2]string{{"", "1"}}, nil},
		{"empty component", [][2]string{{"a..b", "1"}}, nil},
		{"leading dot", [][2]string{{".a", "1"}}, nil},
		{"trailing dot", [][2]string{{"a.", "1"}}, nil},
		{"value then map", [][2]string{{"a", "1"}, {"a.b", "2"}}, nil},
		{"map then value", [][2]string{{"a.b", "1"}, {"a", "2"}}, nil},
		{"deep value then map", [][2]string{{"a.b", "1"}, {"a.b.c", "2"}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := Values{}
			for i, pair := range tt.pairs {
				err := v.Set(pair[0], pair[1])
				if refused := tt.want == nil && i == len(tt.pairs)-1; (err != nil) != refused {
					t.Fatalf("Set(%q, %q) = %v", pair[0], pair[1], err)
				}
			}
			if tt.want != nil && !reflect.DeepEqual(v, tt.want) {
				t.Errorf("got %v, want %v", v, tt.want)
			}
		})
	}
}
