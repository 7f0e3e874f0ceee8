package image

import "go.yaml.in/yaml/v4"

// inner is a document in a string of a file.
type inner struct {
	*plan
	raw *yaml.Node // the string that holds it, or an alias of it
}

// embed looks for places in the document that a string holds. A string that holds none is left alone.
func (p *plan) embed(raw *yaml.Node, s spot) error {
	if !p.mayBeIn([]byte(resolve(raw).Value)) {
		return nil
	}
	in := p.innerOf(raw)
	if in == nil {
		return nil
	}
	p.taken[raw] = true
	return in.make(s)
}

// innerOf returns the plan for the document that a string holds, or nil.
func (p *plan) innerOf(raw *yaml.Node) *plan {
	n := resolve(raw)
	for _, in := range p.inner {
		if resolve(in.raw) == n {
			return in.plan
		}
	}
	if n.Kind != yaml.ScalarNode {
		return nil
	}
	f, err := p.file.Embedded(n)
	if err != nil || len(f.Documents()) == 0 || f.Documents()[0].Kind == yaml.ScalarNode {
		return nil
	}
	in := newPlan(p.context, "", f)
	p.inner = append(p.inner, inner{in, raw})
	return in
}

// finish plans what becomes of the strings that hold documents, notes what is left, and checks what is planned.
func (p *plan) finish() error {
	p.leaveSplit()
	for _, in := range p.inner {
		if err := in.finish(); err != nil {
			return err
		}
		p.left = append(p.left, in.mentions()...)
		p.suffixes = append(p.suffixes, in.suffixes...)
		if in.isEmpty() {
			continue
		}
		_, t := in.first()
		p.covered[in.raw] = true
		p.values[resolve(in.raw)] = value{target: t, embedded: true}
	}
	return p.checkOthers()
}
