#!/usr/bin/env bash
# Usage: history_check_test.sh CHECKER
set -euo pipefail
checker=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
judge() {  # wanted exit code, history
  printf '%s\n' "$2" >"$work/history"
  local code=0
  "$checker" "$work/history" >"$work/out" 2>&1 || code=$?
  [ "$code" = "$1" ] || { echo "exit code $code instead of $1 for:"; cat "$work/history" "$work/out"; exit 1; }
}
judge 0 'k write - a 0 10
k read - a 5 20
j read - - 0 1'
judge 1 'k write - a 0 10
k read - - 11 20'
judge 1 'k write - a 0 10
k write - b 11 20
k read - a 21 30'
judge 0 'k write - a 0 10
k write - b 11 ?
k read - a 21 30
k read - b 31 40'
judge 1 'k write - b 11 ?
k read - b 21 30
k read - - 31 40'
judge 0 'k write_if - a 0 10
k write_if_missed - b 11 20'
judge 1 'k write_if - a 0 10
k write_if - b 11 20'
judge 65 'k scribbles - a 0 10'
judge 65 'k write - a 10 0'
