#!/bin/sh
# GET of a cached 64-byte value through the HTTP door next to nginx's `return 200` of the same size, in
# one run: the two take turns under wrk, so that the machine's other work hits both. Needs nginx and wrk.
# usage: bench/http/compare.sh BUILD_DIR [rounds] [seconds a round]
set -eu
build=$1
rounds=${2:-5}
seconds=${3:-3}
dir=$(mktemp -d)
value=$(printf 'x%.0s' $(seq 64))
cleanup() {
  exec 3>&- || true
  kill "$nginx" 2>/dev/null || true
  rm -rf "$dir"
}

# A free port: what the door was given for port 0 is free again when it has ended.
port=$("$build/bench/http/http_serve" < /dev/null | sed 's,.*:\([0-9]*\)/.*,\1,')
cat > "$dir/nginx.conf" <<CONF
worker_processes auto;
daemon off;
pid $dir/nginx.pid;
error_log $dir/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
  server { listen 127.0.0.1:$port; location / { return 200 "$value"; } }
}
CONF
nginx -e "$dir/error.log" -c "$dir/nginx.conf" &
nginx=$!
trap cleanup EXIT

mkfifo "$dir/in"
"$build/bench/http/http_serve" 127.0.0.1:0 < "$dir/in" > "$dir/out" &
exec 3> "$dir/in"
while ! [ -s "$dir/out" ]; do sleep 0.05; done
url=$(cat "$dir/out")

rate() {
  wrk -t2 -c64 -d"${seconds}s" "$1" | awk '/Requests\/sec/ {rate = $2} /Non-2xx/ {bad = 1} END {print bad ? 0 : rate}'
}
for round in $(seq "$rounds"); do
  theirs=$(rate "http://127.0.0.1:$port/v1/cache/default/key")
  ours=$(rate "$url")
  awk -v o="$ours" -v t="$theirs" 'BEGIN {printf "nginx %9.0f/s  troupe %9.0f/s  ratio %.2f\n", t, o, o / t}'
done
