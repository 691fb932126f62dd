#!/usr/bin/env bash
# Usage: readme.sh SOURCE_DIR BUILD_DIR -- does what README.md says under "Embedding": its two files, as they stand there,
# in an empty folder, built against the installed package; two processes; a line typed into the second.
set -euo pipefail
source_dir=$1
build_dir=$2
work=$(mktemp -d)
first=
end() {
  [ -z "$first" ] || kill "$first" 2>/dev/null || true
  rm -rf "$work"
}
trap end EXIT

# The first block of a language after the heading.
block() { awk -v fence="\`\`\`$1" '/^## Embedding/ { there = 1 } in_it && /^```/ { exit } in_it { print } there && $0 == fence { in_it = 1 }' "$source_dir/README.md"; }
mkdir "$work/app"
block cmake >"$work/app/CMakeLists.txt"
block cpp >"$work/app/main.cpp"
for limit in "CMakeLists.txt 10" "main.cpp 30"; do
  read -r file most <<<"$limit"
  lines=$(wc -l <"$work/app/$file")
  [ "$lines" -gt 3 ] && [ "$lines" -le "$most" ] || { echo "$file has $lines lines, at most $most are allowed"; exit 1; }
done

cmake --install "$build_dir" --prefix "$work/prefix" >/dev/null
sanitize=$(sed -n 's/^TROUPE_SANITIZE:STRING=//p' "$build_dir/CMakeCache.txt")
cd "$work/app"
cmake -B out -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_CXX_FLAGS="${sanitize:+-fsanitize=$sanitize}" >/dev/null
cmake --build out >/dev/null

read -r one two < <(PYTHONPATH="$source_dir/bench" python3 -c "from free_ports import free_ports; print(*free_ports(2))")
mkfifo typed_first typed
out/greeters ann "127.0.0.1:$one" <typed_first >first.txt 2>first.log &
first=$!
exec 3>typed_first
timeout 60 out/greeters bob "127.0.0.1:$two" "127.0.0.1:$one" <typed >second.txt 2>second.log &
second=$!
exec 4>typed
# A line a moment until both greet: the registry of the second learns of the first while it starts.
until grep -q "^ann greets you" second.txt && grep -q "^bob greets you" second.txt; do
  kill -0 "$second" || { echo "the second one ended"; cat second.txt second.log; exit 1; }
  echo you >&4
  sleep 0.1
done
exec 4>&-
wait "$second" || { echo "the second one failed"; cat second.txt second.log; exit 1; }
exec 3>&-
wait "$first" || { echo "the first one failed"; cat first.txt first.log; exit 1; }
first=
