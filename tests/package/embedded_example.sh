#!/usr/bin/env bash
# Usage: embedded_example.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
source_dir=$1
build_dir=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

lines=$(wc -l <"$source_dir/examples/embedded/main.cpp")
[ "$lines" -le 60 ] || { echo "the example has $lines lines, at most 60 are allowed"; exit 1; }

cmake --install "$build_dir" --prefix "$work/prefix" >/dev/null
sanitize=$(sed -n 's/^TROUPE_SANITIZE:STRING=//p' "$build_dir/CMakeCache.txt")
cmake -S "$source_dir/examples/embedded" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_CXX_FLAGS="${sanitize:+-fsanitize=$sanitize}" >/dev/null
cmake --build "$work/build" >/dev/null

cd "$work"
timeout 10 "$work/build/embedded" | tee output
grep -q "greeting = hello from inside" output
grep -q "^event: " output
"$work/prefix/bin/troupe" version
