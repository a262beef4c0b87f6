package remote_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets many tests run side by side whatever the number of cores: they wait for backoffs, they do not compute.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "24"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
