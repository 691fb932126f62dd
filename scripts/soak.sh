#!/usr/bin/env bash
# Runs the simulations over many seeds. Usage: soak.sh [SEEDS] [FIRST] [BUILD_DIR]
# SEEDS seeds (default 5000) from FIRST (default: from the clock, so that each soak is new).
# A failing seed prints the command that replays it.
set -euo pipefail
cd "$(dirname "$0")/.."
export TROUPE_SIM_SEEDS=${1:-5000}
export TROUPE_SIM_FIRST=${2:-$(date +%s)000}
build=${3:-build}
echo "seeds $TROUPE_SIM_FIRST to $((TROUPE_SIM_FIRST + TROUPE_SIM_SEEDS - 1))"
failed=0
for simulation in "$build"/tests/sim/*_sim; do
  "$simulation" --gtest_list_tests --gtest_filter='*seeds*' | awk '/^[^ ]/ {suite=$1} /^ / {print suite $1}' |
    xargs -P "$(nproc)" -I{} "$simulation" --gtest_brief=1 --gtest_filter={} || failed=1
done
exit $failed
