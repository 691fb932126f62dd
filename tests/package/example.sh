#!/usr/bin/env bash
# Usage: example.sh SOURCE_DIR BUILD_DIR NAME PATTERN... -- installs to a temporary place, builds examples/NAME against
# that, runs it, and looks for each pattern in what it printed.
set -euo pipefail
source_dir=$1
build_dir=$2
name=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

lines=$(wc -l <"$source_dir/examples/$name/main.cpp")
most=${LINES_MAX:-60}
[ "$lines" -le "$most" ] || { echo "the example has $lines lines, at most $most are allowed"; exit 1; }

cmake --install "$build_dir" --prefix "$work/prefix" >/dev/null
sanitize=$(sed -n 's/^TROUPE_SANITIZE:STRING=//p' "$build_dir/CMakeCache.txt")
cmake -S "$source_dir/examples/$name" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_CXX_FLAGS="${sanitize:+-fsanitize=$sanitize}" >/dev/null
cmake --build "$work/build" >/dev/null

cd "$work"
timeout 10 "$work/build/$name" | tee output
for pattern in "$@"; do
  grep -q "$pattern" output || { echo "nothing like '$pattern' was printed"; exit 1; }
done
"$work/prefix/bin/troupe" version
