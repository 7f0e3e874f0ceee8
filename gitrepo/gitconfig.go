package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Settings are git's settings as git itself would read them in a checkout, or outside of any. The zero value has none.
type Settings struct {
	all    func() []setting // keys and values may be secrets, and of a function package fmt prints an address; nil: none
	root   string           // of the checkout; empty: there is none
	gitDir string           // the checkout's own, which for a linked worktree is not the one with the configuration
	home   string
	getenv func(string) string
	notes  []string
}

// setting is one line of a configuration. The same key may come many times, and the order counts.
type setting struct {
	key    string // as git lists it: section and name in lower case, what is between them as it stands
	value  string
	bare   bool   // without "=", which stands for true
	source string // the file, or the variable
}

// maxIncludes is how deep git lets included files include others.
const maxIncludes = 10

// ReadSettings reads what applies in dir: the system's settings, the user's, those of the checkout that holds dir if
// there is one, and those in the environment, with the files that they include
// (https://git-scm.com/docs/git-config#FILES). A condition of includeIf other than gitdir counts as not met. Files that
// are not there are passed over, as git does; errors name the file, and the line, that git would refuse.
func ReadSettings(dir string, getenv func(string) string) (*Settings, error) {
	s := &Settings{home: homeDir(getenv), getenv: getenv}
	var common string
	if dir != "" {
		if c, err := findCheckout(dir); err == nil { // Else that is for those to say who need one.
			s.root, s.gitDir, common = c.root, c.gitDir, c.commonDir
		}
	}
	if !gitBool(getenv("GIT_CONFIG_NOSYSTEM"), false) {
		system := getenv("GIT_CONFIG_SYSTEM")
		if system == "" {
			system = "/etc/gitconfig"
		}
		if err := s.readFile(system, 0); err != nil && !absent(err) {
			return nil, err
		}
	}
	for _, file := range s.userFiles() {
		// A home that may not be looked into, as root's by anybody else, is as good as none.
		if err := s.readFile(file, 0); err != nil && !absent(err) && !errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
	}
	if s.root != "" {
		if err := s.readFile(filepath.Join(common, "config"), 0); err != nil && !absent(err) {
			return nil, err
		}
		if s.bool("extensions.worktreeconfig", false) {
			if err := s.readFile(filepath.Join(s.gitDir, "config.worktree"), 0); err != nil && !absent(err) {
				return nil, err
			}
		}
	}
	return s, s.readEnvironment()
}

// userFiles are the files of the user's settings, the weaker first.
func (s *Settings) userFiles() []string {
	if file := s.getenv("GIT_CONFIG_GLOBAL"); file != "" {
		return []string{file}
	}
	var files []string
	if dir := s.xdgDir(); dir != "" {
		files = append(files, filepath.Join(dir, "config"))
	}
	if s.home != "" {
		files = append(files, filepath.Join(s.home, ".gitconfig"))
	}
	return files
}

// xdgDir is the other folder in which git looks for a user's files.
func (s *Settings) xdgDir() string {
	if dir := s.getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "git")
	}
	if s.home == "" {
		return ""
	}
	return filepath.Join(s.home, ".config", "git")
}

func homeDir(getenv func(string) string) string {
	if home := getenv("HOME"); home != "" {
		return home
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.HomeDir
}

func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// readConfig reads the settings of a repository alone, from the folder that has its config.
func readConfig(gitDir string) (*Settings, error) {
	s := &Settings{}
	return s, s.readFile(filepath.Join(gitDir, "config"), 0)
}

func (s *Settings) readFile(file string, depth int) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("git's settings: %w", err)
	}
	line, err := parseGitConfig(data, func(key, value string, bare bool) error {
		return s.add(setting{key: key, value: value, bare: bare, source: file}, depth)
	})
	if errors.Is(err, errGitConfig) {
		return fmt.Errorf("%s:%d: %w", file, line, err)
	}
	return err
}

// readEnvironment reads what git config's documentation has under GIT_CONFIG_COUNT.
func (s *Settings) readEnvironment() error {
	text := s.getenv("GIT_CONFIG_COUNT")
	if text == "" {
		return nil
	}
	count, err := strconv.Atoi(text)
	if err != nil || count < 0 {
		return errors.New("GIT_CONFIG_COUNT is not a number")
	}
	for i := range count {
		name := fmt.Sprintf("GIT_CONFIG_KEY_%d", i)
		key := s.getenv(name)
		first, last := strings.IndexByte(key, '.'), strings.LastIndexByte(key, '.')
		if first <= 0 || last == len(key)-1 {
			return fmt.Errorf("%s: not the name of a setting of git", name)
		}
		key = strings.ToLower(key[:first]) + key[first:last] + strings.ToLower(key[last:])
		if err := s.add(setting{key: key, value: s.getenv(fmt.Sprintf("GIT_CONFIG_VALUE_%d", i)), source: name}, 0); err != nil {
			return err
		}
	}
	return nil
}

