#!/usr/bin/env bash
# Configures and builds one preset. Usage: build.sh PRESET [target...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
directory=build
[ "$preset" = release ] || directory=build-$preset
[ -f "$directory/build.ninja" ] || cmake --preset "$preset" -Wno-dev
cmake --build "$directory" ${1:+--target "$@"}
