#!/usr/bin/env bash
# clang-format over every C++ file that git tracks; `--check` only looks.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(-i)
[ "${1:-}" = --check ] && mode=(--dry-run --Werror)
git ls-files '*.cpp' '*.hpp' | xargs clang-format "${mode[@]}"
