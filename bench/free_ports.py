"""Ports for servers that a bench starts, kills and starts again."""
import random
import socket
import sys


def free_ports(count):
    """Ports that are free on TCP and UDP, all different, below those that outgoing connections take."""
    found = []
    for port in random.sample(range(10_000, 32_000), 20_000):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    sys.exit("too few free ports")
