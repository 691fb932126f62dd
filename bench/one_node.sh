#!/usr/bin/env bash
# One node beside nginx and redis-server, in one run: pairs of measurements in turn, medians of ROUNDS.
# Usage: one_node.sh [build directory]     ROUNDS=5 REQUESTS=400000 SECONDS_EACH=4
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
rounds=${ROUNDS:-5}
requests=${REQUESTS:-400000}
seconds=${SECONDS_EACH:-4}
work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

median() { sort -n | awk '{v[NR]=$1} END {print (NR % 2) ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_port() { for _ in $(seq 500); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0; sleep 0.01; done; echo "port $1 does not open" >&2; exit 1; }

node() { exec "$build/troupe" node --mode single --data-dir "$1" --http 127.0.0.1:0 --resp 127.0.0.1:0 --cluster 127.0.0.1:0; }

echo "== start: process start to node_ready, ms (median of $rounds), resident memory idle, KiB"
for i in $(seq "$rounds"); do
  python3 - "$build/troupe" "$work/start$i" <<'PY'
import subprocess, sys, time
begin = time.monotonic()
p = subprocess.Popen([sys.argv[1], "node", "--mode", "single", "--data-dir", sys.argv[2], "--http", "127.0.0.1:0",
                      "--resp", "127.0.0.1:0", "--cluster", "127.0.0.1:0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
for line in p.stderr:
    if "node_ready" in line:
        break
ms = (time.monotonic() - begin) * 1000
time.sleep(1)
rss = next(l.split()[1] for l in open(f"/proc/{p.pid}/status") if l.startswith("VmRSS"))
print(f"{ms:.1f} {rss}")
p.terminate(); p.wait()
PY
done >"$work/starts"
echo "start_ms $(cut -d' ' -f1 "$work/starts" | median)  resident_kib $(cut -d' ' -f2 "$work/starts" | median)"

(node "$work/data" >"$work/node.out" 2>"$work/node.err") & pids+=($!)
for _ in $(seq 500); do grep -q Try: "$work/node.out" 2>/dev/null && break; sleep 0.01; done
http=$(sed -n 's|^  http *http://||p' "$work/node.out")
resp_port=$(sed -n 's|^  resp *.*:||p' "$work/node.out")
value=$(printf 'x%.0s' $(seq 64))
curl -sf -X PUT --data-binary "$value" "http://$http/v1/cache/default/bench"

nginx_port=$(free_port)
mkdir -p "$work/nginx"
cat >"$work/nginx/nginx.conf" <<CONF
daemon off; worker_processes 2; pid $work/nginx/pid; error_log $work/nginx/error.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; client_body_temp_path $work/nginx/b; proxy_temp_path $work/nginx/p;
  fastcgi_temp_path $work/nginx/f; uwsgi_temp_path $work/nginx/u; scgi_temp_path $work/nginx/s;
  server { listen 127.0.0.1:$nginx_port; location / { return 200 "$value"; } } }
CONF
nginx -c "$work/nginx/nginx.conf" -p "$work/nginx" 2>/dev/null & pids+=($!)
wait_port "$nginx_port"

echo "== HTTP GET of 64 bytes, wrk -t2 -c64 -d${seconds}s, requests/s, $rounds pairs in turn"
rate() { wrk -t2 -c64 -d"${seconds}s" "$1" | awk '/Requests\/sec/ {print $2}'; }
for _ in $(seq "$rounds"); do
  rate "http://127.0.0.1:$nginx_port/" >>"$work/nginx.rates"
  rate "http://$http/v1/cache/default/bench" >>"$work/troupe.rates"
done
paste "$work/troupe.rates" "$work/nginx.rates" | awk '{print $1/$2}' | median >"$work/ratio"
echo "troupe $(median <"$work/troupe.rates")  nginx $(median <"$work/nginx.rates")  ratio $(cat "$work/ratio")"

redis_port=$(free_port)
redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" >/dev/null & pids+=($!)
wait_port "$redis_port"
bench() { redis-benchmark -p "$1" -c 50 -n "$2" -r 100000 -d 64 -P "$3" -t "$4" --csv 2>/dev/null | awk -F'"' 'NR==2 {print $4}'; }
for pipeline in 1 16; do
  for command in get set; do
    n=$((pipeline == 1 ? requests : requests * 4))
    : >"$work/a"; : >"$work/b"
    for _ in $(seq "$rounds"); do
      bench "$redis_port" "$n" "$pipeline" "$command" >>"$work/a"
      bench "$resp_port" "$n" "$pipeline" "$command" >>"$work/b"
    done
    ratio=$(paste "$work/b" "$work/a" | awk '{print $1/$2}' | median)
    echo "== redis-benchmark -c 50 -P $pipeline $command 64 bytes: troupe $(median <"$work/b")  redis $(median <"$work/a")  ratio $ratio"
  done
done
