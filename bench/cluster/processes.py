#!/usr/bin/env python3
"""Figures of three real processes on loopback, leadership by votes on disk or in a real store: how fast they find each other, notice a
kill -9, replace a leader, and forward. Medians of ROUNDS; every wait polls each node over HTTP.

  processes.py PROGRAM [--rounds 10] [--seconds 2] [--profiles fast,lan] [--kvs votes,redis,...] [start kill leader forward]
"""
import argparse
import contextlib
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from free_ports import free_ports  # noqa: E402
from stores import open_store  # noqa: E402

NODES = 3
POLL = 0.001
PATIENCE = 30.0


class Node:
    def __init__(self, cluster, index):
        self.cluster, self.name = cluster, f"n{index + 1}"
        self.link, self.http = free_ports(2)
        self.data = os.path.join(cluster.home, self.name)
        self.process, self.connection = None, None

    def start(self):
        seeds = ",".join(f"127.0.0.1:{n.link}" for n in self.cluster.nodes if n is not self)
        with open(self.data + ".log", "ab") as log:
            self.process = subprocess.Popen(
                [self.cluster.program, "node", "--name", self.name, "--services",
                 "http,cache" + (self.cluster.store.services if self.cluster.store else ""), "--data-dir", self.data,
                 "--cluster", f"127.0.0.1:{self.link}", "--http", f"127.0.0.1:{self.http}", "--seeds", seeds,
                 "--set", f"cluster.expected_members={NODES}", "--set", f"gossip.profile={self.cluster.profile}"]
                + (self.cluster.store.settings() if self.cluster.store else []),
                stdout=subprocess.DEVNULL, stderr=log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.connection = None

    def cpu(self):
        """Seconds of processor time so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, path):
        """The answer as JSON; None when the node does not give one."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=1)
            self.connection.request("GET", path)
            answer = self.connection.getresponse()
            body = answer.read()
            return json.loads(body) if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            self.connection = None
            return None

    def states(self):
        return {m["name"]: m["state"] for m in self.ask("/v1/cluster/members") or []}

    def leader(self):
        return self.ask("/v1/cluster/leader")


class Cluster:
    def __init__(self, program, profile, store=None):
        self.program, self.profile, self.store = program, profile, store
        self.home = tempfile.mkdtemp(prefix="troupe-bench-")
        self.nodes = []
        self.nodes += [Node(self, i) for i in range(NODES)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self):
        for node in self.nodes:
            node.start()

    def agreed(self):
        """All see all alive and call the same one leader."""
        leaders = set()
        for node in self.nodes:
            states = node.states()
            if len(states) != NODES or set(states.values()) != {"alive"}:
                return False
            leaders.add((node.leader() or {}).get("name"))
        return len(leaders) == 1 and None not in leaders

    def settled(self):
        for node in self.nodes:
            if node.process.poll() is not None:
                with open(node.data + ".log") as log:
                    sys.exit(f"{node.name} has ended with {node.process.returncode}: " + "".join(log.readlines()[-5:]))
        return self.agreed() and all(node.ask("/readyz") for node in self.nodes)

    def named(self, name):
        return next(n for n in self.nodes if n.name == name)


def wait(holds):
    """Milliseconds until it holds."""
    begin = time.monotonic()
    while not holds():
        if time.monotonic() - begin > PATIENCE:
            sys.exit("gave up waiting")
        time.sleep(POLL)
    return (time.monotonic() - begin) * 1000


def told(what, figures, wanted):
    print(f"{what}: median {statistics.median(figures):.0f} ms, {min(figures):.0f}..{max(figures):.0f}, "
          f"{len(figures)} rounds (wanted: {wanted}); all: {[round(f) for f in figures]}", flush=True)


def measure_start(program, profile, rounds, wanted):
    figures = []
    for _ in range(rounds):
        with Cluster(program, profile) as cluster:
            cluster.start()
            figures.append(wait(cluster.agreed))
    told(f"start, {profile}: last start to all alive everywhere and one leader", figures, wanted)


def measure_kill(program, profile, rounds, wanted):
    figures = []
    with Cluster(program, profile) as cluster:
        cluster.start()
        for _ in range(rounds):
            wait(cluster.settled)
            leader = cluster.nodes[0].leader()["name"]
            victim = next(n for n in reversed(cluster.nodes) if n.name != leader)
            others = [n for n in cluster.nodes if n is not victim]
            victim.kill()
            figures.append(wait(lambda: all(n.states().get(victim.name) == "failed" for n in others)))
            victim.start()
    told(f"kill -9 of a member, {profile}: failed at all others", figures, wanted)


def measure_leader(program, profile, rounds, wanted, kind="votes"):
    figures = []
    with contextlib.ExitStack() as stack:
        store = open_store(kind, NODES)
        if store:
            stack.enter_context(store)
        cluster = stack.enter_context(Cluster(program, profile, store))
        cluster.start()
        for _ in range(rounds):
            wait(cluster.settled)
            old = cluster.nodes[0].leader()
            victim = cluster.named(old["name"])
            others = [n for n in cluster.nodes if n is not victim]

            def replaced():
                found = [n.leader() for n in others]
                return all(f and f["term"] > old["term"] and f["name"] != old["name"] for f in found) and \
                    len({f["name"] for f in found}) == 1

            victim.kill()
            figures.append(wait(replaced))
            victim.start()
    told(f"kill -9 of the leader, {profile}, {kind}: new leader of a higher term known to all others", figures, wanted)


def crc16(text):
    """Of XMODEM, as Redis Cluster takes it for slots."""
    crc = 0
    for byte in text.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def rate(node, key, seconds):
    """Answers a second, and microseconds of all nodes' processor time for each."""
    before = sum(n.cpu() for n in node.cluster.nodes)
    out = subprocess.run(["wrk", "-t2", "-c64", f"-d{seconds}s", f"http://127.0.0.1:{node.http}/v1/cache/default/{key}"],
                         check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out:
        sys.exit("not every answer was good:\n" + out)
    spent = sum(n.cpu() for n in node.cluster.nodes) - before
    a_second = float(next(line.split()[1] for line in out.splitlines() if line.startswith("Requests/sec")))
    answers = int(next(line.split()[0] for line in out.splitlines() if " requests in " in line))
    return a_second, spent * 1e6 / answers


def measure_forward(program, profile, rounds, seconds):
    if shutil.which("wrk") is None:
        print("forwarded GET: skipped, there is no wrk")
        return
    with Cluster(program, profile) as cluster:
        cluster.start()
        wait(cluster.settled)
        key = "bench"
        shards = cluster.nodes[0].ask("/v1/cluster/shards")
        owner = cluster.named(shards[crc16(key) % 16384 * len(shards) // 16384]["primary"])
        other = next(n for n in cluster.nodes if n is not owner)
        put = http.client.HTTPConnection("127.0.0.1", owner.http)
        put.request("PUT", f"/v1/cache/default/{key}", "x" * 64)
        if put.getresponse().status != 204:
            sys.exit("the value was not stored")
        pairs = [(rate(owner, key, seconds), rate(other, key, seconds)) for _ in range(rounds)]
    ratio = statistics.median(there[0] / here[0] for here, there in pairs)
    here, there = ([statistics.median(column) for column in zip(*side)] for side in zip(*pairs))
    print(f"GET of 64 bytes, wrk -t2 -c64 -d{seconds}s: at the owner {here[0]:.0f}/s, {here[1]:.1f} us CPU each; "
          f"forwarded {there[0]:.0f}/s, {there[1]:.1f} us CPU each (both nodes); "
          f"ratio of the rates {ratio:.2f} (median of {rounds} pairs, wanted: 0.5)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("figures", nargs="*", default=["start", "kill", "leader", "forward"])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--profiles", default="fast,lan")
    parser.add_argument("--kvs", default="votes", help="of the figure leader")
    o = parser.parse_args()
    for profile in o.profiles.split(","):
        fast = profile == "fast"
        if "start" in o.figures:
            measure_start(o.program, profile, o.rounds, "1000")
        if "kill" in o.figures:
            measure_kill(o.program, profile, o.rounds, "1500" if fast else "-")
        if "leader" in o.figures:
            for kind in o.kvs.split(","):
                wanted = "4000" if kind != "votes" else "2000" if fast else "2500"
                measure_leader(o.program, profile, o.rounds, wanted, kind)
    if "forward" in o.figures:
        measure_forward(o.program, o.profiles.split(",")[0], o.pairs, o.seconds)


if __name__ == "__main__":
    main()