// add appends a setting and, where it names a file to include, what that holds.
func (s *Settings) add(e setting, depth int) error {
	entries := append(s.entries(), e)
	s.all = func() []setting { return entries }
	condition, conditional := e.sub("includeif", "path")
	if e.value == "" || e.key != "include.path" && !(conditional && s.met(condition, e.source)) {
		return nil
	}
	if depth == maxIncludes {
		return fmt.Errorf("%s: git's settings include each other more than %d deep", e.source, maxIncludes)
	}
	file := s.expand(e.value)
	if !filepath.IsAbs(file) {
		if !filepath.IsAbs(e.source) {
			return fmt.Errorf("%s: a relative path to include has to come from a file", e.source)
		}
		file = filepath.Join(filepath.Dir(e.source), file)
	}
	if err := s.readFile(file, depth+1); err != nil && !absent(err) {
		return err
	}
	return nil
}

// entries are the settings in their order.
func (s *Settings) entries() []setting {
	if s.all == nil {
		return nil
	}
	return s.all()
}

func (s *Settings) expand(name string) string { return expandHome(name, s.home) }

// expandHome replaces a leading ~/ by the home folder, if there is one.
func expandHome(name, home string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	return name
}

// met tells whether a condition of includeIf holds that a file has.
func (s *Settings) met(condition, file string) bool {
	kind, pattern, _ := strings.Cut(condition, ":")
	if s.gitDir == "" || kind != "gitdir" && kind != "gitdir/i" {
		return false
	}
	literal := "" // what no wildcard is looked for in
	if pattern == "" || strings.HasSuffix(pattern, "/") {
		pattern += "**"
	}
	switch {
	case strings.HasPrefix(pattern, "./"):
		dir, err := filepath.EvalSymlinks(filepath.Dir(file))
		if err != nil || !filepath.IsAbs(file) {
			return false
		}
		literal, pattern = dir+"/", pattern[2:]
	case strings.HasPrefix(pattern, "~/"):
		home, err := filepath.EvalSymlinks(s.home)
		if err != nil {
			return false
		}
		pattern = home + pattern[1:]
	case !filepath.IsAbs(pattern):
		pattern = "**/" + pattern
	}
	expression := "^" + regexp.QuoteMeta(literal) + wildcards(pattern) + "$"
	if kind == "gitdir/i" {
		expression = "(?i)" + expression
	}
	matcher, err := regexp.Compile(expression)
	if err != nil {
		return false
	}
	resolved, err := filepath.EvalSymlinks(s.gitDir)
	return err == nil && matcher.MatchString(resolved) || matcher.MatchString(s.gitDir)
}

// wildcards makes a regular expression of a pattern for paths.
func wildcards(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		atStart := i == 0 || pattern[i-1] == '/'
		switch {
		case atStart && strings.HasPrefix(rest, "**/"):
			b.WriteString("(.*/)?")
			i += 2
		case atStart && rest == "**":
			b.WriteString(".*")
			i++
		case rest[0] == '*':
			b.WriteString("[^/]*")
		case rest[0] == '?':
			b.WriteString("[^/]")
		case rest[0] == '[' && strings.Contains(rest, "]"):
			end := 2 + strings.IndexByte(rest[2:]+"]", ']') // The first character may be ] itself.
			class := strings.TrimSuffix(rest[1:min(end, len(rest))], "]")
			if negated, ok := strings.CutPrefix(class, "!"); ok {
				class = "^" + negated
			}
			b.WriteString("[" + class + "]")
			i += end
		case rest[0] == '\\' && len(rest) > 1:
			b.WriteString(regexp.QuoteMeta(rest[1:2]))
			i++
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
		}
	}
	return b.String()
}

// sub gives what stands between a section and a name; false when it is not a key of both, with something in between.
func (e setting) sub(section, name string) (string, bool) {
	rest, ok := strings.CutPrefix(e.key, section+".")
	if !ok {
		return "", false
	}
	i := strings.LastIndexByte(rest, '.')
	if i < 0 || rest[i+1:] != name {
		return "", false
	}
	return rest[:i], true
}

// last is the value of a key that counts where only one does.
func (s *Settings) last(key string) (setting, bool) {
	for _, e := range slices.Backward(s.entries()) {
		if e.key == key {
			return e, true
		}
	}
	return setting{}, false
}

// get is the value of a key that counts; empty when there is none.
func (s *Settings) get(key string) string {
	e, _ := s.last(key)
	return e.value
}

// origin is the URL that git fetches from; those that are added to it are for pushing.
func (s *Settings) origin() string {
	for _, e := range s.entries() {
		if e.key == "remote.origin.url" {
			return e.value
		}
	}
	return ""
}

// bool reads a truth, which is unset where nobody says.
func (s *Settings) bool(key string, unset bool) bool {
	e, ok := s.last(key)
	if !ok {
		return unset
	}
	return gitBool(e.value, e.bare)
}

