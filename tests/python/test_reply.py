"""Lines without a command: sent only by who turned that on, and only to whom the prompt names."""

from __future__ import annotations

import pytest
from processes import BYE, COLUMNS, TABLE
from world import World

from superchat.cli import commands, grammar
from superchat.cli.reply import Reply
from superchat.cli.terminal import shortened

UNKNOWN = "[Unknown Command, try help]"


def entered(reply: Reply, *lines: str) -> list[str]:
    return [reply.entered(line) for line in lines]


def test_each_command_that_is_listed_is_one() -> None:
    assert list(grammar.FORMS) == list(commands._COMMANDS)


def test_it_is_off() -> None:
    lines = ["send sonic hi", "are you there?"]
    assert entered(Reply(False), *lines) == lines


def test_a_line_goes_to_whom_the_last_one_was_sent() -> None:
    reply = Reply(True)
    assert entered(reply, "hi", "send sonic hi", "and  more ", "send tails hi", "hello") == [
        "hi",
        "send sonic hi",
        "send sonic and  more",
        "send tails hi",
        "send tails hello",
    ]
    assert reply.prompt() == "to tails >>> "


def test_a_send_that_failed_leaves_the_recipient_as_it_was() -> None:
    reply = Reply(True)
    reply.entered("send nobodi hi")
    reply.sent(delivered=False)
    assert (reply.recipient, reply.entered("hi")) == (None, "hi")
    reply.entered("send sonic hi")
    reply.sent(delivered=True)
    assert entered(reply, "send nobodi hi", "send tails hi") == ["send nobodi hi", "send tails hi"]
    reply.sent(delivered=False)
    assert reply.recipient == "tails"
    reply.sent(delivered=False)
    assert reply.entered("more") == "send sonic more"


@pytest.mark.parametrize(
    "line",
    ["", "  ", "users", "dereg", "quit", "help", "help send", "reg tails", "send tails me", "send"]
    + ["reg", "reg two words", "send tails"],
)
def test_a_command_stays_one(line: str) -> None:
    reply = Reply(True)
    reply.entered("send sonic hi")
    assert reply.entered(line) == line


@pytest.mark.parametrize(
    "line", ["users are many", "quit smoking", "help me", "reply to me", "dereg now"]
)
def test_a_sentence_that_begins_like_a_command_is_none(line: str) -> None:
    reply = Reply(True)
    reply.entered("send sonic hi")
    assert reply.entered(line) == f"send sonic {line}"


def test_the_prompt_obeys_no_name() -> None:
    reply = Reply(True)
    reply.entered("send \x1b[2J hi")
    assert reply.prompt() == "to \\x1b[2J >>> "


@pytest.mark.parametrize(
    ("name", "cells", "shown"),
    [
        ("sonic", 5, "sonic"),
        ("sonic", 4, "son…"),
        ("\u97f3\u901f\u5c0f\u5b50", 8, "\u97f3\u901f\u5c0f\u5b50"),
        ("\u97f3\u901f\u5c0f\u5b50", 6, "\u97f3\u901f…"),
        ("sonic", 0, "…"),
    ],
)
def test_a_name_is_cut_by_cells(name: str, cells: int, shown: str) -> None:
    assert shortened(name, cells) == shown


def test_a_long_name_leaves_room_to_type(world: World) -> None:
    world.server()
    name = "s" * 60
    sonic = world.online(name)
    lanking = world.terminal("lanking", "--reply")
    sonic.prints(TABLE)
    lanking.enter(f"send {name} hi")
    lanking.until(f"to {'s' * (COLUMNS // 3 - 1)}… >>>")
    lanking.type("more\r")
    sonic.prints("lanking: hi", "lanking: more")


def test_on_a_terminal_the_prompt_and_the_line_say_where_it_goes(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.terminal("lanking", "--reply")
    sonic.prints(TABLE)
    lanking.enter("hi")
    lanking.prints(f">>> {UNKNOWN}")
    lanking.enter("send sonic hi")
    lanking.prints(">>> [Message received by sonic.]", prompt="to sonic >>>")
    # Who writes meanwhile changes nothing.
    sonic.prints("lanking: hi")
    tails = world.online("tails")
    sonic.prints(TABLE)
    lanking.prints(f">>> {TABLE}", prompt="to sonic >>>")
    tails.enter("send lanking hello")
    lanking.prints(">>> tails: hello", prompt="to sonic >>>")
    lanking.type("and more\r")
    lanking.prints(
        ">>> send sonic and more", ">>> [Message received by sonic.]", prompt="to sonic >>>"
    )
    sonic.prints("lanking: and more")
    lanking.enter("reply")
    lanking.prints(">>> [Lines without a command are not sent.]")
    lanking.enter("and more")
    lanking.prints(f">>> {UNKNOWN}")
    lanking.enter("reply")
    lanking.prints(">>> [Lines without a command go to sonic.]", prompt="to sonic >>>")


def test_lines_that_are_typed_ahead_go_where_the_prompt_said(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    tails = world.online("tails")
    sonic.prints(TABLE)
    lanking = world.terminal("lanking", "--reply")
    sonic.prints(TABLE)
    tails.prints(TABLE)
    lanking.type("send sonic one\rtwo\rsend tails three\rfour\r")
    sonic.prints("lanking: one", "lanking: two")
    tails.prints("lanking: three", "lanking: four")


def test_on_a_pipe_the_prompt_says_it_too(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.client("lanking", None, "--reply")
    lanking.registers()
    sonic.prints(TABLE)
    lanking.enter("reply")
    lanking.prints("[Lines without a command are not sent.]")
    lanking.enter("reply")
    lanking.prints("[Lines without a command go to whom you send to next.]")
    lanking.enter("send sonic hi")
    lanking.shows("[Message received by sonic.]\nto sonic >>> ")
    lanking.enter("and more")
    lanking.shows("[Message received by sonic.]\nto sonic >>> ")
    sonic.prints("lanking: hi", "lanking: and more")


def test_a_name_that_nobody_has_is_not_taken_over(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.terminal("lanking", "--reply")
    sonic.prints(TABLE)
    lanking.enter("send nobodi hi")
    lanking.prints(">>> [Client nobodi Not Existed!]")
    lanking.enter("send sonic hi")
    lanking.prints(">>> [Message received by sonic.]", prompt="to sonic >>>")
    lanking.enter("send nobodi hi")
    lanking.prints(">>> [Client nobodi Not Existed!]", prompt="to sonic >>>")
    lanking.enter("dereg")
    lanking.prints(f">>> {BYE}", prompt="to sonic >>>")
    # Nothing is said of it, and the prompt is right all the same.
    lanking.enter("send nobodi hi")
    lanking.prints(prompt="to sonic >>>")
