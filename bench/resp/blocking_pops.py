#!/usr/bin/env python3
"""How long a client that waits (BLPOP) hears of a push: in a cluster of three nodes on this machine, whoever owns the
keys, and at a redis-server beside it.

usage: bench/resp/blocking_pops.py build/troupe [rounds]

Prints the median and the 99th percentile from the push to the answer of the client that waits, and what a thousand
clients cost that wait and get nothing. Exits 1 when an element is lost or comes to the wrong client.
"""
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time


def connect(port):
    c = socket.create_connection(("127.0.0.1", port))
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c.settimeout(30)
    return c


def command(*words):
    return (f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)).encode()


def hear(c, expected):
    got = b""
    while len(got) < len(expected):
        more = c.recv(65536)
        if not more:
            sys.exit("a connection was lost")
        got += more
    if got != expected:
        sys.exit(f"{got} instead of {expected}")


def blocked(c):
    c.send(command("INFO", "clients"))
    text = b""
    while b"blocked_clients:" not in text or not text.endswith(b"\r\n"):
        text += c.recv(65536)
    return int(re.search(rb"blocked_clients:(\d+)", text).group(1))


def measure(waiting_port, pushing_port, rounds):
    waits, pushes, asks = connect(waiting_port), connect(pushing_port), connect(waiting_port)
    taken = []
    for i in range(rounds):
        key = f"queue:{i}"
        waits.send(command("BLPOP", key, "0"))
        while blocked(asks) != 1:
            pass
        time.sleep(0.002)  # its place is taken a moment after it is counted
        begin = time.perf_counter()
        pushes.send(command("RPUSH", key, "x"))
        hear(waits, command(key, "x"))
        taken.append(time.perf_counter() - begin)
        hear(pushes, b":1\r\n")
    taken.sort()
    return statistics.median(taken) * 1e6, taken[int(len(taken) * 0.99)] * 1e6


def processor_seconds(process):
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share(process, seconds):
    before = processor_seconds(process)
    time.sleep(seconds)
    return (processor_seconds(process) - before) / seconds * 100


def measure_idle(process, port, clients, seconds):
    alone = share(process, seconds)
    waiting = [connect(port) for _ in range(clients)]
    for i, c in enumerate(waiting):
        c.send(command("BLPOP", f"idle:{i}", "0"))
    time.sleep(3)
    return alone, share(process, seconds)


def start_cluster(program, directory):
    cluster = subprocess.Popen([program, "dev", "--nodes", "3"], cwd=directory, stdout=subprocess.PIPE, text=True)
    ports = []
    for line in cluster.stdout:
        found = re.findall(r"127\.0\.0\.1:(\d+)", line)
        if len(found) >= 3:
            ports.append(int(found[1]))  # http, resp, cluster
        if len(ports) == 3:
            return cluster, ports
    sys.exit("the cluster did not start")


def start_redis(directory):
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    server = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--dir", directory],
                              stdout=subprocess.DEVNULL)
    for _ in range(200):
        try:
            connect(port).close()
            return server, port
        except OSError:
            time.sleep(0.02)
    sys.exit("redis-server did not start")


def main():
    program = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    directory = tempfile.mkdtemp()
    running = []
    try:
        cluster, ports = start_cluster(program, directory)
        running.append(cluster)
        for name, where in (("the same node", 0), ("another node", 1)):
            median, worst = measure(ports[0], ports[where], rounds)
            print(f"troupe, 3 nodes, pushed at {name}: median {median:.0f} us, p99 {worst:.0f} us")
        alone, loaded = measure_idle(cluster, ports[0], 1000, 10)
        print(f"troupe, 3 nodes in one process: {alone:.1f} % of a core, {loaded:.1f} % while 1000 clients wait")
        if shutil.which("redis-server"):
            server, port = start_redis(directory)
            running.append(server)
            median, worst = measure(port, port, rounds)
            print(f"redis-server: median {median:.0f} us, p99 {worst:.0f} us")
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
