"""How much memory a server takes for so many users in its table, none of whom says anything more.

    python benches/memory.py 30 500 20000

Each is an address of its own that registers in the current dialect, and is online until it is
missed. A server of its own for each number, so that each line is a peak.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

START = """
import sys, superchat
with superchat.Server(directory=sys.argv[1]) as server:
    print(server.address[1], flush=True)
    while sys.stdin.readline():
        print(len(server.users()), flush=True)
"""

# More than this at once, and the server's socket has no room for them.
AT_ONCE = 100


class User:
    """Somebody whose address is like no other's, so that no rate of one address counts."""

    def __init__(self, number: int, port: int) -> None:
        self._asked = {"Type": "Reg", "Nickname": f"user{number}", "Session": number + 1}
        self._asked |= {"Number": 1, "Floor": 1}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0.5)
        self._socket.bind((f"127.1.{number // 250}.{number % 250 + 1}", 0))
        self._socket.connect(("127.0.0.1", port))

    def ask(self) -> None:
        """Register, with the cookie if there is one."""
        self._socket.send(json.dumps(self._asked).encode())

    def take_cookie(self) -> None:
        self._asked["Cookie"] = self._answer()[0]["Cookie"]

    def take_welcome(self) -> None:
        while "Welcome" not in json.dumps(self._answer()):
            pass
        self._socket.close()

    def _answer(self) -> list[dict[str, Any]]:
        while True:
            try:
                answer: list[dict[str, Any]] = json.loads(self._socket.recv(65_536))
                return answer
            except TimeoutError:
                # The server's socket had no room.
                self.ask()


def measure(count: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-c", START, directory]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
            assert server.stdin is not None and server.stdout is not None
            port = int(server.stdout.readline())
            empty = peak(server.pid)
            for first in range(0, count, AT_ONCE):
                users = [User(n, port) for n in range(first, min(first + AT_ONCE, count))]
                for take in (User.take_cookie, User.take_welcome):
                    for each in users:
                        each.ask()
                    for each in users:
                        take(each)
            print("", file=server.stdin, flush=True)
            users_known = int(server.stdout.readline())
            print(f"{users_known} users: {peak(server.pid)} MB, of which {empty} MB with none")
            server.stdin.close()


def peak(process: int) -> int:
    """The most memory that a process has had, in megabytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1000)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        measure(int(each))
