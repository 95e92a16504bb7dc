"""A client in a process of its own, and a test that asks it: a line of JSON in, one out.

python worker.py NICKNAME SERVER SERVER-PORT PORT

A request is the name of a method and its arguments, its answer what that returns.
The end of the input is the client's end.
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import Future
from functools import partial

import superchat


class Worker:
    """A client, what it heard, and what became of what it posted."""

    def __init__(self, nickname: str, server: str, server_port: int, port: int) -> None:
        self._changed = threading.Condition()
        self._heard: list[tuple[str, str, str]] = []
        self._outcomes: list[tuple[str, str]] = []
        self.client = superchat.Client(nickname, server, server_port, port, on_message=self._hear)

    def register(self) -> None:
        self.client.register()

    def deregister(self) -> None:
        """Its future is done on the thread of the callbacks: what came before has been heard."""
        self.client.post_deregister().result()

    def users(self) -> list[tuple[str, str, int, bool]]:
        return [(user.nickname, *user.address, user.online) for user in self.client.users()]

    def send(self, recipient: str, text: str) -> str:
        return self.client.send(recipient, text).value

    def post(self, recipient: str, texts: list[str]) -> None:
        for text in texts:
            self.client.post(recipient, text).add_done_callback(partial(self._settle, text))

    def outcomes(self, after: int, patience: float) -> list[tuple[str, str]]:
        """The outcomes after so many, each a text and a delivery or an error; waits for one."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._outcomes) > after, patience)
            return self._outcomes[after:]

    def heard(self, after: int, patience: float) -> list[tuple[str, str, str]]:
        """The messages after so many, each a sender, a text and a route; waits for one."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._heard) > after, patience)
            return self._heard[after:]

    def _hear(self, message: superchat.Message) -> None:
        with self._changed:
            self._heard.append((message.sender, message.text, message.route.value))
            self._changed.notify_all()

    def _settle(self, text: str, future: Future[superchat.Delivery]) -> None:
        error = future.exception()
        with self._changed:
            self._outcomes.append((text, type(error).__name__ if error else future.result().value))
            self._changed.notify_all()


def main(nickname: str, server: str, server_port: str, port: str) -> None:
    worker = Worker(nickname, server, int(server_port), int(port))
    with worker.client:
        print(json.dumps(None), flush=True)
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            print(json.dumps(getattr(worker, name)(*arguments)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
