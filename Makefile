# Short names for the commands; ./dev does the set-up of a fresh machine first.
.PHONY: all build test race vet fuzz bench demo soak

all: vet race

build:
	go build -o bin/frameiofs ./cmd/frameiofs

vet:
	gofmt -l . | (! grep .)
	go vet ./...
	go tool staticcheck ./...

test:
	go test ./...

race:
	go test -race ./...

demo: build
	bin/frameiofs demo

# Each fuzz target for FUZZTIME (default 30 s).
FUZZTIME ?= 30s
fuzz:
	@for pkg in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done
