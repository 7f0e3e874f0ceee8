// Package yamledit edits YAML and JSON exactly: what an edit does not ask for keeps its bytes.
//
// Most programs that change a YAML file parse it, change the tree and write the tree. That loses what a tree does not
// hold: indentation, quotes, blank lines, line ends, comments in odd places. Package yamledit parses a text, but writes
// none: each edit of the tree becomes a few splices of the text.
//
//	f, err := yamledit.Parse("app.yaml", text)
//	if err != nil {
//		return err
//	}
//	if err := f.Set(f.At("spec", "containers", 0, "image"), "acme/shop:v2"); err != nil {
//		return err
//	}
//	text, changes, err := f.Bytes()
//
// # The tree
//
// Nodes are those of package go.yaml.in/yaml/v4. [File.Documents] has the roots, and [File.At] finds one by keys and
// indices. Read as much of them as you like, and follow aliases by [yaml.Node.Alias]; change them by the methods of
// File only:
//
//   - [File.Set] gives a node another value, in the style that it has.
//   - [File.Insert] and [File.InsertAfter] add an entry, laid out as its neighbours are.
//   - [File.Delete] deletes one, with its comments or, by [KeepComments], without.
//   - [File.Rename] gives an entry another key.
//   - [File.Become] takes another tree altogether, such as yq or a program of yours makes it, and finds what differs.
//
// [File.Embedded] returns the document that a string holds, as Helm values in an Application of Argo CD are, as a File
// of its own. What is edited there is written into the string, whose style, indentation and quotes stay.
//
// The tree changes at once, so that an edit sees those before it. A node stays valid until Become replaces it.
//
// # Values and types
//
// A value of Go keeps its type: 5 becomes a number and "5" a string in quotes. What comes from a command line has no
// type, and is given as [Untyped]: it takes the type of what it replaces, where nothing of it is lost by that.
//
// # What differs
//
// [Compare] returns the values in which two texts differ, whoever wrote them, as [File.Bytes] returns those that its
// edits changed.
//
// # What is verified
//
// [File.Bytes] parses the new text and compares it with the tree, node by node. Unless it reads just as was asked for,
// and as before everywhere else, there is an error and no text. A text is never half edited.
//
// YAML 1.1 and 1.2 differ on what a plain scalar is (yes, 0o17, 1:30), and so do their parsers. What any of them would
// take for something else than a string is written in quotes.
//
// # Large files
//
// An edit takes about the time of parsing the text twice. Edits of scalars (Set, Rename, Delete with KeepComments) are
// written together, and so are those of the structure (the others): a program that makes many changes does well to make
// all of one kind first, since each turn to the other parses the text again. With [IgnoreComments], files above 64 KiB
// are parsed in pieces, at the same time, and only those that changed are parsed again. Memory is about a hundred
// times the size of the text. Package yaml cannot be stopped: callers with untrusted input must bound the size, or
// watch the memory.
package yamledit
