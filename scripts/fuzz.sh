#!/usr/bin/env bash
# Fuzzes the decoders with clang's libFuzzer, ASan and UBSan. Usage: fuzz.sh [SECONDS] [NAME...]
# Each entry of tests/fuzz runs SECONDS (default 300). New inputs go to build-fuzz/corpus/NAME; KEEP=1 merges
# those that reach new code into tests/fuzz/corpus. Entries net_X are those of tests/fuzz/net. A crash is left in build-fuzz/NAME-crash-* and ends it with 1.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-300}
shift || true
sanitize=-fsanitize=address,undefined,fuzzer-no-link
[ -f build-fuzz/build.ninja ] || cmake -S . -B build-fuzz -G Ninja -Wno-dev -DCMAKE_CXX_COMPILER=clang++ \
  -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS="$sanitize -fno-sanitize-recover=undefined -fno-sanitize=null" \
  -DTROUPE_FUZZ=ON -DTROUPE_BUILD_BENCHES=OFF
names=("$@")
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(ls tests/fuzz/corpus; ls tests/fuzz/net/corpus | sed 's/^/net_/')
cmake --build build-fuzz --target "${names[@]/#/fuzz_}"
failed=0
for name in "${names[@]}"; do
  mkdir -p "build-fuzz/corpus/$name"
  program=build-fuzz/tests/fuzz/fuzz_$name
  corpus=tests/fuzz/corpus/$name
  case $name in net_*) program=build-fuzz/tests/fuzz/net/fuzz_$name corpus=tests/fuzz/net/corpus/${name#net_} ;; esac
  "$program" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="build-fuzz/$name-crash-" "build-fuzz/corpus/$name" "$corpus" || failed=1
  [ -z "${KEEP:-}" ] || "$program" -merge=1 "$corpus" "build-fuzz/corpus/$name"
done
exit $failed
