package cmd

import (
	"cmp"
	"fmt"
	"slices"
)

// entry is one of several entries of repeatable flags, taken apart.
type entry[T any] struct {
	flag  string // its name
	text  string // the entry as it was given
	place place
	key   string // what it is about: of two entries with one key, the later one counts
	value string // what it says of that
	item  T
}

// settle returns the items of the entries, in the order in which they were given, the file's first. An item that a
// later one with the same key replaces is left out, with a warning if their values differ.
func settle[T any](c *config, entries []entry[T]) []T {
	slices.SortStableFunc(entries, func(a, b entry[T]) int {
		return cmp.Or(cmp.Compare(a.place.source, b.place.source), cmp.Compare(a.place.index, b.place.index))
	})
	var items []T
	last := map[string]int{}
	for i, e := range entries {
		last[e.key] = i
	}
	for i, e := range entries {
		wins := entries[last[e.key]]
		switch {
		case last[e.key] == i:
			items = append(items, e.item)
		case e.value != wins.value:
			c.warnings = append(c.warnings, wins.describe(c)+" replaces "+e.describe(c))
		}
	}
	return items
}

// describe returns the entry with its source, for a person.
func (e entry[T]) describe(c *config) string {
	source := "the command line"
	switch e.place.source {
	case fromVariable:
		source = flagSpec{name: e.flag}.variable()
	case fromFile:
		source = c.file
	}
	return fmt.Sprintf("-%s=%q of %s", e.flag, e.text, source)
}

// unique returns the values without those that are there before.
func unique(values []string) []string {
	var out []string
	for _, v := range values {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
