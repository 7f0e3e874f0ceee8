package wildmatch

import "slices"

// Walk is a pattern in a folder that a walk has reached. It matches names there in a time that does not depend on the
// folder's depth, and says which folders and names are worth a look.
type Walk struct {
	pattern Pattern
	at      positions
}

// Walk starts a walk at the root.
func (p Pattern) Walk() Walk {
	if p.program == nil {
		return Walk{p, newPositions(1)}
	}
	return Walk{p, p.at(0)}
}

// Enter returns the walk in a folder of the current one. ok is false when no name below it can match.
func (w Walk) Enter(folder string) (below Walk, ok bool) {
	at, _ := w.pattern.run(slices.Clone(w.at), folder+"/")
	return Walk{w.pattern, at}, at.next(0) >= 0
}

// Match reports whether the pattern matches a name in the current folder.
func (w Walk) Match(name string) bool {
	at, _ := w.pattern.run(slices.Clone(w.at), name)
	return at.has(len(w.pattern.program))
}

// maxNames is how many characters of names Names looks at.
const maxNames = 4096

// Names returns the names of all files and folders of the current folder that lead to a match, where no wildcard comes
// before the next slash. ok is false when any name may do: the folder must be listed.
func (w Walk) Names() (names []string, ok bool) {
	type branch struct {
		instruction int
		name        string
	}
	var open []branch
	for i := w.at.next(0); i >= 0; i = w.at.next(i + 1) {
		open = append(open, branch{i, ""})
	}
	for looked := 0; len(open) > 0; looked++ {
		if looked > maxNames {
			return nil, false
		}
		b := open[len(open)-1]
		open = open[:len(open)-1]
		if b.instruction == len(w.pattern.program) {
			names = append(names, b.name)
			continue
		}
		in := w.pattern.program[b.instruction]
		switch {
		case in.op == literal && in.char == '/':
			names = append(names, b.name)
		case in.op == literal:
			open = append(open, branch{b.instruction + 1, b.name + text(w.pattern.flags, in)})
		case in.op != fork:
			return nil, false
		}
		for _, target := range in.targets {
			open = append(open, branch{target, b.name})
		}
	}
	slices.Sort(names)
	return slices.Compact(names), true
}
