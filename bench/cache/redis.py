#!/usr/bin/env python3
"""The cache beside redis-server, in one run: pairs of measurements in turn, medians of their ratios.

Usage: redis.py PROGRAM [one] [memory] [replicated] [growth] [--pairs 5] [--keys 1000000] [--grow 10000000]
  one         one node without copies: redis-benchmark -c 50, GET and SET, -P 1 and -P 16; rate and processor time
  memory      bytes of resident memory a key of 16 bytes with a value of 64 takes
  replicated  three nodes, one copy, through one of them: SET -c 50 -P 16 beside one redis-server without copies
  growth      SET of new keys only up to --grow of them: percentiles and the longest pause
Needs redis-server and redis-benchmark. Without a choice: all but growth.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from free_ports import free_ports  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


class Servers:
    """Processes that serve on one RESP port."""

    running = []

    def __init__(self, home):
        self.home, self.processes, self.port = tempfile.mkdtemp(dir=home), [], 0
        Servers.running.append(self)

    def spawn(self, command):
        log = open(os.path.join(self.home, f"{len(self.processes)}.log"), "w")
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=self.home))

    def processor_seconds(self):
        total = 0
        for p in self.processes:
            fields = open(f"/proc/{p.pid}/stat").read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def resident(self):
        total = 0
        for p in self.processes:
            total += next(int(l.split()[1]) for l in open(f"/proc/{p.pid}/status") if l.startswith("VmRSS")) * 1024
        return total

    def end(self):
        for p in self.processes:
            p.kill()
            p.wait()
        shutil.rmtree(self.home)
        Servers.running.remove(self)


def redis(home):
    s = Servers(home)
    s.port = free_ports(1)[0]
    s.spawn(["redis-server", "--port", str(s.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
    return s


def troupe(home, program, nodes=1, replicas=0, memory="16GiB"):
    s = Servers(home)
    ports = free_ports(3 * nodes)
    s.port = ports[2]
    for i in range(nodes):
        link, http, resp = ports[3 * i:3 * i + 3]
        s.spawn([program, "node", "--services", "http,resp,cache", "--name", f"n{i}", "--data-dir", f"{s.home}/n{i}",
                 "--cluster", f"127.0.0.1:{link}", "--http", f"127.0.0.1:{http}", "--resp", f"127.0.0.1:{resp}",
                 "--seeds", f"127.0.0.1:{ports[0]}", "--set", "cluster.insecure=true", "--set",
                 f"cluster.expected_members={nodes}", "--set", f"cache.replicas={replicas}", "--set",
                 f"cache.memory_max={memory}"])
    s.http = ports[1]
    return s


def say(port, *words):
    return subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True).stdout.strip()


def wait_ready(s, program=None):
    end = time.monotonic() + 60
    while say(s.port, "PING") != "PONG" or not say(s.port, "SET", "ready", "1") == "OK":
        if time.monotonic() > end:
            sys.exit(f"no server at {s.port}, see {s.home}")
        time.sleep(0.1)
    while program and subprocess.run([program, "health", "--http", f"http://127.0.0.1:{s.http}"], capture_output=True).returncode:
        if time.monotonic() > end:
            sys.exit(f"not green at {s.http}")
        time.sleep(0.1)


def load(s, test, pipeline, requests, keys=100_000):
    """Requests a second, and microseconds of processor time each."""
    before = s.processor_seconds()
    out = subprocess.run(["redis-benchmark", "-p", str(s.port), "-c", "50", "-P", str(pipeline), "-n", str(requests), "-r",
                          str(keys), "-d", "64", "-t", test, "-q"], capture_output=True, text=True).stdout
    rates = re.findall(r"([0-9.]+) requests per second", out)
    if not rates:
        sys.exit(f"redis-benchmark said: {out}")
    return float(rates[-1]), (s.processor_seconds() - before) / requests * 1e6


def pairs(what, ours, theirs, count):
    rates, costs, shown = [], [], []
    for _ in range(count):
        a, b = theirs(), ours()
        rates.append(b[0] / a[0])
        costs.append(b[1] / a[1] if a[1] else 0)
        shown.append((a, b))
    m = lambda which, at: statistics.median(s[which][at] for s in shown)
    print(f"{what:28} redis {m(0, 0) / 1e3:7.0f} k/s {m(0, 1):5.2f} us   troupe {m(1, 0) / 1e3:7.0f} k/s {m(1, 1):5.2f} us   "
          f"rate {statistics.median(rates):.2f} ({min(rates):.2f}..{max(rates):.2f})  processor {statistics.median(costs):.2f}",
          flush=True)


def one(home, o):
    theirs, ours = redis(home), troupe(home, o.program)
    wait_ready(theirs), wait_ready(ours, o.program)
    for pipeline, requests in ((1, 200_000), (16, 1_500_000)):
        for test in ("set", "get"):
            pairs(f"one node, {test.upper()} -P {pipeline}", lambda: load(ours, test, pipeline, requests),
                  lambda: load(theirs, test, pipeline, requests), o.pairs)
    theirs.end(), ours.end()


def memory(home, o):
    """Keys of 16 bytes (key:000000012345), each written once."""
    for name, s in (("redis", redis(home)), ("troupe", troupe(home, o.program))):
        wait_ready(s)
        say(s.port, "PING")
        before = s.resident()
        words = "".join(f"*3\r\n$3\r\nSET\r\n$16\r\nkey:{i:012}\r\n$64\r\n{i:064}\r\n" for i in range(o.keys))
        subprocess.run(["redis-cli", "-p", str(s.port), "--pipe"], input=words.encode(), stdout=subprocess.DEVNULL, check=True)
        keys = int(say(s.port, "DBSIZE").split()[-1])
        time.sleep(2)
        print(f"memory, {name:8} {keys} keys: {(s.resident() - before) / keys:.1f} bytes a key", flush=True)
        s.end()


def replicated(home, o):
    theirs, ours = redis(home), troupe(home, o.program, 3, 1)
    wait_ready(theirs), wait_ready(ours, o.program)
    pairs("3 nodes, 1 copy, SET -P 16", lambda: load(ours, "set", 16, 400_000), lambda: load(theirs, "set", 16, 1_000_000), o.pairs)
    theirs.end(), ours.end()


def growth(home, o):
    for name, s in (("redis", redis(home)), ("troupe", troupe(home, o.program))):
        wait_ready(s)
        out = subprocess.run(["redis-benchmark", "-p", str(s.port), "-c", "50", "-n", str(o.grow), "-r", "2000000000",  # an int
                              "-d", "64", "-t", "set", "--precision", "3"], capture_output=True, text=True).stdout
        keys = say(s.port, "DBSIZE").split()[-1]
        below = [(float(a), float(b)) for a, b in re.findall(r"([0-9.]+)% <= ([0-9.]+) milliseconds", out)]
        p9999 = next((ms for percent, ms in below if percent >= 99.99), 0)
        longest = max(ms for _, ms in below)
        rate = re.findall(r"throughput summary: ([0-9.]+)", out)
        print(f"growth, {name:8} to {keys} keys: {rate[-1] if rate else '?'} /s, p99.99 {p9999} ms, longest {longest} ms", flush=True)
        s.end()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("what", nargs="*", choices=["one", "memory", "replicated", "growth", []])
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--keys", type=int, default=1_000_000)
    p.add_argument("--grow", type=int, default=10_000_000)
    o = p.parse_args()
    o.program = os.path.abspath(o.program)
    with tempfile.TemporaryDirectory() as home:
        try:
            for what in o.what or ["one", "memory", "replicated"]:
                globals()[what](home, o)
        finally:
            for s in list(Servers.running):
                s.end()


if __name__ == "__main__":
    main()
