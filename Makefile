# Every target is one script; CI and people run the same. Arguments go through: make run ARGS="--port 9000"
.DEFAULT_GOAL := help
.PHONY: help run setup test check bench soak lock

help:   ## show this list
	@grep -E '^[a-z]+: +##' $(MAKEFILE_LIST) | sed 's/: *##/\t/' | expand -t 10

run:    ## set everything up and serve on http://localhost:8400
	@scripts/run $(ARGS)

setup:  ## set up .venv and stop
	@scripts/setup $(ARGS)

test:   ## set everything up, check, and run all tests
	@scripts/test $(ARGS)

check:  ## format, lint, types, import directions, sizes
	@scripts/check $(ARGS)

bench:  ## measure (see bench/)
	@scripts/bench $(ARGS)

soak:   ## try for a long time to break the promises
	@scripts/soak $(ARGS)

lock:   ## choose exact versions again and write requirements/*.lock
	@scripts/lock $(ARGS)
