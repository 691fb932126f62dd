#!/usr/bin/env python3
"""Fills an entity with many rows over HTTP, reads all of them page by page, and asks what the first and the last pages
cost and what the node's resident memory did meanwhile.

Usage: pages.py PROGRAM [--rows 1000000] [--page 1000] [--orders id,name,'code desc'] [--dsn DSN]
Without --dsn on SQLite. `name` is one of 1000 texts, `code` a number that every third row lacks.
"""
import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from free_ports import free_ports  # noqa: E402

MODEL = {"entities": [{"typeName": "Shark", "properties": {
    "name": {"type": "string", "required": True, "index": "nonUnique"},
    "code": {"type": "int64", "index": "nonUnique"},
    "weight": {"type": "float64"}}}]}
BULK = 1000


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def ask(client, method, path, body=None):
    client.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = client.getresponse()
    text = answer.read()
    if answer.status not in (200, 201):
        sys.exit(f"{method} {path}: {answer.status} {text.decode()}")
    return json.loads(text)


def fill(client, rows):
    began = time.monotonic()
    for first in range(0, rows, BULK):
        some = [{"name": f"n{i * 7919 % 1000}", "code": None if i % 3 == 0 else i * 31 % 1_000_003, "weight": i / 4}
                for i in range(first, min(first + BULK, rows))]
        ask(client, "POST", "/v1/entities/shark", json.dumps(some))
    took = time.monotonic() - began
    print(f"created {rows} rows, {BULK} a request: {rows / took / 1000:.1f} k/s")


def walk(client, pid, order, page, rows):
    before = highest = resident(pid)
    times, seen, token = [], 0, ""
    while token is not None:
        path = f"/v1/entities/shark?$limit={page}&$orderby={urllib.parse.quote(order)}" + (f"&$next={token}" if token else "")
        began = time.monotonic()
        answer = ask(client, "GET", path)
        times.append((time.monotonic() - began) * 1000)
        seen += len(answer["items"])
        token = answer["next"]
        if len(times) % 50 == 0:
            highest = max(highest, resident(pid))
    highest = max(highest, resident(pid))
    part = max(1, min(100, len(times) // 3))
    print(f"order {order}: {len(times)} pages of {page}, {seen} rows of {rows}; a page in the median {statistics.median(times[:part]):.2f} ms "
          f"at the start, {statistics.median(times[-part - 1:-1]):.2f} ms at the end; memory {before:.0f} MiB before, {highest:.0f} MiB at most")
    if seen != rows:
        sys.exit("rows are missing or twice there")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--page", type=int, default=1000)
    options.add_argument("--orders", default="id,name,code desc")
    options.add_argument("--dsn", default="")
    o = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="troupe-pages-") as home:
        model = os.path.join(home, "model.json")
        with open(model, "w") as file:
            json.dump(MODEL, file)
        door, link = free_ports(2)
        words = [o.program, "node", "--services", "http,db,entities", "--name", "pages", "--data-dir", os.path.join(home, "data"),
                 "--http", f"127.0.0.1:{door}", "--cluster", f"127.0.0.1:{link}", "--set", f"entities.model={model}",
                 "--set", "db.synchronous=normal", "--set", "entities.deadline=20s"]
        if o.dsn:
            words += ["--set", "db.type=postgres", "--set", f"db.dsn={o.dsn}"]
        with open(os.path.join(home, "log"), "w") as log:
            node = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            end = time.monotonic() + 20
            while True:
                try:
                    client = http.client.HTTPConnection("127.0.0.1", door, timeout=60)
                    client.request("GET", "/readyz")
                    answer = client.getresponse()
                    answer.read()
                    if answer.status == 200:
                        break
                except OSError:
                    pass
                if time.monotonic() > end or node.poll() is not None:
                    sys.exit(open(os.path.join(home, "log")).read())
                time.sleep(0.05)
            client = http.client.HTTPConnection("127.0.0.1", door, timeout=60)
            fill(client, o.rows)
            for order in o.orders.split(","):
                walk(client, node.pid, order, o.page, o.rows)
        finally:
            node.terminate()
            node.wait(20)


if __name__ == "__main__":
    main()
