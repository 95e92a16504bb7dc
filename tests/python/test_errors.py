"""What cannot be started says so: one line on standard error that names the thing, status 1."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from processes import Piped, free_port
from world import World, eventually


def fails(process: Piped, thing: str) -> None:
    """It ends with one line about the thing, and shows nothing else."""
    assert process.status() == 1
    errors = process.all_errors()
    assert errors.startswith("superchat: ")
    assert thing in errors
    assert errors.count("\n") == 1
    assert process.all_output() == ""


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        port = free_port()
        holder.bind(("127.0.0.1", port))
        yield port


def test_server_port_in_use(world: World, taken: int) -> None:
    fails(world.run(Piped, "-s", taken), str(taken))


def test_client_port_in_use(world: World, taken: int) -> None:
    client = world.run(Piped, "-c", "sonic", "localhost", world.port, taken)
    fails(client, str(taken))


@pytest.mark.parametrize("name", ["a file", "a file/below", "nowhere/at/all"])
def test_directory_that_cannot_be_written(world: World, name: str) -> None:
    (world.directory / "a file").write_text("of mine")
    directory = world.directory / name
    fails(world.run(Piped, "-s", world.port, "--directory", directory), str(directory))
    assert (world.directory / "a file").read_text() == "of mine"


def test_directory_of_another_server(world: World) -> None:
    world.server("--directory", world.directory)
    second = world.run(Piped, "-s", free_port(), "--directory", world.directory)
    fails(second, str(world.directory))


@pytest.mark.parametrize("nickname", ["big foot", "x" * 65, "esc\x1b[31m"])
def test_nickname_that_is_not_allowed(world: World, nickname: str) -> None:
    client = world.run(Piped, "-c", nickname, "localhost", world.port, free_port())
    fails(client, nickname.split("\x1b")[0])
    assert "\x1b" not in client.stderr


def test_empty_nickname(world: World) -> None:
    fails(world.run(Piped, "-c", "", "localhost", world.port, free_port()), "nickname")


def test_nickname_that_is_not_allowed_is_refused_at_log_in_too(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    long = "x" * 65
    sonic.enter(f"reg {long}")
    sonic.until(long)
    assert eventually(lambda: sonic.stdout.endswith("]\n>>> "))


def test_server_whose_name_leads_nowhere(world: World) -> None:
    client = world.run(Piped, "-c", "sonic", "nowhere.invalid", world.port, free_port())
    fails(client, "nowhere.invalid")


def test_bytes_that_are_no_text_are_wrong_arguments(world: World) -> None:
    client = world.run(Piped, "-c", "\udcff", "localhost", world.port, free_port())
    assert client.status() == 2
    assert client.all_errors() == ""
