#!/usr/bin/env bash
# Runs the simulations over many seeds, and says how many runs there were and how long they took.
# Usage: soak.sh [SEEDS] [FIRST] [BUILD_DIR] [SIMULATION...]
# SEEDS seeds (default 5000) from FIRST (default: from the clock, so that each soak is new) of each random story of the
# simulations named (default: all), e.g. election_sim. JOBS processes at once (default: all cores).
# The election's 10^5: soak.sh 20000 1 build election_sim (five stories).
# A failing seed prints the command that replays it.
set -euo pipefail
cd "$(dirname "$0")/.."
export TROUPE_SIM_SEEDS=${1:-5000}
export TROUPE_SIM_FIRST=${2:-$(date +%s)000}
build=${3:-build}
simulations=("${@:4}")
if [ ${#simulations[@]} -eq 0 ]; then
  for path in "$build"/tests/sim/*_sim; do simulations+=("$(basename "$path")"); done
fi
echo "seeds $TROUPE_SIM_FIRST to $((TROUPE_SIM_FIRST + TROUPE_SIM_SEEDS - 1)) of ${simulations[*]}"
begin=$(date +%s)
failed=0
stories=0
for name in "${simulations[@]}"; do
  simulation=$build/tests/sim/$name
  tests=$("$simulation" --gtest_list_tests --gtest_filter='*seeds*' | awk '/^[^ ]/ {suite=$1} /^ / {print suite $1}')
  [ -n "$tests" ] || continue
  stories=$((stories + $(sed 's,/[0-9]*$,,' <<<"$tests" | sort -u | wc -l)))
  xargs -P "${JOBS:-$(nproc)}" -I{} "$simulation" --gtest_brief=1 --gtest_filter={} <<<"$tests" || failed=1
done
echo "$((stories * TROUPE_SIM_SEEDS)) runs in $(($(date +%s) - begin)) s$([ $failed = 0 ] || echo ', with failures')"
exit $failed
