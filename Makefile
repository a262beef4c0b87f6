# Short names for the commands; ./dev does the set-up of a fresh machine first.
.PHONY: faults failing resume blocked disk release model programs all build test race vet fuzz bench bench-writing bench-reading fire demo soak crash schedules kill

all: vet race

build:
	go build -o bin/frameiofs ./cmd/frameiofs

vet:
	gofmt -l . | (! grep .)
	go vet ./...
	for arch in arm64 amd64; do GOOS=darwin GOARCH=$$arch go vet ./... || exit 1; done
	go tool staticcheck ./...

test:
	go test ./...

race:
	go test -race ./...

# dist/: archives, deb and rpm packages, checksums. VERSION is told by git, or by you.
release:
	packaging/release $(VERSION)

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

# Against what the disk and the line can do: tables for both generations of the API, with ratios, and the mount's peak memory. They
# take some minutes and, at a time, five times BENCH_MIB of disk below TMPDIR. One row: make bench-reading ROWS=tree API=v4
BENCH_MIB ?= 1024
ROWS ?= .
API ?= both
RTT ?= 30ms
ROUNDS ?= 3
bench: bench-writing bench-reading

bench-writing:
	go test -run '^$$' -bench Writing -benchtime 1x -timeout 60m ./bench -mib $(BENCH_MIB) -api $(API) -rtt $(RTT) -rows '$(ROWS)' -rounds $(ROUNDS)

bench-reading:
	go test -run '^$$' -bench Reading -benchtime 1x -timeout 30m ./bench -mib $(BENCH_MIB) -api $(API) -rtt $(RTT) -rows '$(ROWS)' -rounds $(ROUNDS)

# Readers on a mount that is shot at, for FIRE. What it does follows from the seed it prints; FIRESEED=N does it again.
FIRE ?= 5m
FIRESEED ?= 0
fire:
	go test -run Fire -count 1 -timeout 0 -v ./bench -fire $(FIRE) -fireseed $(FIRESEED) -api $(API)

# Every program there is a test of, on both generations of the API, as a table: program, whether it works, what arrived, what it cost.
# Some minutes. ./dev test runs the quicker half.
programs:
	go test -run TestPrograms -count 1 -v -timeout 20m ./fs -programs

# Random operations on a mount against a plain folder, while uploads go on, for MODEL_FOR and with both generations of the API. What it
# does follows from the seed it prints; MODEL_SEED=n begins with that one.
MODEL_FOR ?= 10m
MODEL_SEED ?= $(shell date +%s)
model:
	MODEL_FOR=$(MODEL_FOR) MODEL_SEED=$(MODEL_SEED) go test -race -run TestModel -count 1 -timeout 0 -v ./fs

# Kills the upload engine, or cuts its power, at CRASH_POINTS moments of random workloads, and compares what comes of each with what was
# promised. What it does follows from the seed it prints; CRASH_SEED=n begins with that one. About 10 ms for each point.
CRASH_POINTS ?= 10000
CRASH_SEED ?= $(shell date +%s)
crash:
	go test -run TestCrashPoints -count 1 -timeout 0 -v ./spool -crash.points $(CRASH_POINTS) -crash.seed $(CRASH_SEED)

# Simulates as many schedules of the upload engine as wanted: users at work, calls that fail or lose their answers, restarts, on a clock that
# does not wait. A schedule follows from its number; SCHEDULE_SEED=n is the first. About 10 ms for each on two cores.
SCHEDULES ?= 100000
SCHEDULE_SEED ?= 1
schedules:
	go test -run TestSchedules -count 1 -timeout 0 -v ./spool -schedules $(SCHEDULES) -schedules.seed $(SCHEDULE_SEED)
# Kill a mount's process KILLS times, with each generation of the API, while programs work on it and Frame.io misbehaves, and compare what
# arrived with what the programs were told. KILLSEED=N does it again.
KILLS ?= 300
KILLSEED ?= 0
kill:
	go test -run TestKill -count 1 -timeout 0 -v ./bench -kills $(KILLS) -killseed $(KILLSEED) -api $(API)

# Two mounts on one folder, whose lines to the API come and go for PARTED: what both closed is there in the end, whole and once.
PARTED ?= 5m
PARTED_SEED ?= $(shell date +%s)
parted:
	go test -race -run TestPartitions -count 1 -timeout 0 -v ./fs -parted $(PARTED) -parted.seed $(PARTED_SEED)

# The same programs, without kills, for SOAK: memory, open files and goroutines of the mount must not grow.
SOAK ?= 1h
soak:
	go test -run TestSoak -count 1 -timeout 0 -v ./bench -soak $(SOAK) -api $(API)

# Has everything go wrong that can between here and Frame.io, at each step of a file's life, once and until it is over, and writes what comes
# of it into docs/faults.md. A quarter of an hour; FAULTS='line cut' tries the cells with that in their name, and writes nothing.
FAULTS ?= all
faults:
	go test -run 'TestFaults$$' -count 1 -timeout 0 -parallel 30 -v ./bench -faults '$(FAULTS)' -faultlanes 18 -faulttable ../docs/faults.md -api $(API)

# Copies a tree of FAILING files with one call in ten failing, beside the same without.
FAILING ?= 1000
failing:
	go test -run TestFailing -count 1 -timeout 0 -v ./bench -failing $(FAILING) -api $(API)

# Kills a mount's process when RESUME_AT percent of a file of RESUME_MIB have been sent, and counts what is sent after the next start. It
# takes, at a time, twice the file's size below TMPDIR.
RESUME_MIB ?= 4096
RESUME_AT ?= 90
resume:
	go test -run TestResume -count 1 -timeout 0 -v ./bench -resumemib $(RESUME_MIB) -resumeat $(RESUME_AT) -api $(API)

# Takes the line away under a mount, in each way in which lines go, and makes every kind of call. About two minutes.
blocked:
	go test -run TestBlocked -count 1 -timeout 0 -parallel 6 -v ./bench -blocked -api $(API)

# Has the disk of the state folder fill up, stop DISK times at another byte, and refuse everything, under a mount. It needs root, for a
# disk in a file.
DISK ?= 100
disk:
	go test -run TestDisk -count 1 -timeout 0 -v ./bench -disk $(DISK) -api $(API)