// gitBool reads a value as git reads a truth; bare is one without "=".
func gitBool(value string, bare bool) bool {
	switch strings.ToLower(value) {
	case "true", "yes", "on":
		return true
	case "":
		return bare
	}
	n, err := strconv.Atoi(value)
	return err == nil && n != 0
}

// Rewrite gives the URL that git would use in place of one: the longest url.BASE.insteadOf that it begins with is
// replaced by its BASE.
func (s *Settings) Rewrite(url string) string {
	base, longest := "", ""
	for _, e := range s.entries() {
		if b, ok := e.sub("url", "insteadof"); ok && len(e.value) > len(longest) && strings.HasPrefix(url, e.value) {
			base, longest = b, e.value
		}
	}
	return base + url[len(longest):]
}

// errGitConfig is text that git would not take for a configuration. It does not quote it.
var errGitConfig = errors.New("git cannot read this line of its settings")

// parseGitConfig reads one file (https://git-scm.com/docs/git-config#_syntax). The line is where it stopped. It is not
// go-git's own parser, because that loses the order between sections, on which includes and precedence rest, and wants
// each section on a line of its own.
func parseGitConfig(data []byte, each func(key, value string, bare bool) error) (line int, err error) {
	p := configParser{data: bytes.TrimPrefix(data, []byte("\ufeff")), line: 1}
	section := ""
	for {
		line = p.line
		switch c := p.next(); {
		case c == '\n' && p.eof:
			return line, nil
		case isSpace(c):
		case c == '#' || c == ';':
			p.skipLine()
		case c == '[':
			if section, err = p.section(); err != nil {
				return line, err
			}
		case isLetter(c):
			name, value, bare, err := p.variable(c)
			if err == nil {
				err = each(section+name, value, bare)
			}
			if err != nil {
				return line, err
			}
		default:
			return line, errGitConfig
		}
	}
}

type configParser struct {
	data []byte
	line int
	eof  bool
}

// next gives a character; the end of the file ends a line too.
func (p *configParser) next() byte {
	if len(p.data) == 0 {
		p.eof = true
		return '\n'
	}
	c := p.data[0]
	if c == '\r' && len(p.data) > 1 && p.data[1] == '\n' {
		p.data = p.data[1:]
		c = '\n'
	}
	p.data = p.data[1:]
	if c == '\n' {
		p.line++
	}
	return c
}

func (p *configParser) skipLine() {
	for p.next() != '\n' {
	}
}

func isSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isKeyChar(c byte) bool {
	return isLetter(c) || '0' <= c && c <= '9' || c == '-'
}

// section reads a heading behind its bracket, and gives it with the dot that goes before a name.
func (p *configParser) section() (string, error) {
	var b strings.Builder
	for {
		switch c := p.next(); {
		case c == ']':
			return strings.ToLower(b.String()) + ".", nil
		case c == '\n' || !isSpace(c) && !isKeyChar(c) && c != '.':
			return "", errGitConfig
		case isSpace(c):
			sub, err := p.subsection()
			return strings.ToLower(b.String()) + "." + sub + ".", err
		default:
			b.WriteByte(c)
		}
	}
}

func (p *configParser) subsection() (string, error) {
	c := p.next()
	for c != '\n' && isSpace(c) {
		c = p.next()
	}
	if c != '"' {
		return "", errGitConfig
	}
	var b strings.Builder
	for {
		c := p.next()
		if c == '"' {
			break
		}
		if c == '\\' {
			c = p.next()
		}
		if c == '\n' {
			return "", errGitConfig
		}
		b.WriteByte(c)
	}
	if p.next() != ']' {
		return "", errGitConfig
	}
	return b.String(), nil
}

// variable reads a line from its first character on.
func (p *configParser) variable(c byte) (name, value string, bare bool, err error) {
	var b strings.Builder
	for isKeyChar(c) {
		b.WriteByte(c)
		c = p.next()
	}
	for c == ' ' || c == '\t' {
		c = p.next()
	}
	name = strings.ToLower(b.String())
	switch c {
	case '\n':
		return name, "", true, nil
	case '=':
		value, err = p.value()
		return name, value, false, err
	}
	return "", "", false, errGitConfig
}

func (p *configParser) value() (string, error) {
	var b strings.Builder
	var spaces []byte // outside of quotes they count only between other characters
	quoted := false
	for {
		c := p.next()
		switch {
		case c == '\n' && quoted:
			return "", errGitConfig
		case c == '\n':
			return b.String(), nil
		case isSpace(c) && !quoted:
			if b.Len() > 0 {
				spaces = append(spaces, c)
			}
			continue
		case (c == '#' || c == ';') && !quoted:
			p.skipLine()
			return b.String(), nil
		}
		b.Write(spaces)
		spaces = nil
		switch c {
		case '"':
			quoted = !quoted
		case '\\':
			c = p.next()
			switch i := strings.IndexByte("tbn\\\"", c); {
			case c == '\n':
			case i < 0:
				return "", errGitConfig
			default:
				b.WriteByte("\t\b\n\\\""[i])
			}
		default:
			b.WriteByte(c)
		}
	}
}
