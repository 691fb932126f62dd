#!/usr/bin/env bash
# Point selects of one node, 64 callers, over TCP, beside `pgbench -S -M prepared -c 8`: pairs in turn, median of their
# ratios. Starts a PostgreSQL of its own on a free port in a temporary directory.
# Usage: beside_pgbench.sh [build directory]     ROUNDS=5 SECONDS_EACH=3
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build}
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-3}
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
work=$(mktemp -d)
as=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$work"
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
fi
server=
cleanup() {
  [ -z "$server" ] || { kill -INT "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
  rm -rf "$work"
}
trap cleanup EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${as[@]}" "$bin/initdb" -D "$work/data" -A trust -U troupe --no-sync >/dev/null
"${as[@]}" "$bin/postgres" -D "$work/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$work" \
  >"$work/log" 2>&1 & server=$!
for _ in $(seq 200); do "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" && break; sleep 0.1; done
pg=(-h 127.0.0.1 -p "$port" -U troupe postgres)
"$bin/pgbench" -q -i -s 1 "${pg[@]}" >/dev/null 2>&1
"$bin/psql" -q -c 'grant select on pgbench_accounts to public' "${pg[@]}"  # namespaces have roles of their own
for _ in $(seq "$rounds"); do
  a=$("$bin/pgbench" -S -M prepared -c 8 -j 2 -T "$seconds" "${pg[@]}" 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p')
  b=$("$build/bench/db/database_bench" --dsn "host=127.0.0.1 port=$port user=troupe dbname=postgres" --callers 64 --seconds "$seconds" \
    --statement 'select abalance from public.pgbench_accounts where aid = $1' --keys 100000 | sed -n 's/.* \([0-9]*\) calls.*/\1/p')
  echo "$a $b"
done | awk '{printf "pgbench %.0f /s  troupe %.0f /s  ratio %.2f\n", $1, $2, $2 / $1; print $2 / $1 > "'"$work/ratios"'"}'
sort -n "$work/ratios" | awk '{v[NR] = $1} END {printf "median ratio %.2f\n", v[int((NR + 1) / 2)]}'
