"""A stand-in for the program of 2017, faults included, from part 1 of the protocol's description.

It is a strict peer: a datagram that does not parse kills it (``fault`` has the
reason), and a Type that it does not know it shows raw (``unknown`` has them).

    python classic.py -s PORT
    python classic.py -c NICK SERVER-IP SERVER-PORT CLIENT-PORT
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import sys
import threading
import time
from typing import Any

LONGEST, PATIENCE, TRIES = 4096, 0.5, 5

Address = tuple[str, int]
Fields = dict[str, Any]


class Peer:
    """What both sides are: a socket, a listener thread, and lines on a screen."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.lines: list[str] = []
        self.unknown: list[Fields] = []
        self.fault: Exception | None = None
        self._closing = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self._listener = threading.Thread(target=self._listen, daemon=True)

    def close(self) -> None:
        """Go without a word."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)  # complains, but wakes the listener
        self._listener.join()
        self._socket.close()

    def show(self, line: str) -> None:
        self.lines.append(line)
        print(">>> " + line, flush=True)

    def handle(self, fields: Fields, source: Address) -> None: ...

    def _listen(self) -> None:
        try:
            while not self._closing:
                fields, source = self._receive()
                if not self._closing:
                    self.handle(fields, source)
        except Exception as error:
            if not self._closing:
                self.fault = error

    def _receive(self) -> tuple[Fields, Address]:
        data, source = self._socket.recvfrom(LONGEST)
        return json.loads(data), source

    def _send(self, to: Address, **fields: object) -> None:
        # Python 2 gave the keys of a dictionary in no particular order.
        keys = random.sample(sorted(fields), len(fields))
        self._socket.sendto(json.dumps({key: fields[key] for key in keys}).encode(), to)


class Server(Peer):
    """The server: rows by name, and a mailbox in memory for each."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.table: dict[str, tuple[str, int, str]] = {}
        self.stored: dict[str, list[Fields]] = {}
        self._listener.start()

    def stop(self) -> None:
        """Ctrl+C."""
        self._closing = True
        down = {"Type": "Notification", "Msg": "[Server is Down!]", "Offline": "True"}
        for address in self._online():
            self._send(address, **down)
        self.close()

    def handle(self, fields: Fields, source: Address) -> None:
        self._send(source, Type="ack")
        match fields["Type"]:
            case "Reg":
                self._register(fields["Nickname"], source)
            case "Dereg":
                self._leave(fields["Nickname"])
                self._notify(source, "[You are Offline. Bye.]", offline="True")
                self._push()
            case "Offline":
                sender = fields["Nickname"] if "Nickname" in fields else fields["Sender"]
                self._offline(sender, fields["Receipent"], fields, source)
            case other if other != "ack":
                self.unknown.append(fields)

    def _register(self, name: str, source: Address) -> None:
        holder = self._address(name)
        if holder not in (None, source) and self._ask(holder, Type="Verification"):
            return self._notify(source, f"[{name} is already Online!]", offline="True")
        self.table[name] = (*source, "Yes")
        self._notify(source, "[Welcome, You are registered.]")
        self._push()
        if messages := self.stored.pop(name, []):
            self._notify(source, "[You Have Messages]")
        for message in messages:
            when = time.strftime("%Y-%m-%d %H:%M:%S ", time.localtime(message["Time"]))
            self._ask(source, Type="Chat", Sender=message["Sender"], Msg=when + message["Msg"])

    def _offline(self, sender: str, recipient: str, fields: Fields, source: Address) -> None:
        """Keep a message; who did not acknowledge it to the sender counts as dead."""
        address = self._address(recipient)
        if address and fields["Status"] == "Offline" and self._ask(address, Type="Verification"):
            self._notify(source, f"[Client {recipient} exists!!]")
            return self._push([source])
        message = {"Msg": fields["Msg"], "Sender": sender, "Time": time.time()}
        self.stored[recipient] = [*self.stored.get(recipient, []), message]
        self._notify(source, "[Messages received by the server and saved]")
        if address:
            self._leave(recipient)
            self._push()

    def _address(self, name: str) -> Address | None:
        host, port, online = self.table.get(name, ("", 0, "No"))
        return (host, port) if online == "Yes" else None

    def _online(self) -> list[Address]:
        return [address for name in self.table if (address := self._address(name))]

    def _leave(self, name: str) -> None:
        self.table[name] = (*self.table[name][:2], "No")

    def _notify(self, to: Address, text: str, offline: str = "False") -> None:
        self._ask(to, Type="Notification", Msg=text, Offline=offline)

    def _push(self, to: list[Address] | None = None) -> None:
        for address in self._online() if to is None else to:
            self._ask(address, Type="Table", Msg=json.dumps(self.table))

    def _ask(self, to: Address, **fields: object) -> bool:
        """Send, then take whatever comes next for the answer: no ack, and it is lost."""
        self._send(to, **fields)
        self._socket.settimeout(PATIENCE)
        try:
            return bool(self._receive()[0]["Type"] == "ack")
        except TimeoutError:
            return False
        finally:
            self._socket.settimeout(None)


