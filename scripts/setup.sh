#!/usr/bin/env bash
# Installs the Debian packages that are missing. Usage: setup.sh build|test|bench [...]
# The package lists below and npm_packages.txt are the only ones; nothing else is fetched, and nothing is removed.
set -euo pipefail

build_packages="g++ cmake ninja-build make pkg-config git
  libcaf-dev libboost1.81-dev libprotobuf-dev protobuf-compiler libpq-dev libsqlitecpp-dev libsqlite3-dev
  libspdlog-dev libtomlplusplus-dev libcli11-dev nlohmann-json3-dev prometheus-cpp-dev libexpected-dev
  libhiredis-dev libmemcached-dev libssl-dev libc-ares-dev libjemalloc-dev libgtest-dev libgmock-dev libbenchmark-dev"
test_packages="curl openssl python3 python3-redis redis-tools procps redis-server postgresql
  etcd-server memcached nodejs"
bench_packages="nginx-light wrk redis-server linux-perf erlang-base"

# Not fatal: without them the test that wants them is skipped, and says so.
fetch_npm_packages() {
  case " $* " in *" test "*) "$(dirname "$0")/npm_packages.sh" || echo "setup: no npm packages; the test of ioredis is skipped" >&2 ;; esac
}

wanted=""
for group in "$@"; do
  case "$group" in
    build) wanted+=" $build_packages" ;;
    test) wanted+=" $test_packages" ;;
    bench) wanted+=" $bench_packages" ;;
    *) echo "setup: unknown group $group (build, test, bench)" >&2; exit 64 ;;
  esac
done

missing=""
for package in $wanted; do
  dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=" $package"
done
if [ -z "$missing" ]; then
  fetch_npm_packages "$@"
  exit 0
fi

if [ "$(id -u)" = 0 ]; then
  as_root=()
elif sudo -n true 2>/dev/null; then
  as_root=(sudo -n)
else
  echo "setup: these packages are missing, please run as root:" >&2
  echo "  apt-get install -y --no-install-recommends$missing" >&2
  exit 1
fi

echo "setup: installing$missing"
# A server that is installed for a test must not start by itself: the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-remove --no-install-recommends)
# shellcheck disable=SC2086 -- a list of names
if ! "${install[@]}" $missing </dev/null >/tmp/troupe-setup.$$ 2>&1; then
  "${as_root[@]}" apt-get update -q </dev/null >/dev/null
  "${install[@]}" $missing </dev/null >/tmp/troupe-setup.$$ 2>&1 || { cat /tmp/troupe-setup.$$ >&2; rm -f /tmp/troupe-setup.$$; exit 1; }
fi
rm -f /tmp/troupe-setup.$$
fetch_npm_packages "$@"
