package fault

import (
	"io"
	"net/http"
	"testing"
	"time"
)

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(mustGet(t, url)) // follows no redirect
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func mustGet(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestAnswersThatAreWholeAndWrong(t *testing.T) {
	b, _ := serve(t, API, "half@api*1", "redirect@api+1*1", "429=7s@api+2*1")
	if resp, body := get(t, b.url); body != "01234" || resp.ContentLength != 5 || resp.StatusCode != http.StatusOK {
		t.Errorf("half: %q, %d bytes announced, status %d", body, resp.ContentLength, resp.StatusCode)
	}
	if resp, body := get(t, b.url); resp.StatusCode != http.StatusFound || body != portal || resp.Header.Get("Location") == "" {
		t.Errorf("redirected: %d, %q", resp.StatusCode, body)
	}
	if resp, _ := get(t, b.url); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("limited: %d, %v", resp.StatusCode, resp.Header)
	}
}

func TestLiftingARuleEndsWhatItHoldsUp(t *testing.T) {
	for _, rule := range []string{"drip=1h@api", "stall=1h@api"} {
		b, s := serve(t, API, rule)
		time.AfterFunc(50*time.Millisecond, func() { s.Clear(0) })
		if _, body := get(t, b.url); body != "0123456789" {
			t.Errorf("%s: %q", rule, body)
		}
	}
}