class Client(Peer):
    """The client: a table of users and one flag that says an ack came."""

    def __init__(self, name: str, server: str, server_port: int, port: int) -> None:
        super().__init__(port)
        self.name = name
        self.table: dict[str, tuple[str, int, str]] = {}
        self.online = False
        self.exited = threading.Event()
        self._server = (socket.gethostbyname(server), server_port)
        self._acknowledged = threading.Event()
        self._listener.start()

    def register(self, name: str) -> None:
        self.name = name
        self._request(Type="Reg", Nickname=name)

    def deregister(self) -> None:
        self._request(Type="Dereg", Nickname=self.name)

    def send(self, recipient: str, text: str) -> None:
        if recipient not in self.table:
            return self.show(f"[Client {recipient} Not Existed!]")
        host, port, online = self.table[recipient]
        status = "Online" if online == "Yes" else "Offline"
        if status == "Online":
            self._acknowledged.clear()
            self._send((host, port), Type="Chat", Sender=self.name, Msg=text)
            time.sleep(PATIENCE)
            if self._acknowledged.is_set():
                return self.show(f"[Message received by {recipient}.]")
            self.show(f"[No ACK from {recipient}, message sent to server.]")
        kept = {"Nickname": self.name, "Receipent": recipient, "Status": status, "Msg": text}
        self._request(Type="Offline", **kept)

    def handle(self, fields: Fields, source: Address) -> None:
        if fields["Type"] == "ack":
            return self._acknowledged.set()
        self._send(source, Type="ack")
        match fields["Type"]:
            case "Notification":
                self.show(fields["Msg"])
                self.online = fields["Offline"] == "False"
                if fields["Msg"] == "[Server is Down!]":
                    self.exited.set()
            case "Table":
                rows = json.loads(fields["Msg"]).items()
                self.table = {name: (row[0], row[1], row[2]) for name, row in rows}
                self.show("[Client table updated.]")
            case "Verification":
                pass
            case "Chat":
                self.show(f"{fields['Sender']}: {fields['Msg']}")
            case _:
                self.unknown.append(fields)
                self.show(repr(fields))

    def _request(self, **fields: object) -> None:
        self._acknowledged.clear()
        for _ in range(TRIES):
            self._send(self._server, **fields)
            time.sleep(PATIENCE)
            if self._acknowledged.is_set():
                return
        self.show("[Server not responding]")
        self.show("[Exiting]")
        self.exited.set()


def main(arguments: list[str]) -> None:
    if arguments[0] == "-s":
        server = Server(int(arguments[1]))
        with contextlib.suppress(KeyboardInterrupt):
            server._listener.join()
        return server.stop()
    name, host, server_port, port = arguments[1:]
    client = Client(name, host, int(server_port), int(port))
    client.register(name)
    for line in sys.stdin:
        match line.rstrip("\n").split(maxsplit=2):
            case ["send", recipient, text]:
                client.send(recipient, text)
            case ["reg", nickname]:
                client.register(nickname)
            case ["dereg"]:
                client.deregister()


if __name__ == "__main__":
    main(sys.argv[1:])
