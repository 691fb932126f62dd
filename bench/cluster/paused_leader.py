#!/usr/bin/env python3
"""A leader that stands still for longer than its lease while clients write, and goes on: does anything that it
then does under its old term count? Three real processes; each round SIGSTOPs the leader for --pause seconds under load
from --writers connections to every node, each with keys of its own, then SIGCONTs it.

A write counts as accepted under the old term when it was acknowledged after all others had the new term and
is not what every node answers in the end. Wanted: 0. Also told: seconds until the new term.

  paused_leader.py PROGRAM [--kvs votes,builtin,redis,postgres,etcd,memcached] [--rounds 20] [--pause 10] [--writers 8]
"""
import argparse
import contextlib
import http.client
import os
import signal
import statistics
import sys
import threading
import time

from processes import Cluster, NODES, wait
from stores import open_store

KEYS = 16  # of each writer: spread over shards
PACE = 0.005  # seconds between the writes of one writer


class Writer(threading.Thread):
    """Writes rising numbers to keys of its own through one node; knows the last one acknowledged and when."""

    def __init__(self, node, number, patience):
        super().__init__(daemon=True)
        self.node, self.patience = node, patience
        self.keys = [f"{node.name}-{number}-{k}" for k in range(KEYS)]
        self.acked = {}  # key: (value, when)
        self.unknown = {}  # key: values whose outcome is not known; they may appear at any time later
        self.count = self.refused = 0
        self.stopping = False

    def run(self):
        connection = None
        while not self.stopping:
            time.sleep(PACE)
            self.count += 1
            key, value = self.keys[self.count % KEYS], str(self.count)
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.node.http, timeout=self.patience)
                connection.request("PUT", f"/v1/cache/default/{key}", value)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 204:
                    self.acked[key] = (value, time.monotonic())
                    continue
                self.refused += 1
                if answer.status == 504:
                    self.unknown.setdefault(key, []).append(value)
            except (OSError, http.client.HTTPException):
                connection = None
                self.unknown.setdefault(key, []).append(value)


def value_at(node, key):
    connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", f"/v1/cache/default/{key}")
        answer = connection.getresponse()
        body = answer.read().decode()
        return body if answer.status == 200 else None


def one_round(cluster, pause, writers):
    wait(cluster.settled)
    old = cluster.nodes[0].leader()
    paused = cluster.named(old["name"])
    others = [n for n in cluster.nodes if n is not paused]
    load = [Writer(n, i, pause + 20) for n in cluster.nodes for i in range(writers)]
    for w in load:
        w.start()
    time.sleep(1)
    stopped = time.monotonic()
    os.kill(paused.process.pid, signal.SIGSTOP)
    paused.connection = None

    def new_term():
        found = [n.leader() for n in others]
        return all(f and f["term"] > old["term"] for f in found)

    wait(new_term)
    began = time.monotonic()
    time.sleep(max(0.0, stopped + pause - began))
    os.kill(paused.process.pid, signal.SIGCONT)
    time.sleep(2)  # what waited at the paused node is answered meanwhile
    for w in load:
        w.stopping = True
    for w in load:
        w.join()
    wait(cluster.settled)
    wrong, late = [], 0
    for w in load:
        for key, (value, when) in w.acked.items():
            if when <= began:
                continue
            late += 1
            for n in cluster.nodes:
                found = value_at(n, key)
                if found != value and found not in w.unknown.get(key, []):
                    wrong.append(f"{key} at {n.name}: {found}, acknowledged {value}")
    acked = sum(len(w.acked) for w in load)
    through = sum(1 for w in load if w.node is paused for _, when in w.acked.values() if when > began)
    return began - stopped, wrong, (sum(w.count for w in load), acked, late, through)


def measure(program, kind, o):
    gaps, wrong, counts = [], [], []
    with contextlib.ExitStack() as stack:
        store = open_store(kind, NODES)
        if store:
            stack.enter_context(store)
        cluster = stack.enter_context(Cluster(program, "lan", store))
        cluster.start()
        for _ in range(o.rounds):
            gap, found, count = one_round(cluster, o.pause, o.writers)
            gaps.append(gap)
            wrong += found
            counts.append(count)
    written, keys, late, through = (sum(column) for column in zip(*counts))
    print(f"SIGSTOP of the leader for {o.pause} s, {kind}, {o.rounds} rounds: {len(wrong)} writes of the old term accepted "
          f"after the new began (wanted: 0), of {written} writes; compared {late} keys acknowledged after it, {through} of "
          f"them through the node that stood still; new term after {statistics.median(gaps):.1f} s (median), "
          f"{max(gaps):.1f} s at most", flush=True)
    for line in wrong[:10]:
        print("  " + line, flush=True)
    return len(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--kvs", default="votes,builtin,redis,postgres,etcd,memcached")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--pause", type=float, default=10)
    parser.add_argument("--writers", type=int, default=8)
    o = parser.parse_args()
    if sum(measure(o.program, kind, o) for kind in o.kvs.split(",")) > 0:
        sys.exit(1)


if __name__ == "__main__":
    main()
