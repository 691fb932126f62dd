"""Hosts on one switch, made of network namespaces. Needs root and iproute2; nothing outside the namespaces is touched."""
import os
import subprocess


def available():
    if os.geteuid() != 0:
        return False
    probe = f"troupe-{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", probe])
    return made


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


class Hosts:
    """Host i has the address 10.78.0.(i + 1)."""

    def __init__(self, count):
        self.prefix, self.count = f"troupe-{os.getpid()}", count
        self.switch = f"{self.prefix}-switch"
        try:
            self.make()
        except BaseException:
            self.end()
            raise

    def make(self):
        run("ip", "netns", "add", self.switch)
        run("ip", "-n", self.switch, "link", "add", "bridge0", "type", "bridge")
        run("ip", "-n", self.switch, "link", "set", "bridge0", "up")
        for i in range(self.count):
            run("ip", "netns", "add", self.name(i))
            run("ip", "link", "add", f"port{i}", "netns", self.switch, "type", "veth", "peer", "name", "eth0", "netns", self.name(i))
            run("ip", "-n", self.switch, "link", "set", f"port{i}", "master", "bridge0", "up")
            run("ip", "-n", self.name(i), "addr", "add", f"{self.address(i)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                run("ip", "-n", self.name(i), "link", "set", device, "up")

    def name(self, i):
        return f"{self.prefix}-{i}"

    def address(self, i):
        return f"10.78.0.{i + 1}"

    def on(self, i):
        """What a command begins with to run on host i."""
        return ["ip", "netns", "exec", self.name(i)]

    def unplug(self, i):
        run("ip", "-n", self.switch, "link", "set", f"port{i}", "down")

    def plug(self, i):
        run("ip", "-n", self.switch, "link", "set", f"port{i}", "up")

    def cut(self, a, b):
        """Packets from a to b are lost; those from b to a arrive."""
        run("ip", "-n", self.name(a), "route", "replace", "blackhole", f"{self.address(b)}/32")

    def mend(self, a, b):
        run("ip", "-n", self.name(a), "route", "del", "blackhole", f"{self.address(b)}/32")

    def end(self):
        for i in range(self.count):
            subprocess.run(["ip", "netns", "del", self.name(i)], capture_output=True)
        subprocess.run(["ip", "netns", "del", self.switch], capture_output=True)
