package heapwatch

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// Whoever asks for ever more memory is left alone, and the file and what was done with it are named.
func TestRun(t *testing.T) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	_, err := Run(32<<20, func(progress func(file, key string)) (int, error) {
		defer close(stopped)
		progress("a.yaml", "")
		progress("b.yaml", ".a += .a")
		var kept [][]byte
		for {
			select {
			case <-stop:
				return len(kept), nil
			default:
				if len(kept) < 64 {
					kept = append(kept, bytes.Repeat([]byte("x"), 1<<20))
				}
				time.Sleep(time.Millisecond)
			}
		}
	})
	close(stop)
	<-stopped
	want := Error{File: "b.yaml", Key: ".a += .a", Limit: 32 << 20}
	if got, ok := errors.AsType[*Error](err); !ok || *got != want {
		t.Errorf("got %v", err)
	}
	errOwn := errors.New("own")
	if got, err := Run(Limit, func(func(file, key string)) (string, error) { return "x", errOwn }); got != "x" ||
		err != errOwn {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestError(t *testing.T) {
	for want, err := range map[string]Error{
		"b.yaml: .a += .a would take more than 32 MiB of memory": {File: "b.yaml", Key: ".a += .a",
			Limit: 32 << 20},
		"b.yaml: to edit it would take more than 1024 MiB of memory": {File: "b.yaml", Limit: Limit},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
