# Short names for the commands; ./dev does the set-up of a fresh machine first.
.PHONY: model all build test race vet fuzz bench demo soak

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

# Against what the disk and the line can do: a table for both generations of the API, with ratios, and the mount's peak memory. It
# takes some minutes and, at a time, five times BENCH_MIB of disk below TMPDIR.
BENCH_MIB ?= 1024
bench:
	go test -run '^$$' -bench Mount -benchtime 1x -timeout 30m ./bench -mib $(BENCH_MIB)

# Random operations on a mount against a plain folder, with uploads that begin after 30 ms. Finds the fault that README tells of.
model:
	go test -tags model -run Model -count 1 ./fs
