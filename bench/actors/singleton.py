#!/usr/bin/env python3
"""How soon a singleton answers again after its node was killed with SIGKILL: three real processes on loopback, all of which may run
it and ask it without a pause. Each round kills the one that runs it, and waits until both others have an answer of the next instance;
then the killed one starts again. Told: median, range, and how often the killed one was the leader too.

  singleton.py PROGRAM [--rounds 10] [--profile lan] [--ttl 2000]      PROGRAM is singleton_node of the build
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from free_ports import free_ports  # noqa: E402

NODES = 3
POLL = 0.001
PATIENCE = 30.0


class Node:
    def __init__(self, bench, index, port):
        self.bench, self.name, self.address = bench, f"n{index + 1}", f"127.0.0.1:{port}"
        self.process, self.answers, self.leader = None, {}, None

    def start(self):
        seeds = ",".join(n.address for n in self.bench.nodes if n is not self)
        self.answers = {}  # token: (node, seconds of the monotonic clock)
        with open(os.path.join(self.bench.home, self.name + ".log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.bench.o.program, self.name, os.path.join(self.bench.home, self.name), self.address, seeds, str(NODES),
                 self.bench.o.profile, str(self.bench.o.ttl)], stdout=subprocess.PIPE, stderr=log, text=True)
        threading.Thread(target=self.read, args=(self.process, self.answers), daemon=True).start()

    def read(self, process, answers):
        for line in process.stdout:
            words = line.split()
            if words[0] == "leader":
                self.leader = words[1]
            else:
                answers[int(words[0])] = (words[1], int(words[2]) / 1e9)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def latest(self):
        """The highest token that answered, and its node."""
        found = dict(self.answers)
        return (max(found), found[max(found)][0]) if found else (0, None)


class Bench:
    def __init__(self, o):
        self.o, self.home = o, tempfile.mkdtemp(prefix="troupe-bench-")
        self.nodes = [Node(self, i, port) for i, port in enumerate(free_ports(NODES))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def agreed(self):
        """All have an answer of the same instance, the last one."""
        found = {n.latest() for n in self.nodes}
        return len(found) == 1 and (0, None) not in found


def wait(holds):
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            sys.exit("gave up waiting")
        time.sleep(POLL)


def one_round(bench):
    wait(bench.agreed)
    time.sleep(1.5 + 0.5 * (time.monotonic() % 1))  # anywhere between two renewals of the hold
    token, name = bench.nodes[0].latest()
    victim = next(n for n in bench.nodes if n.name == name)
    others = [n for n in bench.nodes if n is not victim]
    led = all(n.leader == name for n in others)
    killed = time.monotonic()
    victim.kill()
    wait(lambda: all(n.latest()[0] > token for n in others))
    back = max(n.answers[n.latest()[0]][1] for n in others) - killed
    victim.start()
    return back * 1000, led


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--profile", default="lan")
    parser.add_argument("--ttl", type=int, default=2000, help="milliseconds")
    o = parser.parse_args()
    with Bench(o) as bench:
        for node in bench.nodes:
            node.start()
        rounds = [one_round(bench) for _ in range(o.rounds)]
    figures = [back for back, _ in rounds]
    print(f"kill -9 of the node of a singleton, {o.profile}, ttl {o.ttl} ms: answers again at both others after "
          f"{statistics.median(figures):.0f} ms (median), {min(figures):.0f}..{max(figures):.0f}, {o.rounds} rounds, the leader's "
          f"node in {sum(led for _, led in rounds)} of them (wanted: 2000); all: {[round(f) for f in figures]}", flush=True)


if __name__ == "__main__":
    main()
