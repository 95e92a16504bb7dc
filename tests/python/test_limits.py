"""What the operator of a server sets, and reads again."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from processes import Piped, PipedClient, free_port
from test_errors import fails
from world import World

import superchat
from superchat import errors

OTHERS = superchat.Limits(
    users=11,
    lookup_past=12,
    message_bytes=13,
    stranger_datagrams_per_second=14,
    member_datagrams_per_second=15,
    name_requests_per_second=16,
    handshakes=17,
    unproven_factor=2,
    mailboxes=18,
    mailbox_bytes=1900,
    mailbox_messages=20,
    store_bytes=2100,
    message_age=timedelta(hours=22),
)


def test_a_server_has_the_defaults_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    with superchat.Server(directory=tmp_path) as server:
        assert server.limits() == superchat.Limits()


def test_each_limit_is_read_as_it_was_set(tmp_path: Path) -> None:
    for field in dataclasses.fields(OTHERS):
        assert getattr(OTHERS, field.name) != field.default, field.name
    with superchat.Server(directory=tmp_path, limits=OTHERS) as server:
        assert server.limits() == OTHERS


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (superchat.Limits(users=0), "the limit users is 0; it may be 1 to 16777216"),
        (superchat.Limits(users=-1), "the limit users is -1, which it may not be"),
        (superchat.Limits(handshakes=1 << 70), "handshakes"),
        (superchat.Limits(mailbox_bytes=1 << 20), "mailbox_bytes"),
        (superchat.Limits(message_age=timedelta(0)), "message_age"),
        (superchat.Limits(message_age=timedelta(days=-1)), "message_age"),
    ],
)
def test_a_limit_out_of_its_range_is_named(
    tmp_path: Path, limits: superchat.Limits, text: str
) -> None:
    with pytest.raises(errors.LimitError, match=text) as raised:
        superchat.Server(directory=tmp_path, limits=limits)
    assert isinstance(raised.value, ValueError)


def test_a_limit_that_is_no_number_is_a_type_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="the limit users: "):
        superchat.Server(directory=tmp_path, limits=superchat.Limits(users="many"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "option", ["--users", "--message-bytes", "--name-requests-per-second", "--unproven-factor"]
)
def test_an_option_out_of_its_range_is_named_in_one_line(world: World, option: str) -> None:
    server = world.run(Piped, "-s", world.port, "--directory", world.directory, option, "0")
    fails(server, f"the limit {option[2:].replace('-', '_')} is 0")


def test_a_negative_age_is_refused(world: World) -> None:
    server = world.run(Piped, "-s", world.port, "--directory", world.directory, "--message-age=-1")
    fails(server, "message_age")


@pytest.mark.parametrize("age", ["soon", "nan", "inf"])
def test_an_age_that_is_no_number_is_a_wrong_argument(world: World, age: str) -> None:
    server = world.run(Piped, "-s", world.port, "--message-age", age)
    assert server.status() == 2
    assert server.all_errors() == ""


def test_an_option_acts(world: World) -> None:
    world.server("--users", "1")
    world.online("sonic")
    second = world.run(PipedClient, "-c", "lanking", "localhost", world.port, free_port())
    second.until("[The server is full.]")
