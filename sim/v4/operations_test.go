package v4

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/contract"
)

// TestOperationsAsPublished holds the table of operations against the published document: every name, route and limit.
func TestOperationsAsPublished(t *testing.T) {
	contract.Require(t)
	raw, err := os.ReadFile(os.Getenv(contract.Env))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct{ OperationID, Description string }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	limits := regexp.MustCompile(`(\d+) calls per ([\d.]+) (second|minute)\(s\)`)
	for _, op := range operations() {
		method, path, _ := strings.Cut(op.pattern, " ")
		published := doc.Paths[path][strings.ToLower(method)]
		if published.OperationID != op.id {
			t.Errorf("%s is %q here and %q in the document", op.pattern, op.id, published.OperationID)
			continue
		}
		m := limits.FindStringSubmatch(published.Description)
		if m == nil {
			t.Errorf("%s: the document's limit is not to be found in %q", op.id, published.Description)
			continue
		}
		n, _ := strconv.ParseFloat(m[2], 64)
		unit := map[string]time.Duration{"second": time.Second, "minute": time.Minute}[m[3]]
		got := fmt.Sprint(op.rate.Calls, " per ", op.rate.Window)
		if want := fmt.Sprint(m[1], " per ", time.Duration(n*float64(unit))); got != want {
			t.Errorf("%s: limit is %s, published %s", op.id, got, want)
		}
	}
}
