#!/usr/bin/env python3
"""GET of a cached row beside GET of a plain cache value of as many bytes, over HTTP, in one run.

Usage: cached.py PROGRAM [--pairs 5] [--seconds 4] [--connections 64]
Needs wrk. One node on SQLite; pairs of measurements in turn, the median of their ratios.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from free_ports import free_ports  # noqa: E402

MODEL = {"entities": [{"typeName": "Book", "properties": {"Title": {"type": "string"}, "Copies": {"type": "int64"}}}]}


def ask(url, method="GET", body=None, kind="application/json"):
    data = body.encode() if body is not None else None
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


def rate(url, o):
    out = subprocess.run(["wrk", "-t1", f"-c{o.connections}", f"-d{o.seconds}s", url], capture_output=True, text=True,
                         check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"{url} does not serve: {out}")
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", out).group(1))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--seconds", type=int, default=4)
    p.add_argument("--connections", type=int, default=64)
    o = p.parse_args()
    with tempfile.TemporaryDirectory() as home:
        with open(f"{home}/model.json", "w") as f:
            json.dump(MODEL, f)
        port = free_ports(1)[0]
        node = subprocess.Popen([os.path.abspath(o.program), "node", "--services", "http,cache,db,entities", "--name", "one",
                                 "--data-dir", f"{home}/data", "--set", f"http.bind=127.0.0.1:{port}",
                                 "--set", "cluster.bind=127.0.0.1:0", "--set", f"entities.model={home}/model.json",
                                 "--set", "entities.cache_ttl=1h", "--set", "log.level=error"])
        try:
            base = f"http://127.0.0.1:{port}"
            for _ in range(200):
                try:
                    ask(f"{base}/readyz")
                    break
                except OSError:
                    time.sleep(0.05)
            made = json.loads(ask(f"{base}/v1/entities/book", "POST", json.dumps({"title": "Moby-Dick", "copies": 3})))
            row = f"{base}/v1/entities/book/{made['id']}"
            plain = f"{base}/v1/cache/default/book-{made['id']}"
            ask(plain, "PUT", ask(row))
            pairs = [(rate(row, o), rate(plain, o)) for _ in range(o.pairs)]
        finally:
            node.terminate()
            node.wait()
    ratios = [a / b for a, b in pairs]
    print(f"cached row {statistics.median(a for a, _ in pairs) / 1000:.1f} k/s, plain value "
          f"{statistics.median(b for _, b in pairs) / 1000:.1f} k/s, ratio {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f}..{max(ratios):.2f})")


if __name__ == "__main__":
    main()
