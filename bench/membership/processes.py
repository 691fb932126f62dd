#!/usr/bin/env python3
"""Figures of many real processes on this machine, read from their logs afterwards (so that measuring costs them
nothing): how fast all see all, how fast a kill -9 or a black hole is known to all, what an idle member costs.

  processes.py PROGRAM [--members 3,32,64] [--rounds 10] [--profile lan] [join kill idle survive blackhole]

`blackhole` makes network namespaces of its own (needs root) with addresses 10.77.N.*, and removes them.
"""
import argparse
import datetime
import glob
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from free_ports import free_ports  # noqa: E402

PATIENCE = 60.0
LINE = re.compile(r"^(\S+) \S+\s+\S+ (member_\w+) name=(\S+)")


def wall(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc).timestamp()


class Node:
    def __init__(self, home, name, link, http, prefix=()):
        self.name, self.link, self.http, self.prefix = name, link, http, list(prefix)
        self.data = os.path.join(home, name)
        self.log = self.data + ".log"
        self.process, self.read_to, self.seen = None, 0, []

    def start(self, program, seeds, extra):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.prefix + [program, "node", "--name", self.name, "--services", "http", "--data-dir", self.data,
                               "--cluster", self.link, "--http", self.http, "--seeds", seeds] + extra,
                stdout=subprocess.DEVNULL, stderr=log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def events(self):
        """All (time, kind, member) that the log tells of, in order."""
        if not os.path.exists(self.log):
            return self.seen
        with open(self.log, "rb") as log:
            log.seek(self.read_to)
            data = log.read()
        end = data.rfind(b"\n") + 1
        self.read_to += end
        for line in data[:end].decode(errors="replace").splitlines():
            found = LINE.match(line)
            if found:
                self.seen.append((wall(found[1]), found[2], found[3]))
        return self.seen

    def text(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def numbers(self):
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        values = {}
        for line in text.splitlines():
            if line and line[0] != "#":
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        with open(f"/proc/{self.process.pid}/statm") as statm:
            values["rss"] = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return values

    def seconds_run(self):
        """Processor time of all threads, by the scheduler's account: ticks miss short runs, or count them whole."""
        total = 0
        for task in glob.glob(f"/proc/{self.process.pid}/task/*/schedstat"):
            with open(task) as account:
                total += int(account.read().split()[0])
        return total / 1e9


class Group:
    """N members; the first three found the cluster, any of them is a seed."""

    def __init__(self, program, profile, nodes, extra=()):
        self.program, self.nodes = program, nodes
        self.extra = ["--set", "cluster.expected_members=3", "--set", f"gossip.profile={profile}", "--set",
                      "node.io_threads=1"] + list(extra)
        self.seeds = ",".join(n.link for n in nodes[:3])

    def start(self):
        """The founders, and once they have a leader all others at once; the time of the last start."""
        for node in self.nodes[:3]:
            node.start(self.program, self.seeds, self.extra)
        wait(lambda: all("leader_elected" in n.text() for n in self.nodes[:3]), "a leader")
        for node in self.nodes[3:]:
            node.start(self.program, self.seeds, self.extra)
        return time.time()

    def stop(self):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.kill()

    def last(self, kind, member, after, nodes):
        """When the last of `nodes` told `kind` of `member` after `after`; None while one has not."""
        latest = after
        for node in nodes:
            times = [t for t, k, m in node.events() if m == member and k in kind and t >= after - 0.002]
            if not times:
                return None
            latest = max(latest, times[0])
        return latest

    def all_see_all(self, since):
        return max(self.last(("member_joined", "member_alive"), m.name, since - 60, [n for n in self.nodes if n is not m])
                   or float("inf") for m in self.nodes)

    def failures(self):
        return sum(1 for n in self.nodes for _, kind, _ in n.events() if kind == "member_failed")


def wait(value, what):
    end = time.monotonic() + PATIENCE
    while True:
        found = value()
        if found is not None and found is not False and found != float("inf"):
            return found
        if time.monotonic() > end:
            sys.exit(f"gave up waiting: {what}")
        time.sleep(0.1)


def local_group(program, profile, count, home):
    ports = free_ports(2 * count)
    links, https = ports[:count], ports[count:]
    nodes = [Node(home, f"n{i + 1}", f"127.0.0.1:{links[i]}", f"127.0.0.1:{https[i]}") for i in range(count)]
    return Group(program, profile, nodes)


def kill_and_return(group, index, settle=3.0):
    victim = group.nodes[index]
    others = [n for n in group.nodes if n is not victim]
    at = time.time()
    victim.kill()
    known = wait(lambda: group.last(("member_failed",), victim.name, at, others), f"{victim.name} failed at all")
    back = time.time()
    victim.start(group.program, group.seeds, group.extra)
    wait(lambda: group.last(("member_joined", "member_alive", "member_replaced"), victim.name, back, others),
         f"{victim.name} back at all")
    time.sleep(settle)
    return known - at


def say(what, figures, unit=1000, name="ms"):
    print(f"{what}: median {statistics.median(figures) * unit:.0f} {name}, {min(figures) * unit:.0f}.."
          f"{max(figures) * unit:.0f}, {len(figures)} rounds", flush=True)


def measure_idle(group, seconds):
    time.sleep(15)
    before = {n.name: n.numbers() for n in group.nodes}
    run_before = {n.name: n.seconds_run() for n in group.nodes}  # what asking for the numbers costs is not counted
    time.sleep(seconds)
    run = sorted((n.seconds_run() - run_before[n.name]) / seconds * 100 for n in group.nodes)
    after = {n.name: n.numbers() for n in group.nodes}

    def per_second(key):
        return statistics.mean((after[n][key] - before[n][key]) / seconds for n in after if key in after[n])

    print(f"idle, {len(group.nodes)} members: gossip out {per_second('troupe_gossip_packets_out_total'):.2f} packets/s, "
          f"{per_second('troupe_gossip_bytes_out_total'):.0f} B/s; in {per_second('troupe_gossip_packets_in_total'):.2f} "
          f"packets/s; processor: median {statistics.median(run):.3f} %, highest {run[-1]:.3f} %; resident "
          f"{statistics.mean(after[n]['rss'] for n in after) / 2**20:.1f} MiB", flush=True)
    frames = {k for n in after for k in after[n] if k.startswith("troupe_link_") and "frames" in k}
    for key in sorted(frames):
        each = sorted((after[n].get(key, 0) - before[n].get(key, 0)) / seconds for n in after)
        print(f"  {key}: median {statistics.median(each):.2f}/s, highest {each[-1]:.2f}/s", flush=True)


def run(options, count):
    home = tempfile.mkdtemp(prefix="troupe-members-")
    group = local_group(options.program, options.profile, count, home)
    try:
        joins = []
        for _ in range(options.rounds if "join" in options.what and not set(options.what) - {"join"} else 1):
            group.stop()
            group = local_group(options.program, options.profile, count, tempfile.mkdtemp(dir=home))
            since = group.start()
            joins.append(max(0.0, wait(lambda: group.all_see_all(since), "all see all") - since))
        say(f"{count} members started at once: all see all", joins)
        time.sleep(5)
        if "idle" in options.what:
            measure_idle(group, options.seconds)
        if "kill" in options.what:
            before = group.failures()
            say(f"{count} members, {options.profile}: kill -9 known to all",
                [kill_and_return(group, 3 + i % (count - 3) if count > 3 else i % 3) for i in range(options.rounds)])
            print(f"  false failures: {group.failures() - before - options.rounds * (count - 1)}", flush=True)
    finally:
        group.stop()
        shutil.rmtree(home, ignore_errors=True)


class Hosts:
    """Network namespaces on one bridge, each with one address."""

    def __init__(self, count):
        self.tag = f"tm{os.getpid() % 10000}"
        self.net = f"10.77.{os.getpid() % 250 + 1}"
        self.names = [f"{self.tag}-{i}" for i in range(count)]
        self.switch = f"{self.tag}-sw"
        self.ip("netns", "add", self.switch)
        self.ip("-n", self.switch, "link", "add", "br0", "type", "bridge")
        self.ip("-n", self.switch, "link", "set", "br0", "up")
        for i, name in enumerate(self.names):
            self.ip("netns", "add", name)
            self.ip("link", "add", f"p{i}", "netns", self.switch, "type", "veth", "peer", "name", "eth0", "netns", name)
            self.ip("-n", self.switch, "link", "set", f"p{i}", "master", "br0", "up")
            self.ip("-n", name, "addr", "add", f"{self.address(i)}/24", "dev", "eth0")
            self.ip("-n", name, "link", "set", "lo", "up")
            self.ip("-n", name, "link", "set", "eth0", "up")

    def address(self, i):
        return f"{self.net}.{i + 1}"

    def plug(self, i, up):
        self.ip("-n", self.switch, "link", "set", f"p{i}", "up" if up else "down")

    def close(self):
        for name in self.names + [self.switch]:
            subprocess.run(["ip", "netns", "del", name], check=False)

    @staticmethod
    def ip(*words):
        subprocess.run(["ip", *words], check=True)


def measure_blackhole(options, count=5):
    home = tempfile.mkdtemp(prefix="troupe-members-")
    secret = os.path.join(home, "secret")
    with open(secret, "w") as file:
        file.write("a secret of this bench alone\n")
    hosts = Hosts(count)
    nodes = [Node(home, f"n{i + 1}", f"{hosts.address(i)}:7070", "127.0.0.1:8080",
                  ["nsenter", f"--net=/run/netns/{hosts.names[i]}", "--"]) for i in range(count)]
    group = Group(options.program, options.profile, nodes, ["--set", f"cluster.secret_file={secret}"])
    try:
        since = group.start()
        wait(lambda: group.all_see_all(since), "all see all")
        time.sleep(5)
        figures = []
        for i in range(options.rounds):
            at, victim = time.time(), group.nodes[i % count]
            others = [n for n in nodes if n is not victim]
            hosts.plug(i % count, False)
            figures.append(wait(lambda: group.last(("member_failed",), victim.name, at, others), "failed at all") - at)
            back = time.time()
            hosts.plug(i % count, True)
            wait(lambda: group.last(("member_joined", "member_alive", "member_replaced"), victim.name, back, others),
                 "back at all")
            wait(lambda: all(group.last(("member_alive", "member_joined"), n.name, back, [victim]) is not None or not any(
                k == "member_failed" and m == n.name and t > at for t, k, m in victim.events()) for n in others), "all back at it")
            time.sleep(5)
        say(f"{count} hosts, {options.profile}: black hole known to all others", figures)
    finally:
        group.stop()
        hosts.close()
        shutil.rmtree(home, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("what", nargs="*", default=["join", "kill", "idle"])
    parser.add_argument("--members", default="3,32,64")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--profile", default="lan")
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    options.what = options.what or ["join", "kill", "idle"]
    if set(options.what) - {"blackhole"}:
        for count in options.members.split(","):
            run(options, int(count))
    if "blackhole" in options.what:
        measure_blackhole(options)


main()
