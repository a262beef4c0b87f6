package contract

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Env is the environment variable that names the file with the published V4 document.
const Env = "FRAMEIOFS_V4_OPENAPI"

// Hint tells a person how to get the document.
const Hint = "download https://api.frame.io/v4/openapi.json and set " + Env + " to the file's path"

// Doc is the published document, mended where it contradicts itself (see the package comment) and ready to check traffic.
// It is read-only and may be shared by tests that run in parallel. A nil *Doc checks nothing, so that the same test can
// run without the document.
type Doc struct {
	routes  routers.Router
	formats []openapi3.SchemaValidationOption
}

// docs keeps one loaded document per path: parsing takes about a second, and every test of a package wants it.
var docs sync.Map // path → func() (*Doc, error)

// Load reads the document at path. The first call for a path parses it, later ones share the result.
func Load(path string) (*Doc, error) {
	load, _ := docs.LoadOrStore(path, sync.OnceValues(func() (*Doc, error) { return read(path) }))
	return load.(func() (*Doc, error))()
}

// Open loads the document named by the environment. Without the variable it says so in the test's log and returns nil,
// which checks nothing; with a variable that leads nowhere the test fails, because somebody meant it to be checked.
func Open(t testing.TB) *Doc {
	t.Helper()
	path := os.Getenv(Env)
	if path == "" {
		t.Logf("not checked against the published V4 document: %s", Hint)
		return nil
	}
	d, err := Load(path)
	if err != nil {
		t.Fatalf("%v (%s)", err, Hint)
	}
	return d
}

// Require is Open for tests that make no sense without the document: they are skipped, with the hint as the reason.
func Require(t testing.TB) *Doc {
	t.Helper()
	if os.Getenv(Env) == "" {
		t.Skipf("needs the published V4 document: %s", Hint)
	}
	return Open(t)
}

func read(path string) (*Doc, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read V4 document: %w", err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, fmt.Errorf("parse V4 document %s: %w", path, err)
	}
	if doc.Paths.Len() == 0 {
		return nil, fmt.Errorf("parse V4 document %s: %w", path, errors.New("it declares no paths"))
	}
	mend(doc)
	// Examples are prose here: several do not fit their own schema, which says nothing about traffic.
	routes, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
	if err != nil {
		return nil, fmt.Errorf("route V4 document %s: %w", path, err)
	}
	return &Doc{routes: routes, formats: formats()}, nil
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func formats() []openapi3.SchemaValidationOption {
	return []openapi3.SchemaValidationOption{
		openapi3.EnableFormatValidation(),
		openapi3.WithStringFormatValidator("uuid", openapi3.NewCallbackValidator(func(s string) error {
			if !uuidForm.MatchString(s) {
				return fmt.Errorf("%q is not a UUID", s)
			}
			return nil
		})),
	}
}
