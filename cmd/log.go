package cmd

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

// newLogger gives the log that c asks for, on w, and the screen that it writes to. Info is what the run is at: a line a
// phase in a pipeline's log, and on a terminal one line that changes. -verbose adds the steps within the phases.
func newLogger(c *config, w io.Writer) (*slog.Logger, *screen) {
	level := slog.LevelInfo
	if c.verbose {
		level = slog.LevelDebug
	}
	s := &screen{w: w, secrets: c.secrets}
	if c.logFormat == "json" {
		// What is quoted already is quoted once more; it is looked through before.
		redact := func(_ []string, a slog.Attr) slog.Attr {
			if _, failed := a.Value.Any().(error); failed || a.Value.Kind() == slog.KindString {
				a.Value = slog.StringValue(c.secrets.Redact(a.Value.String()))
			}
			return a
		}
		return slog.New(slog.NewJSONHandler(escape.JSONWriter{Writer: w}, &slog.HandlerOptions{Level: level, ReplaceAttr: redact})), s
	}
	if r, ok := w.(*secret.Writer); ok {
		w = r.Unwrap()
	}
	if f, ok := w.(*os.File); ok {
		s.live = isatty.IsTerminal(f.Fd()) && !c.verbose
	}
	return slog.New(console{level: level, screen: s}), s
}

// console is a slog.Handler for people: "fetching branch=main". The time is left to whoever keeps the log.
type console struct {
	level  slog.Level
	prefix string // of the attributes' names
	attrs  string
	screen *screen
}

// Enabled implements slog.Handler.
func (c console) Enabled(_ context.Context, level slog.Level) bool { return level >= c.level }

// Handle implements slog.Handler.
func (c console) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	if r.Level >= slog.LevelWarn {
		b.WriteString("warning: ")
	}
	b.WriteString(escape.OneLine(r.Message) + c.attrs)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(c.attr(a))
		return true
	})
	if r.Level == slog.LevelInfo {
		return c.screen.phase(escape.Output(b.String()))
	}
	return c.screen.line(escape.Output(b.String()))
}

func (c console) attr(a slog.Attr) string {
	value := c.screen.secrets.Redact(a.Value.Resolve().String())
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == '"' || !strconv.IsPrint(r) }) {
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

// screen is where the log goes: lines, and on a live one a last line that says what is under way.
type screen struct {
	mu       sync.Mutex
	w        io.Writer
	secrets  *secret.Redactor // takes them out of what is cut; of the rest, w does
	live     bool             // a terminal
	status   string           // its last line; empty: there is none
	received int64            // bytes, since the phase began
	painted  time.Time
}

const (
	eraseLine   = "\r\x1b[K"
	statusWidth = 79
	paintEvery  = 100 * time.Millisecond
)

func (s *screen) line(text string) error {
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

func (s *screen) phase(text string) error {
	if !s.live {
		return s.line(text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.received = escape.Shorten(s.secrets.Redact(text), statusWidth), 0
	return s.paint("")
}

// add counts what the network brings, and shows it now and then.
func (s *screen) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received += int64(n)
	if s.status != "" && time.Since(s.painted) >= paintEvery {
		_ = s.paint(", " + size(s.received)) // A terminal that is gone is no reason to fail.
	}
}

func (s *screen) paint(more string) error {
	s.painted = time.Now()
	_, err := io.WriteString(s.w, eraseLine+escape.Shorten(s.status+more, statusWidth))
	return err
}

// clear takes the last line away, for something else to be printed.
func (s *screen) clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status == "" {
		return nil
	}
	s.status = ""
	_, err := io.WriteString(s.w, eraseLine)
	return err
}

// size is a number of bytes for a person.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1000_000)
}
