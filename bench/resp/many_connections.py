#!/usr/bin/env python3
"""Many RESP connections at one node: all are opened, each sets and gets its own key in turn, all stay open.

usage: bench/resp/many_connections.py build/troupe [connections] [rounds]

Prints what a connection costs in memory, how long a round of one command on every connection takes, and the longest
time that a single PING waits while all are open. Exits 1 when a connection is refused, lost or answered wrongly.
"""
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time


def resident(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def start(program, directory):
    node = subprocess.Popen(
        [program, "node", "--services", "resp,cache", "--cluster", "127.0.0.1:0", "--resp", "127.0.0.1:0",
         "--data-dir", directory], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in node.stdout:
        found = re.search(r"node_ready.*\bresp=127\.0\.0\.1:(\d+)", line)
        if found:
            return node, int(found.group(1))
    sys.exit("the node did not start")


def command(*words):
    return (f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)).encode()


def round_trip(connections, requests, replies):
    """One request on every connection at once; seconds until all replies are there."""
    poll = select.epoll()
    waiting = {}
    begin = time.monotonic()
    for c, request, reply in zip(connections, requests, replies):
        c.send(request)
        waiting[c.fileno()] = [c, reply, b""]
        poll.register(c.fileno(), select.EPOLLIN)
    while waiting:
        events = poll.poll(30)
        if not events:
            sys.exit(f"{len(waiting)} connections got no reply")
        for fd, _ in events:
            c, reply, heard = waiting[fd]
            heard += c.recv(65536)
            waiting[fd][2] = heard
            if len(heard) >= len(reply):
                if heard != reply:
                    sys.exit(f"heard {heard!r} instead of {reply!r}")
                poll.unregister(fd)
                del waiting[fd]
    poll.close()
    return time.monotonic() - begin


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 9900
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as directory:
        node, port = start(program, directory)
        try:
            before = resident(node.pid)
            begin = time.monotonic()
            connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
            opened = time.monotonic() - begin
            sets, gets, oks, values = [], [], [], []
            for i in range(count):
                value = f"value-{i}"
                sets.append(command("SET", f"key:{i}", value))
                gets.append(command("GET", f"key:{i}"))
                oks.append(b"+OK\r\n")
                values.append(f"${len(value)}\r\n{value}\r\n".encode())
            set_times = [round_trip(connections, sets, oks) for _ in range(rounds)]
            get_times = [round_trip(connections, gets, values) for _ in range(rounds)]
            each = (resident(node.pid) - before) / count
            pings = []
            for _ in range(1000):
                at = time.monotonic()
                connections[0].send(b"PING\r\n")
                if connections[0].recv(16) != b"+PONG\r\n":
                    sys.exit("no PONG")
                pings.append(time.monotonic() - at)
            print(f"connections                 {count} opened in {opened:.2f} s")
            print(f"memory of one, with its key {each / 1024:.1f} KiB")
            print(f"a SET on each of them       {min(set_times):.2f} s, GET {min(get_times):.2f} s (best of {rounds})")
            print(f"a PING while all are open   median {sorted(pings)[500] * 1e6:.0f} us, longest {max(pings) * 1e3:.2f} ms")
        finally:
            node.terminate()
            node.wait()


main()
