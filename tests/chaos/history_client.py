"""Reads and writes a few keys through one node, by RESP and HTTP in turn, and notes each operation as history_check reads
it. Usage: history_client.py NAME RESP_PORT HTTP_PORT SEED FILE; ends with its standard input.

All clients use the same keys for KEY_LIFE seconds, then new ones, so that no history gets long.
"""
import http.client
import random
import select
import socket
import sys
import time

KEYS, KEY_LIFE, PATIENCE = 6, 2.0, 4.0


class NotDone(Exception):
    """Refused: it did not happen."""


class Resp:
    def __init__(self, port):
        self.port, self.socket = port, None

    def ask(self, *words):
        """The reply; raises NotDone when nothing was sent, OSError when nobody knows."""
        if self.socket is None:
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
                self.file = self.socket.makefile("rb")
            except OSError as e:
                self.socket = None
                raise NotDone from e
        try:
            self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise OSError("cut off")
            if line[:1] == b"$" and line != b"$-1\r\n":
                size = int(line[1:]) + 2
                body = self.file.read(size)
                if len(body) != size:
                    raise OSError("cut off")
                return body[:-2].decode()
            return None if line == b"$-1\r\n" else line.decode().strip()
        except OSError:
            self.socket.close()
            self.socket = None
            raise

    def read(self, key):
        value = self.ask("GET", key)
        if value is not None and value.startswith("-"):
            raise NotDone
        return value

    def write(self, key, value):
        reply = self.ask("DEL", key) if value is None else self.ask("SET", key, value)
        if reply.startswith("-"):
            raise OSError(reply)  # some refusals say that nothing was done; to doubt them all is safe


class Http:
    def __init__(self, port):
        self.port, self.connection = port, None

    def ask(self, method, key, body=None, fields={}):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            try:
                self.connection.connect()
            except OSError as e:
                self.connection = None
                raise NotDone from e
        try:
            self.connection.request(method, f"/v1/cache/default/{key}", body, fields)
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as e:
            self.connection.close()
            self.connection = None
            raise OSError from e
        if answer.status == 503:
            raise NotDone
        if answer.status >= 500:
            raise OSError(answer.status)
        return answer.status, body.decode()

    def read(self, key):
        status, body = self.ask("GET", key)
        if status not in (200, 404):
            raise NotDone
        return body if status == 200 else None

    def write(self, key, value):
        status, _ = self.ask("DELETE", key) if value is None else self.ask("PUT", key, value)
        if status not in (204, 404):
            raise OSError(status)

    def create(self, key, value):
        status, _ = self.ask("PUT", key, value, {"If-None-Match": "*"})
        if status not in (204, 412):
            raise OSError(status)
        return status == 204


def shown(value):
    return "-" if value is None else value


def main():
    name, resp_port, http_port, seed, file = sys.argv[1:]
    doors, dice = [Resp(int(resp_port)), Http(int(http_port))], random.Random(int(seed))
    count = 0
    with open(file, "w", buffering=1 << 16) as history:
        def note(key, what, wanted, value, begin, end):
            history.write(f"{key} {what} {shown(wanted)} {shown(value)} {begin} {end} {type(door).__name__}\n")

        while not select.select([sys.stdin], [], [], 0)[0]:
            key = f"k{dice.randrange(KEYS)}-{int(time.monotonic() / KEY_LIFE)}"
            door, choice = dice.choice(doors), dice.random()
            count += 1
            value = None if choice > 0.92 else f"{name}.{count}"
            begin = time.monotonic_ns()
            try:
                if choice < 0.45:
                    seen = door.read(key)
                    note(key, "read", None, seen, begin, time.monotonic_ns())
                elif choice < 0.55:
                    door = doors[1]
                    made = door.create(key, value)
                    note(key, "write_if" if made else "write_if_missed", None, value, begin, time.monotonic_ns())
                else:
                    door.write(key, value)
                    note(key, "write", None, value, begin, time.monotonic_ns())
            except NotDone:
                time.sleep(0.02)
            except OSError:
                if choice >= 0.45:
                    note(key, "write_if" if choice < 0.55 else "write", None, value, begin, "?")


main()
