//go:build !linux

package bench

// passthrough: only Linux has it.
func (s *writing) passthrough() string {
	s.t.Helper()
	s.t.Fatal("this row needs Linux")
	return ""
}
