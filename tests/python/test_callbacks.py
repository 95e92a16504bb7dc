"""What callbacks raise is reported, each time, and the next one runs: on the client's thread and in
``dispatch()``, also while the client closes. :mod:`test_aio` has the same for event loops."""

from __future__ import annotations

import logging
import queue
import selectors
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from test_api import dead

import superchat
import superchat.aio
from superchat import Delivery, errors, events


@pytest.fixture
def server(tmp_path: Path) -> Iterator[superchat.Server]:
    with superchat.Server(directory=tmp_path) as server:
        yield server


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> queue.Queue[BaseException]:
    """What goes to ``sys.unraisablehook``."""
    reports: queue.Queue[BaseException] = queue.Queue()
    monkeypatch.setattr(sys, "unraisablehook", lambda report: reports.put(report.exc_value))
    return reports


class Fault(Exception):
    """Of a callback: says what that was given."""


def fail(given: object) -> None:
    raise Fault(given)


def run_until(client: superchat.Client, polled: bool, done: Callable[[], bool]) -> None:
    """Wait for it, and run the callbacks meanwhile if nobody else does."""
    if not polled:
        return
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ)
        while not done():
            assert selector.select(20)
            client.dispatch()


def given(reports: queue.Queue[BaseException], count: int) -> list[object]:
    """What the callbacks were given that raised."""
    faults = [reports.get(timeout=20) for _ in range(count)]
    assert all(type(fault) is Fault for fault in faults)
    return [fault.args[0] for fault in faults]


@pytest.mark.parametrize("polled", [False, True])
def test_of_messages_and_events(
    server: superchat.Server, reported: queue.Queue[BaseException], polled: bool
) -> None:
    sonic = superchat.Client(
        "sonic", *server.address, on_message=fail, on_event=fail, polled=polled
    )
    for text in ("first", "second"):
        sonic.send("sonic", text)
    sonic.close()
    if polled:
        while sonic.dispatch():
            pass
    seen = given(reported, reported.qsize())
    # In order, none is missing, and what comes at the close is there too.
    texts = [what.text for what in seen if isinstance(what, superchat.Message)]
    assert texts == ["first", "second"]
    assert events.Registered("sonic") in seen and events.Deregistered("sonic") in seen


@pytest.mark.parametrize("polled", [False, True])
def test_of_a_server(
    tmp_path: Path, reported: queue.Queue[BaseException], polled: bool
) -> None:
    server = superchat.Server(directory=tmp_path, on_event=fail, polled=polled)
    superchat.Client("sonic", *server.address).close()
    server.stop()
    if polled:
        while server.dispatch():
            pass
    seen = given(reported, reported.qsize())
    assert {events.Online, events.Offline} <= {type(event) for event in seen}


@pytest.mark.parametrize("polled", [False, True])
def test_of_futures_the_module_that_has_them_reports(
    server: superchat.Server, caplog: pytest.LogCaptureFixture, polled: bool
) -> None:
    gone = dead("tails", server)
    called: list[Future[Delivery]] = []
    with superchat.Client("sonic", *server.address, polled=polled) as sonic:
        futures = [sonic.post("sonic", "hi"), sonic.post("nobody", "hi")]
        at_close = sonic.post("tails", "hi")
        for future in (*futures, at_close):
            future.add_done_callback(fail)
            future.add_done_callback(called.append)
        run_until(sonic, polled, lambda: set(futures) <= set(called))
        for future in futures:
            future.exception(timeout=20)
    while polled and sonic.dispatch():
        pass
    assert set(called) == {*futures, at_close}
    assert isinstance(at_close.exception(), errors.ClosedError)
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.name for record in logged] == ["concurrent.futures"] * 3
    assert all(record.exc_info and record.exc_info[0] is Fault for record in logged)
    gone.close()


def test_what_ends_a_program_is_raised_where_it_dispatches(
    server: superchat.Server, reported: queue.Queue[BaseException]
) -> None:
    texts: list[str] = []

    def heard(message: superchat.Message) -> None:
        texts.append(message.text)
        raise {"exit": SystemExit, "interrupt": KeyboardInterrupt, "fault": Fault}[message.text]

    def settled(future: Future[Delivery]) -> None:
        raise SystemExit("of a future")

    with superchat.Client("sonic", *server.address, on_message=heard, polled=True) as sonic:
        sonic.post("sonic", "fault").add_done_callback(settled)
        for text in ("exit", "interrupt"):
            sonic.send("sonic", text)
    ended: list[BaseException] = []
    more = True
    while more:
        try:
            more = sonic.dispatch()
        except (SystemExit, KeyboardInterrupt) as error:
            ended.append(error)
    assert texts == ["fault", "exit", "interrupt"]
    # All had come before the first was run: that is raised, and the others are reported.
    assert len(ended) == 1
    every = ended + [reported.get() for _ in range(reported.qsize())]
    kinds = sorted(type(error).__name__ for error in every)
    assert kinds == ["Fault", "KeyboardInterrupt", "SystemExit", "SystemExit"]


def test_on_a_thread_of_the_client_it_ends_nothing_and_is_reported(
    server: superchat.Server, reported: queue.Queue[BaseException]
) -> None:
    def heard(message: superchat.Message) -> None:
        raise SystemExit(message.text)

    with superchat.Client("sonic", *server.address, on_message=heard) as sonic:
        for text in ("first", "second"):
            sonic.send("sonic", text)
    assert [str(reported.get(timeout=20)) for _ in range(2)] == ["first", "second"]


def test_what_cannot_be_called_is_no_callback(server: superchat.Server) -> None:
    host, port = server.address
    not_callable: Any = 3
    with pytest.raises(TypeError, match="on_message is no function"):
        superchat.Client("sonic", host, port, on_message=not_callable)
    with pytest.raises(TypeError, match="on_event is no function"):
        superchat.Client("sonic", host, port, on_event=not_callable)
    with pytest.raises(TypeError, match="on_event is no function"):
        superchat.Server(on_event=not_callable)


def test_a_coroutine_function_is_no_callback() -> None:
    async def later(message: object) -> None:
        raise AssertionError("nobody awaits it")

    with pytest.raises(TypeError, match="no coroutine function"):
        superchat.aio.Client("sonic", "localhost", 5000, on_message=later)
    with pytest.raises(TypeError, match="no coroutine function"):
        superchat.aio.Server(on_event=later)
