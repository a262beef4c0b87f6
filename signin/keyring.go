package signin

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/zalando/go-keyring"
)

// ringService is the name under which keyrings list our items.
const ringService = "frameiofs"

// itemSize is how much one item holds: macOS's keychain takes 4096 bytes of command line, of which base64 leaves less than 3000.
const itemSize = 2000

// ringPatience is how long a keyring is waited for: a locked one may ask the user, or somebody who is not there.
const ringPatience = 15 * time.Second

var errRingSlow = errors.New("it does not answer; is it locked?")

// KeyringThere says whether there is a keyring that can be used now, and else why not.
func KeyringThere() error {
	if runtime.GOOS == "linux" && os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" {
		// Without a bus go-keyring's library would start one of its own, with nothing on it.
		if _, err := os.Stat(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus")); os.Getenv("XDG_RUNTIME_DIR") == "" || err != nil {
			return errors.New("there is no D-Bus session")
		}
	}
	name := "probe " + rand.Text()
	if err := ringProbe(name); err != nil {
		return err
	}
	return ringDelete(name, 1)
}

func newRing(profile string) string { return profile + " " + rand.Text()[:10] }

func ringName(ring string, serial int) string { return ring + "." + strconv.Itoa(serial) }

func item(name string, i int) string { return name + "." + strconv.Itoa(i) }

// patiently does something with the keyring, but does not wait for ever: the question is left behind if nobody answers it.
func patiently(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(ringPatience):
		return errRingSlow
	}
}

// ringProbe tries whether an item of a name can be written and read again. It stays, empty.
func ringProbe(name string) error {
	return patiently(func() error {
		if err := keyring.Set(ringService, item(name, 0), "{}"); err != nil {
			return err
		}
		got, err := keyring.Get(ringService, item(name, 0))
		if err == nil && got != "{}" {
			err = errors.New("it does not give back what was put in")
		}
		return err
	})
}

func ringText(s Secrets) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic("signin: secrets always marshal: " + err.Error())
	}
	return text
}

// ringItems is how many items secrets take.
func ringItems(s Secrets) int { return (len(ringText(s)) + itemSize - 1) / itemSize }

// ringSave puts secrets into items.
func ringSave(name string, s Secrets) error {
	text, n := ringText(s), ringItems(s)
	err := patiently(func() error {
		for i := range n {
			if err := keyring.Set(ringService, item(name, i), string(text[i*itemSize:min(len(text), (i+1)*itemSize)])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	again, err := ringLoad(name, n)
	if err == nil && again != s {
		err = errors.New("it does not give back what was put in")
	}
	return err
}

func ringLoad(name string, n int) (s Secrets, err error) {
	var text []byte
	err = patiently(func() error {
		for i := range n {
			part, err := keyring.Get(ringService, item(name, i))
			if err != nil {
				return err
			}
			text = append(text, part...)
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return Secrets{}, errors.New("its items are damaged")
	}
	return s, nil
}

func ringDelete(name string, n int) error {
	return patiently(func() error {
		var errs []error
		for i := range n {
			if err := keyring.Delete(ringService, item(name, i)); err != nil && !errors.Is(err, keyring.ErrNotFound) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	})
}
