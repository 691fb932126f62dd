#!/usr/bin/env bash
# Fetches the packages of npm_packages.txt into build/node_modules, each checked against its hash, unless they are
# there. The registry: $npm_config_registry, or npm's own.
set -euo pipefail
cd "$(dirname "$0")/.."
registry=${npm_config_registry:-https://registry.npmjs.org/}
modules=build/node_modules
[ -e "$modules/.of" ] && cmp -s "$modules/.of" scripts/npm_packages.txt && exit 0
fresh=$(mktemp -d "${TMPDIR:-/tmp}/troupe-npm.XXXXXX")
trap 'rm -rf "$fresh"' EXIT
while read -r name version integrity; do
  case $name in \#* | "") continue ;; esac
  curl -fsSL --retry 2 --max-time 60 -o "$fresh/package.tgz" "${registry%/}/$name/-/${name##*/}-$version.tgz"
  hash=sha512-$(openssl dgst -sha512 -binary "$fresh/package.tgz" | base64 -w0)
  [ "$hash" = "$integrity" ] || { echo "npm_packages: $name $version has another hash: $hash" >&2; exit 1; }
  mkdir -p "$fresh/node_modules/$name"
  tar -xzf "$fresh/package.tgz" -C "$fresh/node_modules/$name" --strip-components=1 --no-same-owner
done <scripts/npm_packages.txt
cp scripts/npm_packages.txt "$fresh/node_modules/.of"
mkdir -p build
rm -rf "$modules"
mv "$fresh/node_modules" "$modules"
