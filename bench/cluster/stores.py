"""Real leader stores for the benches of real processes: the servers of the system's packages on free ports of
loopback, with a temporary directory each. Only processes that were started here are ended."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from free_ports import free_ports  # noqa: E402

POSTGRES = "/usr/lib/postgresql/15/bin/"
PATIENCE = 30.0


class Store:
    """As a context: started, and ended with it. kill and start again as a bench asks."""

    def __init__(self, kind):
        self.kind, self.port, self.process = kind, free_ports(1)[0], None
        self.peers = free_ports(1)[0]
        self.home = tempfile.mkdtemp(prefix="troupe-store-")
        if kind == "postgres":
            self.run_once([POSTGRES + "initdb", "-D", self.home + "/data", "-A", "trust", "-U", "troupe", "--no-sync"])

    def as_user(self, words):
        """PostgreSQL refuses to run as root; setpriv executes it itself, so that a signal reaches it."""
        if self.kind != "postgres" or os.geteuid() != 0:
            return words
        shutil.chown(self.home, "postgres")
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] + words

    def run_once(self, words):
        subprocess.run(self.as_user(words), check=True, stdout=subprocess.DEVNULL)

    def command(self):
        port, home, url = str(self.port), self.home, f"http://127.0.0.1:{self.port}"
        peers = f"http://127.0.0.1:{self.peers}"
        return {
            "redis": ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", home, "--save", "",
                      "--appendonly", "yes", "--appendfsync", "always"],
            "memcached": ["memcached", "-p", port, "-l", "127.0.0.1", "-U", "0", "-u", "nobody"],
            "etcd": ["etcd", "--name", "one", "--data-dir", home + "/etcd", "--listen-client-urls", url,
                     "--advertise-client-urls", url, "--listen-peer-urls", peers,
                     "--initial-advertise-peer-urls", peers, "--initial-cluster", "one=" + peers],
            "postgres": [POSTGRES + "postgres", "-D", home + "/data", "-p", port, "-c", "listen_addresses=127.0.0.1",
                         "-c", "unix_socket_directories=" + home],
        }[self.kind]

    def start(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:  # PostgreSQL's children need a moment to see that it was killed
            self.process = subprocess.Popen(self.as_user(self.command()), stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
            while self.process.poll() is None and time.monotonic() < end:
                with socket.socket() as s:
                    if s.connect_ex(("127.0.0.1", self.port)) == 0:
                        return
                time.sleep(0.02)
            time.sleep(0.1)
        raise SystemExit(f"{self.kind} does not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def settings(self):
        """For a node's command line."""
        dsn = f"hostaddr=127.0.0.1 port={self.port} user=troupe dbname=postgres"
        where = f"kvs.dsn={dsn}" if self.kind == "postgres" else f"kvs.addresses=127.0.0.1:{self.port}"
        return ["--set", f"kvs.type={self.kind}", "--set", where]

    services = ""  # that nodes run for it

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.home, ignore_errors=True)


class Builtin:
    """The service kvs of the nodes themselves: nothing to start."""

    services = ",kvs"

    def __init__(self, nodes):
        self.nodes = nodes

    def settings(self):
        return ["--set", "kvs.type=builtin", "--set", f"kvs.expected_members={self.nodes}"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def open_store(kind, nodes):
    """For `nodes` nodes; None for votes, which need none."""
    return None if kind == "votes" else Builtin(nodes) if kind == "builtin" else Store(kind)
