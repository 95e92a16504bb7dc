"""Colour: on a terminal only, where it is welcome, and never instead of words."""

from __future__ import annotations

import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import SAVED, TABLE, Terminal
from world import World

from superchat.cli import colour
from superchat.cli.colour import Look, painted
from superchat.cli.visible import visible

CODES = re.compile(r"\x1b\[\d*m")
QUIET_TABLE = f"\x1b[2m{TABLE}\x1b[0m"


@given(st.text(), st.sampled_from(Look))
def test_the_text_is_the_same(text: str, look: Look) -> None:
    line = visible(text)
    assert CODES.sub("", painted(line, look)) == line


def test_of_a_message_only_the_name_is_set_apart() -> None:
    assert painted("sonic: hi: there", Look.MESSAGE) == "\x1b[1msonic:\x1b[0m hi: there"


@pytest.mark.parametrize(
    ("choice", "terminal", "variables", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", True, {}, False),
    ],
)
def test_who_decides(
    monkeypatch: pytest.MonkeyPatch,
    choice: str,
    terminal: bool,
    variables: dict[str, str],
    expected: bool,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert colour.wanted(choice, terminal=terminal) is expected


def test_a_terminal_shows_colour(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    assert QUIET_TABLE.encode() in sonic.raw
    lanking = world.online("lanking")
    sonic.prints(f">>> {TABLE}")
    lanking.enter("send sonic hi")
    sonic.prints(">>> lanking: hi")
    assert b"\x1b[1mlanking:\x1b[0m hi" in sonic.raw
    sonic.enter("send lanking hi")
    sonic.prints(">>> [Message received by lanking.]")
    assert b"\x1b[32m[Message received by lanking.]\x1b[0m" in sonic.raw
    lanking.enter("dereg")
    sonic.prints(f">>> {TABLE}")
    sonic.enter("send lanking hi")
    sonic.prints(f">>> {SAVED}")
    assert f"\x1b[32m{SAVED}\x1b[0m".encode() in sonic.raw
    sonic.enter("send robotnik hi")
    sonic.prints(">>> [Client robotnik Not Existed!]")
    assert b"\x1b[31m[Client robotnik Not Existed!]\x1b[0m" in sonic.raw


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (partial(Terminal, no_color="1"), ()),
        (Terminal, ("--color", "never")),
        (partial(Terminal, term="dumb"), ()),
    ],
)
def test_no_colour(world: World, kind: partial[Terminal], options: tuple[str, ...]) -> None:
    world.server()
    sonic = world.terminal_client("sonic", None, *options, kind=kind)
    sonic.registers()
    assert not re.search(rb"\x1b\[(1|2|3\d)m", sonic.raw)


def test_an_option_is_obeyed_on_a_pipe(world: World) -> None:
    world.server()
    sonic = world.client("sonic", None, "--color", "always")
    sonic.until(QUIET_TABLE)


def test_nobody_else_sets_a_colour(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    lanking = world.online("lanking")
    sonic.prints(f">>> {TABLE}")
    lanking.enter("send sonic \x1b[31mred\x1b[0m")
    sonic.prints(r">>> lanking: \x1b[31mred\x1b[0m")
    assert b"\x1b[31m" not in sonic.raw


def test_a_folded_line_keeps_its_colour(world: World) -> None:
    world.server()
    sonic = world.terminal_client("sonic", kind=partial(Terminal, columns=26))
    sonic.prints(">>> [Welcome, You are regi", "    stered.]", ">>> [Client table updated.", "    ]")
    # The terminal adds returns of its own.
    shown = sonic.raw.replace(b"\r", b"")
    assert b">>> \x1b[2m[Client table updated.\x1b[0m\n\x1b[2m    ]\x1b[0m\n" in shown
