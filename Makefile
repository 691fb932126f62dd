# The two commands: `make run` and `make test`. Everything else is in scripts/ and CMakePresets.json.
.PHONY: help setup build run test bench format

help:
	@echo "make run     install what is missing, build, start one node on 127.0.0.1:8080"
	@echo "make test    install what is missing, build, run every test"
	@echo "make build   the optimised program at build/troupe"
	@echo "make setup   only install what is missing (apt)"
	@echo "make bench   figures side by side with redis-server and nginx"
	@echo "make format  clang-format over the tree"

setup:
	@scripts/setup.sh build

build: setup
	@scripts/build.sh release troupe_program

run: build
	@exec build/troupe node --mode single

test:
	@scripts/setup.sh build test
	@scripts/build.sh release
	@scripts/test.sh release

bench:
	@scripts/setup.sh build bench
	@scripts/build.sh release
	@scripts/bench.sh

format:
	@scripts/format.sh
