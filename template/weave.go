package template

import (
	"regexp"
	"strconv"
	parsetree "text/template/parse"
)

// weaver adds steps to the parsed trees of templates.
type weaver struct {
	called map[string]bool // the functions that the templates call
	depth  int             // of the deepest action
}

// list adds steps to a list of nodes that is that deep in actions.
func (w *weaver) list(list *parsetree.ListNode, depth int) {
	if list == nil {
		return
	}
	var nodes []parsetree.Node
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parsetree.ActionNode:
			w.pipe(n.Pipe, depth+1)
			if len(n.Pipe.Decl) == 0 {
				n.Pipe.Cmds = append(n.Pipe.Cmds, command("show", n.Pipe.Pos))
			}
		case *parsetree.IfNode:
			w.branch(&n.BranchNode, depth)
		case *parsetree.WithNode:
			w.branch(&n.BranchNode, depth)
		case *parsetree.RangeNode:
			w.branch(&n.BranchNode, depth)
			n.Pipe.Cmds = append(n.Pipe.Cmds, command("each", n.Pipe.Pos))
			n.List.Nodes = append([]parsetree.Node{action("next", n.Pos)}, n.List.Nodes...)
		case *parsetree.TemplateNode:
			w.pipe(n.Pipe, depth+1)
			by := number(depth+1, n.Pos)
			nodes = append(nodes, action("enter", n.Pos, by), n, action("leave", n.Pos, by))
			continue
		}
		nodes = append(nodes, n)
	}
	list.Nodes = nodes
}

func (w *weaver) branch(n *parsetree.BranchNode, depth int) {
	w.pipe(n.Pipe, depth+1)
	w.list(n.List, depth+1)
	w.list(n.ElseList, depth+1)
}

func (w *weaver) pipe(n *parsetree.PipeNode, depth int) {
	if n == nil {
		return
	}
	w.depth = max(w.depth, depth)
	for _, cmd := range n.Cmds {
		for _, arg := range cmd.Args {
			w.argument(arg, depth)
		}
		if fn, ok := cmd.Args[0].(*parsetree.IdentifierNode); ok && comparison.MatchString(fn.Ident) {
			weighArguments(cmd)
		}
	}
}

// argument adds steps to an argument of a command.
func (w *weaver) argument(arg parsetree.Node, depth int) {
	if chain, ok := arg.(*parsetree.ChainNode); ok {
		arg = chain.Node
	}
	switch arg := arg.(type) {
	case *parsetree.IdentifierNode:
		w.called[arg.Ident] = true
	case *parsetree.PipeNode:
		w.pipe(arg, depth+1)
	}
}

// comparison finds the functions that compare. text/template has them for itself, so their arguments are charged for.
var comparison = regexp.MustCompile(`^(eq|ne|lt|le|gt|ge)$`)

// weighArguments puts the step compare around each argument of a command.
func weighArguments(cmd *parsetree.CommandNode) {
	for i, arg := range cmd.Args[1:] {
		if arg.Type() != parsetree.NodeNil {
			cmd.Args[i+1] = pipe(command("compare", arg.Position(), arg))
		}
	}
}

// command, pipe, action and number return nodes as the parser makes them.
func command(name string, pos parsetree.Pos, args ...parsetree.Node) *parsetree.CommandNode {
	fn := parsetree.NewIdentifier(name).SetPos(pos)
	args = append([]parsetree.Node{fn}, args...)
	return &parsetree.CommandNode{NodeType: parsetree.NodeCommand, Pos: pos, Args: args}
}

func pipe(cmd *parsetree.CommandNode) *parsetree.PipeNode {
	return &parsetree.PipeNode{NodeType: parsetree.NodePipe, Pos: cmd.Pos, Cmds: []*parsetree.CommandNode{cmd}}
}

func action(name string, pos parsetree.Pos, args ...parsetree.Node) parsetree.Node {
	return &parsetree.ActionNode{NodeType: parsetree.NodeAction, Pos: pos, Pipe: pipe(command(name, pos, args...))}
}

func number(n int, pos parsetree.Pos) parsetree.Node {
	return &parsetree.NumberNode{
		NodeType: parsetree.NodeNumber, Pos: pos, IsInt: true, Int64: int64(n), Text: strconv.Itoa(n),
	}
}
