#!/usr/bin/env python3
"""Kills primaries of replicated shards while clients count, and asks how long writes to their keys failed and whether
an acknowledged one was lost.

Usage: kill_primary.py PROGRAM [--rounds 10] [--nodes 3] [--profile lan] [--keys 200]
A round kills -9 a node (in turn one that does not lead, then the leader), counts every key up at the others until each
was written again, reads all, and starts the node again. Exit code 1 when an acknowledged write was lost.
"""
import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from free_ports import free_ports  # noqa: E402


class Node:
    def __init__(self, home, name, ports):
        self.name, self.home, self.link, self.http, self.process = name, os.path.join(home, name), ports[0], ports[1], None

    def start(self, program, seeds, nodes, profile):
        log = open(self.home + ".log", "a")
        self.process = subprocess.Popen(
            [program, "node", "--services", "http,cache", "--name", self.name, "--data-dir", self.home, "--cluster",
             f"127.0.0.1:{self.link}", "--http", f"127.0.0.1:{self.http}", "--seeds", seeds, "--set", "cluster.insecure=true",
             "--set", f"cluster.expected_members={nodes}", "--set", "cache.replicas=1", "--set", f"gossip.profile={profile}"],
            stdout=log, stderr=log)

    def ask(self, method, path, body=None):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.http, timeout=4)
            c.request(method, path, body)
            r = c.getresponse()
            return r.status, r.read()
        except OSError:
            return 0, b""


def wait(holds, what, limit=60):
    end = time.monotonic() + limit
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"gave up waiting: {what}")
        time.sleep(0.05)


def green(nodes):
    for n in nodes:
        if n.process.poll() is not None:
            sys.exit(f"{n.name} has ended with {n.process.returncode}: see {n.home}.log")
        status, body = n.ask("GET", "/v1/cluster/health")
        if status != 200 or json.loads(body)["status"] != "green":
            return False
        if sum(m["state"] == "alive" for m in json.loads(n.ask("GET", "/v1/cluster/members")[1])) != len(nodes):
            return False
    return True


def run(a, home):
    ports = free_ports(2 * a.nodes)
    nodes = [Node(home, f"n{i + 1}", ports[2 * i:2 * i + 2]) for i in range(a.nodes)]
    seeds = ",".join(f"127.0.0.1:{n.link}" for n in nodes)
    counts, lost, gaps = {}, 0, {"leading": [], "not leading": []}
    try:
        for n in nodes:
            n.start(a.program, seeds, a.nodes, a.profile)
        for i in range(a.rounds):
            wait(lambda: green(nodes), "green")
            leader = json.loads(nodes[0].ask("GET", "/v1/cluster/leader")[1])["name"]
            kind = "leading" if i % 2 else "not leading"
            victim = next(n for n in nodes if (n.name == leader) == (kind == "leading"))
            others = [n for n in nodes if n is not victim]
            keys = [f"k{k}" for k in range(a.keys)]
            for k in keys:
                value = counts.get(k, 0) + 1
                if others[0].ask("PUT", f"/v1/cache/default/{k}", str(value))[0] in (200, 201, 204):
                    counts[k] = value
            at = time.monotonic()
            os.kill(victim.process.pid, signal.SIGKILL)
            victim.process.wait()
            for k in keys:  # one after the other: the first of the dead node's shards waits for all that it takes
                value = counts.get(k, 0) + 1
                while others[1 % len(others)].ask("PUT", f"/v1/cache/default/{k}", str(value))[0] not in (200, 201, 204):
                    value += 1
                found = int(others[0].ask("GET", f"/v1/cache/default/{k}")[1] or 0)
                lost += found < value
                counts[k] = value
                blocked = time.monotonic() - at
                if blocked > 0.2 and (not gaps[kind] or len(gaps[kind]) <= i // 2):
                    gaps[kind].append(blocked)
            for k in keys:
                lost += int(others[0].ask("GET", f"/v1/cache/default/{k}")[1] or 0) < counts[k]
            victim.start(a.program, seeds, a.nodes, a.profile)
    finally:
        for n in nodes:
            if n.process and n.process.poll() is None:
                n.process.kill()
                n.process.wait()
    for kind, found in gaps.items():
        if found:
            print(f"kill -9 of a primary, {kind}, {a.profile}: its keys are written again after "
                  f"{1000 * statistics.median(found):.0f} ms ({1000 * min(found):.0f}..{1000 * max(found):.0f}), {len(found)} rounds")
    print(f"acknowledged writes lost: {lost} in {a.rounds} kills")
    return 1 if lost else 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--nodes", type=int, default=3)
    p.add_argument("--profile", default="lan")
    p.add_argument("--keys", type=int, default=200)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as home:
        sys.exit(run(a, home))


if __name__ == "__main__":
    main()
