"""Terminals that can do little: no cursor to move, or few columns."""

from __future__ import annotations

from functools import partial

import pytest
from processes import BYE, TABLE, Terminal
from world import World

CTRL_D = "\x04"


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_obeys_nothing_is_told_nothing(world: World, term: str) -> None:
    world.server()
    sonic = world.terminal_client("sonic", kind=partial(Terminal, term=term))
    sonic.registers()
    lanking = world.online("lanking")
    sonic.prints(f">>> {TABLE}")
    # The terminal itself echoes what is typed, after the prompt that stands there.
    sonic.enter("users")
    sonic.prints("lanking online", ">>> sonic online")
    lanking.enter("send sonic hi")
    sonic.prints(">>> lanking: hi")
    sonic.type(CTRL_D)
    sonic.ends(f">>> {BYE}")
    assert b"\x1b" not in sonic.raw


def test_few_columns(world: World) -> None:
    world.server()
    sonic = world.terminal_client("sonic", kind=partial(Terminal, columns=26))
    sonic.prints(">>> [Welcome, You are regi", "    stered.]", ">>> [Client table updated.", "    ]")
    sonic.enter("users")
    sonic.prints(">>> NAME   STATUS  LAST SE", "    EN", "    sonic  online  now")
