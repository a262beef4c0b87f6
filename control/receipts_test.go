package control

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Receipts answers two pages of the same files: the newer receipts first.
func (m *fakeMount) Receipts(_ context.Context, q ReceiptQuery) (r Receipts, err error) {
	if q.Limit != MaxReceipts {
		return r, fmt.Errorf("limit %d", q.Limit)
	}
	m.receipts = append(m.receipts, q)
	for i := range 3 {
		r.Receipts = append(r.Receipts, Receipt{ID: fmt.Sprint(i), Proof: ProofChecksum + q.Before})
	}
	if q.Before == "" {
		r.Next = "more"
	} else {
		r.Receipts[0].ID = "old"
	}
	return r, nil
}

func TestReceiptsComeByPages(t *testing.T) {
	m := &fakeMount{}
	c := serve(t, t.TempDir(), m)
	q := ReceiptQuery{Paths: []string{"a"}, Since: time.Unix(7, 0).UTC()}
	all, err := c.AllReceipts(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range all {
		got += r.ID + " " + r.Proof + "; "
	}
	if want := "0 checksum; 1 checksum; 2 checksum; old checksummore; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(m.receipts) != 2 || !reflect.DeepEqual(m.receipts[0].Paths, q.Paths) || !m.receipts[0].Since.Equal(q.Since) || m.receipts[1].Before != "more" {
		t.Errorf("asked %+v", m.receipts)
	}
}

func TestSyncUntilWhatIsNotKnown(t *testing.T) {
	c := serve(t, t.TempDir(), &fakeMount{})
	if err := c.Sync(t.Context(), nil, "tomorrow", nil); err == nil || !strings.Contains(err.Error(), "transcoded") {
		t.Error(err)
	}
}

// What scripts read from receipts --json stays.
func TestReceiptKeepsItsNames(t *testing.T) {
	got := strings.Join(fieldsOf(reflect.TypeFor[Receipt](), ""), " ")
	if want := "id path name account parent stack size xxh64 parts attempts copy_of modified sealed created uploaded verified proof awaited note damaged"; got != want {
		t.Errorf("got %s, want %s: add a new name at the end of its group, and here", got, want)
	}
}
