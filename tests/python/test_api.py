"""The Python module as a program uses it."""

from __future__ import annotations

import _thread
import asyncio
import concurrent.futures
import gc
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import superchat
import superchat._superchat
from superchat import Delivery, Route, errors, events
from superchat._outcome import Outcome

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[superchat.Server]:
    with superchat.Server(directory=tmp_path) as server:
        yield server


def connect(nickname: str, server: superchat.Server, **options: object) -> superchat.Client:
    return superchat.Client(nickname, *server.address, **options)  # type: ignore[arg-type]


def dead(nickname: str, server: superchat.Server) -> socket.socket:
    """A client that registered and then says nothing more."""
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.settimeout(10)
    peer.sendto(b'{"Type": "Reg", "Nickname": "%s"}' % nickname.encode(), server.address)
    while b'"Table"' not in peer.recv(65536):
        peer.sendto(b'{"Type": "ack"}', server.address)
    return peer


def test_a_message_arrives_with_its_sender_and_route(server: superchat.Server) -> None:
    inbox: queue.Queue[superchat.Message] = queue.Queue()
    with connect("sonic", server, on_message=inbox.put), connect("lanking", server) as lanking:
        assert lanking.send("sonic", "früh \u2603 \U0001f680") is Delivery.RECEIVED
        expected = superchat.Message("lanking", "früh \u2603 \U0001f680", Route.DIRECT, None)
        assert inbox.get(timeout=10) == expected


def test_a_stored_message_says_when_it_was_sent(server: superchat.Server) -> None:
    inbox: queue.Queue[superchat.Message] = queue.Queue()
    before = datetime.now(timezone.utc).replace(microsecond=0)
    with connect("sonic", server, on_message=inbox.put) as sonic, connect("a", server) as other:
        sonic.deregister()
        assert other.send("sonic", "later") is Delivery.STORED
        sonic.register()
        message = inbox.get(timeout=10)
    assert (message.text, message.route) == ("later", Route.STORED)
    assert message.sent_at is not None
    assert before <= message.sent_at <= datetime.now(timezone.utc)


def test_a_time_before_the_epoch_is_the_epoch(tmp_path: Path) -> None:
    """Whoever edits a mailbox, or another server, may say so."""
    (tmp_path / "sonic").write_text('{"Msg": "hi", "Sender": "lanking", "Time": -1.5}\n')
    inbox: queue.Queue[superchat.Message] = queue.Queue()
    with superchat.Server(directory=tmp_path) as server:
        with connect("sonic", server, on_message=inbox.put):
            assert inbox.get(timeout=10).sent_at == datetime.fromtimestamp(0, timezone.utc)


def test_futures_have_the_outcome(server: superchat.Server) -> None:
    with connect("sonic", server) as sonic:
        futures = [sonic.post("sonic", str(number)) for number in range(50)]
        done, _ = concurrent.futures.wait(futures, timeout=30)
        assert {future.result() for future in done} == {Delivery.RECEIVED}
        unknown = sonic.post("nobody", "hi")
        assert isinstance(unknown.exception(timeout=10), errors.UnknownUserError)


def test_a_future_is_an_outcome(server: superchat.Server) -> None:
    with connect("sonic", server) as sonic:
        futures: list[concurrent.futures.Future[Any]] = [
            sonic.post("sonic", "hi"),
            sonic.post_register(),
            sonic.post_deregister(),
        ]
        assert all(isinstance(future, Outcome) for future in futures)
        concurrent.futures.wait(futures, timeout=30)


def test_whoever_gives_up_an_awaited_future_takes_nothing_back(server: superchat.Server) -> None:
    async def give_up(future: concurrent.futures.Future[Delivery]) -> None:
        assert asyncio.wrap_future(future).cancel()

    with connect("sonic", server) as sonic:
        future = sonic.post("sonic", "hi")
        asyncio.run(give_up(future))
        assert future.result(timeout=10) is Delivery.RECEIVED


def test_a_future_that_is_pending_fails_when_the_client_closes(server: superchat.Server) -> None:
    gone = dead("sonic", server)
    lanking = connect("lanking", server)
    future = lanking.post("sonic", "hi")
    lanking.close()
    assert isinstance(future.exception(timeout=10), errors.ClosedError)
    gone.close()


def test_users_and_addresses(server: superchat.Server) -> None:
    with connect("sonic", server) as sonic, connect("lanking", server) as lanking:
        assert sonic.nickname == "sonic" and sonic.registered
        row = superchat.User("lanking", lanking.address, True, None)
        assert row in server.users() and row in lanking.users()
        before = datetime.now(timezone.utc)
        lanking.deregister()
        assert not lanking.registered
        gone = next(user for user in server.users() if not user.online)
        assert (gone.nickname, gone.address) == ("lanking", lanking.address)
        assert gone.last_seen is not None
        assert before <= gone.last_seen <= datetime.now(timezone.utc)
    assert server.stats().datagrams_received > 0


