#!/usr/bin/env bash
# Runs the tests of one preset. Usage: test.sh PRESET [ctest arguments...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
exec ctest --preset "$preset" -j "$(nproc)" "$@" </dev/null
