"""`--json`: what a program reads, and that docs/TERMINAL.md says the same."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import BYE, DEADLINE, Piped, Terminal, free_port
from world import World

import superchat
from superchat import errors, events
from superchat.cli import objects
from superchat.cli.printer import Printer

PAGE = (Path(__file__).parents[2] / "docs/TERMINAL.md").read_text()
ANSWERS = [objects.Delivered, objects.Done, objects.Failed, objects.Help, objects.Replying]
CLIENT = [objects.Started, *ANSWERS, objects.Users, superchat.Message, objects.Ended]
SERVER = [objects.Started, objects.EventsLost, objects.Ended]


class Json(Piped):
    """A client or server with `--json`, an object at a time."""

    _taken = 0

    def next(self) -> dict[str, Any]:
        """The next object, which is a line of ASCII."""
        self._stdout.until(lambda: self.stdout.count("\n") > self._taken)
        line = self.stdout.split("\n")[self._taken]
        self._taken += 1
        assert line.isascii()
        value: dict[str, Any] = json.loads(line)
        return value

    def says(self, *expected: dict[str, Any]) -> None:
        """These and nothing else come next."""
        for value in expected:
            assert self.next() == value

    def up_to(self, kind: str) -> dict[str, Any]:
        """The next object of a type; what comes before it is left out."""
        while (value := self.next())["type"] != kind:
            pass
        return value

    def rest(self) -> Iterator[dict[str, Any]]:
        """All objects up to the end."""
        self.all_output()
        while self.stdout.count("\n") > self._taken:
            yield self.next()


def client(world: World, name: str, *options: object) -> Json:
    port = free_port()
    started = world.run(Json, "--json", *options, "-c", name, "localhost", world.port, port)
    started.says(
        {
            "type": "started",
            "format": 1,
            "version": superchat.__version__,
            "mode": "client",
            "address": {"host": "127.0.0.1", "port": port},
        }
    )
    return started


def online(world: World, name: str, *options: object) -> Json:
    started = client(world, name, *options)
    assert started.up_to("registered") == {"type": "registered", "nickname": name}
    assert started.up_to("done") == {"type": "done", "command": 0}
    return started


def test_messages_and_their_receipts(world: World) -> None:
    world.server()
    sonic = online(world, "sonic")
    lanking = online(world, "lanking")
    lanking.enter("send sonic hi \x1b[31m早")
    lanking.says(
        {"type": "delivered", "command": 1, "recipient": "sonic", "delivery": "received"}
    )
    assert sonic.up_to("message") == {
        "type": "message",
        "sender": "lanking",
        "text": "hi \x1b[31m早",
        "route": "direct",
        "sent_at": None,
    }
    sonic.enter("dereg")
    sonic.up_to("deregistered")
    assert sonic.up_to("done") == {"type": "done", "command": 1}
    lanking.up_to("users_changed")
    lanking.enter("")
    lanking.enter("send sonic later")
    assert lanking.up_to("delivered") == {
        "type": "delivered",
        "command": 3,
        "recipient": "sonic",
        "delivery": "stored",
    }
    sonic.enter("reg sonic")
    stored = sonic.up_to("message")
    assert (stored["text"], stored["route"]) == ("later", "stored")
    assert stored["sent_at"] > 1.7e9


def test_each_command_has_one_answer(world: World) -> None:
    world.server("--quiet")
    sonic = online(world, "sonic", "--reply")
    commands: dict[str, tuple[str, dict[str, object]]] = {
        "send robotnik hi": ("failed", {"error": "unknown_user"}),
        "sned robotnik hi": ("failed", {"error": "unknown_command"}),
        "send sonic hello": ("delivered", {"recipient": "sonic"}),
        "a word to myself": ("delivered", {"recipient": "sonic"}),
        "send": ("failed", {"error": "usage", "text": "Usage: send NAME TEXT"}),
        "reply": ("replying", {"on": False, "recipient": "sonic"}),
        "sned sonic hi": ("failed", {"error": "unknown_command"}),
        "help": ("help", {}),
        "help send": ("help", {}),
        "help me": ("failed", {"error": "unknown_command"}),
        "users": ("users", {}),
        "dereg": ("done", {}),
        "dereg ": ("failed", {"error": "not_registered"}),
        "send sonic hi": ("failed", {"error": "not_registered"}),
        "quit": ("done", {}),
    }
    for command in commands:
        sonic.enter(command)
    answers = [value for value in sonic.rest() if "command" in value]
    assert [value.pop("command") for value in answers] == list(range(1, len(commands) + 1))
    for value, (kind, some) in zip(answers, commands.values()):
        assert value["type"] == kind
        assert some.items() <= value.items()
    (users,) = (value["users"] for value in answers if value["type"] == "users")
    assert [user["nickname"] for user in users] == ["sonic"]
    assert set(users[0]) == fields(superchat.User)
    assert sonic.status() == 0


def test_the_end_is_the_last_object(world: World) -> None:
    server = world.server("--quiet")
    left, lost = online(world, "sonic"), online(world, "lanking")
    left.end_input()
    *_, last = left.rest()
    assert (last, left.status(), left.all_errors()) == ({"type": "ended", "status": 0}, 0, "")
    assert BYE not in left.stdout.split("\n")
    server.interrupt()
    *before, last = lost.rest()
    assert {"type": "server_down"} in before
    assert last == {"type": "ended", "status": 1}
    assert lost.status() == 1


def test_no_server_there(world: World) -> None:
    sonic = client(world, "sonic")
    failed = sonic.up_to("failed")
    assert (failed["command"], failed["error"]) == (0, "server_not_responding")
    sonic.says({"type": "ended", "status": 1})
    assert sonic.status() == 1


def test_a_terminal_has_no_editor_and_no_colour_then(world: World) -> None:
    world.server("--quiet")
    sonic = world.run(Terminal, "--json", "-c", "sonic", "localhost", world.port, free_port())
    sonic.until('{"type": "done", "command": 0}')
    assert b"\x1b" not in sonic.raw


@pytest.mark.parametrize("arguments", ["--json", "--json -s 80", "--json -c a b 80 80"])
def test_complaints_go_elsewhere(world: World, arguments: str) -> None:
    process = world.run(Piped, *arguments.split())
    assert (process.status(), process.all_output()) == (2, "")
    assert process.all_errors() != ""


def test_a_server(world: World) -> None:
    server = world.run(Json, "--json", "-s", world.port)
    assert server.next() == {
        "type": "started",
        "format": 1,
        "version": superchat.__version__,
        "mode": "server",
        "address": {"host": "127.0.0.1", "port": world.port},
    }
    port = free_port()
    sonic = world.online("sonic", port)
    address = {"host": "127.0.0.1", "port": port}
    server.says({"type": "register_request", "nickname": "sonic", "address": address})
    kinds = {server.next()["type"], server.next()["type"]}
    assert kinds == {"online", "mailbox_empty"}
    sonic.enter("dereg")
    server.says({"type": "deregister_request", "nickname": "sonic", "address": address})
    assert server.up_to("offline") == {"type": "offline", "nickname": "sonic"}
    server.interrupt()
    *_, last = server.rest()
    assert (last, server.status()) == ({"type": "ended", "status": 0}, 0)


def test_a_quiet_server(world: World) -> None:
    server = world.run(Json, "--json", "--quiet", "-s", world.port)
    server.up_to("started")
    world.online("sonic")
    server.interrupt()
    server.says({"type": "ended", "status": 0})


def test_events_that_nobody_reads_are_counted() -> None:
    """As many as fit are printed, and the rest is told of; both sides of the limit."""
    for count, told in ((10_000, []), (10_003, ["lost 3"])):
        printed: list[str] = []
        room = threading.Semaphore(0)

        def write(line: str) -> None:
            printed.append(line)
            room.release()

        printer = Printer(write, lambda lost: f"lost {lost}")
        for number in range(count):
            printer.put(str(number))
        printer.start()
        # The last word and the end need room themselves.
        for _ in range(3):
            assert room.acquire(timeout=DEADLINE)
        printer.stop("end")
        assert printed == [*told, *map(str, range(10_000)), "end"]


def fields(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def documented(heading: str) -> dict[str, set[str]]:
    """The objects in a table of the page, with their fields."""
    section = PAGE.split(f"\n### {heading}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| `([a-z_]+)` \| ([^|]*)\|", section, re.MULTILINE)
    return {kind: set(re.findall("`([a-z_]+)`", cell)) for kind, cell in rows}


@pytest.mark.parametrize(
    ("heading", "kinds"),
    [
        ("Objects of a client", [*CLIENT, *typing.get_args(events.ClientEvent)]),
        ("Objects of a server", [*SERVER, *typing.get_args(events.ServerEvent)]),
        ("Values in objects", [superchat.User]),
    ],
)
def test_the_page_has_each_object_and_field(heading: str, kinds: list[type]) -> None:
    assert documented(heading) == {objects.name(kind): fields(kind) for kind in kinds}


def test_the_page_has_each_error() -> None:
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    known = {objects.error_name(kind()) for kind in classes if kind is not errors.Error}
    section = PAGE.split("\n### Errors\n")[1].split("\n#")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == known | {
        "usage",
        "unknown_command",
    }


def test_the_page_has_each_word_of_a_field() -> None:
    section = PAGE.split("\n### Objects of a client\n")[1]
    for kind in (superchat.Delivery, superchat.Route):
        assert all(f"`{value.value}`" in section for value in kind)


def test_the_example_of_the_page_is_what_comes(world: World) -> None:
    """Its types, in its order."""
    (example,) = re.findall("```text\n(\\{.*?)```", PAGE, re.DOTALL)
    expected = [json.loads(line) for line in example.splitlines()]
    world.server("--quiet")
    sonic = client(world, "sonic")
    sonic.enter("send sonic hi")
    sonic.enter("send robotnik hi")
    sonic.end_input()
    came = [expected[0], *sonic.rest()]
    assert sorted(value["type"] for value in came) == sorted(value["type"] for value in expected)
    for value in came[1:]:
        assert any(value.keys() == other.keys() for other in expected if other["type"] == value["type"])