def test_events_are_made_for_match(server: superchat.Server) -> None:
    seen: queue.Queue[events.ClientEvent] = queue.Queue()
    with connect("sonic", server, on_event=seen.put):
        while True:
            match seen.get(timeout=10):
                case events.Registered(nickname):
                    assert nickname == "sonic"
                    break
                case events.Notification(text=text):
                    assert text == "[Welcome, You are registered.]"
    assert events.Deregistered("sonic") in list(seen.queue)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.AddressError, ValueError),
        (errors.BindError, OSError),
        (errors.DirectoryError, OSError),
        (errors.NicknameError, ValueError),
        (errors.NameTakenError, ConnectionError),
        (errors.NotRegisteredError, ConnectionError),
        (errors.UnknownUserError, LookupError),
        (errors.TooLongError, ValueError),
        (errors.ServerNotRespondingError, TimeoutError),
        (errors.TooManyPendingError, RuntimeError),
        (errors.ClosedError, ConnectionError),
    ],
)
def test_each_error_is_also_the_builtin_that_fits(
    error: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(error, superchat.Error) and issubclass(error, builtin)


def test_each_cause_has_its_error(server: superchat.Server, tmp_path: Path) -> None:
    port = server.address[1]
    with pytest.raises(errors.BindError, match=str(port)):
        superchat.Server(port=port, directory=tmp_path)
    with pytest.raises(errors.DirectoryError, match="in use"):
        superchat.Server(directory=tmp_path)
    with pytest.raises(errors.DirectoryError, match="nowhere"):
        superchat.Server(directory="/nowhere/at/all")
    with pytest.raises(errors.AddressError):
        superchat.Server(host="no such host")
    with pytest.raises(errors.NicknameError, match="two words"):
        connect("two words", server)
    with connect("sonic", server) as sonic:
        with pytest.raises(errors.NameTakenError, match="sonic"):
            connect("sonic", server)
        with pytest.raises(errors.UnknownUserError, match="tails"):
            sonic.send("tails", "hi")
        with pytest.raises(errors.TooLongError, match="1048576"):
            sonic.send("sonic", "x" * ((1 << 20) + 1))
        with pytest.raises(errors.NicknameError):
            sonic.post("two words", "hi")
        sonic.deregister()
        with pytest.raises(errors.NotRegisteredError):
            sonic.send("sonic", "hi")
    with pytest.raises(errors.ClosedError):
        sonic.send("sonic", "hi")
    with pytest.raises(errors.ClosedError):
        sonic.post("sonic", "hi")
    sonic.close()


def test_a_server_that_is_not_there() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(errors.ServerNotRespondingError):
            superchat.Client("sonic", *nobody.getsockname())


def test_a_callback_may_send_and_wait(server: superchat.Server) -> None:
    outcome: queue.Queue[Delivery] = queue.Queue()
    clients: queue.Queue[superchat.Client] = queue.Queue()

    def answer(message: superchat.Message) -> None:
        outcome.put(clients.get(timeout=10).send(message.sender, "pong"))

    with connect("lanking", server) as lanking, connect("sonic", server, on_message=answer) as sonic:
        clients.put(sonic)
        lanking.send("sonic", "ping")
        assert outcome.get(timeout=10) is Delivery.RECEIVED


def test_ctrl_c_interrupts_a_call_that_waits(server: superchat.Server) -> None:
    gone = dead("sonic", server)
    # Whoever started the tests in the background has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with connect("lanking", server) as lanking:
        threading.Timer(0.1, _thread.interrupt_main, [signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            for _ in range(100):
                lanking.send("sonic", "hi")
    signal.signal(signal.SIGINT, before)
    gone.close()


def test_a_client_that_nobody_holds_is_closed(server: superchat.Server) -> None:
    sonic = connect("sonic", server)
    reference = weakref.ref(sonic)
    del sonic
    gc.collect()
    assert reference() is None
    assert [user.online for user in server.users()] == [False]


def python_blocks(document: str) -> list[str]:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    assert blocks, document
    return blocks


PROGRAMS = {
    f"{document}-{number}": block
    for document in ("README.md", "docs/PYTHON.md")
    for number, block in enumerate(python_blocks(document))
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_of_the_documents_run(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    exec(PROGRAMS[program].replace("5000", str(port)), {})


def test_the_program_of_the_five_minutes_runs(
    server: superchat.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = python_blocks("docs/START.md")
    with connect("lanking", server):
        exec(program.replace("5000", str(server.address[1])), {})
    assert capsys.readouterr().out == "Delivery.RECEIVED\n"


def test_the_module_exports_its_init_function_and_nothing_else() -> None:
    native = superchat._superchat.__file__
    symbols = subprocess.run(
        ["nm", "-D", "--defined-only", native], check=True, capture_output=True, text=True
    )
    exported = [line.split()[2] for line in symbols.stdout.splitlines()]
    assert exported == ["PyInit__superchat"]
