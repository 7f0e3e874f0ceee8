package report

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"update-gitops-repo/cmd/internal/escape"
	"update-gitops-repo/secret"
)

// LogOptions says how to log.
type LogOptions struct {
	Verbose bool // with the steps within each phase
	JSON    bool // a JSON object a line, for machines
	Secrets *secret.Redactor
	// Annotate returns the line that has the CI system show a warning, without secrets, beside the build; empty: there
	// is no such line. It may be nil. JSON has none.
	Annotate func(warning string) string
}

// Outcome is the level of what a run comes to. On a terminal it stays, where the next phase replaces the one before it.
const Outcome = slog.LevelInfo + 1

// NewLogger returns a log on w, and the screen that it writes to. Info is progress: one line per phase, or a single
// updating line on a terminal. Debug is for the steps within the phases.
func NewLogger(w io.Writer, o LogOptions) (*slog.Logger, *Screen) {
	level := slog.LevelInfo
	if o.Verbose {
		level = slog.LevelDebug
	}
	s := &Screen{w: w, secrets: o.Secrets}
	if o.JSON {
		// A string that was quoted already is quoted once more, and the writer would not find a secret in it.
		redact := func(_ []string, a slog.Attr) slog.Attr {
			if level, ok := a.Value.Any().(slog.Level); ok {
				a.Value = slog.AnyValue(level - level%4) // The levels with a name are four apart.
			}
			if _, failed := a.Value.Any().(error); failed || a.Value.Kind() == slog.KindString {
				a.Value = slog.StringValue(o.Secrets.Redact(a.Value.String()))
			}
			return a
		}
		options := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
		return slog.New(slog.NewJSONHandler(escape.JSONWriter{Writer: w}, options)), s
	}
	if r, ok := w.(*secret.Writer); ok {
		w = r.Unwrap()
	}
	if f, ok := w.(*os.File); ok {
		s.live = isatty.IsTerminal(f.Fd()) && !o.Verbose
	}
	return slog.New(console{level: level, screen: s, annotate: o.Annotate}), s
}

// console is a slog.Handler for people: "fetching branch=main". It leaves the time to whoever keeps the log.
type console struct {
	level  slog.Level
	prefix string // of the attributes' names
	attrs  string
	screen *Screen

	annotate func(warning string) string // may be nil
}

// Enabled implements slog.Handler.
func (c console) Enabled(_ context.Context, level slog.Level) bool { return level >= c.level }

// Handle implements slog.Handler.
func (c console) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(escape.OneLine(r.Message) + c.attrs)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(c.attr(a))
		return true
	})
	switch text := b.String(); {
	case r.Level == slog.LevelInfo:
		return c.screen.phase(escape.Output(text))
	case r.Level < slog.LevelWarn:
		return c.screen.line(escape.Output(text))
	default:
		return c.screen.line(c.annotation(r.Level, text) + escape.Output("warning: "+text))
	}
}

// annotation returns the line for the CI system before a warning, with its end; empty where there is none. What is only
// tried again, at a level of its own, needs nobody.
func (c console) annotation(level slog.Level, text string) string {
	if level != slog.LevelWarn || c.annotate == nil {
		return ""
	}
	line := c.annotate(c.screen.secrets.Redact(text))
	if line == "" {
		return ""
	}
	return line + "\n"
}

func (c console) attr(a slog.Attr) string {
	value := c.screen.secrets.Redact(a.Value.Resolve().String())
	quoted := func(r rune) bool { return r <= ' ' || r == '"' || !strconv.IsPrint(r) }
	if value == "" || strings.ContainsFunc(value, quoted) {
		value = strconv.Quote(value)
	}
	return " " + c.prefix + a.Key + "=" + value
}

// WithAttrs implements slog.Handler.
func (c console) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		c.attrs += c.attr(a)
	}
	return c
}

// WithGroup implements slog.Handler.
func (c console) WithGroup(name string) slog.Handler {
	c.prefix += name + "."
	return c
}

// Screen is where the log goes: lines, and on a terminal a last line that shows the phase that is under way. It is safe
// for concurrent use.
type Screen struct {
	mu       sync.Mutex
	w        io.Writer
	secrets  *secret.Redactor // redacts what is cut; w redacts the rest
	live     bool             // it is a terminal
	status   string           // its last line; empty: there is none
	received int64            // bytes, since the phase began
	painted  time.Time
}

const (
	eraseLine   = "\r\x1b[K"
	statusWidth = 79
	paintEvery  = 100 * time.Millisecond
)

// line writes a line above the status.
func (s *Screen) line(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status != "" {
		text = eraseLine + text + "\n" + s.status
	} else {
		text += "\n"
	}
	_, err := io.WriteString(s.w, text)
	return err
}

// phase makes text the status, or writes it as a line where there is none.
func (s *Screen) phase(text string) error {
	if !s.live {
		return s.line(text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.received = escape.Shorten(s.secrets.Redact(text), statusWidth), 0
	return s.paint("")
}

// Received counts n bytes that the network brought, and shows the number from time to time.
func (s *Screen) Received(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received += int64(n)
	if s.status != "" && time.Since(s.painted) >= paintEvery {
		_ = s.paint(", " + size(s.received)) // A terminal that is gone is no reason to fail.
	}
}

func (s *Screen) paint(more string) error {
	s.painted = time.Now()
	_, err := io.WriteString(s.w, eraseLine+escape.Shorten(s.status+more, statusWidth))
	return err
}

// Clear erases the status, so that something else can be printed.
func (s *Screen) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status == "" {
		return nil
	}
	s.status = ""
	_, err := io.WriteString(s.w, eraseLine)
	return err
}

// size returns a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1000_000)
}
