#!/usr/bin/env bash
# Figures side by side with the systems troupe is compared to; each bench prints ratios (bench/README.md).
set -euo pipefail
cd "$(dirname "$0")/.."
exec bench/one_node.sh "$@"
