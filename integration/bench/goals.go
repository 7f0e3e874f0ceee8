//go:build unix

package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// goal is one promise: what is measured is at most the limit.
type goal struct {
	work  string
	limit float64
	unit  func(float64) string
	value func(results) (float64, bool) // false where a row was left out
}

// goals are what the program is held against.
func goals(o options) []goal {
	files := func(size int) int { return o.apps[size] * filesPerApp }
	versus := fmt.Sprintf(", %d files against %d", files(large), files(small))
	atLarge := fmt.Sprintf(", %d files", files(large))
	return []goal{
		{"templates below one folder" + versus, 1.5, times, ratio("folder/large", ours, "folder/small", ours, elapsed)},
		{"one value in one file" + versus, 1.3, times, ratio("set/large", ours, "set/small", ours, elapsed)},
		{"one folder against git's sparse clone" + atLarge, 0.35, times,
			ratio("folder/large", ours, "folder/large", sparse, elapsed)},
		{"one value against git's sparse clone" + atLarge, 0.35, times,
			ratio("set/large", ours, "set/large", sparse, elapsed)},
		// Over loopback the server has filled the socket's buffers before it hears that an answer is dropped.
		{"slow network, bytes, one folder" + atLarge, 64 << 10, kib, of("wan-folder/large", ours, traffic)},
		{"slow network, bytes, one value" + atLarge, 64 << 10, kib, of("wan-set/large", ours, traffic)},
		{"memory, one folder" + atLarge, 32e6, mb, of("folder/large", ours, memory)},
		{"memory, one value" + atLarge, 32e6, mb, of("set/large", ours, memory)},
		{"requests, one value" + atLarge, 10, count, of("set/large", ours, requests)},
		{fmt.Sprintf("requests, one value, %d files", files(small)), 5, count, of("set/small", ours, requests)},
		{fmt.Sprintf("slow network, one folder against git's sparse clone, %d files", files(small)), 0.8, times,
			ratio("wan-folder/small", ours, "wan-folder/small", sparse, elapsed)},
		{fmt.Sprintf("slow network, one value against git's sparse clone, %d files", files(small)), 0.8, times,
			ratio("wan-set/small", ours, "wan-set/small", sparse, elapsed)},
		{"slow network, one folder against git's sparse clone" + atLarge, 0.6, times,
			ratio("wan-folder/large", ours, "wan-folder/large", sparse, elapsed)},
		{"slow network, one value against git's sparse clone" + atLarge, 0.6, times,
			ratio("wan-set/large", ours, "wan-set/large", sparse, elapsed)},
		{fmt.Sprintf("%d templates in one commit", o.apps[large]*len(environments)), 12, seconds,
			of("templates", ours, elapsed)},
		{fmt.Sprintf("memory, %d templates in one commit", o.apps[large]*len(environments)), 600e6, mb,
			of("templates", ours, memory)},
		{"no partial clone, against git clone --depth 1 alone", 1.2, times,
			ratio("no-partial", ours, "no-partial", onlyClone, elapsed)},
		{"requests for objects, from a checkout that is up to date", 0, count, of("checkout", ours, fetches)},
		{fmt.Sprintf("%d direct pushes at once against one after the other", o.pushes), 2, times,
			ratio("race", atOnce, "race", inSequence, elapsed)},
		{"start to -version", 0.015, seconds, of("version", ours, elapsed)},
	}
}

// printGoals prints what was reached of what, for the rows that were run.
func printGoals(out io.Writer, found results, o options) error {
	all := goals(o)
	if _, ok := found["version"]; ok {
		plain, packed, err := sizes(o.program)
		if err != nil {
			return err
		}
		all = append(all,
			goal{"size of the binary", 28e6, mb, func(results) (float64, bool) { return plain, true }},
			goal{"size of the binary, gzipped", 9.5e6, mb, func(results) (float64, bool) { return packed, true }})
	}
	fmt.Fprintf(out, "%-72s %10s %10s\n", "", "goal", "figure")
	for _, g := range all {
		value, ok := g.value(found)
		if !ok {
			continue
		}
		verdict := "met"
		if value > g.limit {
			verdict = "NOT MET"
		}
		fmt.Fprintf(out, "%-72s %10s %10s  %s\n", g.work, g.unit(g.limit), g.unit(value), verdict)
	}
	return nil
}

// sizes are those of a file, as it is and compressed.
func sizes(name string) (plain, packed float64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	var n counter
	z, err := gzip.NewWriterLevel(&n, gzip.BestCompression)
	if err != nil {
		return 0, 0, err
	}
	read, err := io.Copy(z, f)
	return float64(read), float64(n), errors.Join(err, z.Close())
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func elapsed(f figures) float64  { return f.Time.Seconds() }
func traffic(f figures) float64  { return float64(f.Sent + f.Received) }
func memory(f figures) float64   { return float64(f.Memory) }
func requests(f figures) float64 { return float64(f.Requests) }
func fetches(f figures) float64  { return float64(f.Fetches) }

func of(row, way string, figure func(figures) float64) func(results) (float64, bool) {
	return func(found results) (float64, bool) {
		f, ok := found[row][way]
		return figure(f), ok
	}
}

func ratio(row, way, baseRow, baseWay string, figure func(figures) float64) func(results) (float64, bool) {
	return func(found results) (float64, bool) {
		f, ok := found[row][way]
		base, okBase := found[baseRow][baseWay]
		return figure(f) / figure(base), ok && okBase
	}
}

func times(v float64) string   { return fmt.Sprintf("%.2fx", v) }
func count(v float64) string   { return fmt.Sprintf("%.0f", v) }
func kib(v float64) string     { return fmt.Sprintf("%.1f KiB", v/(1<<10)) }
func mb(v float64) string      { return fmt.Sprintf("%.1f MB", v/1e6) }
func seconds(v float64) string { return duration(time.Duration(v * float64(time.Second))) }
