#!/usr/bin/env python3
"""Are a cluster's answers linearizable while its nodes are killed, stopped and cut off?

Usage: histories.py PROGRAM CHECKER [--nodes 3] [--replicas 1] [--seconds 60] [--clients 2] [--seed N] [--hosts] [--keep DIR]

Starts NODES processes with REPLICAS copies and CLIENTS clients at each, which read and write the same keys by RESP and
HTTP; meanwhile one fault after the other: kill -9 and start, SIGSTOP, and with --hosts (network namespaces: root) a
pulled plug or a cut one way or both. The next fault waits for green, since two at a time may take both copies. CHECKER
(history_check) judges what the clients saw. Exit code 0: all linearizable; 1: not; 70: the cluster did not heal.
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
from free_ports import free_ports  # noqa: E402
from hosts import Hosts, available  # noqa: E402

HEAL_LIMIT = 90  # seconds
LEAST = 50  # operations of each kind at each door


class Node:
    def __init__(self, chaos, i, ports):
        self.chaos, self.i, self.name = chaos, i, f"n{i}"
        self.link, self.http, self.resp = ports
        self.host = chaos.hosts.address(i) if chaos.hosts else "127.0.0.1"
        self.before = chaos.hosts.on(i) if chaos.hosts else []
        self.process = None

    def start(self):
        o, first = self.chaos.options, self.chaos.nodes[0]
        log = open(os.path.join(self.chaos.home, f"{self.name}.log"), "a")
        self.process = subprocess.Popen(
            self.before + [o.program, "node", "--services", "http,resp,cache", "--name", self.name, "--data-dir",
                           os.path.join(self.chaos.home, self.name), "--cluster", f"{self.host}:{self.link}", "--http",
                           f"127.0.0.1:{self.http}", "--resp", f"127.0.0.1:{self.resp}", "--seeds", f"{first.host}:{first.link}", "--set",
                           "cluster.insecure=true", "--set", f"cluster.expected_members={o.nodes}", "--set",
                           f"cache.replicas={o.replicas}", "--set", "cache.shards=64"], stdout=log, stderr=log)

    def green(self):
        url = f"http://127.0.0.1:{self.http}/v1/cluster/health"
        if self.before:
            said = subprocess.run(self.before + [self.chaos.options.program, "health", "--http", f"http://127.0.0.1:{self.http}"],
                                  capture_output=True)
            return said.returncode == 0
        try:
            return json.load(urllib.request.urlopen(url, timeout=2))["status"] == "green"
        except (OSError, ValueError):
            return False

    def client(self, number, seed):
        file = os.path.join(self.chaos.home, f"{self.name}.{number}.history")
        client = os.path.join(os.path.dirname(os.path.abspath(__file__)), "history_client.py")
        self.chaos.files.append(file)
        return subprocess.Popen(self.before + [sys.executable, client, f"{self.name}.{number}", str(self.resp), str(self.http), str(seed), file],
                                stdin=subprocess.PIPE)


class Chaos:
    def __init__(self, options, home):
        self.options, self.home, self.files = options, home, []
        self.hosts = Hosts(options.nodes) if options.hosts else None
        ports = free_ports(3 * options.nodes)
        self.nodes = [Node(self, i, ports[3 * i:3 * i + 3]) for i in range(options.nodes)]
        self.dice = random.Random(options.seed)
        self.faults = {}

    def wait_green(self):
        end = time.monotonic() + HEAL_LIMIT
        while not all(n.green() for n in self.nodes):
            if time.monotonic() > end:
                print(f"not green after {HEAL_LIMIT} s, see {self.home}")
                return False
            time.sleep(0.1)
        return True

    def kill(self, n, span):
        n.process.kill()
        n.process.wait()
        time.sleep(span)
        n.start()

    def stop(self, n, span):
        n.process.send_signal(signal.SIGSTOP)
        time.sleep(span)
        n.process.send_signal(signal.SIGCONT)

    def unplug(self, n, span):
        self.hosts.unplug(n.i)
        time.sleep(span)
        self.hosts.plug(n.i)

    def cut(self, n, span):
        other = self.dice.choice([m for m in self.nodes if m is not n])
        ways = [(n.i, other.i)] + ([(other.i, n.i)] if self.dice.random() < 0.5 else [])
        for way in ways:
            self.hosts.cut(*way)
        time.sleep(span)
        for way in ways:
            self.hosts.mend(*way)

    def run(self):
        o = self.options
        for n in self.nodes:
            n.start()
        if not self.wait_green():
            return 70
        clients = [n.client(c, self.dice.randrange(1 << 30)) for n in self.nodes for c in range(o.clients)]
        try:
            return self.torment(clients, time.monotonic() + o.seconds)
        finally:
            for c in clients:
                c.kill()
                c.wait()

    def torment(self, clients, end):
        kinds = [self.kill, self.stop] + ([self.unplug, self.cut] if self.hosts else [])
        while time.monotonic() < end:
            time.sleep(self.dice.uniform(0.2, 2))
            fault, span = self.dice.choice(kinds), self.dice.uniform(0.2, 5)
            self.faults[fault.__name__] = self.faults.get(fault.__name__, 0) + 1
            fault(self.dice.choice(self.nodes), span)
            if not self.wait_green():
                return 70
        time.sleep(1)
        for c in clients:
            c.stdin.close()
            if c.wait(timeout=30) != 0:
                print("a client failed")
                return 70
        print(f"{o_text(self.options)}: faults {self.faults}, {self.told()}")
        judged = subprocess.run([self.options.checker, *self.files]).returncode
        return judged or (0 if self.told_enough() else 70)

    def told(self):
        """How many operations say something, by door: values that were read, writes that were acknowledged."""
        counts = {}
        for file in self.files:
            for line in open(file):
                _, what, _, value, _, end, door = line.split()
                said = value != "-" if what == "read" else what == "write" and end != "?"
                counts[door, what] = counts.get((door, what), 0) + said
        return counts

    def told_enough(self):
        """Clients that were only refused prove nothing."""
        told = self.told()
        few = [pair for door in ("Resp", "Http") for pair in ((door, "read"), (door, "write")) if told.get(pair, 0) < LEAST]
        if few:
            print(f"fewer than {LEAST} operations that say something: {few}")
        return not few

    def end(self):
        for n in self.nodes:
            if n.process:
                n.process.kill()
                n.process.wait()
        if self.hosts:
            self.hosts.end()


def o_text(o):
    return f"{o.nodes} nodes, {o.replicas} copies, {o.seconds} s, seed {o.seed}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("checker")
    for name, default in (("nodes", 3), ("replicas", 1), ("seconds", 60), ("clients", 2), ("seed", random.randrange(1 << 30))):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--hosts", action="store_true")
    p.add_argument("--keep", help="where logs and histories go; otherwise they are removed")
    o = p.parse_args()
    if o.hosts and not available():
        sys.exit("network namespaces need root and iproute2")
    with tempfile.TemporaryDirectory() as temporary:
        home = o.keep or temporary
        os.makedirs(home, exist_ok=True)
        chaos = Chaos(o, home)
        try:
            sys.exit(chaos.run())
        finally:
            chaos.end()


if __name__ == "__main__":
    main()
