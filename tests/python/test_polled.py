"""Clients and servers whose callbacks run where the program says."""

from __future__ import annotations

import selectors
import threading
from pathlib import Path

import pytest

import superchat
from superchat import Delivery, events

SOON = 20.0


def wait_for(endpoint: superchat.Client | superchat.Server) -> None:
    """Return when something waits; what never comes is a failure."""
    with selectors.DefaultSelector() as selector:
        selector.register(endpoint, selectors.EVENT_READ)
        assert selector.select(SOON)


def test_callbacks_and_futures_happen_in_dispatch_on_the_thread_that_calls_it(
    tmp_path: Path,
) -> None:
    seen: list[tuple[int, object]] = []

    def saw(what: object) -> None:
        seen.append((threading.get_ident(), what))

    with superchat.Server(directory=tmp_path) as server:
        host, port = server.address
        with superchat.Client("sonic", host, port, on_message=saw, polled=True) as sonic:
            future = sonic.post("sonic", "hi")
            future.add_done_callback(lambda future: saw(future.result()))
            while len(seen) < 2:
                wait_for(sonic)
                assert sonic.dispatch()
    here = threading.get_ident()
    assert [(thread, getattr(what, "text", what)) for thread, what in seen] == [
        (here, "hi"),
        (here, Delivery.RECEIVED),
    ]
    while sonic.dispatch():
        wait_for(sonic)
    wait_for(sonic)


def test_a_polled_server(tmp_path: Path) -> None:
    seen: list[events.ServerEvent] = []
    with superchat.Server(directory=tmp_path, on_event=seen.append, polled=True) as server:
        superchat.Client("sonic", *server.address).close()
        assert seen == []
        while not any(isinstance(event, events.Online) for event in seen):
            wait_for(server)
            assert server.dispatch()


def test_nothing_more_is_acknowledged_while_a_client_is_paused(tmp_path: Path) -> None:
    texts: list[str] = []
    with superchat.Server(directory=tmp_path) as server:
        with (
            superchat.Client(
                "sonic",
                *server.address,
                on_message=lambda message: texts.append(message.text),
                polled=True,
            ) as sonic,
            superchat.Client("lanking", *server.address) as lanking,
        ):
            sonic.pause()
            assert lanking.send("sonic", "hi") is Delivery.STORED
            sonic.resume()
            sonic.deregister()
            sonic.register()
            while not texts:
                wait_for(sonic)
                sonic.dispatch()
    assert texts == ["hi"]


def test_only_a_polled_endpoint_is_polled(tmp_path: Path) -> None:
    with superchat.Server(directory=tmp_path) as server:
        with superchat.Client("sonic", *server.address) as sonic:
            for call in (
                sonic.fileno,
                sonic.dispatch,
                sonic.pause,
                sonic.resume,
                server.fileno,
                server.dispatch,
            ):
                with pytest.raises(ValueError, match="polled=True"):
                    call()
