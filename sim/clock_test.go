package sim

import (
	"net/http"
	"testing"
	"time"
)

func TestAClockThatIsAhead(t *testing.T) {
	s := start(t, Config{NoLimits: true})
	s.ok("PUT", "/_sim/clock", `{"ahead":"3h"}`, nil)
	resp, err := http.Get(s.URL() + "/health")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	told, err := http.ParseTime(resp.Header.Get("Date"))
	if ahead := time.Until(told); err != nil || ahead < 3*time.Hour-10*time.Second || ahead > 3*time.Hour+time.Second {
		t.Errorf("Date is %v ahead, %v", ahead, err)
	}
	if ahead := time.Until(s.World().Now()); ahead < 3*time.Hour-time.Second {
		t.Errorf("the world's clock is %v ahead", ahead)
	}
}
