"""What a terminal offers beyond a pipe: the half-typed line, completion, history."""

from __future__ import annotations

from processes import BYE, TABLE, WELCOME
from world import World

PASTE, PASTED = "\x1b[200~", "\x1b[201~"
UP, TAB, KILL_LINE = "\x1b[A", "\t", "\x15"


def test_a_line_that_comes_leaves_half_typed_text_alone(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    lanking = world.online("lanking")
    sonic.prints(f">>> {TABLE}")
    sonic.type("send lank")
    sonic.prints(prompt=">>> send lank")
    lanking.enter("send sonic one")
    sonic.prints(">>> lanking: one", prompt=">>> send lank")
    lanking.enter("send sonic two")
    sonic.prints(">>> lanking: two", prompt=">>> send lank")
    sonic.type(f"{KILL_LINE}send lanking hi")
    sonic.prints(prompt=">>> send lanking hi")
    sonic.type(KILL_LINE)
    sonic.enter("send lanking hi")
    sonic.prints(">>> [Message received by lanking.]")


def test_a_send_that_waits_does_not_block_the_prompt(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.terminal("lanking")
    sonic.kill()
    lanking.enter("send sonic hi")
    lanking.type("users")
    # No line of the answer is there yet, or all are; the prompt has the text either way.
    lanking.prints(
        ">>> [No ACK from sonic, message sent to server.]",
        "[Messages received by the server and saved]",
        ">>> [Client table updated.]",
        prompt=">>> users",
    )


def test_commands_and_names_are_completed(world: World) -> None:
    world.server()
    world.online("sonic")
    lanking = world.terminal("lanking")
    lanking.type(f"se{TAB}")
    lanking.prints(prompt=">>> send")
    lanking.type(f"so{TAB}hi")
    lanking.prints(prompt=">>> send sonic hi")
    lanking.type(KILL_LINE)
    lanking.type(f"send sonic so{TAB}")
    lanking.prints(prompt=">>> send sonic so")


def test_who_is_online_is_offered_first_and_names_that_cannot_be_typed_are_not(
    world: World,
) -> None:
    server = world.server()
    amy, tails = world.online("amy"), world.online("tails")
    world.online("ta\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301")
    amy.enter("dereg")
    server.until("Incoming De-reg Request from amy")
    lanking = world.terminal("lanking")
    lanking.type(f"send {TAB}")
    # The candidates stand in a row, and the line as it was below them.
    lanking.prints("lanking tails   amy", prompt=">>> send")
    tails.kill()


def test_own_names_are_offered_to_come_back_as(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    sonic.enter("dereg")
    sonic.prints(f">>> {BYE}")
    sonic.enter("reg tails")
    sonic.registers()
    sonic.enter("dereg")
    sonic.prints(f">>> {BYE}")
    sonic.type(f"reg so{TAB}\r")
    sonic.prints(">>> reg sonic", f">>> {WELCOME}", f">>> {TABLE}")


def test_help_knows_what_it_can_say_more_about(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    sonic.type(f"help us{TAB}\r")
    sonic.prints(
        ">>> help users",
        ">>> users",
        "    list who is known, online or not. Those who are online come first.",
    )
    sonic.enter("help me")
    sonic.prints(">>> [No command me, try help]")


def test_history_brings_back_what_was_entered(world: World) -> None:
    world.server()
    sonic = world.terminal("sonic")
    sonic.enter("send robotnik hi")
    sonic.prints(">>> [Client robotnik Not Existed!]")
    sonic.type(UP)
    sonic.prints(prompt=">>> send robotnik hi")


def test_several_lines_typed_at_once_are_done_in_turn(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    lanking = world.terminal("lanking")
    sonic.prints(TABLE)
    lanking.type("send sonic one\rsend sonic two\rsend sonic three\r")
    sonic.prints("lanking: one", "lanking: two", "lanking: three")


def test_each_line_of_a_paste_is_a_command(world: World) -> None:
    world.server()
    sonic = world.online("sonic")
    tails = world.online("tails")
    sonic.prints(TABLE)
    lanking = world.terminal("lanking", "--reply")
    sonic.prints(TABLE)
    tails.prints(TABLE)
    lanking.type(f"{PASTE}send sonic one\rtwo\r\nsend tails three\nfour{PASTED}\r")
    sonic.prints("lanking: one", "lanking: two")
    tails.prints("lanking: three", "lanking: four")
