#!/usr/bin/env python3
"""SET of durable caches beside redis-server with the same appendfsync, in one run: redis-benchmark at both in turn.

usage: durable.py TROUPE [--requests N] [--pairs N] [--directory DIR]
Prints requests a second (the median of the pairs) and the ratio, for no log, no, everysec, always, with -c 50, -P 1 and 16.
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


def wait_for(port):
    for _ in range(400):
        if subprocess.run(["redis-cli", "-p", str(port), "PING"], capture_output=True, text=True).stdout == "PONG\n":
            return
        time.sleep(0.05)
    sys.exit(f"nothing answers on port {port}")


class server:
    def __init__(self, words, directory, port):
        self.port = port
        self.process = subprocess.Popen(words, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(port)

    def end(self):
        self.process.kill()
        self.process.wait()


def start_troupe(program, directory, port, mode):
    words = [program, "node", "--mode", "single", "--services", "resp,cache,db", "--data-dir", directory, "--resp",
             f"127.0.0.1:{port}", "--cluster", "127.0.0.1:0"]
    if mode != "off":
        words += ["--set", "caches.default.durable=true", "--set", f"caches.default.fsync={mode}"]
    return server(words, directory, port)


def start_redis(directory, port, mode):
    words = ["redis-server", "--port", str(port), "--save", "", "--dir", directory]
    if mode != "off":
        words += ["--appendonly", "yes", "--appendfsync", mode]
    return server(words, directory, port)


def rate(port, requests, pipeline):
    ran = subprocess.run(["redis-benchmark", "-p", str(port), "-t", "set", "-n", str(requests), "-r", "100000", "-d", "64",
                          "-c", "50", "-P", str(pipeline), "--csv"], capture_output=True, text=True, check=True).stdout
    return float(re.search(r'"SET","([0-9.]+)"', ran).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("troupe")
    parser.add_argument("--requests", type=int, default=100000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--directory", default=None, help="on the disk to be measured")
    a = parser.parse_args()
    program = os.path.abspath(a.troupe)
    print(f"{'fsync':10} {'-P':>3} {'troupe':>10} {'redis':>10} {'ratio':>6}")
    for mode in ("off", "no", "everysec", "always"):
        home = tempfile.mkdtemp(dir=a.directory)
        for name in ("troupe", "redis"):
            os.mkdir(os.path.join(home, name))
        ports = free_ports(2)
        ours = start_troupe(program, os.path.join(home, "troupe"), ports[0], mode)
        theirs = start_redis(os.path.join(home, "redis"), ports[1], mode)
        for pipeline in (1, 16):
            requests = a.requests if mode != "always" else a.requests // 5
            pairs = [(rate(ours.port, requests, pipeline), rate(theirs.port, requests, pipeline)) for _ in range(a.pairs)]
            us, them = (statistics.median(p[i] for p in pairs) for i in (0, 1))
            print(f"{mode:10} {pipeline:3} {us:10.0f} {them:10.0f} {us / them:6.2f}", flush=True)
        ours.end()
        theirs.end()
        shutil.rmtree(home)


main()
