"""Values, events and exceptions: how they compare, are shown, matched, pickled and copied."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import os
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import pytest

import superchat
from superchat import Delivery, Route, errors, events

ADDRESS = ("127.0.0.1", 5000)
NOON = datetime(2017, 3, 1, 12, tzinfo=timezone.utc)

EVENTS: list[Any] = [
    events.Registered("sonic"),
    events.Deregistered("sonic"),
    events.Notification("[Welcome, You are registered.]"),
    events.UsersChanged(),
    events.Unacknowledged("sonic"),
    events.ServerDown(),
    events.ServerLost(),
    events.RegisterRequest("sonic", ADDRESS),
    events.DeregisterRequest("sonic", ADDRESS),
    events.StoreRequest("sonic", "lanking"),
    events.MailboxEmpty("sonic"),
    events.Online("sonic", ADDRESS),
    events.Offline("sonic"),
    events.MailboxFault("sonic", "disk full"),
    events.MessagesExpired("sonic", 3),
    events.StoreFault("disk full"),
]

# How they are shown is how they are made, but for what is cut.
VALUES: list[tuple[Any, str]] = [
    (Delivery.STORED, "Delivery.STORED"),
    (Route.DIRECT, "Route.DIRECT"),
    (
        superchat.Message("sonic", "hi", Route.DIRECT),
        "Message(sender='sonic', text='hi', route=Route.DIRECT)",
    ),
    (
        superchat.Message("sonic", "é" * 61, Route.STORED, NOON),
        f"Message(sender='sonic', text='{'é' * 60}'... (61 characters), route=Route.STORED, "
        f"sent_at={NOON!r})",
    ),
    (
        superchat.User("sonic", ADDRESS, online=True),
        "User(nickname='sonic', address=('127.0.0.1', 5000), online=True)",
    ),
    (
        superchat.User("sonic", ADDRESS, online=False, last_seen=NOON),
        f"User(nickname='sonic', address=('127.0.0.1', 5000), online=False, last_seen={NOON!r})",
    ),
    (superchat.Limits(), "Limits()"),
    (
        superchat.Limits(users=2, message_age=timedelta(hours=1)),
        "Limits(users=2, message_age=datetime.timedelta(seconds=3600))",
    ),
    (superchat.Stats(), "Stats()"),
    (superchat.Stats(commits=2, round_trip_p50=0.5), "Stats(commits=2, round_trip_p50=0.5)"),
    (events.Registered("sonic"), "Registered(nickname='sonic')"),
    (events.UsersChanged(), "UsersChanged()"),
    (errors.UnknownUserError("there is no user tails"), "UnknownUserError('there is no user tails')"),
]

ERRORS: list[type[superchat.Error]] = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, superchat.Error)
]

COPIES: list[Callable[[Any], Any]] = [
    lambda value: pickle.loads(pickle.dumps(value)),
    copy.copy,
    copy.deepcopy,
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[superchat.Server]:
    with superchat.Server(directory=tmp_path) as server:
        yield server


def test_every_event_is_looked_at_here() -> None:
    every = {*get_args(events.ClientEvent), *get_args(events.ServerEvent)}
    assert {type(event) for event in EVENTS} == every


@pytest.mark.parametrize(("value", "shown"), VALUES)
def test_they_are_shown_as_they_are_made(value: object, shown: str) -> None:
    assert repr(value) == shown


@pytest.mark.parametrize("value", EVENTS + [value for value, _ in VALUES[:-1]], ids=repr)
@pytest.mark.parametrize("make", COPIES)
def test_they_are_what_is_in_them(value: Any, make: Callable[[Any], Any]) -> None:
    made = make(value)
    assert made == value and hash(made) == hash(value) and type(made) is type(value)
    assert made in {value}


@pytest.mark.parametrize(
    "value", [v for v in EVENTS + [v for v, _ in VALUES] if dataclasses.is_dataclass(v)], ids=repr
)
def test_nothing_in_them_can_be_set_or_added(value: Any) -> None:
    for name in [field.name for field in dataclasses.fields(value)] + ["added"]:
        # A frozen dataclass with slots is not of one mind about the second, up to Python 3.12.
        with pytest.raises((AttributeError, TypeError)):
            setattr(value, name, 1)
    assert not hasattr(value, "__dict__")


def test_they_are_matched_by_position_and_by_name() -> None:
    def read(value: object) -> object:
        match value:
            case events.Online(nickname, (_, port)):
                return nickname, port
            case superchat.Message(sender, "hi", route=Route.DIRECT):
                return sender
            case superchat.User(nickname, online=False):
                return nickname
            case superchat.Limits(users=users):
                return users
            case superchat.Stats(users=0, commits=commits):
                return commits
        return None

    assert read(events.Online("sonic", ADDRESS)) == ("sonic", 5000)
    assert read(superchat.Message("sonic", "hi", Route.DIRECT)) == "sonic"
    assert read(superchat.Message("sonic", "ho", Route.DIRECT)) is None
    assert read(superchat.User("sonic", ADDRESS, False)) == "sonic"
    assert read(superchat.Limits(users=7)) == 7
    assert read(superchat.Stats(commits=3)) == 3


def test_numbers_are_given_by_name() -> None:
    for of in (superchat.Limits, superchat.Stats):
        with pytest.raises(TypeError):
            of(1)  # type: ignore[call-arg]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("make", COPIES)
def test_exceptions_are_pickled_and_copied(
    error: type[superchat.Error], make: Callable[[Any], Any]
) -> None:
    made = make(error("what is wrong"))
    assert type(made) is error and str(made) == "what is wrong" and made.args == ("what is wrong",)


def test_clients_and_servers_show_where_they_are_and_how_they_stand(
    server: superchat.Server,
) -> None:
    where = r"127\.0\.0\.1:\d+"
    assert re.fullmatch(rf"<superchat\.Server at {where}, running>", repr(server))
    with superchat.Client("sonic", *server.address) as sonic:
        assert re.fullmatch(rf'<superchat\.Client "sonic" at {where}, online>', repr(sonic))
        sonic.deregister()
        assert re.fullmatch(rf'<superchat\.Client "sonic" at {where}, offline>', repr(sonic))
    assert re.fullmatch(rf"<superchat\.Client at {where}, closed>", repr(sonic))
    server.stop()
    assert re.fullmatch(rf"<superchat\.Server at {where}, stopped>", repr(server))


@pytest.mark.parametrize("make", COPIES + [pickle.dumps])
def test_clients_and_servers_are_neither_pickled_nor_copied(
    server: superchat.Server, make: Callable[[Any], Any]
) -> None:
    with superchat.Client("sonic", *server.address) as sonic:
        with pytest.raises(TypeError, match="Client .* neither pickled nor copied; make another one"):
            make(sonic)
        with pytest.raises(TypeError, match="Server .* neither pickled nor copied; pass its address"):
            make(server)


@pytest.mark.parametrize("of", [superchat.Client, superchat.Server])
def test_clients_and_servers_have_no_subclasses(of: type) -> None:
    with pytest.raises(TypeError, match=f"'superchat.{of.__name__}' is not an acceptable base type"):
        type("Mine", (of,), {})


# From Python 3.12 on it says that threads and forks do not go together, which is what is tested.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_in_a_forked_child_they_belong_to_the_parent(server: superchat.Server) -> None:
    sonic = superchat.Client("sonic", *server.address)
    polled = superchat.Client("lanking", *server.address, polled=True)
    uses: list[Callable[[], object]] = [
        lambda: sonic.send("sonic", "hi"),
        lambda: sonic.post("sonic", "hi"),
        lambda: sonic.nickname,
        sonic.users,
        sonic.deregister,
        server.stats,
        polled.dispatch,
        polled.fileno,
    ]
    where = server.address
    child = os.fork()
    if child == 0:
        refused = 0
        try:
            for use in uses:
                try:
                    use()
                except errors.ClosedError as error:
                    refused += "the process that forked this one" in str(error)
            assert "of another process" in repr(sonic) and "of another process" in repr(server)
            sonic.close()
            server.stop()
            del uses, use, polled
            with superchat.Client("tails", *where) as tails:
                refused += tails.send("sonic", "hi") is Delivery.RECEIVED
        finally:
            os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == len(uses) + 1
    assert sonic.registered and polled.registered
    polled.close()
    sonic.close()


# As above.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_what_a_thread_has_to_itself_is_dropped_in_a_forked_child_and_stays_online(
    server: superchat.Server,
) -> None:
    """Python drops it in the child before it runs any hook of `os.register_at_fork`."""
    own, made, forked = threading.local(), threading.Event(), threading.Event()

    def hold() -> None:
        own.sonic = superchat.Client("sonic", *server.address)
        made.set()
        forked.wait()
        own.sonic.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert made.wait(timeout=10)
    child = os.fork()
    if child == 0:
        os._exit(7)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        # The client was not closed by the child: the server still holds it online.
        assert [(user.nickname, user.online) for user in server.users()] == [("sonic", True)]
    finally:
        forked.set()
        holder.join()
